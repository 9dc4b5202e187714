package suite

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mimic/ops"
	"mimic/properties"
	"mimic/repro"
	"mimic/target"
)

func needGuests(t *testing.T) {
	t.Helper()
	if os.Getenv("MIMIC_VM") == "1" {
		return
	}
	for _, tool := range []string{"qemu-system-x86_64", "gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	t.Skip("boots guests: set MIMIC_VM=1")
}

func specOf(t *testing.T, name string) *Spec {
	t.Helper()
	specs, err := ParseSpecs(name, How{Mode: target.Fast})
	if err != nil {
		t.Fatal(err)
	}
	return &specs[0]
}

// shownBy is the violation that a finding shows on a kernel in memory that lies about a rule.
func shownBy(t *testing.T, path, lie, on string) *properties.Violation {
	t.Helper()
	seq, err := ReadSequence(path)
	if err != nil {
		t.Fatal(err)
	}
	k, err := properties.NewKernel(on, nil)
	if err != nil {
		t.Fatal(err)
	}
	lies := properties.Lies()
	i := slices.IndexFunc(lies, func(l properties.Lie) bool { return l.ID == lie })
	if i < 0 {
		t.Fatalf("there is no lie %s", lie)
	}
	v := properties.Judge(k, properties.Fake{Kernel: k, Lie: &lies[i]}.Answer(seq), properties.Asked{})
	if v == nil {
		t.Fatalf("%s does not show %s", path, lie)
	}
	return v
}

func sourceOf(t *testing.T, v *properties.Violation) string {
	t.Helper()
	src, err := repro.C(v, repro.About{Name: "6.12", Kernel: v.Trace.Kernel})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// TestReproducerShowsWhereTheBugIs runs reproducers on the kernel that has the bug and on one that has not.
func TestReproducerShowsWhereTheBugIs(t *testing.T) {
	needGuests(t)
	lock := shownBy(t, "../findings/H10-lock-array.seq", "update/lock/array", "6.1")
	null := shownBy(t, "../findings/F5-checked-array.seq", "run/beyond-constant/array", "6.18")
	last := &null.Trace.Steps[null.Step]
	null.Trace.End, last.Returned, last.Got = ops.Panicked, false, ops.Result{}
	for _, c := range []struct {
		v                *properties.Violation
		failing, passing string
	}{{lock, "6.1", "6.12"}, {null, "6.18", "7.2"}} {
		r := VerifyReproducer(t.Context(), Reproducer{Source: sourceOf(t, c.v), Violation: c.v,
			Failing: specOf(t, c.failing), Passing: specOf(t, c.passing)}, t.Logf)
		t.Logf("%s\n%s\n%s", r.Text, r.Failing.Output, r.Passing.Output)
		if !r.Verified() || !strings.HasPrefix(r.Text, "verified\n") || (r.Failing.Died != "") != (c.v == null) {
			t.Errorf("%s: not verified, or the kernel died where it should not: %q", c.v.Trace.Steps[c.v.Step].Op, r.Failing.Died)
		}
	}
}

// TestReproducerSeesWhatTheAgentSees runs everything that can be written, with the answers that the
// agent got on the same kernel: the file must find no bug; and one if another answer is asked for.
func TestReproducerSeesWhatTheAgentSees(t *testing.T) {
	needGuests(t)
	seq, err := ReadSequence("testdata/everything.seq")
	if err != nil {
		t.Fatal(err)
	}
	kernel := specOf(t, "6.12")
	played := Replay(t.Context(), Config{}, *kernel, seq)
	if played.Fault != nil || played.Finding != nil {
		t.Fatal(played.Text())
	}
	last := len(played.Trace.Steps) - 1
	v := &properties.Violation{Trace: played.Trace, Step: last, Want: []string{played.Trace.Steps[last].Got.String()}}
	v.Trace.Steps[last].Got = ops.Read("i0") // which is what the violation is
	r := VerifyReproducer(t.Context(), Reproducer{Source: sourceOf(t, v), Violation: v, Passing: kernel}, t.Logf)
	if r.Verified() || !strings.HasPrefix(r.Text, "not verified: there was no kernel") || r.Passing.Shown != 1 {
		t.Errorf("%s\n%s", r.Text, r.Passing.Output)
	}
	v.Want = []string{"= nothing"}
	r = VerifyReproducer(t.Context(), Reproducer{Source: sourceOf(t, v), Violation: v, Failing: kernel}, t.Logf)
	if !r.Verified() || r.Failing.Code != ExitViolated {
		t.Errorf("another answer is expected: %s\n%s", r.Text, r.Failing.Output)
	}
}

// TestReproducerThatIsNotBuilt says so.
func TestReproducerThatIsNotBuilt(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	r := VerifyReproducer(t.Context(), Reproducer{Source: "int main(void) { return x; }"}, t.Logf)
	if r.Built || r.Verified() || !strings.HasPrefix(r.Text, "not verified: it was not built: ") || !strings.Contains(r.Text, "undeclared") {
		t.Errorf("%+v", r)
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v stays, %v", left, err)
	}
}
