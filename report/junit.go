package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// junitKind is the element that a test case has, if any.
type junitKind uint8

const (
	junitPass junitKind = iota
	junitFailure
	junitError
	junitSkipped
)

// JUnit writes a run as JUnit XML: a suite for each kernel, a case for each row of
// the table of claims, and one more for the harness.
func JUnit(w io.Writer, r *Run) error {
	all := junit.Testsuites{Name: "mimic", Time: seconds(time.Since(r.Started))}
	for i, k := range r.Kernels {
		all.AddSuite(suiteOf(i, k))
	}
	all.Skipped = 0 // the schema has it in suites only
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	return all.WriteXML(w)
}

func suiteOf(i int, k *Kernel) junit.Testsuite {
	s := junit.Testsuite{Name: "kernel " + oneLine(k.Name), ID: i, Time: seconds(k.Boot + k.Took)}
	if !k.Started.IsZero() {
		s.SetTimestamp(k.Started.UTC())
	}
	for _, p := range k.properties() {
		s.AddProperty(p[0], plain(p[1]))
	}
	s.AddTestcase(harnessCase(k))
	for _, f := range k.families() {
		for _, row := range f.rows {
			s.AddTestcase(caseOf(k, row))
		}
	}
	return s
}

// properties are the facts about a kernel that are known.
func (k *Kernel) properties() (all [][2]string) {
	for _, p := range [][2]string{
		{"release", k.Release}, {"package", k.Package}, {"sha256", k.SHA256}, {"mode", k.Mode},
		{"seed", fmt.Sprint(k.Seed)}, {"sequences", count(k.Sequences)}, {"operations", count(k.Operations)},
	} {
		if p[1] != "" {
			all = append(all, p)
		}
	}
	return all
}

// className keeps who splits at dots from taking a version apart.
func className(k *Kernel, family string) string {
	return "kernel " + strings.ReplaceAll(oneLine(k.Name), ".", "_") + "." + family
}

// harnessCase says whether the kernel could be judged at all.
func harnessCase(k *Kernel) junit.Testcase {
	c := junit.Testcase{Name: "harness", Classname: className(k, "run")}
	switch trouble := plain(k.Trouble()); {
	case k.Skipped:
		c.Skipped = &junit.Result{Message: oneLine(trouble), Type: NotClaimed.String()}
	case trouble != "":
		c.Error = &junit.Result{Message: oneLine(trouble), Type: Broken.String(), Data: trouble}
	}
	return c
}

func caseOf(k *Kernel, row Row) junit.Testcase {
	c := junit.Testcase{Name: row.Key.Claim, Classname: className(k, string(row.Key.Family))}
	result := &junit.Result{Message: row.why(), Type: row.Verdict.String()}
	switch faces[row.Verdict].junit {
	case junitFailure:
		result.Data = k.told(row)
		c.Failure = result
	case junitError:
		result.Data = k.told(row)
		c.Error = result
	case junitSkipped:
		c.Skipped = result
	}
	return c
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

func count(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
