package target

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mimic/ops"
)

const oneRun = `q0 = map(queue, key=0, value=4, max=9)
p0 = prog(TYPE, q0, map call:map_push_elem:in:7)
p0.run(0, 0)
q0.take(null)
q0.take(null)
p0.run(0, 0)
q0.take(null)
q0.take(null)
end()
`

// TestProgramsRunOnce: whatever makes a program run makes it run once, also the
// second time.
func TestProgramsRunOnce(t *testing.T) {
	vm := bootVM(t)
	var jobs []Job
	for _, typ := range ops.ProgTypes {
		if why := vm.Hello().Lacks[typ.RunFeature()]; why != "" {
			t.Logf("%s: %s", typ, why)
			continue
		}
		jobs = append(jobs, parse(t, strings.ReplaceAll(oneRun, "TYPE", typ.String())))
	}
	err := vm.Run(t.Context(), jobs, func(_ int, tr ops.Trace) {
		for i, want := range []string{"ok", "ok", "= 0", "= 7", "ENOENT", "= 0", "= 7", "ENOENT", "ok"} {
			if got := tr.Steps[i].Got.String(); got != want {
				t.Errorf("%s: %s, want %s", tr.Steps[i].Op, got, want)
			}
		}
	})
	if err != nil || len(jobs) < 8 {
		t.Errorf("%d types ran, %v; want most", len(jobs), err)
	}
}

// BenchmarkPrograms measures by the guest's clock what loading and closing a
// program, having one refused, and running one takes among many of its kind.
func BenchmarkPrograms(b *testing.B) {
	const lookup = "find:in check get:in check read)\n"
	for name, c := range map[string]struct{ before, each string }{
		"load":   {"", "N = prog(xdp, o0, " + lookup + "N.close()\n"},
		"refuse": {"", "N = prog(xdp, o0, find:in call:map_delete_elem)\n"},
		"run":    {"i = prog(xdp, i0, " + lookup + "p = prog(xdp, o0, " + lookup, "p.run(1, 1)\n"},
	} {
		b.Run(name, func(b *testing.B) { benchmarkPrograms(b, c.before, c.each) })
	}
}

const timesEach = 40

func benchmarkPrograms(b *testing.B, before, each string) {
	vm, err := tryBoot(b, 1)
	if err != nil {
		b.Skipf("no guest: %v", err)
	}
	defer vm.Close()
	text := "i0 = map(array, key=4, value=8, max=2)\no0 = outer(array, max=4, template=i0)\no0.update(1, i0)\n" + before
	for i := range timesEach {
		text += strings.ReplaceAll(each, "N", fmt.Sprintf("n%d", i))
	}
	job := parse(b, text+"end()\n")
	var inside time.Duration
	for b.Loop() {
		if err := vm.Run(b.Context(), []Job{job}, func(_ int, t ops.Trace) { inside += t.Took }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(inside.Microseconds())/float64(b.N*timesEach), "inside-µs/op")
}
