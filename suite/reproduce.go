package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"mimic/ops"
	"mimic/properties"
	"mimic/target"
)

// reproduceLimit is the time that a reproducer has in a guest, its boot included.
const reproduceLimit = 5 * time.Minute

// Tried is what a reproducer did on one kernel.
type Tried struct {
	Kernel string // "" if it was not tried on any
	Shown  int    // runs in which it was as expected: it showed the bug, or did not
	Runs   int
	Code   int    // the exit code of the last run
	Died   string // of what the kernel died in it; "" if it did not
	Output string // of the last run
	Fault  error  // why it could not be tried
}

// Reproduced is what became of a reproducer that was compiled and run.
type Reproduced struct {
	Built   bool
	Failing Tried // on the kernel that has the bug: it is to show it
	Passing Tried // on one that has not: it is to show none
	Text    string
}

// Verified says whether the reproducer was seen to show the bug where it is, and, if a kernel without
// it was there, not to show it there.
func (r Reproduced) Verified() bool {
	return r.Built && r.Failing.good() && (r.Passing.Kernel == "" || r.Passing.good() && r.Passing.Shown == r.Passing.Runs)
}

func (t Tried) good() bool { return t.Fault == nil && t.Shown > 0 }

// CompileLine is how reproducers are built: what they say of themselves, and no warning.
var CompileLine = []string{"gcc", "-static", "-Wall", "-Wextra", "-Werror", "-O1", "-pthread"}

// Reproducer is what is to be verified.
type Reproducer struct {
	Source    string // C: see repro.C
	Violation *properties.Violation
	Failing   *Spec // nil: there is none
	Passing   *Spec
	Runs      int // in each guest, until it shows the bug (races); 1 if 0
}

// VerifyReproducer compiles a reproducer and runs it in guests: of the kernel that has the bug, where it
// must exit with 1, or the kernel die if the violation is that it does; and of one that has not, where it
// must exit with 0 each time. What could not be done is in the record, whose text begins with "not
// verified" unless the reproducer was seen to show the bug. Nothing of it stays.
func VerifyReproducer(ctx context.Context, p Reproducer, logf func(string, ...any)) (r Reproduced) {
	defer func() { r.Text = r.describe() }()
	dir, err := os.MkdirTemp("", "mimic-repro")
	if err != nil {
		r.Failing.Fault = err
		return r
	}
	defer os.RemoveAll(dir)
	binary, err := compile(ctx, dir, p.Source)
	if err != nil {
		r.Failing.Fault = err
		return r
	}
	r.Built = true
	dies := p.Violation != nil && died(p.Violation)
	r.Failing = p.try(ctx, p.Failing, binary, logf, func(ran target.Ran) bool { return shows(ran, dies) }, 1)
	r.Passing = p.try(ctx, p.Passing, binary, logf, func(ran target.Ran) bool { return !ran.Died() && ran.ExitCode == ExitHeld }, p.runs())
	return r
}

func (p Reproducer) runs() int { return max(1, p.Runs) }

// shows says whether a run showed the bug: the kernel died, or the exit code says it.
func shows(ran target.Ran, dies bool) bool {
	if ran.Died() {
		return dies
	}
	return ran.ExitCode == ExitViolated
}

// died says whether a violation is that the kernel does not live.
func died(v *properties.Violation) bool {
	return v.Trace.End == ops.Panicked || v.Trace.End == ops.Hung || v.Trace.End == ops.Lost
}

// compile builds the source in a folder.
func compile(ctx context.Context, dir, source string) (binary string, err error) {
	path := filepath.Join(dir, "repro.c")
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		return "", err
	}
	gcc, err := exec.LookPath(CompileLine[0])
	if err != nil {
		return "", fmt.Errorf("compile it: %w; install gcc and the static libc (apt-get install gcc libc6-dev)", err)
	}
	binary = filepath.Join(dir, "repro")
	args := append(CompileLine[1:len(CompileLine):len(CompileLine)], "-o", binary, path)
	if out, err := exec.CommandContext(ctx, gcc, args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile it with %s: %w\n%s", strings.Join(CompileLine, " "), err, out)
	}
	return binary, nil
}

// try runs a binary in guests of a kernel, each time a fresh one, until enough runs were as expected.
func (p Reproducer) try(ctx context.Context, spec *Spec, binary string, logf func(string, ...any), expected func(target.Ran) bool, enough int) (t Tried) {
	if spec == nil {
		return t
	}
	t.Kernel = spec.Name
	if spec.guest == nil {
		t.Fault = errors.New("reproducers are run in guests only: name a kernel to boot")
		return t
	}
	config, err := spec.guest(ctx, logf)
	for err == nil && t.Runs < p.runs() && t.Shown < enough {
		var ran target.Ran
		limited, cancel := context.WithTimeout(ctx, reproduceLimit)
		ran, err = target.RunBinary(limited, config, binary)
		cancel()
		t.note(ran, err == nil && expected(ran))
	}
	t.Fault = err
	return t
}

func (t *Tried) note(ran target.Ran, asExpected bool) {
	t.Runs++
	t.Code, t.Output, t.Died = ran.ExitCode, ran.Output, ""
	if ran.Died() {
		t.Died = ran.End.String()
	}
	if asExpected {
		t.Shown++
	}
}

// describe says what is known of the reproducer, in a few lines for people.
func (r Reproduced) describe() string {
	var lines []string
	if !r.Verified() {
		lines = append(lines, "not verified: "+r.why())
	} else if r.Passing.Kernel == "" {
		lines = append(lines, "verified to show the bug; there was no kernel without it to compare with")
	} else {
		lines = append(lines, "verified")
	}
	return strings.Join(append(lines, r.Failing.describe("with the bug"), r.Passing.describe("without it")), "\n")
}

func (r Reproduced) why() string {
	switch {
	case !r.Built:
		return fmt.Sprintf("it was not built: %v", r.Failing.Fault)
	case r.Failing.Kernel == "":
		return "there was no kernel to run it on"
	case !r.Failing.good():
		return "it was not seen to show the bug"
	case r.Passing.Fault != nil:
		return "it was seen to show the bug, but could not be run on a kernel without it"
	}
	return "it was seen to show the bug, but also something on a kernel without it"
}

func (t Tried) describe(which string) string {
	switch {
	case t.Kernel == "":
		return "  " + which + ": not run"
	case t.Fault != nil:
		return fmt.Sprintf("  %s, %s: could not be run: %v", which, t.Kernel, t.Fault)
	}
	what := fmt.Sprintf("exit code %d", t.Code)
	if t.Died != "" {
		what = "the kernel died: " + t.Died
	}
	return fmt.Sprintf("  %s, %s: as expected in %d of %d runs; the last: %s", which, t.Kernel, t.Shown, t.Runs, what)
}
