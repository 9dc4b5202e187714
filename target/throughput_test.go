package target

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mimic/ops"
	"mimic/vmtest"
)

// BenchmarkThroughput runs sequences that wait for nothing but their end, in the same kernel as a program that
// makes their system calls and nothing else. inside-ops/s is the pace of their operations by the guest's clock,
// ops/s that of everything by the host's, ratio the first by that of the program.
func BenchmarkThroughput(b *testing.B) {
	vm, err := tryBoot(b, processors)
	if err != nil {
		b.Skipf("no guest: %v", err)
	}
	defer vm.Close()
	text := "i0 = map(hash, key=4, value=8, max=16)\no0 = outer(array, max=4, template=i0)\n" +
		strings.Repeat("i0.update(1, 2)\ni0.lookup(1)\ni0.next(null)\no0.update(9, i0)\no0.next(1)\ni0.delete(1)\n", 5) + "end()\n"
	var jobs []Job
	for range 300 {
		jobs = append(jobs, parse(b, text))
	}
	var inside time.Duration
	var bare float64
	for b.Loop() {
		if err := vm.Run(b.Context(), jobs, func(_ int, t ops.Trace) { inside += t.Took }); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		bare += barePace(b)
		b.StartTimer()
	}
	done := float64(b.N * len(jobs) * len(jobs[0].Sequence))
	pace := (done - float64(b.N*len(jobs))) / inside.Seconds()
	b.ReportMetric(done/b.Elapsed().Seconds(), "ops/s")
	b.ReportMetric(pace, "inside-ops/s")
	b.ReportMetric(pace/(bare/float64(b.N)), "ratio")
}

// barePace is how many system calls a second the program makes in a guest.
func barePace(b *testing.B) (pace float64) {
	b.Helper()
	program := filepath.Join(b.TempDir(), "bare")
	build := exec.Command("go", "build", "-o", program, "./internal/bare")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build the program: %v\n%s", err, out)
	}
	k, err := kernelOfSeries(b)
	if err != nil {
		b.Fatal(err)
	}
	ran, err := RunBinary(b.Context(), vmtest.Config{Kernel: k, Init: agent(b)}, program)
	if err == nil {
		_, err = fmt.Sscan(ran.Output, &pace)
	}
	if err != nil {
		b.Fatalf("%v: %+v", err, ran)
	}
	return pace
}
