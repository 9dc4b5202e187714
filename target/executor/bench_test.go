package executor

import (
	"strings"
	"testing"

	"mimic/ops"
)

// BenchmarkOperations runs operations that wait for nothing on the kernel of this machine.
func BenchmarkOperations(b *testing.B) {
	x, err := New()
	if err != nil {
		b.Skip(err)
	}
	seq, err := ops.Parse("i0 = map(hash, key=4, value=8, max=16)\no0 = outer(array, max=4, template=i0)\n" +
		strings.Repeat("i0.update(1, 2)\ni0.lookup(1)\ni0.next(null)\no0.update(9, i0)\no0.next(1)\ni0.delete(1)\n", 5) + "end()\n")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		started := x.Start(seq, func(int) {}, func(ops.Step) {})
		for !started.Continue() {
			continue
		}
	}
	b.ReportMetric(float64(b.N*len(seq))/b.Elapsed().Seconds(), "ops/s")
}
