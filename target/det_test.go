package target

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"mimic/ops"
	"mimic/vmtest"
)

// bootDetVM boots the kernel of the series in mode det, or skips with the reason.
func bootDetVM(t *testing.T) *VM {
	t.Helper()
	k, err := kernelOfSeries(t)
	if err != nil {
		skipOrFail(t, err)
	}
	vm, err := BootMode(t.Context(), vmtest.Config{Kernel: k, Init: agent(t)}, Det)
	if err != nil {
		skipOrFail(t, err)
	}
	t.Cleanup(func() { vm.Close() })
	return vm
}

// mixed is a race in which the threads get into each other's way.
const mixed = "thread(times=300)\no0.update(1, i1)\no0.update(1, i0)\np0.run(1, 1)\nthread(cpu=1, times=400)\no0.lookup(1)\np1.run(1, 1)\njoin()\n"

func traceOf(t *testing.T, vm *VM, job Job) (tr ops.Trace) {
	t.Helper()
	if err := vm.Run(t.Context(), []Job{job}, func(_ int, got ops.Trace) { tr = got }); err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestDetRepeats: the same race gives the same trace, tickets and the guest's time too, whatever ran
// before, whether it is asked carefully, and in a guest of another boot.
func TestDetRepeats(t *testing.T) {
	job := parse(t, raceMaps+mixed+"end()\n")
	vm := bootDetVM(t)
	first := traceOf(t, vm, job)
	if n := turns(t, first); first.End != ops.Completed || n < 10 {
		t.Fatalf("%d operations of the threads overlap, the race ended %v %s:\n%s", n, first.End, first.Detail, first)
	}
	same := func(vm *VM, job Job) {
		t.Helper()
		if tr := traceOf(t, vm, job); tr.String() != first.String() || tr.Took != first.Took {
			t.Errorf("one trace, of %v, is\n%s\nanother, of %v, is\n%s", first.Took, first, tr.Took, tr)
		}
	}
	for i := range 9 {
		if i%3 == 0 {
			traceOf(t, vm, parse(t, storeAndFind))
		}
		same(vm, Job{Sequence: job.Sequence, Carefully: i%2 == 0})
	}
	same(bootDetVM(t), job)
}

// TestDetAnswers: on one processor races answer what they answer on two, and jobs without a race keep
// their places among them.
func TestDetAnswers(t *testing.T) {
	vm := bootDetVM(t)
	if why := vm.Hello().Lacks[ops.FeatureCPUs]; why != "" {
		t.Error(why)
	}
	var jobs []Job
	for _, r := range races {
		jobs = append(jobs, parse(t, raceMaps+r.text+"end()\n"), parse(t, storeAndFind))
	}
	got := map[int]ops.Trace{}
	if err := vm.Run(t.Context(), jobs, func(i int, tr ops.Trace) { got[i] = tr }); err != nil || len(got) != len(jobs) {
		t.Fatalf("%d traces, %v; want %d", len(got), err, len(jobs))
	}
	for i, tr := range got {
		if last := len(tr.Steps) - 1; i%2 == 0 && (tr.Steps[last-1].Got.String() != races[i/2].want || tr.Steps[last].Got != ops.OK) {
			t.Errorf("%s: the map holds %s, want %s; the end answers %s", races[i/2].text, tr.Steps[last-1].Got, races[i/2].want, tr.Steps[last].Got)
		} else if i%2 == 1 && !strings.Contains(tr.String(), "= i0\n") {
			t.Errorf("a job between races is answered\n%s", tr)
		}
	}
}

// TestDetSurvives: a race that does not end gets a trace, a run that is cancelled ends, and the next race
// is answered. Nothing of the guests stays.
func TestDetSurvives(t *testing.T) {
	before := len(descriptors(t))
	vm := bootDetVM(t)
	long := parse(t, raceMaps+strings.ReplaceAll(mixed, "00)", "000000)")+"end()\n")
	short := parse(t, raceMaps+races[0].text+"end()\n")

	sequenceLimit = time.Second
	t.Cleanup(func() { sequenceLimit = defaultSequenceLimit })
	if tr := traceOf(t, vm, long); tr.End != ops.Hung {
		t.Errorf("a race without an end ended %v: %s", tr.End, tr.Detail)
	}
	sequenceLimit = defaultSequenceLimit
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := vm.Run(ctx, []Job{long}, func(int, ops.Trace) {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a run that is cancelled answers %v", err)
	}
	if tr := traceOf(t, vm, short); tr.End != ops.Completed {
		t.Errorf("the next race ended %v: %s", tr.End, tr.Detail)
	}
	if err := vm.Close(); err != nil {
		t.Error(err)
	}
	if now := descriptors(t); len(now) > before {
		t.Errorf("%d descriptors before, after: %q", before, now)
	}
}

// descriptors lists what this process has open, and what runs below it.
func descriptors(t *testing.T) (all []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			all = append(all, to)
		}
	}
	return all
}

func TestParseMode(t *testing.T) {
	for _, m := range Modes {
		if got, err := ParseMode(string(m)); err != nil || got != m {
			t.Errorf("ParseMode(%q) = %q, %v", m, got, err)
		}
	}
	if _, err := ParseMode("slow"); err == nil || !strings.Contains(err.Error(), "fast, stock, det") {
		t.Errorf("the error for slow is %v; want what there is", err)
	}
}
