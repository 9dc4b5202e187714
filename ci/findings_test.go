package ci

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mimic/ops"
	"mimic/properties"
	"mimic/repro"
)

var update = flag.Bool("update", false, "write the C files of findings/ that mimic makes")

const findings = "../findings/"

// newest is the kernel on which a finding is open, or not.
const newest = "7.3"

// reproducers are the C files of findings that are open on the newest kernel, each written from what that one
// answered; or, of a race that shows too rarely to be stored, from the answer that it is about.
var reproducers = []struct{ name, op, answer string }{
	{name: "F1-prog-array-leak"},
	{name: "H11-lock-array"},
	{name: "H11-sleepable-array"},
	{name: "H12-id-hash", op: "o0.lookup(1)", answer: "id 0"},
}

// TestReproducersAreOfToday: what is ready to be sent is what mimic writes.
func TestReproducersAreOfToday(t *testing.T) {
	for _, r := range reproducers {
		v := shownBy(t, r.name, r.op, r.answer)
		if v == nil {
			t.Errorf("%s: %s shows nothing", r.name, newest)
			continue
		}
		src, err := repro.C(v, repro.About{Name: newest, Kernel: v.Trace.Kernel, Replay: "scripts/run-vm.sh " + newest + " -replay findings/" + r.name + ".seq"})
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
			continue
		}
		path := findings + r.name + ".c"
		if *update {
			if err := os.WriteFile(path, []byte(src), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != src {
			t.Errorf("%s is not what mimic writes today (%v): go test ./ci -run TestReproducersAreOfToday -update, and run it", path, err)
		}
	}
}

// shownBy is the violation in a stored trace of the newest kernel, with another answer to one of its operations if op is not "".
func shownBy(t *testing.T, name, op, answer string) *properties.Violation {
	t.Helper()
	trace, err := ops.ParseTrace(read(t, "findings/traces/"+newest+"/"+name+".trace"))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i := range trace.Steps {
		if trace.Steps[i].Op.String() == op {
			trace.Steps[i].Got = ops.History([]ops.Event{{Call: 1, Return: 2, Got: ops.Read(answer)}})
			break
		}
	}
	kernel, err := properties.NewKernel(trace.Kernel, trace.Lacks)
	if err != nil {
		t.Fatal(err)
	}
	return properties.Judge(kernel, trace, properties.Asked{})
}

// TestReproducersCompile holds the files of findings/, those written by hand too, to a compiler without a warning.
func TestReproducersCompile(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip(err)
	}
	files, err := filepath.Glob(findings + "*.c")
	if err != nil || len(files) <= len(reproducers) {
		t.Fatalf("%q, %v", files, err)
	}
	for _, path := range files {
		if out, err := exec.Command("gcc", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-O1", "-pthread", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
}

// findingRow is a row of the first table of FINDINGS.md: id, what, kernels, found by, status, upstream.
var findingRow = regexp.MustCompile(`(?m)^\| ([A-Z]\d+) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$`)

// filed is a file below findings/ that a column names.
var filed = regexp.MustCompile("`(findings/[^`]+)`")

// TestFindingsAreReady: each finding that is open on the newest kernel has a mail and a C file, each that is about the
// documentation a patch, unless its row says why not; and each file that a row names is there.
func TestFindingsAreReady(t *testing.T) {
	text := read(t, "FINDINGS.md")
	rows := findingRow.FindAllStringSubmatch(text, -1)
	if len(rows) < 15 {
		t.Fatalf("%d rows in FINDINGS.md, want one a finding, with six columns", len(rows))
	}
	for _, row := range rows {
		id, upstream := row[1], row[6]
		var files []string
		for _, m := range filed.FindAllStringSubmatch(upstream, -1) {
			files = append(files, m[1])
			if _, err := os.Stat("../" + m[1]); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		has := func(suffix string) bool {
			return slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, suffix) })
		}
		switch {
		case strings.HasPrefix(upstream, "open") && id[0] == 'D' && !has(".patch"):
			t.Errorf("%s is about the documentation, and has no patch: %s", id, upstream)
		case strings.HasPrefix(upstream, "open") && id[0] != 'D' && (!has("-mail.txt") || !has(".c")):
			t.Errorf("%s is open on %s, and has no mail or no C file: %s", id, newest, upstream)
		case !regexp.MustCompile(`^(open|fixed|closed|none)\b`).MatchString(upstream):
			t.Errorf("%s: upstream status %q: want open, fixed, closed or none, and a reason", id, upstream)
		}
		if !strings.Contains(text, "\n## "+id+": ") && !strings.Contains(row[5], "discussed") {
			t.Errorf("%s has no section in FINDINGS.md", id)
		}
	}
	for _, suffix := range []string{"*-mail.txt", "*.patch", "*.c"} {
		all, _ := filepath.Glob(findings + suffix)
		for _, path := range all {
			if !strings.Contains(text, "`"+strings.TrimPrefix(path, "../")+"`") {
				t.Errorf("FINDINGS.md does not name %s", path)
			}
		}
	}
}

// TestMails: what a mail must have so that somebody can act on it, in order.
func TestMails(t *testing.T) {
	mails, err := filepath.Glob(findings + "*-mail.txt")
	if err != nil || len(mails) == 0 {
		t.Fatalf("%q, %v", mails, err)
	}
	for _, path := range mails {
		text := read(t, strings.TrimPrefix(path, "../"))
		at := 0
		for _, want := range []string{"Subject: ", "\nTo: ", "bpf@vger.kernel.org\n", "\nCc: ", "\n\n", "\ndetailed description:\n", "Expected", "Actual", "mimic", "\nKernels", "\nConditions", "\nBisection", "\nHow found", "AI", "\nTainted"} {
			i := strings.Index(text[at:], want)
			if i < 0 {
				t.Errorf("%s: no %q where it belongs", path, want)
				continue
			}
			at += i
		}
		if !strings.HasPrefix(text, "Subject: bpf: ") && !strings.HasPrefix(text, "Subject: [REGRESSION] bpf: ") {
			t.Errorf("%s: the subject does not begin with bpf:", path)
		}
		for i, line := range strings.Split(text, "\n") {
			if len(line) > 80 || len(line) > 72 && !strings.HasPrefix(line, "|") && !strings.ContainsAny(line, "\t{") && !strings.HasPrefix(line, "    ") && !strings.HasPrefix(line, "  |") {
				t.Errorf("%s:%d: %d columns", path, i+1, len(line))
			}
		}
	}
}

// hunk is the head of a part of a patch: lines before and after.
var hunk = regexp.MustCompile(`(?m)^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@`)

// TestPatches: git can read them, and what stands above is a message of the kernel's kind. Where MIMIC_LINUX names a
// source tree of the kernel they must apply to it.
func TestPatches(t *testing.T) {
	patches, err := filepath.Glob(findings + "*.patch")
	if err != nil || len(patches) == 0 {
		t.Fatalf("%q, %v", patches, err)
	}
	for _, path := range patches {
		text := read(t, strings.TrimPrefix(path, "../"))
		message, diff, ok := strings.Cut(text, "\n---\ndiff --git ")
		if !ok || !regexp.MustCompile(`^Subject: \[PATCH bpf-next\] (docs/)?bpf: [A-Z]`).MatchString(message) || !strings.Contains(message, "\n\n") {
			t.Errorf("%s: want a subject, a message, ---, and a diff", path)
		}
		for line := range strings.SplitSeq(message, "\n") {
			if len(line) > 75 && !strings.HasPrefix(line, "Subject: ") && !strings.HasPrefix(line, "Fixes: ") {
				t.Errorf("%s: %d columns: %s", path, len(line), line)
			}
		}
		if len(hunk.FindAllString(diff, -1)) == 0 {
			t.Errorf("%s: it changes nothing", path)
		}
		if out, err := exec.Command("git", "apply", "--stat", path).CombinedOutput(); err != nil {
			t.Errorf("%s: git cannot read it: %v\n%s", path, err, out)
		}
		if err := applies(t, text); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if applies(t, strings.Replace(read(t, "findings/D1-inner-map-types.patch"), "-     ``BPF_MAP", "-     ``BFP_MAP", 1)) == nil && os.Getenv("MIMIC_LINUX") != "" {
		t.Error("a patch that cannot apply does")
	}
}

// applies tries a patch on a copy of the files that it changes, so that no repository around the tree matters.
func applies(t *testing.T, patch string) error {
	t.Helper()
	tree := os.Getenv("MIMIC_LINUX")
	if tree == "" {
		return nil
	}
	dir := t.TempDir()
	for _, m := range regexp.MustCompile(`(?m)^--- a/(\S+)$`).FindAllStringSubmatch(patch, -1) {
		b, err := os.ReadFile(filepath.Join(tree, m[1]))
		to := filepath.Join(dir, m[1])
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, b, 0o644)); err != nil {
			return err
		}
	}
	cmd := exec.Command("git", "apply", "--check", "-")
	cmd.Dir, cmd.Stdin, cmd.Env = dir, strings.NewReader(patch), append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

// read is the text of a file of the tree, by its path from the root.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
