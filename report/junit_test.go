package report

import (
	"bytes"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// xmllint holds text to the schema of Jenkins.
func xmllint(t *testing.T, text []byte) error {
	t.Helper()
	tool, err := exec.LookPath("xmllint")
	if err != nil && os.Getenv("MIMIC_BROWSER") == "1" {
		t.Fatalf("%v: apt-get install libxml2-utils", err)
	} else if err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "junit.xml")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "--noout", "--nonet", "--schema", "testdata/junit.xsd", path).CombinedOutput()
	if err != nil {
		t.Logf("%s", out)
	}
	return err
}

func TestJUnitKeepsToItsSchema(t *testing.T) {
	text := written(t, "junit", everything(t))
	if err := xmllint(t, text); err != nil {
		t.Error(err)
	}
	for from, to := range map[string]string{
		"<testcase name=": "<testcase title=", "<failure": "<broken", "</testsuites>": "", "\" tests=": "\" asserts=",
	} {
		wrong := bytes.ReplaceAll(text, []byte(from), []byte(to))
		if bytes.Equal(wrong, text) || xmllint(t, wrong) == nil {
			t.Errorf("with %q for %q it keeps to the schema too", to, from)
		}
	}
}

// TestJUnit reads back what was written.
func TestJUnit(t *testing.T) {
	r := everything(t)
	var all junit.Testsuites
	if err := xml.Unmarshal(written(t, "junit", r), &all); err != nil {
		t.Fatal(err)
	}
	want := map[Verdict]string{
		Undecided: "error", Holds: "", Violated: "failure", Deviates: "skipped", Defect: "skipped", NotClaimed: "skipped",
		Inconclusive: "error", Broken: "error",
	}
	k, cases := r.Kernels[1], map[string]junit.Testcase{}
	for _, c := range all.Suites[1].Testcases {
		cases[c.Classname+" "+c.Name] = c
	}
	for _, row := range k.Rows {
		c := cases["kernel 6_12."+string(row.Key.Family)+" "+row.Key.Claim]
		got, result := elementOf(c)
		if got != want[row.Verdict] || result.Type != row.Verdict.String() && got != "" {
			t.Errorf("%s %s is %q (%s)", row.Key, row.Verdict, got, result.Type)
		}
		if got != "" && !strings.Contains(result.Message, "]]> <script>alert(1)</script> & # hash not ok 9") {
			t.Errorf("%s %s says %q", row.Key, row.Verdict, result.Message)
		}
		if (got == "failure" || got == "error") && !strings.Contains(result.Data, "]]>") && !strings.Contains(result.Data, "want EINVAL") {
			t.Errorf("%s %s tells %q", row.Key, row.Verdict, result.Data)
		}
	}
	endings := []string{"", "", "skipped", "error", "error", "error", "error"}
	for i, s := range all.Suites {
		if got, _ := elementOf(s.Testcases[0]); got != endings[i] {
			t.Errorf("the harness of %s is %q, want %q", s.Name, got, endings[i])
		}
	}
	if all.Failures != 3 || all.Errors != 4+3+len(kernel("").Rows) {
		t.Errorf("%d failures, %d errors", all.Failures, all.Errors)
	}
}

func elementOf(c junit.Testcase) (string, junit.Result) {
	switch {
	case c.Failure != nil:
		return "failure", *c.Failure
	case c.Error != nil:
		return "error", *c.Error
	case c.Skipped != nil:
		return "skipped", *c.Skipped
	}
	return "", junit.Result{}
}
