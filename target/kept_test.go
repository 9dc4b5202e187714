package target

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mimic/ops"
)

// killed runs a job in a guest that is killed, and says how long the next takes to be there.
func killed(t *testing.T, vm *VM) time.Duration {
	t.Helper()
	syscall.Kill(vm.vm.PID(), syscall.SIGKILL)
	<-vm.vm.Done()
	start := time.Now()
	job := parse(t, storeAndFind)
	job.Carefully = true
	if tr := traceOf(t, vm, job); tr.End != ops.Lost || tr.Steps[0].Returned {
		t.Errorf("the job of a guest that was killed ended %v:\n%s", tr.End, tr)
	}
	return time.Since(start)
}

// TestDeadGuestIsRestored: after the first death guests are restored, much faster than one is booted, and know
// nothing of those before.
func TestDeadGuestIsRestored(t *testing.T) {
	vm := bootProcessors(t, processors)
	before := len(descriptors(t))
	want := traceOf(t, vm, parse(t, storeAndFind)).String()
	cold := killed(t, vm)
	var warm []time.Duration
	for range 5 {
		if got := traceOf(t, vm, parse(t, storeAndFind)).String(); got != want {
			t.Errorf("a restored guest answers\n%s\nwant\n%s", got, want)
		}
		warm = append(warm, killed(t, vm))
	}
	slices.Sort(warm)
	t.Logf("to the next answer: booted and kept in %v, restored in %v", cold, warm)
	if warm[0]*3 > cold || vm.cold {
		t.Errorf("a guest is booted in %v and restored in %v; want at most a third", cold, warm)
	}
	if now := descriptors(t); len(now) > before+8 {
		t.Errorf("%d descriptors before, after: %q", before, now)
	}
}

// TestGuestThatCannotBeKeptIsBooted: what goes wrong with a snapshot costs time, is said once, and nothing else.
func TestGuestThatCannotBeKeptIsBooted(t *testing.T) {
	vm := bootProcessors(t, processors)
	var told []string
	vm.config.Progress = func(s string) {
		if !strings.Contains(s, "booting again") { // the emulator's fault, now and then
			told = append(told, s)
		}
	}
	killed(t, vm)
	vm.snapshot.Close() // its memory is gone
	killed(t, vm)
	killed(t, vm)
	if tr := traceOf(t, vm, parse(t, storeAndFind)); tr.End != ops.Completed || !vm.cold {
		t.Errorf("the next job ended %v %s", tr.End, tr.Detail)
	}
	if len(told) != 1 || !strings.Contains(told[0], "booted after each death") {
		t.Errorf("told %q", told)
	}
}

// BenchmarkNextGuest is what a guest costs up to its first answer, booted and restored, in processor time too, which
// does not depend on what else this machine does.
func BenchmarkNextGuest(b *testing.B) {
	for name, begin := range map[string]func(*VM) error{"boot": (*VM).bootCold, "restore": (*VM).boot} {
		b.Run(name, func(b *testing.B) {
			vm, err := tryBoot(b, processors)
			if err != nil {
				skipOrFail(b, err)
			}
			defer vm.Close()
			start := time.Now()
			if err := vm.keep(); err != nil || vm.cold {
				b.Fatal(err)
			}
			kept := time.Since(start)
			spent := processorTime(b)
			for b.Loop() {
				vm.vm.Close()
				if err := begin(vm); err != nil {
					b.Fatal(err)
				}
				err := vm.Run(b.Context(), []Job{parse(b, storeAndFind)}, func(int, ops.Trace) {})
				if err != nil {
					b.Fatal(err)
				}
			}
			vm.vm.Close()
			b.ReportMetric(kept.Seconds(), "s-to-keep")
			b.ReportMetric((processorTime(b)-spent).Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}

// processorTime is what this process and those that it waited for have used.
func processorTime(t testing.TB) (d time.Duration) {
	t.Helper()
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var used syscall.Rusage
		if err := syscall.Getrusage(who, &used); err != nil {
			t.Fatal(err)
		}
		d += time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	return d
}
