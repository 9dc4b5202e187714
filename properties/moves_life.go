package properties

import "mimic/ops"

func (d *draft) closeOne(is func(*handle) bool) bool {
	all := d.names(is)
	if len(all) == 0 {
		return false
	}
	return d.add(ops.Close{On: pick(d, all)})
}

// close closes anything that is open, and now and then what is not.
func (d *draft) close() bool {
	if d.chance(20) {
		return d.add(ops.Close{On: d.anyName()})
	}
	if d.chance(2) {
		return d.closeOne(isOpenInner)
	}
	return d.closeOne(func(h *handle) bool { return h.open })
}

// closeTemplate closes a map that was a template, and mostly another descriptor
// of it is not left.
func (d *draft) closeTemplate() bool {
	return d.closeOne(func(h *handle) bool { return isOpenInner(h) && h.obj.wasTemplate() })
}

// closeStored closes a map that is stored in an outer map.
func (d *draft) closeStored() bool {
	return d.closeOne(func(h *handle) bool {
		return isOpenInner(h) && d.state.holder(h.obj, (*State).certain) != nil
	})
}

func (d *draft) closeOuter() bool { return d.closeOne(d.isOpenOuter) }

func (d *draft) reopen() bool {
	if d.full() || len(d.state.handles) > 24 {
		return false
	}
	of := d.anyName()
	if m := d.state.objectOf(of); m != nil && m.limbo && m.lingers() {
		return false // linger does, and seldom: finding F1 costs a second each time
	}
	return d.add(ops.Reopen{Def: d.fresh("r"), Of: of})
}

// linger, seldom, closes a program array, reopens it while the kernel may be at work on
// it, and closes it again.
func (d *draft) linger() bool {
	if d.full() || !d.chance(4) || !d.state.Kernel.has(ops.FeatureHarm) || !d.progArray() {
		return false
	}
	n, again := ops.Defines(d.seq[len(d.seq)-1]), d.fresh("r")
	for _, op := range []ops.Op{ops.Close{On: n}, ops.Reopen{Def: again, Of: n}, ops.Close{On: again}, ops.Gone{On: n}} {
		d.add(op)
	}
	return true
}

// alive asks for any map, mostly one without a descriptor.
func (d *draft) alive() bool {
	all := d.names(func(h *handle) bool { return isMap(h) && h.obj.fds == 0 })
	if len(all) == 0 || d.chance(4) {
		all = d.names(isMap)
	}
	if len(all) == 0 {
		return false
	}
	return d.add(ops.Alive{On: pick(d, all)})
}

// gone waits only for what is to go: anything else would take the whole time
// limit.
func (d *draft) gone() bool {
	all := d.names(func(h *handle) bool { return isMap(h) && !d.state.certain(h.obj) })
	if len(all) == 0 {
		return false
	}
	return d.add(ops.Gone{On: pick(d, all)})
}

func (o *object) wasTemplate() bool {
	return o.past[Ref{templLeaves, FamilyArray}] || o.past[Ref{templLeaves, FamilyHash}]
}
