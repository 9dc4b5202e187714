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
	return d.closeOne(func(h *handle) bool { return isOpenInner(h) && len(h.obj.templateOf) > 0 })
}

func (d *draft) closeOuter() bool { return d.closeOne(d.isOpenOuter) }

func (d *draft) reopen() bool {
	if d.full() || len(d.state.handles) > 24 {
		return false
	}
	return d.add(ops.Reopen{Def: d.fresh("r"), Of: d.anyName()})
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
