package properties

import "mimic/ops"

// holdMoves have something other than a descriptor keep maps, and let them go.
func holdMoves() []move {
	return []move{
		{"hold", 0, (*draft).hold},
		{"let-go", 0, (*draft).letGo},
		{"live", 0, func(d *draft) bool { return d.add(ops.Live{}) }},
		{"renew", 0, (*draft).renew},
		{"still", 0, (*draft).still},
	}
}

// hold makes a process, an iterator or the link of a program.
func (d *draft) hold() bool {
	if len(d.state.handles) > 24 {
		return false
	}
	switch d.between(0, 3) {
	case 0:
		return d.iterate()
	case 1:
		return d.attach()
	}
	all := d.names(func(h *handle) bool { return isOpen(h) || isProg(h) || isBTF(h) })
	if len(all) == 0 {
		return false
	}
	of := pick(d, all)
	if d.chance(12) {
		of = d.anyName()
	}
	return d.add(ops.Process{Def: d.fresh("c"), Of: of})
}

func (d *draft) iterate() bool {
	all := d.names(func(h *handle) bool {
		return isOpen(h) && (h.obj.spec.Type == ops.Hash || h.obj.spec.Type == ops.Array) && h.mode == 0
	})
	if len(all) == 0 || !d.state.Kernel.has(ops.FeatureIter) {
		return false
	}
	return d.add(ops.Iter{Def: d.fresh("t"), Of: pick(d, all)})
}

// attach attaches a program, of which it loads one if there is none.
func (d *draft) attach() bool {
	if !d.state.Kernel.runs(ops.Tracing, 0) || !d.state.Kernel.loads(ops.Tracing, 0) {
		return false
	}
	all := d.names(func(h *handle) bool {
		return isProg(h) && h.prog.typ == ops.Tracing && h.prog.flags == 0 && !h.prog.attached && !h.prog.free
	})
	if len(all) == 0 {
		n, m, ok := d.outerName()
		if !ok || m.free || !plainValues(m.insideBTF()) {
			return false
		}
		p := ops.Prog{Def: d.fresh("p"), Type: ops.Tracing, Map: n, Body: "find:in check"}
		d.add(p)
		all = []ops.Name{p.Def}
	}
	return d.add(ops.Attach{Def: d.fresh("l"), Of: pick(d, all)})
}

// letGo ends a process, an iterator or a link.
func (d *draft) letGo() bool {
	all := d.names(func(h *handle) bool { return h.open && (h.keeps != nil || h.keepsProg != nil) })
	if len(all) == 0 {
		return d.hold()
	}
	n := pick(d, all)
	if d.state.handles[n].process {
		return d.add(ops.Kill{On: n})
	}
	return d.add(ops.Close{On: n})
}

// renew stores a map that nothing else keeps.
func (d *draft) renew() bool {
	n, m, ok := d.outerName()
	if !ok || m.free || m.template == nil || !m.template.renewable() || d.full() {
		return false
	}
	o := ops.Renew{On: n, Key: d.goodKey(m)}
	if m.outerKind() == ops.OuterHash && d.chance(4) {
		o.Flags = d.fittingFlag(m, o.Key)
	}
	return d.add(o)
}

func (d *draft) still() bool {
	all := d.names(isOpenInner)
	return len(all) > 0 && d.add(ops.Still{On: pick(d, all), Key: ops.K(0)})
}
