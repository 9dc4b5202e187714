package target

import (
	"strings"
	"testing"
	"time"

	"mimic/ops"
)

// BenchmarkThroughput runs sequences that wait for nothing but their end. inside-ops/s is the
// pace of their operations by the guest's clock, ops/s that of everything by the host's.
func BenchmarkThroughput(b *testing.B) {
	vm, err := tryBoot(b, 1)
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
	for b.Loop() {
		if err := vm.Run(b.Context(), jobs, func(_ int, t ops.Trace) { inside += t.Took }); err != nil {
			b.Fatal(err)
		}
	}
	done := float64(b.N * len(jobs) * len(jobs[0].Sequence))
	b.ReportMetric(done/b.Elapsed().Seconds(), "ops/s")
	b.ReportMetric((done-float64(b.N*len(jobs)))/inside.Seconds(), "inside-ops/s")
}
