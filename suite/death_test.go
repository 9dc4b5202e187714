package suite

import (
	"os"
	"strings"
	"testing"
	"time"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/target"
)

// deadlySeries is a kernel that panics, and deadlySequence what it panics of: finding F5, as if nobody knew of it.
const (
	deadlySeries   = "6.18"
	deadlySequence = `i0 = map(array, key=4, value=8, max=8, flags=INNER_MAP)
i9 = map(hash, key=8, value=16, max=9)
o0 = outer(array, max=4, template=i0)
o1 = outer(hash, key=8, max=4, template=i9)
i1 = map(array, key=4, value=8, max=1, flags=INNER_MAP)
i0.update(3, 7)
o1.update(3, i9)
o1.lookup(3)
o0.update(2, i1)
o0.lookup(2)
p1 = prog(xdp, o1, find:in check get:in check read)
p1.run(3, 1)
p0 = prog(xdp, o0, find:in keep check spill get:5 check read:0:4)
o1.next(null)
i0.lookup(3)
o0.dump()
o1.delete(3)
p0.run(2, 3)
o0.lookup(1)
end()
`
	deadlyLeast = 6 // operations that it takes
)

// TestRealPanicIsReduced: through as many deaths as that takes, the operation in flight named, the console kept.
func TestRealPanicIsReduced(t *testing.T) {
	x := openSeries(t, deadlySeries)
	seq, err := ops.Parse(deadlySequence)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	v, err := x.tryJob(x.job(seq))
	if err != nil || v == nil || v.Trace.End != ops.Panicked || ops.Verb(v.Trace.Steps[v.Step].Op) != "run" {
		t.Fatalf("%v, %v; want that the kernel panics of a run", v, err)
	}
	first := time.Since(start)
	f := &report.Finding{Reduced: v, Original: seq, Times: 1}
	start = time.Now()
	if err := x.reduceOne(f); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	t.Logf("the first death took %v with its boot, the reduction to %d operations %v with %d executions and %d more",
		first, len(f.Reduced.Trace.Steps), took, f.Tries, f.Runs)
	if took > 30*first { // under a minute where a boot takes two seconds
		t.Errorf("the reduction took %v; want no more than 30 boots, of %v", took, first)
	}
	trace := f.Reduced.Trace
	if last := trace.Steps[len(trace.Steps)-1]; len(trace.Steps) != deadlyLeast || last.Returned || last.Op.String() != "p0.run(0, 0)" {
		t.Errorf("reduced to\n%s", trace)
	}
	if f.Shown != f.Runs || f.Runs != 3 || !strings.Contains(trace.Console, "NULL pointer dereference") {
		t.Errorf("shown in %d of %d runs, the console is\n%s", f.Shown, f.Runs, trace.Console)
	}
}

// openSeries is an examination of a real kernel of kernels.txt of which nothing is known, or the test is skipped.
func openSeries(t *testing.T, series string) *examination {
	t.Helper()
	if os.Getenv("MIMIC_VM") == "" {
		t.Skip("dozens of guests: set MIMIC_VM=1")
	}
	specs, err := ParseSpecs(series, How{Mode: target.Fast, Cold: true})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Log: t.Output()}
	guest, kernel, err := c.open(t.Context(), specs[0], &report.Kernel{Name: series})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guest.Close() })
	return &examination{ctx: t.Context(), runner: guest, kernel: kernel, asked: properties.Asked{}, mode: target.Fast}
}
