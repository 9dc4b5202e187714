package report

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"mimic/properties"
)

// The names are those of KCIDB's schema 5.3, so that to upload is to rename the
// origin and to give files an address. A kernel is a checkout and a build, a row of
// the table of claims a test, a known deviation an issue with incidents. What
// KCIDB has no name for stands under misc.

const origin = "mimic"

// excerptMax is how long KCIDB allows an excerpt to be.
const excerptMax = 16384

type kcidb struct {
	Version   kcidbVersion    `json:"version"`
	Checkouts []kcidbCheckout `json:"checkouts"`
	Builds    []kcidbBuild    `json:"builds"`
	Tests     []kcidbTest     `json:"tests"`
	Issues    []kcidbIssue    `json:"issues,omitempty"`
	Incidents []kcidbIncident `json:"incidents,omitempty"`
}

type kcidbVersion struct {
	Major int `json:"major"`
	Minor int `json:"minor"`
}

type kcidbCheckout struct {
	ID      string `json:"id"`
	Origin  string `json:"origin"`
	Comment string `json:"comment,omitempty"`
	Valid   bool   `json:"valid"`
}

type kcidbBuild struct {
	CheckoutID string            `json:"checkout_id"`
	ID         string            `json:"id"`
	Origin     string            `json:"origin"`
	Comment    string            `json:"comment,omitempty"`
	Status     string            `json:"status"`
	Misc       map[string]string `json:"misc,omitempty"`
}

type kcidbTest struct {
	BuildID     string            `json:"build_id"`
	ID          string            `json:"id"`
	Origin      string            `json:"origin"`
	Path        string            `json:"path"`
	Status      string            `json:"status"`
	Comment     string            `json:"comment,omitempty"`
	LogExcerpt  string            `json:"log_excerpt,omitempty"`
	StartTime   string            `json:"start_time,omitempty"`
	Duration    float64           `json:"duration,omitempty"`
	Number      *kcidbNumber      `json:"number,omitempty"`
	Environment *kcidbEnvironment `json:"environment,omitempty"`
	Misc        map[string]any    `json:"misc,omitempty"`
}

type kcidbNumber struct {
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

type kcidbEnvironment struct {
	Comment string `json:"comment"`
}

type kcidbIssue struct {
	ID      string          `json:"id"`
	Version int             `json:"version"`
	Origin  string          `json:"origin"`
	Comment string          `json:"comment"`
	Culprit map[string]bool `json:"culprit"`
}

type kcidbIncident struct {
	ID           string `json:"id"`
	Origin       string `json:"origin"`
	IssueID      string `json:"issue_id"`
	IssueVersion int    `json:"issue_version"`
	TestID       string `json:"test_id"`
	Present      bool   `json:"present"`
}

// JSON writes a run with the names of KCIDB.
func JSON(w io.Writer, r *Run) error {
	all := kcidb{Version: kcidbVersion{5, 3}, Checkouts: []kcidbCheckout{}, Builds: []kcidbBuild{}, Tests: []kcidbTest{}}
	for i, k := range r.Kernels {
		all.add(fmt.Sprintf("%d-%d-%d", r.Started.UnixNano(), r.Seed, i), k)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(all)
}

// add adds a kernel. run is the same for no other kernel of any run.
func (all *kcidb) add(run string, k *Kernel) {
	checkout, build := id(run, "checkout"), id(run, "build")
	status := "PASS" // of the build: the kernel was there
	if k.Release == "" {
		status = "MISS"
	}
	all.Checkouts = append(all.Checkouts, kcidbCheckout{checkout, origin, plain(k.Package), true})
	misc := map[string]string{}
	for _, p := range k.properties() {
		misc[p[0]] = plain(p[1])
	}
	all.Builds = append(all.Builds, kcidbBuild{checkout, build, origin, plain(k.Title()), status, misc})
	all.Tests = append(all.Tests, kernelTest(run, build, k))
	for _, row := range k.Rows {
		t := rowTest(run, build, k, row)
		all.Tests = append(all.Tests, t)
		if row.Verdict == Deviates {
			all.explain(t, row)
		}
	}
}

func id(run, what string) string { return origin + ":" + run + "-" + what }

// kernelTest is the run on one kernel as a whole.
func kernelTest(run, build string, k *Kernel) kcidbTest {
	t := kcidbTest{
		BuildID: build, ID: id(run, "run"), Origin: origin, Path: "mimic", Status: faces[k.Verdict()].kcidb,
		Comment: plain(k.Trouble()), Duration: (k.Boot + k.Took).Seconds(), Misc: map[string]any{"verdict": k.Verdict().String(), "green": k.Green()},
	}
	if !k.Started.IsZero() {
		t.StartTime = k.Started.UTC().Format(time.RFC3339Nano)
	}
	if k.Mode != "" {
		t.Environment = &kcidbEnvironment{plain(k.Mode)}
	}
	if k.Rate() > 0 {
		t.Number = &kcidbNumber{k.Rate(), "operations/s"}
	}
	return t
}

// rowTest is one row of the table of claims. The path has no dots but between its
// parts.
func rowTest(run, build string, k *Kernel, row Row) kcidbTest {
	face := faces[row.Verdict]
	path := strings.Join([]string{"mimic", string(row.Key.Family), row.Key.Claim}, ".")
	t := kcidbTest{
		BuildID: build, ID: id(run, path), Origin: origin, Path: path, Status: face.kcidb,
		Comment: properties.ClaimByID(row.Key.Claim).Says,
		Misc:    map[string]any{"verdict": face.word, "green": face.green, "asked": row.Asked},
	}
	if row.Reason != "" {
		t.Misc["reason"] = row.why()
	}
	if !face.green {
		t.LogExcerpt = excerpt(k.told(row))
	}
	var found []map[string]any
	for _, f := range k.Blames(row) {
		found = append(found, findingMisc(k, f))
	}
	if found != nil {
		t.Misc["findings"] = found
	}
	return t
}

// findingMisc is what there is of a finding for who looks at it by machine.
func findingMisc(k *Kernel, f *Finding) map[string]any {
	m := map[string]any{
		"sequence": f.Reduced.Trace.Sequence().String(), "trace": plain(f.Reduced.Trace.String()), "step": f.Reduced.Step, "want": f.Reduced.Wanted(),
		"times": f.Times, "shown": f.Shown, "runs": f.Runs,
	}
	for name, text := range map[string]string{"known": plain(f.Known), "file": plain(f.File), "next": plain(Next(k, f)),
		"elsewhere": plain(strings.Join(elsewhere(f.Elsewhere), "; "))} {
		if text != "" {
			m[name] = text
		}
	}
	return m
}

// excerpt cuts text to what KCIDB takes, counted in characters.
func excerpt(s string) string {
	if runes := []rune(s); len(runes) > excerptMax {
		return string(runes[:excerptMax])
	}
	return s
}

// explain says that a known deviation is why a test fails. The same reason is the
// same issue in every run.
func (all *kcidb) explain(t kcidbTest, row Row) {
	issue := fmt.Sprintf("%s:known-%x", origin, sha256.Sum256([]byte(row.Reason)))[:len(origin)+len(":known-")+16]
	seen := false
	for _, i := range all.Issues {
		seen = seen || i.ID == issue
	}
	if !seen {
		culprit := map[string]bool{"code": true, "tool": false, "harness": false}
		all.Issues = append(all.Issues, kcidbIssue{issue, 1, origin, plain(row.Reason), culprit})
	}
	all.Incidents = append(all.Incidents, kcidbIncident{t.ID + "-known", origin, issue, 1, t.ID, true})
}
