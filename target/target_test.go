package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mimic/ops"
	"mimic/vmtest"
)

// series is the kernel that these tests boot.
const series = "6.12"

const storeAndFind = `i0 = map(array, key=4, value=8, max=2)
o0 = outer(array, max=4, template=i0)
o0.update(1, i0)
o0.lookup(1)
end()
`

func parse(t testing.TB, text string) Job {
	t.Helper()
	seq, err := ops.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return Job{Sequence: seq}
}

func agent(t testing.TB) string {
	t.Helper()
	path, err := BuildAgent(t.Context(), t.TempDir(), "amd64")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestAgentIsBuiltAgain: what was damaged is not taken for up to date.
func TestAgentIsBuiltAgain(t *testing.T) {
	cache := t.TempDir()
	var built [][]byte
	for range 3 {
		path, err := BuildAgent(t.Context(), cache, "amd64")
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil || !whole(path, "") {
			t.Fatalf("%v; whole: %v", err, whole(path, ""))
		}
		if built = append(built, text); len(built) == 2 {
			damaged := bytes.Clone(text)
			damaged[len(damaged)/2] ^= 1
			if err := os.WriteFile(path, damaged, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !bytes.Equal(built[0], built[1]) || !bytes.Equal(built[0], built[2]) {
		t.Error("three agents of one source differ")
	}
}

// TestSourceState: it is another when a file is added, changed, or gone, and when go is set up otherwise.
func TestSourceState(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "a", "b.go")
	seen := map[string]string{sourceState(root): "nothing"}
	for what, do := range []func() error{
		func() error { return os.Mkdir(filepath.Dir(file), 0o755) }, // no file yet: the same
		func() error { return os.WriteFile(file, []byte("package a"), 0o644) },
		func() error { return os.WriteFile(file, []byte("package b "), 0o644) },
		func() error { return os.Chtimes(file, time.Unix(1, 0), time.Unix(1, 0)) },
		func() error { t.Setenv("GOEXPERIMENT", "none"); return nil },
		func() error { return os.Remove(file) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		state := sourceState(root)
		if other, same := seen[state]; same != (what == 0) {
			t.Errorf("after change %d it is as after %q: %v", what, other, same)
		}
		seen[state] = fmt.Sprint(what)
	}
}

// bootVM boots the kernel of the series, or skips with the reason.
func bootVM(t *testing.T) *VM { return bootProcessors(t, 1) }

func bootProcessors(t *testing.T, processors int) *VM {
	t.Helper()
	vm, err := tryBoot(t, processors)
	if err != nil {
		skipOrFail(t, err)
	}
	t.Cleanup(func() { vm.Close() })
	return vm
}

// skipOrFail ends a test that got no guest.
func skipOrFail(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("MIMIC_VM") == "" {
		t.Skipf("no guest: %v (scripts/setup.sh installs what it needs; MIMIC_VM=1 makes this a failure)", err)
	}
	t.Fatal(err)
}

func tryBoot(t testing.TB, processors int) (*VM, error) {
	k, err := kernelOfSeries(t)
	if err != nil {
		return nil, err
	}
	return Boot(t.Context(), vmtest.Config{Kernel: k, Init: agent(t), CPUs: processors, Cold: true})
}

func kernelOfSeries(t testing.TB) (k vmtest.Kernel, err error) {
	root, err := ModuleRoot()
	if err != nil {
		return k, err
	}
	f, err := os.Open(filepath.Join(root, "kernels.txt"))
	if err != nil {
		return k, err
	}
	defer f.Close()
	rows, err := vmtest.ParseMatrix("kernels.txt", f)
	if err != nil {
		return k, err
	}
	for _, row := range rows {
		if row.Name() == series {
			return vmtest.NewSource(nil).Fetch(t.Context(), row)
		}
	}
	return k, errors.New("kernels.txt has no row " + series)
}

func TestVMAnswers(t *testing.T) {
	vm := bootVM(t)
	seqs := []Job{parse(t, storeAndFind), parse(t, "none.lookup(1)\n"), parse(t, storeAndFind)}
	var got []string
	err := vm.Run(t.Context(), seqs, func(i int, tr ops.Trace) { got = append(got, tr.String()) })
	if err != nil || len(got) != 3 {
		t.Fatalf("%d traces, %v", len(got), err)
	}
	if got[0] != got[2] || !strings.Contains(got[0], "= i0\n") || !strings.Contains(got[1], "EBADF\n") {
		t.Errorf("traces:\n%s", strings.Join(got, "\n"))
	}
}

// TestDeadGuestIsReplaced kills QEMU while sequences run: the sequence under way
// gets a trace that says so, and the others are run in a fresh guest.
func TestDeadGuestIsReplaced(t *testing.T) {
	vm := bootVM(t)
	var seqs []Job
	for range 4000 { // more than are answered while the first traces are held
		seqs = append(seqs, parse(t, storeAndFind))
	}
	ends := map[ops.Ending]int{}
	err := vm.Run(t.Context(), seqs, func(i int, tr ops.Trace) {
		ends[tr.End]++
		if i == 10 {
			syscall.Kill(vm.vm.PID(), syscall.SIGKILL)
			<-vm.vm.Done()
		}
	})
	if err != nil || ends[ops.Completed] < len(seqs)-10 || ends[ops.Lost] == 0 || ends[ops.Completed]+ends[ops.Lost] != len(seqs) {
		t.Errorf("endings %v, %v; want most completed and at least one lost", ends, err)
	}
}

// TestHungGuestIsNamed stops QEMU in its tracks: the run must not wait for ever.
func TestHungGuestIsNamed(t *testing.T) {
	old := sequenceLimit
	sequenceLimit = 2 * time.Second
	t.Cleanup(func() { sequenceLimit = old })
	vm := bootVM(t)
	syscall.Kill(vm.vm.PID(), syscall.SIGSTOP)
	start := time.Now()
	var got ops.Trace
	err := vm.Run(t.Context(), []Job{parse(t, storeAndFind)}, func(_ int, tr ops.Trace) { got = tr })
	if err != nil || got.End != ops.Hung {
		t.Errorf("ended %v (%s), %v; want hung", got.End, got.Detail, err)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v to notice", took)
	}
}

// TestCarefulJobsKeepTheirPlace mixes careful jobs with others.
func TestCarefulJobsKeepTheirPlace(t *testing.T) {
	vm := bootVM(t)
	var jobs []Job
	for i := range 40 {
		job := parse(t, storeAndFind+"none.next(null)\n")
		job.Carefully = i%3 == 0
		jobs = append(jobs, job)
	}
	traces := map[string]int{}
	if err := vm.Run(t.Context(), jobs, func(_ int, tr ops.Trace) { traces[tr.String()]++ }); err != nil || len(traces) != 1 {
		t.Errorf("%d different traces, %v; want one", len(traces), err)
	}
}

func TestCancelledRunEnds(t *testing.T) {
	vm := bootVM(t)
	ctx, cancel := context.WithCancel(t.Context())
	var seqs []Job
	for range 2000 {
		seqs = append(seqs, parse(t, storeAndFind))
	}
	err := vm.Run(ctx, seqs, func(i int, _ ops.Trace) {
		if i == 5 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

func TestHostAnswers(t *testing.T) {
	h, err := StartHost(t.Context(), agent(t))
	if err != nil {
		t.Skipf("this kernel cannot be asked: %v", err)
	}
	defer h.Close()
	var got ops.Trace
	err = h.Run(t.Context(), []Job{parse(t, storeAndFind)}, func(_ int, tr ops.Trace) { got = tr })
	if err != nil || !strings.Contains(got.String(), "= i0\n") {
		t.Errorf("%v, %v", got, err)
	}
}
