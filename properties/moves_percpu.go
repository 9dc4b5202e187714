package properties

import (
	"fmt"

	"mimic/ops"
)

// eachProcessor begins with a per-CPU map in an outer map, in which user space stores and deletes for all processors, and a
// program for the one that it runs on.
func (d *draft) eachProcessor() bool {
	o := d.mapOf(pick(d, []ops.MapType{ops.PercpuHash, ops.PercpuHash, ops.PercpuArray}))
	o.BTF, o.Max = "", max(o.Max, 2)
	d.add(o)
	n := d.homeOf(o.Def)
	m := d.state.open(n)
	if m == nil || m.free || len(m.keys()) == 0 || !d.state.Kernel.loads(ops.XDP, 0) || !d.state.Kernel.runs(ops.XDP, 0) {
		return true
	}
	p := ops.Prog{Def: d.fresh("p"), Type: ops.XDP, Map: n, Body: d.framed(words("find:in check", fmt.Sprintf("call:map_update_elem:in:%d", d.between(1, 1<<30))))}
	d.add(p)
	some := func() ops.Key { return ops.K(uint64(d.between(0, 2))) }
	for range d.between(3, 6) {
		key := some()
		switch d.between(0, 3) {
		case 0:
			d.add(ops.Update{On: o.Def, Key: key, Value: ops.Val{N: uint64(d.between(1, 200))}})
		case 1:
			d.add(ops.Delete{On: o.Def, Key: key})
		default:
			run := ops.Run{On: p.Def, Key: ops.K(m.keys()[0]), Inner: key}
			if was := d.state.openProg(p.Def); was != nil && d.bearable(was, run) {
				d.add(run)
			}
		}
		d.add(ops.Lookup{On: o.Def, Key: pick(d, []ops.Key{key, key, some()})})
	}
	return true
}
