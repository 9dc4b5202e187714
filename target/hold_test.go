package target

import (
	"strings"
	"testing"

	"mimic/ops"
)

// holds are sequences about what keeps a map, and what they answer behind the
// first lines.
var holds = []struct {
	text string
	want []string
}{
	{"c0 = process(i1)\ni1.close()\nlive()\nc0.kill()\ni1.gone()\nlive()\n", []string{"ok", "ok", "= i0 i1 o0", "ok", "= gone", "= i0 o0"}},
	{"t0 = iter(i1)\ni1.close()\nlive()\nt0.close()\ni1.gone()\nt1 = iter(none)\n", []string{"ok", "ok", "= i0 i1 o0", "ok", "= gone", "EBADF"}},
	{"p0 = prog(tracing, i1, map get:in check read)\nl0 = attach(p0)\np0.close()\ni1.close()\nlive()\nl0.close()\ni1.gone()\n",
		[]string{"ok", "ok", "ok", "ok", "= i0 i1 o0", "ok", "= gone"}},
	{"p0 = prog(xdp, i1, map get:in check read)\nl0 = attach(p0)\n", []string{"ok", "EINVAL"}},
	{"p0 = prog(raw_tracepoint, i1, map get:in check read)\nl0 = attach(p0)\n", []string{"ok", "EFAULT"}},
	{"p0 = prog(lsm, i1, map get:in check read)\nl0 = attach(p0)\np0.close()\ni1.close()\nlive()\nl0.close()\ni1.gone()\n",
		[]string{"ok", "ok", "ok", "ok", "= i0 i1 o0", "ok", "= gone"}},
	{"o0.renew(2)\no0.lookup(2)\nlive()\no0.delete(2)\no0.dump()\n", []string{"= new1", "= new1", "= i0 i1 new1 o0", "ok", "= {1=i0}"}},
	{"i0.still(1)\n", []string{"= still"}},
	// An attached program does nothing when another is run, and its own run is one.
	{"p0 = prog(tracing, i0, map get:in check count:1)\nl0 = attach(p0)\np1 = prog(tracing, i0, map get:in check read)\np1.run(0, 1)\np1.run(0, 1)\np0.run(0, 1)\np1.run(0, 1)\n",
		[]string{"ok", "ok", "ok", "= 77", "= 77", "= end", "= 78"}},
}

const beforeHolds = `i0 = map(array, key=4, value=8, max=2)
o0 = outer(array, max=4, template=i0)
o0.update(1, i0)
i0.update(1, 77)
i1 = map(array, key=4, value=8, max=2)
`

func TestHolds(t *testing.T) {
	vm := bootVM(t)
	var jobs []Job
	for _, h := range holds {
		jobs = append(jobs, parse(t, beforeHolds+h.text+"end()\n"))
	}
	err := vm.Run(t.Context(), jobs, func(i int, tr ops.Trace) {
		want := strings.Join(append(holds[i].want, "ok"), "; ")
		var got []string
		for _, s := range tr.Steps[strings.Count(beforeHolds, "\n"):] {
			got = append(got, s.Got.String())
		}
		if got := strings.Join(got, "; "); got != want {
			t.Errorf("%s: got %s, want %s", holds[i].text, got, want)
		}
	})
	if err != nil {
		t.Error(err)
	}
}
