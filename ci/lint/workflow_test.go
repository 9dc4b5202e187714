package lint

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

const workflow = ".github/workflows/mimic.yml"

// lintWorkflow is what actionlint says of a workflow, its scripts read by shellcheck.
func lintWorkflow(t *testing.T, text string) []*actionlint.Error {
	t.Helper()
	l, err := actionlint.NewLinter(new(bytes.Buffer), &actionlint.LinterOptions{Shellcheck: need(t, "shellcheck")})
	if err != nil {
		t.Fatal(err)
	}
	errs, err := l.Lint(workflow, []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return errs
}

func TestWorkflow(t *testing.T) {
	text := read(t, workflow)
	for _, err := range lintWorkflow(t, text) {
		t.Error(err)
	}
	for from, to := range map[string]string{
		"runs-on: ubuntu-latest":     "runs_on: ubuntu-latest",
		"needs: kernels":             "needs: kernel",
		"matrix.kernel }}\n    env:": "matrix.krnl }}\n    env:",
		`run-vm.sh "$KERNEL"`:        "run-vm.sh $KERNEL",
		"fail-fast: false":           "fail-fast: maybe",
		"path: cache":                "pth: cache",
	} {
		if broken := strings.Replace(text, from, to, 1); broken != text && len(lintWorkflow(t, broken)) == 0 {
			t.Errorf("actionlint does not mind %q", to)
		}
	}
}

// gitlabErrors says how a file of GitLab's CI does not keep to GitLab's schema.
func gitlabErrors(t *testing.T, text string) error {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return err
	}
	b, err := json.Marshal(doc) // numbers and keys as JSON has them
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile("testdata/gitlab-ci.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(instance)
}

func TestGitLab(t *testing.T) {
	text := read(t, ".gitlab-ci.yml")
	if err := gitlabErrors(t, text); err != nil {
		t.Error(err)
	}
	t.Setenv("CI_PIPELINE_SOURCE", "schedule")
	t.Setenv("CI_PIPELINE_IID", "321")
	child, stderr, code := output(t, "ci/gitlab-child.sh")
	if code != 0 || !strings.Contains(child, "-seed 321 ") {
		t.Fatalf("gitlab-child.sh exits %d: %s%s", code, child, stderr)
	}
	if err := gitlabErrors(t, child); err != nil {
		t.Errorf("%v\n%s", err, child)
	}
	for _, broken := range []string{strings.Replace(child, "script:", "scrpt:", 1), strings.Replace(text, "trigger:", "triger:", 1), strings.Replace(child, "when: always", "when: sometimes", 1)} {
		if gitlabErrors(t, broken) == nil {
			t.Errorf("the schema does not mind\n%s", broken)
		}
	}
}

// TestKernelNames: CI has a job for each kernel of kernels.txt that is of "all", and nothing gets into a
// pipeline that is no name.
func TestKernelNames(t *testing.T) {
	stdout, stderr, code := output(t, "ci/kernel-names.sh")
	var names []string
	if err := json.Unmarshal([]byte(stdout), &names); err != nil || code != 0 {
		t.Fatalf("exit %d, %v: %q %s", code, err, stdout, stderr)
	}
	var want []string
	for line := range strings.Lines(read(t, "kernels.txt")) {
		// Rows that have a suite of Debian and no configuration of ours.
		if f := strings.Fields(line); len(f) > 1 && f[0][0] >= '0' && f[0][0] <= '9' && !strings.HasPrefix(f[1], "oci:") && !strings.Contains(f[0], "/") {
			want = append(want, f[0])
		}
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("jobs for %q, want %q", names, want)
	}
	if stdout, _, _ := output(t, "ci/kernel-names.sh", "6.1,oci:a/b:6.6"); stdout != `["6.1","oci:a/b:6.6"]`+"\n" {
		t.Errorf("named kernels: %s", stdout)
	}
	for _, bad := range []string{`6.1"]`, "$(id)", "6.1 6.2", "6.1\n- x"} {
		if stdout, _, code := output(t, "ci/kernel-names.sh", bad); code != 2 {
			t.Errorf("%q: exit %d, %s", bad, code, stdout)
		}
	}
}

// TestUnits: what systemd says of the units of a nightly run. They name where mimic would be installed.
func TestUnits(t *testing.T) {
	verify := need(t, "systemd-analyze")
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	service := strings.ReplaceAll(read(t, "ci/nightly/mimic-nightly.service"), "/opt/mimic", here)
	timer := write("mimic-nightly.timer", read(t, "ci/nightly/mimic-nightly.timer"))
	if stdout, stderr, code := output(t, verify, "verify", write("mimic-nightly.service", service), timer); code != 0 || stderr != "" {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	broken := strings.Replace(service, "Nice=10", "Nise=10", 1)
	if _, stderr, _ := output(t, verify, "verify", write("mimic-nightly.service", broken), timer); stderr == "" {
		t.Error("systemd-analyze does not mind Nise=10")
	}
}
