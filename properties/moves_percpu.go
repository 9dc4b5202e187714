package properties

import (
	"fmt"

	"mimic/ops"
)

// eachProcessor begins with a per-CPU map in an outer map, in which user space stores and deletes for all processors, and a
// program for the one that it runs on.
func (d *draft) eachProcessor() bool {
	types := d.types(func(r *typeRow) bool { return r.typ == ops.PercpuHash || r.typ == ops.PercpuArray })
	if len(types) == 0 || d.full() {
		return false
	}
	o := d.mapOf(pick(d, types))
	o.BTF, o.Max = "", max(o.Max, 2)
	d.add(o)
	n := d.homeOf(o.Def)
	m := d.state.open(n)
	if m == nil || m.free || len(m.keys()) == 0 || !d.state.Kernel.loads(ops.XDP, 0) || !d.state.Kernel.runs(ops.XDP, 0) {
		return true
	}
	look := ""
	if d.state.Kernel.callable("beside:in") && !d.chance(3) {
		look = d.beside("in")
	}
	p := ops.Prog{Def: d.fresh("p"), Type: ops.XDP, Map: n, Body: d.framed(words("find:in check", fmt.Sprintf("call:map_update_elem:in:%d", d.between(1, 1<<30)), look))}
	d.add(p)
	for i := range d.between(4, 7) {
		d.forEach(o.Def, ops.Run{On: p.Def, Key: ops.K(m.keys()[0]), Inner: ops.K(uint64(d.between(0, 2)))}, i)
	}
	return true
}

// beside reads what another processor has.
func (d *draft) beside(key string) string {
	return string(words("keep beside:"+key, d.way(), "check read swap"))
}

// forEach stores, deletes or has a program store in a per-CPU map, in this order first, and looks at it.
func (d *draft) forEach(n ops.Name, run ops.Run, step int) {
	if step > 2 {
		step = d.between(0, 3)
	}
	switch was := d.state.openProg(run.On); {
	case step == 0:
		d.add(ops.Update{On: n, Key: run.Inner, Value: ops.Val{N: uint64(d.between(1, 200))}})
	case step == 1:
		d.add(ops.Delete{On: n, Key: run.Inner})
	case was != nil && d.bearable(was, run):
		d.add(run)
	}
	d.add(ops.Lookup{On: n, Key: run.Inner})
}
