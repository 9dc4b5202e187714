package properties

import (
	"fmt"
	"strings"

	"mimic/ops"
)

// timerWays begins with arrays, or hashes, with timers in an outer map, and a program that
// sets them up; while descriptors of the maps are closed and opened again, and
// the maps are put in outer maps and taken out.
func (d *draft) timerWays() bool {
	k := d.state.Kernel
	o := d.mapOf(pick(d, []ops.MapType{ops.Array, ops.Hash}))
	o.Flags, o.Max = 0, pick(d, []ops.Size{1, 2, 2, 3, 5})
	o.BTF = d.someBTF(func(r *btfRow) bool { return strings.HasPrefix(string(r.kind), "timer") && r.special(k) })
	b := d.state.openBTF(o.BTF)
	if b == nil {
		return d.runner()
	}
	o.Value = btfRowOf(b.kind).value
	d.add(o)
	if d.state.open(o.Def) == nil {
		return d.runner()
	}
	n := d.homeOf(o.Def)
	m := d.state.open(n)
	progs, ok := d.timerProgs(o.Def, n, int(o.Max))
	if m == nil || m.free || !ok {
		return true
	}
	other := d.like(m)
	d.add(other)
	for k := range uint64(o.Max) {
		d.timerElement(o.Def, k)
		d.timerElement(other.Def, k)
	}
	for range d.between(6, 12) {
		d.timerStep(n, m, progs, []ops.Name{o.Def, other.Def})
	}
	return true
}

// timerProgs loads a program that sets up a timer, given a map directly and given
// an outer map, and says whether both can be run.
func (d *draft) timerProgs(inner, outer ops.Name, elements int) (names []ops.Name, ok bool) {
	element := pick(d, []string{"in", fmt.Sprint(d.between(0, elements-1))})
	o := ops.Prog{Type: pick(d, []ops.ProgType{ops.XDP, ops.SchedCLS}), Body: words("find:in check keep get:"+element, "check timer", pick(d, []string{"", "stop", "timer"}))}
	if !d.state.Kernel.loads(o.Type, 0) || !d.state.Kernel.runs(o.Type, 0) {
		return nil, false
	}
	for _, of := range []ops.Name{inner, outer} {
		o.Def, o.Map = d.fresh("p"), of
		d.add(o)
		names = append(names, o.Def)
	}
	p := d.state.openProg(o.Def)
	return append(names, o.Def), p != nil && !p.free // the second is run twice as often
}

// timerStep runs a program on what is stored, or changes who holds the maps.
func (d *draft) timerStep(n ops.Name, m *object, progs, inner []ops.Name) {
	i := pick(d, inner)
	switch d.between(0, 9) {
	case 9:
		d.timerLeft(m, progs[len(progs)-1])
	case 8:
		d.timerElement(i, uint64(d.between(0, int(m.shape.Max)-1)))
	case 0:
		d.closeOne(func(h *handle) bool { return isOpenInner(h) && h.obj == d.state.objectOf(i) })
	case 1:
		d.add(ops.Reopen{Def: d.fresh("i"), Of: i})
	case 2, 3:
		if open := d.names(func(h *handle) bool { return isOpenInner(h) && h.obj == d.state.objectOf(i) }); len(open) > 0 {
			d.add(ops.Update{On: n, Key: d.goodKey(m), Value: ops.Val{Name: pick(d, open)}})
		}
	case 4:
		if keys := m.keys(); len(keys) > 1 {
			d.add(ops.Delete{On: n, Key: ops.K(pick(d, keys))})
		}
	default:
		if keys := m.keys(); len(keys) > 0 && d.chance(3) {
			d.timerMoves(n, ops.K(pick(d, keys)), pick(d, progs))
		} else if len(keys) > 0 {
			d.add(ops.Run{On: pick(d, progs), Key: ops.K(pick(d, keys)), Inner: ops.K(uint64(d.between(0, int(m.shape.Max)-1)))})
		}
	}
}

// timerLeft closes a map that is stored, and has a program ask for a timer in it: only the outer map holds it then.
func (d *draft) timerLeft(m *object, prog ops.Name) {
	keys := m.keys()
	if len(keys) == 0 {
		return
	}
	key := pick(d, keys)
	inner := m.slots[key]
	for _, n := range d.names(func(h *handle) bool { return isOpen(h) && h.obj == inner }) {
		d.add(ops.Close{On: n})
	}
	d.add(ops.Run{On: prog, Key: ops.K(key), Inner: ops.K(uint64(d.between(0, int(m.shape.Max)-1)))})
}

// timerElement makes an element of a hash new, or removes it now and then.
func (d *draft) timerElement(n ops.Name, key uint64) {
	m := d.state.objectOf(n)
	if m == nil || !m.timedHash() {
		return
	}
	if _, there := m.data[key]; there && d.chance(4) {
		d.add(ops.Delete{On: n, Key: ops.K(key)})
		return
	}
	d.add(ops.Update{On: n, Key: ops.K(key), Value: ops.Val{N: uint64(d.between(0, 9))}})
}

// timerMoves sets up a timer in a hash, has its element, and then another, made new, and sets up that of the other: the place
// of the first may be used for it.
func (d *draft) timerMoves(outer ops.Name, key ops.Key, prog ops.Name) {
	m := d.state.objectOf(outer).slots[key.N]
	open := d.names(func(h *handle) bool { return isOpenInner(h) && h.obj == m })
	if m == nil || !m.timedHash() || m.spec.Max < 2 || len(open) == 0 {
		return
	}
	inner := pick(d, open)
	first := uint64(d.between(0, 1))
	d.add(ops.Run{On: prog, Key: key, Inner: ops.K(first)})
	for _, k := range []uint64{first, 1 - first} {
		d.add(ops.Update{On: inner, Key: ops.K(k), Value: ops.Val{N: 1}})
		d.add(ops.Run{On: prog, Key: key, Inner: ops.K(k)})
	}
}
