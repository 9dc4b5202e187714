package target

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mimic/ops"
	"mimic/vmtest"
)

// bootComplainer boots the kernel of the series with an agent that makes it
// complain of every sequence with end() in it.
func bootComplainer(t *testing.T, allowed func(vmtest.Splat) bool) *VM {
	t.Helper()
	real := bootVM(t)
	config := real.config
	config.Init, config.Env, config.Allowed = filepath.Join(t.TempDir(), "complainer"), nil, allowed
	build := exec.Command("go", "build", "-o", config.Init, "./internal/complainer")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the complainer: %v\n%s", err, out)
	}
	vm, err := Boot(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Close() })
	return vm
}

// harmless and harmful are jobs that the complainer is silent and not silent about.
func harmless(t *testing.T) Job { return parse(t, "none.lookup(1)\nnone.lookup(2)\n") }
func harmful(t *testing.T) Job  { return parse(t, "none.lookup(1)\nend()\n") }

// TestComplaintIsTracedToItsSequence hides one sequence among others, and one that
// asks for care behind them.
func TestComplaintIsTracedToItsSequence(t *testing.T) {
	vm := bootComplainer(t, nil)
	var jobs []Job
	for i := range 400 {
		jobs = append(jobs, harmless(t))
		if i == 200 {
			jobs[i] = harmful(t)
		}
	}
	jobs = append(jobs, harmful(t))
	jobs[400].Carefully = true
	traces := map[int]ops.Trace{}
	err := vm.Run(t.Context(), jobs, func(i int, tr ops.Trace) {
		if i != len(traces) {
			t.Errorf("trace %d comes after %d others", i, len(traces))
		}
		traces[i] = tr
	})
	if err != nil || len(traces) != len(jobs) {
		t.Fatalf("%d traces, %v; want %d", len(traces), err, len(jobs))
	}
	for i, tr := range traces {
		guilty := i == 200 || i == 400
		if guilty != (tr.End == ops.Panicked) || guilty == tr.Steps[1].Returned {
			t.Errorf("sequence %d:\n%s", i, tr)
		}
		if guilty && !strings.Contains(tr.Detail, "splatted: WARNING: CPU: 0 PID: 1 at kernel/bpf/syscall.c:1 bpf_end+0x1/0x2") {
			t.Errorf("the detail is %q, want the complaint", tr.Detail)
		}
	}
}

func TestAllowedComplaintIsNone(t *testing.T) {
	vm := bootComplainer(t, func(s vmtest.Splat) bool { return strings.HasPrefix(s.Where, "bpf_end+") })
	var got ops.Trace
	err := vm.Run(t.Context(), []Job{harmful(t)}, func(_ int, tr ops.Trace) { got = tr })
	if err != nil || got.End != ops.Completed {
		t.Errorf("%v, %v; want that it completed", got, err)
	}
	if err := vm.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

// TestComplaintAfterTheLastAnswer has the run end before the kernel complains.
func TestComplaintAfterTheLastAnswer(t *testing.T) {
	vm := bootComplainer(t, nil)
	var got ops.Trace
	err := vm.Run(t.Context(), []Job{harmful(t)}, func(_ int, tr ops.Trace) { got = tr })
	if err != nil {
		t.Fatal(err)
	}
	if closed := vm.Close(); got.End == ops.Completed && (closed == nil || !strings.Contains(closed.Error(), "bpf_end")) {
		t.Errorf("the run completed and Close = %v: the complaint is lost", closed)
	}
}

func TestHeldTraces(t *testing.T) {
	var got []int
	h := &held{each: func(i int, _ ops.Trace) { got = append(got, i) }}
	for range 3 {
		h.take(0, ops.Trace{})
	}
	if len(got) != 0 {
		t.Errorf("handed over %v at once", got)
	}
	h.at[0] = h.at[0].Add(-2 * late)
	h.take(0, ops.Trace{})
	if len(got) != 1 || h.done != 1 {
		t.Errorf("handed over %v, want the first", got)
	}
	h.release(0)
	if len(got) != 4 || got[3] != 3 {
		t.Errorf("handed over %v, want all in order", got)
	}
}
