package properties

import (
	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

func (s *State) load(o ops.Prog) []Outcome {
	if !s.Kernel.has(o.Type.Feature()) || o.Body > ops.BodyPeek {
		return s.unknownProg(o)
	}
	if s.openOther(o.Map) {
		return fails(unix.EINVAL, on(FamilyInner, otherFD)...)
	}
	m := s.open(o.Map)
	switch {
	case m == nil:
		return fails(unix.EBADF, on(FamilyInner, closedFD)...)
	case m.free || !m.outer || m.spec.Key > progs.MaxKey:
		return s.unknownProg(o)
	}
	f := m.family()
	switch o.Body {
	case ops.BodyLookup:
		return s.loadLookup(o, m)
	case ops.BodyUpdate, ops.BodyDelete:
		if m.spec.Flags&(ops.ReadOnlyProg|ops.WriteOnlyProg) != 0 {
			return s.unknownProg(o)
		}
		return fails(unix.EINVAL, on(f, progWrite)...)
	}
	if m.spec.Flags&(ops.ReadOnlyProg|ops.WriteOnlyProg) != 0 {
		return s.unknownProg(o)
	}
	return fails(unix.EINVAL, on(f, progOther)...)
}

// unknownProg is a load that the model does not predict.
func (s *State) unknownProg(o ops.Prog) []Outcome {
	return anything(func(got ops.Result) {
		if got == ops.OK {
			s.loaded(o, s.open(o.Map), true)
		}
	})
}

func (s *State) loadLookup(o ops.Prog, m *object) []Outcome {
	if r := rowOf(m.shape.Type); !r.lookup || m.template.fields(s.Kernel) != "" || m.shape.Flags&ops.WriteOnlyProg != 0 || m.shape.Key > progs.MaxKey || m.spec.Flags&(ops.ReadOnlyProg|ops.WriteOnlyProg) != 0 {
		return s.unknownProg(o)
	}
	return does(s.context(m, progLookup), func(ops.Result) { s.loaded(o, m, false) })
}

func (s *State) loaded(o ops.Prog, m *object, free bool) {
	if m != nil {
		m.progs++
		m.served = true
	}
	s.handles[o.Def] = &handle{prog: &program{o.Type, o.Body, m, free, 1}, open: true}
}

func (s *State) run(o ops.Run) []Outcome {
	p := s.openProg(o.On)
	if p == nil && s.handles[o.On].fd() {
		return fails(unix.EINVAL, on(FamilyInner, otherFD)...)
	}
	switch {
	case p == nil:
		return fails(unix.EBADF, on(FamilyInner, closedFD)...)
	case p.free || p.body != ops.BodyLookup || !runnable(p.typ) || !s.Kernel.has(runFeature) || o.Key.Null || o.Inner.Null:
		return anything(nil)
	}
	m := p.uses
	inner := m.slots[ops.Truncate(o.Key.N, m.spec.Key)]
	switch {
	case inner == nil:
		return reads(ops.WordNoMap, s.context(m, runNull)...)
	case inner.murky || inner.btf != nil && !btfRowOf(inner.btf.kind).plain():
		return anything(nil)
	}
	by := s.runBy(m, inner, o.Inner)
	blame := func(got ops.Result) []Ref {
		if got.Got == ops.WordNoMap {
			return s.context(m, runFound)
		}
		return by
	}
	return []Outcome{{Want: ops.Read(inner.seen(o.Inner)), By: by, Blame: blame}}
}

// runBy is what promises the answer of a lookup program. An index between the
// end of an inner map and that of its template is a question of its own, before
// any other: code that was made for the template must not answer it.
func (s *State) runBy(m, inner *object, k ops.Key) []Ref {
	index, end, other := ops.Truncate(k.N, 4), uint64(inner.spec.Max), uint64(m.shape.Max)
	switch {
	case !inner.indexed() || (index < end) == (index < other):
		return s.context(m, runFound)
	case index < end && inner.spec.Type == ops.PercpuArray:
		return append(on(m.family(), runUnseenPercpu), s.context(m)...)
	case index < end:
		return s.context(m, runFound)
	}
	if inner.spec.Type == ops.PercpuArray {
		return append(on(m.family(), runBeyondPercpu), s.context(m)...)
	}
	return append(on(m.family(), runBeyond), s.context(m)...)
}

// indexed says whether m has elements from the beginning.
func (m *object) indexed() bool { return m.spec.Type == ops.Array || m.spec.Type == ops.PercpuArray }

// seen is what a lookup program answers for a key of an inner map.
func (m *object) seen(k ops.Key) string {
	key := ops.Truncate(k.N, m.spec.Key)
	value, present := m.data[key]
	if m.indexed() {
		present = key < uint64(m.spec.Max)
	}
	if !present {
		return ops.WordNoEntry
	}
	return ops.Number(ops.Bytes(value, m.spec.Value)[:progs.ReadSize(m.spec.Value)])
}

// bySyscall predicts what a program of type syscall does to an outer map: the
// same as user space. Each answer shows that it can.
func (s *State) bySyscall(o ops.Sys) []Outcome {
	m := s.open(o.On)
	if !s.Kernel.has(ops.FeatureSys) || m == nil || !m.outer || m.free || m.spec.Key > progs.MaxKey || o.Key.Null {
		return anything(func(ops.Result) {
			if m != nil {
				m.free, m.murky = true, true
			}
		})
	}
	var all []Outcome
	if o.Command == ops.ByUpdate {
		all = s.update(ops.Update{On: o.On, Key: o.Key, Value: o.Value, Flags: o.Flags})
	} else {
		all = s.delete(ops.Delete{On: o.On, Key: o.Key})
	}
	for i := range all {
		if all[i].Want == ops.OK {
			all[i].By, all[i].Blame = append(on(m.family(), sysWrites), all[i].By...), nil
		}
	}
	return all
}
