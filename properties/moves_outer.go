package properties

import "mimic/ops"

// outer makes an outer map of the sequence's family from any map that is open.
func (d *draft) outer() bool {
	templates := d.templates()
	if len(templates) == 0 {
		return false
	}
	return d.add(d.outerOf(pick(d, templates)))
}

func (d *draft) outerOf(template ops.Name) ops.Outer {
	o := ops.Outer{Def: d.fresh("o"), Kind: d.kind(), Key: 4, Value: 4, Max: d.max(), Template: template}
	switch {
	case d.chance(3):
		o.Max = pick(d, []ops.Size{1, 2, 3})
	case d.chance(16):
		o.Max = pick(d, []ops.Size{513, 1000}) // more than a page of pointers
	}
	if o.Kind == ops.OuterHash {
		o.Key = pick(d, append(keySizes, 96, 200, 512))
		o.Flags = pick(d, []ops.CreateFlags{0, 0, ops.NoPrealloc, ops.NoPrealloc, ops.NUMANode, ops.ReadOnlyProg, ops.WriteOnlyProg, ops.ZeroSeed})
	} else if d.chance(6) {
		o.Flags = ops.NUMANode
		o.Node = pick(d, []ops.Size{0, 0, 1<<32 - 1})
	}
	if d.chance(16) {
		o.Flags |= pick(d, []ops.CreateFlags{ops.ReadOnly, ops.WriteOnly})
	}
	if d.chance(16) {
		o.Label = pick(d, []ops.Label{ops.LabelGood, ops.LabelOther, ops.LabelFull})
	}
	return o
}

// bigOuter asks for a hash of maps with elements for which a small machine has no room, made at once or not.
func (d *draft) bigOuter() bool {
	templates := d.templates()
	if len(templates) == 0 || !d.state.Kernel.has(ops.FeatureSmall) {
		return false
	}
	o := d.outerOf(pick(d, templates))
	o.Kind, o.Key, o.Max, o.Flags = ops.OuterHash, 1<<13, 1<<16, pick(d, []ops.CreateFlags{0, 0, ops.NoPrealloc})
	if d.state.Kernel.does(hashKeyLimit) {
		o.Key, o.Max = 512, 1<<20
	}
	return d.add(o)
}

func (d *draft) kind() ops.OuterKind {
	own := ops.OuterArray
	if d.family == FamilyHash {
		own = ops.OuterHash
	}
	if d.chance(8) {
		return ops.OuterHash - own
	}
	return own
}

// outerFrom asks for an outer map whose template is one of the wrong kind.
func (d *draft) outerFrom(is func(*handle) bool) bool {
	all := d.names(is)
	if len(all) == 0 {
		return false
	}
	return d.add(d.outerOf(pick(d, all)))
}

func isProgArray(h *handle) bool { return isOpenInner(h) && h.obj.spec.Type == ops.ProgArray }

func (d *draft) progArrayOuter() bool {
	if len(d.names(isProgArray)) == 0 {
		return d.progArray()
	}
	return d.outerFrom(isProgArray)
}

// badOuter asks for an outer map with one to three faults.
func (d *draft) badOuter() bool {
	o := d.outerOf(d.anyName())
	faults := d.between(1, 3)
	if all := d.templates(); len(all) > 0 && d.chance(3) { // nothing else is wrong, nor hides it
		o.Template, faults = pick(d, all), 1
	}
	for range faults {
		d.spoil(&o)
	}
	return d.add(o)
}

// outerFlag asks for an outer map with one flag, of all that there could be.
func (d *draft) outerFlag() bool {
	all := d.templates()
	if len(all) == 0 || d.full() {
		return false
	}
	o := d.outerOf(pick(d, all))
	o.Flags = ops.CreateFlags(1) << d.between(0, 31)
	return d.add(o)
}

// templates are open maps that outer maps can be made from.
func (d *draft) templates() []ops.Name {
	return d.names(func(h *handle) bool { return isOpenInner(h) && d.state.templateFaults(ops.Outer{}, h.obj) == nil })
}

func (d *draft) spoil(o *ops.Outer) {
	switch d.between(0, 12) {
	case 0:
		o.Key = pick(d, []ops.Size{0, 1, 2, 3, 5, 8, 16, 513, 600, 1 << 22, 1 << 31, 1<<32 - 1})
	case 1:
		o.Value = pick(d, []ops.Size{0, 1, 2, 3, 5, 8, 16, 400, 1 << 20, 1 << 31, 1<<32 - 1})
	case 2:
		o.Max = pick(d, []ops.Size{0, 0, d.absurdMax(o)})
	case 3:
		o.Flags |= ops.CreateFlags(1) << d.between(0, 31)
	case 4, 5:
		o.Template = d.anyName()
	case 6:
		o.Flags |= pick(d, []ops.CreateFlags{modes, ops.ReadOnlyProg | ops.WriteOnlyProg, ops.MMapable, ops.InnerMap, ops.NoPrealloc})
	case 7:
		o.Extra = pick(d, []ops.Size{1, 1 << 31})
	case 8:
		o.Flags |= ops.NUMANode
		o.Node = pick(d, badNodes)
	case 9:
		o.Label = pick(d, []ops.Label{ops.LabelBad, ops.LabelLong})
	case 10:
		o.BTF, o.IDs = d.anyBTF(), pick(d, []ops.BTFIDs{ops.IDsBoth, ops.IDsBoth, ops.IDsBoth, ops.IDsKey})
	case 11:
		o.Tail = pick(d, []ops.Size{1, 2})
	case 12:
		o.Bound = ops.BoundDevice
	}
}

// absurdMax is more than a hash table can count, or an array can have.
func (d *draft) absurdMax(o *ops.Outer) ops.Size {
	if o.Kind == ops.OuterArray && !d.state.Kernel.has(ops.FeatureSmall) {
		return 0
	}
	if o.Kind == ops.OuterArray {
		return pick(d, []ops.Size{1 << 30, 1 << 31, 1<<32 - 1})
	}
	limit := d.state.Kernel.hashMaxLimit()
	return pick(d, []ops.Size{limit + 1, 2 * limit, 1 << 31, 1<<31 + 1, 1<<32 - 1})
}

// counted begins with an outer map whose pairs a program counts after each of some writes, of which some replace.
func (d *draft) counted() bool {
	const body ops.Body = "map call:map_sum_elem_count"
	if k := d.state.Kernel; !k.loads(ops.XDP, 0) || !k.runs(ops.XDP, 0) || !k.callable(body) {
		return false
	}
	inner := d.mapOf(pick(d, []ops.MapType{ops.Hash, ops.Array}))
	d.add(inner)
	n := d.homeOf(inner.Def)
	m := d.state.open(n)
	if m == nil || m.free {
		return true
	}
	p := ops.Prog{Def: d.fresh("p"), Type: ops.XDP, Map: n, Body: body}
	d.add(p)
	for range d.between(3, 5) {
		key := d.goodKey(m)
		put := ops.Update{On: n, Key: key, Value: ops.Val{Name: inner.Def}}
		d.add(pick(d, []ops.Op{put, put, ops.Delete{On: n, Key: key}}))
		if d.state.openProg(p.Def) != nil {
			d.add(ops.Run{On: p.Def, Key: key})
		}
	}
	return true
}
