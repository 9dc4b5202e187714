package properties

import (
	"slices"

	"mimic/ops"
)

// twoWays has programs look in an outer map and in a second one that is made for that: the one may have what the
// other has not, and what is right for the template of one may be wrong for that of the other.
func (d *draft) twoWays() bool {
	n, m, ok := d.outerName()
	if !ok || d.full() || m.free || m.spec.Flags&(ops.ReadOnlyProg|ops.WriteOnlyProg) != 0 || !rowOf(m.shape.Type).lookup || m.template.bound != ops.BoundFree {
		return false
	}
	if len(m.keys()) == 0 {
		d.homeIn(n, m, d.like(m))
	}
	with, second, ok := d.secondOf(m)
	if !ok {
		return true
	}
	for range 2 {
		body := d.twoBody(m, second)
		d.lookInBoth(ops.Prog{Map: n, With: with, Body: body, Flags: pick(d, []ops.ProgFlags{0, ops.EachState})}, m, second)
	}
	return true
}

// homeIn makes an inner map with something in it and puts it in an outer map.
func (d *draft) homeIn(n ops.Name, m *object, o ops.Map) {
	d.add(o)
	inner := d.state.open(o.Def)
	if inner == nil {
		return
	}
	for range 2 {
		d.add(ops.Update{On: o.Def, Key: d.anyKey(inner), Value: ops.Val{N: uint64(d.between(1, 1<<20))}})
	}
	d.add(ops.Update{On: n, Key: d.goodKey(m), Value: ops.Val{Name: o.Def}})
}

// secondOf makes an outer map with the keys of m, of either kind if those allow it, whose template is that of m or near it.
func (d *draft) secondOf(m *object) (ops.Name, *object, bool) {
	o := d.nearTemplate(m)
	d.add(o)
	outer := ops.Outer{Def: d.fresh("o"), Kind: ops.OuterHash, Key: m.spec.Key, Value: 4, Max: d.max(), Template: o.Def}
	if m.spec.Key == 4 && d.chance(2) {
		outer.Kind = ops.OuterArray
	}
	d.add(outer)
	second := d.state.open(outer.Def)
	if second == nil || second.free {
		return "", nil, false
	}
	d.homeIn(outer.Def, second, d.like(second))
	return outer.Def, second, true
}

// nearTemplate is a map like the template of an outer map, or one with other values, or that programs may only read.
func (d *draft) nearTemplate(m *object) ops.Map {
	o := d.like(m)
	if o.BTF != "" || d.chance(3) {
		return o
	}
	o.Value = d.size(rowOf(o.Type).values, valueSizes)
	if o.Type == ops.Hash && d.chance(6) {
		o.Flags |= ops.ReadOnlyProg
	}
	return o
}

// twoBody looks in both maps, and uses a value of what it finds as the template of one of them allows.
func (d *draft) twoBody(m, second *object) ops.Body {
	key := d.bodyKey()
	find, other, either := "find:"+key, "second:"+key, "either:"+key
	found := pick(d, []string{
		either + " check", either + " check",
		find + " check keep " + other + " check merge",
		other + " check keep " + find + " check merge",
		find + " keep " + other + " merge check",
	})
	of := pick(d, []*object{m, second}).shape
	what := pick(d, []string{"read", "read", "read", "write"})
	if d.chance(2) {
		return words(d.far(), d.oneOfValues(find, other), d.atEnd(of, what))
	}
	return words(d.far(), found, d.getStep(), "check", d.inValue(of, what))
}

// atEnd reads or writes the last bytes of a value, which a shorter one does not have.
func (d *draft) atEnd(p Spec, what string) string {
	size := d.sizeIn(p)
	return accessing(what, p.Value-size, size, 1)
}

// oneOfValues looks up values of what is found in two ways, and leaves one or the other in it.
func (d *draft) oneOfValues(find, other string) string {
	if d.chance(2) {
		find, other = other, find
	}
	return string(words(find, "check", d.getStep(), "check keep", other, "check", d.getStep(), "check", pick(d, []string{"merge", "merge", "cross"})))
}

// lookInBoth loads a program with two maps and runs it, on each of its branches, on keys of either.
func (d *draft) lookInBoth(o ops.Prog, m, second *object) {
	var ok bool
	if o.Type, o.Flags, ok = ops.XDP, 0, d.state.Kernel.loads(ops.XDP, 0); !ok || d.chance(4) {
		if o.Type, o.Flags, ok = d.anyProgType(o.Body); !ok {
			return
		}
	}
	o.Def = d.fresh("p")
	d.add(o)
	p := d.state.openProg(o.Def)
	if p == nil || p.free || !d.state.Kernel.runs(o.Type, o.Flags) || slices.Contains(slowTypes, o.Type) {
		return
	}
	for _, from := range []*object{m, second} {
		for _, branches := range []ops.Size{0, 1<<31 - 1} {
			d.runOn(o.Def, p, from, branches)
		}
	}
}

// runOn runs a program on a key that a map stores, if it stores one.
func (d *draft) runOn(n ops.Name, p *program, from *object, branches ops.Size) {
	o := ops.Run{On: n, Key: d.goodKey(from), Inner: d.hashKey(4, 4), Branches: branches}
	if keys := from.keys(); len(keys) > 0 && !d.chance(4) {
		o.Key = ops.K(pick(d, keys))
	}
	d.runInto(p, o, from)
}
