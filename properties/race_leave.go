package properties

import (
	"slices"

	"mimic/ops"
)

// leave moves the state on to what the race left.
func (r *race) leave() {
	for _, made := range r.renewed {
		r.s.objects = append(r.s.objects, made)
	}
	for _, m := range r.outers() {
		r.leaveSlots(m)
	}
	for _, d := range r.deeds {
		r.leaveOne(d)
	}
	r.leavePaths()
	for _, o := range slices.Clone(r.s.objects) {
		r.s.lost(o, false)
	}
	for _, d := range r.deeds {
		if o, closes := d.op.(ops.Close); closes && d.Got == ops.OK {
			r.s.closeHandle(r.s.handles[o.On])
		}
	}
}

// leaveSlots is what an outer map holds after the race. What it held before, or
// meanwhile, could be kept by mistake.
func (r *race) leaveSlots(m *object) {
	pairs, told := r.final[m.name]
	if r.lawless[m] || !r.joined || !told && r.losable(m) {
		r.forget(m)
		return
	}
	for _, o := range r.s.objects {
		if r.passed(m, o) && !o.dead {
			o.remember(deadRemoved, m.family())
			if !slices.Contains(o.homes, m) {
				o.homes = append(o.homes, m)
			}
		}
	}
	m.slots = map[uint64]*object{}
	m.walk.forget()
	for k, n := range pairs {
		if inner := r.made(n); inner != nil {
			m.slots[k] = inner
			m.written[k] = true
		}
	}
	for k := range r.keysOf(m) {
		m.written[k] = true
	}
}

// forget makes an outer map one of which nothing is known: whatever it may have held
// may be alive or not.
func (r *race) forget(m *object) {
	for _, o := range r.s.objects {
		if r.passed(m, o) && !o.dead {
			o.free, o.limbo = true, true
		}
	}
	m.free, m.slots = true, map[uint64]*object{}
}

// made is the map that was made under a name, before the race or in it.
func (r *race) made(n string) *object {
	if o := r.renewed[n]; o != nil {
		return o
	}
	for _, o := range r.s.objects {
		if string(o.name) == n && o.kind == "" {
			return o
		}
	}
	return nil
}

// passed says whether an outer map holds, or may have held, another.
func (r *race) passed(m, o *object) bool {
	if m.stores(o) {
		return true
	}
	for about, h := range r.histories {
		if about.kind == ofSlot && about.name == m.name && h.stored(string(o.name)) {
			return true
		}
	}
	return false
}

// leaveOne is what a deed left that is no write of an element.
func (r *race) leaveOne(d deed) {
	switch o := d.op.(type) {
	case ops.Freeze:
		if m := r.s.open(o.On); m != nil && d.Got == ops.OK {
			m.frozen = true
		}
	case ops.Bind:
		if p, m := r.s.openProg(o.On), r.s.open(o.Map); p != nil && m != nil && d.Got == ops.OK {
			p.bind(m)
		}
	case ops.Renew:
		if _, made := r.renewed[d.Got.Got]; made {
			r.s.renewed++
		}
	}
}

// leavePaths makes the paths that were made once more than removed, and removes
// the others.
func (r *race) leavePaths() {
	times, of := map[ops.Name]int{}, map[ops.Name]ops.Name{}
	for _, d := range r.deeds {
		done := 0
		if d.Got == ops.OK {
			done = 1
		}
		switch o := d.op.(type) {
		case ops.Pin:
			times[o.Def] += done
			of[o.Def] = o.Of
		case ops.Unpin:
			times[o.On] -= done
		}
	}
	for n, made := range times {
		r.leavePath(n, of[n], made)
	}
}

func (r *race) leavePath(n, of ops.Name, made int) {
	was := r.s.handles[n]
	if was != nil && was.path && was.open && made < 0 {
		r.s.unlink(was)
	}
	h := r.s.handles[of]
	if h == nil {
		return
	}
	if r.s.handles[n] = (&handle{obj: h.obj, prog: h.prog, path: true, open: made > 0}); made <= 0 {
		r.passing(h)
		return
	}
	if h.prog != nil {
		h.prog.refs++
	} else if h.obj != nil {
		h.obj.pins++
	}
	r.passing(h)
}

// passing notes that a path that was made and removed may have left something.
func (r *race) passing(h *handle) {
	if h.obj != nil {
		h.obj.remember(deadPin, FamilyInner)
		h.obj.limbo = true
	}
}
