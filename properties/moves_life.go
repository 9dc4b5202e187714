package properties

import (
	"slices"

	"mimic/ops"
)

func (d *draft) closeOne(is func(*handle) bool) bool {
	all := d.names(is)
	if len(all) == 0 {
		return false
	}
	return d.add(ops.Close{On: pick(d, all)})
}

// bind binds a map, mostly an outer one, to a program, and asks which maps that uses.
func (d *draft) bind() bool {
	all := d.names(isProg)
	if of, m, ok := d.outerName(); ok && !m.free && d.chance(4) {
		if p, ok := d.sleeper(of); ok {
			all = []ops.Name{p}
		}
	}
	n, _, ok := d.outerName()
	if d.chance(4) {
		n, ok = d.anyName(), true
	}
	if len(all) == 0 || !ok || !hasBind(d.state.Kernel) {
		return false
	}
	p := pick(d, all)
	return d.add(ops.Bind{On: p, Map: n}) && d.add(ops.Info{On: p})
}

// bound begins, now and then, with two threads that bind an outer map to a row of programs at the same time.
func (d *draft) bound() bool {
	k := d.state.Kernel
	if !hasBind(k) || !k.has(ops.FeatureCPUs) || !k.loads(ops.XDP, 0) || !d.chance(5) {
		return false
	}
	return d.race(d.stage(), (*stage).binds)
}

// binds asks what the programs use then.
func (s *stage) binds() []part {
	other := s.alsoIn(s.inners[0])
	var row []ops.Op
	for range s.d.between(6, 12) {
		p := ops.Prog{Def: s.d.fresh("p"), Type: ops.XDP, Map: other, Body: "find:0"}
		s.d.add(p)
		row, s.after = append(row, ops.Bind{On: p.Def, Map: s.on}), append(s.after, ops.Info{On: p.Def})
	}
	return []part{{ops: row, times: 1}, {ops: row, times: 1}}
}

// progInfo asks which maps a program uses.
func (d *draft) progInfo() bool {
	all := d.names(isProg)
	return len(all) > 0 && d.add(ops.Info{On: pick(d, all)})
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

// numbered opens a map as descriptor 0, if nothing is, or as one of a high number, and does something with that.
func (d *draft) numbered() bool {
	all := d.names(isOpen)
	if len(all) == 0 || len(d.state.handles) > 24 {
		return false
	}
	o := ops.Reopen{Def: d.fresh("r"), Of: pick(d, all), At: ops.NumberHigh}
	if !d.state.hasZero() && d.chance(2) {
		o.At = ops.NumberZero
	}
	d.add(o)
	m := d.state.open(o.Def)
	switch {
	case m == nil:
	case !m.outer && d.chance(2):
		d.add(d.outerOf(o.Def))
	case !m.outer:
		d.putIn(o.Def)
	case d.chance(2):
		d.add(ops.Lookup{On: o.Def, Key: d.anyKey(m)})
	case d.state.Kernel.has(ops.SocketFilter.Feature()):
		d.add(ops.Prog{Def: d.fresh("p"), Type: ops.SocketFilter, Map: o.Def, Body: ops.BodyLookup})
	}
	return true
}

// noneLeft opens a map when no descriptor is left for it, and looks what is there then.
func (d *draft) noneLeft() bool {
	all := d.names(isOpen)
	if len(all) == 0 || d.full() || len(d.state.handles) > 24 {
		return false
	}
	of := pick(d, all)
	m := d.state.open(of)
	templates := d.templates()
	switch {
	case len(templates) > 0 && d.chance(2):
		o := d.outerOf(pick(d, templates))
		o.At = ops.NumberNone
		d.add(o)
	case m.outer && !m.free && d.chance(2):
		o := d.like(m)
		o.At = ops.NumberNone
		d.add(o)
	default:
		d.add(ops.Reopen{Def: d.fresh("r"), Of: of, At: ops.NumberNone})
	}
	return d.add(ops.Live{})
}

// putIn stores a map where it fits.
func (d *draft) putIn(n ops.Name) {
	homes := d.names(func(h *handle) bool { return d.isOpenOuter(h) && !h.obj.free && slices.Contains(d.fitting(h.obj), n) })
	if len(homes) > 0 {
		home := pick(d, homes)
		d.add(ops.Update{On: home, Key: d.goodKey(d.state.open(home)), Value: ops.Val{Name: n}})
	}
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

// used leaves a map to a program that uses it, and mostly to none then.
func (d *draft) used() bool {
	all := d.names(isOpenInner)
	if len(all) == 0 {
		return false
	}
	n := pick(d, all)
	m := d.state.open(n)
	o, ok := ops.Prog{Map: n, Body: d.framed(words(d.far(), d.found(), d.actions(m.spec)))}, false
	if o.Type, o.Flags, ok = d.anyProgType(o.Body); !ok {
		return false
	}
	o.Def = d.fresh("p")
	d.add(o)
	for _, same := range d.names(func(h *handle) bool { return isOpen(h) && h.obj == m }) {
		d.add(ops.Close{On: same})
	}
	d.add(ops.Alive{On: n})
	return d.chance(3) || d.add(ops.Close{On: o.Def}) && d.alive()
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
// limit, on a kernel that takes a program that it should refuse too.
func (d *draft) gone() bool {
	all := d.names(func(h *handle) bool {
		return isMap(h) && !d.state.certain(h.obj) && !d.doubtful[h.obj] && !slices.ContainsFunc(h.obj.homes, func(m *object) bool { return d.doubtful[m] })
	})
	if len(all) == 0 {
		return false
	}
	return d.add(ops.Gone{On: pick(d, all)})
}

func (o *object) wasTemplate() bool {
	return o.past[Ref{templLeaves, FamilyArray}] || o.past[Ref{templLeaves, FamilyHash}]
}

// mode opens another descriptor of a map, to read or to write only.
func (d *draft) mode(is func(*handle) bool) bool {
	all := d.names(is)
	if len(all) == 0 || len(d.state.handles) > 24 {
		return false
	}
	flags := pick(d, []ops.CreateFlags{ops.ReadOnly, ops.ReadOnly, ops.ReadOnly, ops.WriteOnly, ops.WriteOnly, ops.WriteOnly, modes, ops.NUMANode})
	return d.add(ops.Reopen{Def: d.fresh("r"), Of: pick(d, all), Flags: flags})
}

// freeze freezes a map, rarely one that another descriptor could still fill.
func (d *draft) freeze(is func(*handle) bool) bool {
	all := d.names(is)
	if len(all) == 0 {
		return false
	}
	n := pick(d, all)
	if m := d.state.objectOf(n); m.outer && len(m.slots) == 0 && !d.chance(4) {
		return d.put()
	}
	return d.add(ops.Freeze{On: n})
}

// fdinfo reads what /proc says of an outer map.
func (d *draft) fdinfo() bool {
	n, _, ok := d.outerName()
	return ok && d.add(ops.File{On: n, Use: ops.FileInfo})
}

// file treats an outer map as a file.
func (d *draft) file() bool {
	n, _, ok := d.outerName()
	if !ok {
		return false
	}
	return d.add(ops.File{On: n, Use: pick(d, ops.FileUses())})
}

func (d *draft) pin() bool {
	all := d.names(func(h *handle) bool { return isOpen(h) || isProg(h) })
	if len(all) == 0 || len(d.state.handles) > 24 || !d.state.Kernel.has(ops.FeaturePins) {
		return false
	}
	of := pick(d, all)
	if d.chance(12) {
		of = d.anyName()
	}
	o := ops.Pin{Def: d.fresh("n"), Of: of}
	if paths := d.names(func(h *handle) bool { return h.path && h.open }); len(paths) > 0 && d.chance(3) {
		o.At = pick(d, paths)
	}
	return d.add(o)
}

func isPath(h *handle) bool { return h.path }

func (d *draft) onPath(do func(ops.Name) ops.Op) bool {
	all := d.names(func(h *handle) bool { return isPath(h) && (h.obj == nil || !h.obj.free) })
	if len(all) == 0 {
		return d.pin()
	}
	return d.add(do(pick(d, all)))
}

func (d *draft) getPath() bool {
	return d.onPath(func(n ops.Name) ops.Op {
		o := ops.Get{Def: d.fresh("r"), Of: n, Flags: pick(d, []ops.CreateFlags{0, 0, 0, ops.ReadOnly, ops.WriteOnly, modes})}
		if d.chance(8) {
			o.At = ops.NumberNone
		}
		return o
	})
}

func (d *draft) unpin() bool { return d.onPath(func(n ops.Name) ops.Op { return ops.Unpin{On: n} }) }

// cat reads the path of an outer map; without one it pins one.
func (d *draft) cat() bool {
	all := d.names(func(h *handle) bool { return isPath(h) && h.open && h.obj != nil && h.obj.outer && !h.obj.free })
	if len(all) > 0 {
		return d.add(ops.Cat{On: pick(d, all)})
	}
	n, _, ok := d.outerName()
	return ok && d.state.Kernel.has(ops.FeaturePins) && len(d.state.handles) <= 24 && d.add(ops.Pin{Def: d.fresh("n"), Of: n})
}

// btfAlive asks for BTF that no descriptor keeps.
func (d *draft) btfAlive() bool {
	all := d.names(func(h *handle) bool { return h.obj != nil && h.obj.kind != "" && h.obj.fds == 0 })
	return len(all) > 0 && d.add(ops.Alive{On: pick(d, all)})
}
