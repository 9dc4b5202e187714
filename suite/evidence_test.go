package suite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mimic/evidence"
	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/target"
	"mimic/vmtest"
)

// fakeSpec is an in-memory kernel by another name.
func fakeSpec(name string, m Memory) Spec {
	return Spec{Name: name, open: func(context.Context, func(string, ...any)) (target.Target, error) { return m, nil }}
}

func brokenSpec(name string, err error) Spec {
	return Spec{Name: name, open: func(context.Context, func(string, ...any)) (target.Target, error) { return nil, err }}
}

// aLie is one that a sequence without a race shows always, and the rows that it breaks.
func aLie(t *testing.T) (Memory, []properties.Key) {
	t.Helper()
	for _, lie := range properties.Lies() {
		if strings.HasPrefix(lie.ID, "update/") {
			return newFake(&lie), lie.Breaks
		}
	}
	t.Fatal("there is no such lie")
	return Memory{}, nil
}

// TestFolders runs against a lie, and asks kernels that do and do not tell it.
func TestFolders(t *testing.T) {
	liar, rows := aLie(t)
	missing := &vmtest.UnavailableError{Line: vmtest.Line{Series: "9.9"}, Next: "wait for it"}
	c := Config{Kernels: []Spec{fakeSpec("liar", liar)}, Rows: rows, Seed: 1, Out: t.TempDir(), Command: "mimic of a test",
		Elsewhere: []Spec{fakeSpec("honest", honest()), fakeSpec("liar", liar), brokenSpec("gone", missing), brokenSpec("broken", errors.New("it burns"))}}
	k := Run(t.Context(), c)[0]
	if k.Count(report.Violated) == 0 {
		t.Fatalf("the lie was not caught: %s", Outcome(k))
	}
	for _, f := range k.Findings {
		e, err := evidence.Read(filepath.Dir(f.File))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, tested := range e.Elsewhere {
			got = append(got, tested.Kernel+": "+string(tested.Outcome))
		}
		if want := "honest: holds, liar: fails, gone: could not be had, broken: harness broken"; strings.Join(got, ", ") != want {
			t.Errorf("%s elsewhere: %s, want %s", e.Claim, strings.Join(got, ", "), want)
		}
		if e.Command != c.Command || e.Claim != f.Reduced.Broken()[0].String() || e.Trace.Sequence().String() != f.Reduced.Trace.Sequence().String() {
			t.Errorf("the case is of another finding: %+v", e)
		}
		for _, name := range []string{evidence.ReducedFile, evidence.ReadmeFile} {
			if _, err := os.Stat(filepath.Join(filepath.Dir(f.File), name)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestFoldersOfOneClaim keeps both of two findings that break the same.
func TestFoldersOfOneClaim(t *testing.T) {
	liar, _ := aLie(t)
	out, err := examineFake(liar, 1, 3)
	if err != nil || len(out.Findings) == 0 {
		t.Fatalf("%d findings, %v", len(out.Findings), err)
	}
	c := Config{Out: t.TempDir()}
	out.Release = liar.Kernel.Release
	twice := []report.Finding{out.Findings[0], out.Findings[0]}
	for i := range twice {
		c.save(Spec{}, out, &twice[i], target.About{})
	}
	if twice[0].File == "" || twice[1].File == "" || twice[0].File == twice[1].File {
		t.Errorf("saved as %q and %q", twice[0].File, twice[1].File)
	}
}

// TestInterruptedRunKeepsWhatItSaw ends a run between seeing and reducing.
func TestInterruptedRunKeepsWhatItSaw(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	liar, rows := aLie(t)
	spec := fakeSpec("liar", liar)
	spec.open = func(context.Context, func(string, ...any)) (target.Target, error) {
		return stopping{liar, stop}, nil
	}
	c := Config{Kernels: []Spec{spec}, Rows: rows, Seed: 1, Out: t.TempDir()}
	k := Run(ctx, c)[0]
	if k.Fault == nil || k.Count(report.Holds) > 0 {
		t.Errorf("an interrupted run says %d hold: %v", k.Count(report.Holds), k.Fault)
	}
	folders, err := filepath.Glob(filepath.Join(c.Out, "liar", "*"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("%d folders, %v", len(folders), err)
	}
	for _, dir := range folders {
		if e, err := evidence.Read(dir); err != nil || e.Flaky() == "" || len(e.Trace.Steps) == 0 {
			t.Errorf("%s: %v, %q", dir, err, e.Flaky())
		}
	}
}

// TestFolderNames: a Go test is in them.
func TestFolderNames(t *testing.T) {
	for kernel, want := range map[string]string{"6.12": "6.12", "seeded-6.12:1": "seeded-6.12-1", "debian:linux-image-amd64": "debian-linux-image-amd64", "/boot/vmlinuz-6.1 (old)": "vmlinuz-6.1-old-"} {
		if got := FolderName(kernel); got != want {
			t.Errorf("%s: %s, want %s", kernel, got, want)
		}
	}
}

// stopping interrupts once it has run what it was asked first.
type stopping struct {
	Memory
	stop func()
}

func (s stopping) Run(ctx context.Context, jobs []target.Job, each func(int, ops.Trace)) error {
	defer s.stop()
	return s.Memory.Run(ctx, jobs, each)
}

// bisectable is a question that liars and no others answer wrongly.
func bisectable(t *testing.T) (Question, Memory) {
	t.Helper()
	liar, _ := aLie(t)
	out, err := examineFake(liar, 1, 3)
	if err != nil || len(out.Findings) == 0 {
		t.Fatalf("%d findings, %v", len(out.Findings), err)
	}
	v := out.Findings[0].Reduced
	return Question{Sequence: v.Trace.Sequence(), Claim: v.Broken()[0].String(), By: byNames(v)}, liar
}

func TestBisectOverVersions(t *testing.T) {
	q, liar := bisectable(t)
	lost := errors.New("does not boot")
	all := []version{
		{"1.0", 0, fakeSpec("1.0", honest())}, {"1.1", 0, fakeSpec("1.1", honest())}, {"1.2", 0, brokenSpec("1.2", lost)},
		{"1.3", 0, fakeSpec("1.3", honest())}, {"1.4", 0, fakeSpec("1.4", liar)}, {"1.5", 0, fakeSpec("1.5", liar)},
	}
	s := &bisection{c: &Config{}, ctx: t.Context(), q: q, rows: []vmtest.Line{{Series: "1"}}, asked: map[string]int{}}
	ends := pair{good: all[0], bad: all[5]}
	if err := s.checkEnds(ends); err != nil {
		t.Fatal(err)
	}
	ends, err := s.over(ends, all)
	if err != nil || ends.good.name != "1.3" || ends.bad.name != "1.4" {
		t.Errorf("good %s, bad %s, %v; want 1.3 and 1.4", ends.good.name, ends.bad.name, err)
	}
	if b := s.result(ends); b.String() == "" || b.Fixed || !strings.Contains(b.String(), "v1.3..v1.4") || !strings.Contains(b.String(), "1.2 could not be tested: harness broken does not boot") {
		t.Errorf("it says %q", b)
	}
}

// TestBisectRefuses what is not as it is said to be.
func TestBisectRefuses(t *testing.T) {
	q, liar := bisectable(t)
	now := 0
	flaky := fakeSpec("flaky", liar)
	flaky.open = func(context.Context, func(string, ...any)) (target.Target, error) {
		return sometimes{liar, honest(), &now}, nil
	}
	for _, c := range []struct {
		name, want string
		good, bad  Spec
	}{
		{"both hold", "-bad b does not fail", fakeSpec("a", honest()), fakeSpec("b", honest())},
		{"both fail", "-good a does not hold", fakeSpec("a", liar), fakeSpec("b", liar)},
		{"flaky", "is flaky: it failed 3 of 5", fakeSpec("a", honest()), flaky},
	} {
		s := &bisection{c: &Config{}, ctx: t.Context(), q: q, asked: map[string]int{}}
		err := s.checkEnds(pair{version{"a", 0, c.good}, version{"b", 0, c.bad}})
		if err == nil || !IsUsage(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a refusal: %s", c.name, err, c.want)
		}
	}
}

// sometimes is a liar every other time.
type sometimes struct {
	Memory
	honest Memory
	now    *int
}

func (s sometimes) Run(ctx context.Context, jobs []target.Job, each func(int, ops.Trace)) error {
	if *s.now++; *s.now%2 == 0 {
		return s.honest.Run(ctx, jobs, each)
	}
	return s.Memory.Run(ctx, jobs, each)
}

func TestStepCodes(t *testing.T) {
	for outcome, want := range map[report.Outcome]int{
		report.Fails: StepBad, report.FailsKnown: StepBad, report.HoldsThere: StepGood, report.Unclear: StepGood,
		report.NotClaimedAt: StepSkip, report.FailsOther: StepSkip, report.NotRun: StepSkip, report.NotHad: StepSkip,
	} {
		if got := stepCode(report.Tested{Outcome: outcome}); got != want {
			t.Errorf("%s: %d, want %d", outcome, got, want)
		}
	}
}
