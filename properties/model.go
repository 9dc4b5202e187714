package properties

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// Step predicts: it lists every answer that the kernel may give to op in this
// state. It changes nothing but what State.via says; Advance does.
func (s *State) Step(op ops.Op) []Outcome {
	s.via = nil
	if s.racing {
		return s.guessRace(op)
	}
	return s.step(op)
}

func (s *State) step(op ops.Op) []Outcome {
	if o, says := op.(ops.Caps); says {
		return s.lower(o)
	}
	if s.may.Set != ops.CapsAll && ops.Lowered(op) {
		return s.lowered(op)
	}
	return s.whole(op)
}

// whole predicts what is done with all privileges.
func (s *State) whole(op ops.Op) []Outcome {
	switch o := op.(type) {
	case ops.Map:
		return s.createMap(o)
	case ops.Outer:
		return s.createOuter(o)
	case ops.Update:
		return s.update(o)
	case ops.Lookup:
		return s.lookup(o)
	case ops.Delete:
		return s.delete(o)
	case ops.Take:
		return s.take(o)
	case ops.Next:
		return s.next(o)
	case ops.LookupBatch:
		return s.readBatch(o, false)
	case ops.TakeBatch:
		return s.readBatch(ops.LookupBatch(o), true)
	case ops.UpdateBatch:
		return s.updateBatch(o)
	case ops.DeleteBatch:
		return s.deleteBatch(o)
	case ops.Dump:
		return s.dump(o)
	case ops.Info:
		return s.info(o.On)
	case ops.Prog:
		return s.load(o)
	case ops.Run:
		return s.run(o)
	case ops.Sys:
		return s.bySyscall(o)
	case ops.Load:
		return s.example(o)
	}
	return s.stepLife(op)
}

// stepLife predicts what is about descriptors, paths and lifetimes.
func (s *State) stepLife(op ops.Op) []Outcome {
	switch o := op.(type) {
	case ops.Close:
		return s.close(o)
	case ops.Reopen:
		return s.reopen(o)
	case ops.Alive:
		return s.alive(o.On, false)
	case ops.Gone:
		return s.alive(o.On, true)
	case ops.Freeze:
		return s.freeze(o)
	case ops.File:
		return s.file(o)
	case ops.Pin:
		return s.pin(o)
	case ops.Get:
		return s.get(o)
	case ops.Unpin:
		return s.unpin(o)
	case ops.Cat:
		return s.cat(o)
	case ops.Thread:
		return does(nil, nil)
	case ops.Join: // of no threads
		return does(nil, nil)
	case ops.Live:
		return s.live()
	case ops.Renew:
		return s.renew(o)
	case ops.Still:
		return s.still(o)
	case ops.Attach:
		return s.attach(o)
	case ops.Bind:
		return s.bindMap(o)
	case ops.Iter:
		return s.iter(o)
	case ops.Process:
		return s.process(o)
	case ops.Kill:
		return s.kill(o)
	case ops.FD:
		return s.openFD(o)
	case ops.BTF:
		return s.loadBTF(o)
	case ops.Repeat:
		return s.repeat()
	case ops.End:
		return s.end()
	}
	panic(fmt.Sprintf("properties: no model of %T", op))
}

// Advance moves the state on by the outcome that happened.
func (s *State) Advance(op ops.Op, o Outcome, got ops.Result) {
	if o.Then != nil {
		o.Then(got)
	}
	s.raceOn(op)
	s.touch(op)
	if got.Errno != 0 {
		s.refused(op)
	}
	if n := subject(op); n != "" {
		if m := s.objectOf(n); m != nil {
			m.failed = got.Errno != 0
		}
	}
}

// refused notes that everything that a call was offered could be kept by mistake.
func (s *State) refused(op ops.Op) {
	f := s.familyOfOp(op)
	if f == FamilyInner {
		return
	}
	offered := ops.Uses(op)
	if _, makes := op.(ops.Outer); !makes && len(offered) > 0 {
		offered = offered[1:]
	}
	for _, n := range offered {
		if o := s.objectOf(n); o != nil {
			o.remember(deadRefused, f)
		}
	}
}

// subject is the map that an operation might change, if any.
func subject(op ops.Op) ops.Name {
	switch o := op.(type) {
	case ops.Update:
		return o.On
	case ops.Delete:
		return o.On
	case ops.Take:
		return o.On
	case ops.Sys:
		return o.On
	case ops.TakeBatch:
		return o.On
	case ops.UpdateBatch:
		return o.On
	case ops.DeleteBatch:
		return o.On
	case ops.Renew:
		return o.On
	case ops.Freeze:
		return o.On
	case ops.File:
		return o.On
	}
	return ""
}

// fails is the one outcome of a call that is refused.
func fails(e unix.Errno, by ...Ref) []Outcome {
	return []Outcome{{Want: ops.Failed(e), By: by}}
}

func does(by []Ref, then func(ops.Result)) []Outcome {
	return []Outcome{{Want: ops.OK, By: by, Then: then}}
}

func reads(got string, by ...Ref) []Outcome {
	return []Outcome{{Want: ops.Read(got), By: by}}
}

// anything is the outcome of what is not modelled.
func anything(then func(ops.Result)) []Outcome { return []Outcome{{Free: true, Then: then}} }

// access is what a call needs of the descriptor that it is given.
type access uint8

const (
	toLook access = 1 << iota
	toWrite
)

// element asks about the map that a name holds open, if it does and may.
func (s *State) element(n ops.Name, need access, ask func(*object) []Outcome) []Outcome {
	if refused := s.noMap(n); refused != nil {
		return refused
	}
	m := s.open(n)
	s.via = s.handles[n]
	if m.free {
		return anything(nil)
	}
	if r := s.denied(m, need); r != nil {
		return fails(unix.EPERM, on(m.family(), r)...)
	}
	return ask(m)
}

// noMap is what a call answers that is given no descriptor of a map; nil if it is.
func (s *State) noMap(n ops.Name) []Outcome {
	switch {
	case s.openOther(n):
		return fails(unix.EINVAL, on(FamilyInner, otherFD)...)
	case s.open(n) == nil:
		f := FamilyInner
		if was := s.objectOf(n); was != nil && was.kind == "" {
			f = was.family()
		}
		return fails(unix.EBADF, on(f, closedFD)...)
	}
	return nil
}

// denied is the rule by which the descriptor in use cannot do what is needed, or nil.
func (s *State) denied(m *object, need access) *Rule {
	switch {
	case need&toLook != 0 && s.via.mode&ops.WriteOnly != 0, need&toWrite != 0 && s.via.mode&ops.ReadOnly != 0:
		return modeDenies
	case need&toWrite != 0 && m.frozen:
		return frozenDenies
	}
	return nil
}

// info predicts what the kernel says of a map. What is not open is EBADFD here
// and nowhere else: bpf_obj_get_info_by_fd in kernel/bpf/syscall.c.
func (s *State) info(n ops.Name) []Outcome {
	switch m := s.open(n); {
	case s.openProg(n) != nil:
		return s.progInfo(s.openProg(n))
	case s.openBTF(n) != nil || s.openLink(n):
		return anything(nil) // they have an info of their own
	case s.openOther(n):
		return fails(unix.EINVAL, on(FamilyInner, otherFD)...)
	case m == nil:
		return fails(unix.EBADFD, on(FamilyInner, closedFD)...)
	case m.free || m.bound == ops.BoundStruct:
		return anything(nil)
	default:
		s.via = s.handles[n]
		by := slices.DeleteFunc(s.context(m, infoSays), func(r Ref) bool { return r.Rule == noPrealloc || r.Rule == anyKeySize })
		return reads(m.describe(), by...)
	}
}

// describe is the text that Info answers for a map.
func (m *object) describe() string {
	p, btf := m.spec, ops.Name("")
	if m.btf != nil {
		btf = m.btf.name
	}
	return ops.Describe(p.Type, p.Key, p.Value, p.Max, p.Flags, p.Label.Bytes(), btf)
}

// context puts what is particular to a map, and to the descriptor in use, before
// the rules that hold for every one, so that what reduction leaves of it takes
// the blame.
func (s *State) context(m *object, rules ...*Rule) []Ref {
	var first []*Rule
	if s.via != nil && s.via.mode != 0 {
		first = append(first, modeAllows)
	}
	if m.frozen {
		first = append(first, frozenAllows)
	}
	if !m.outer {
		return on(m.family(), append(first, rules...)...)
	}
	if m.template != nil && m.template.dead {
		first = append(first, sansTempl)
	}
	if m.outerKind() == ops.OuterHash && m.spec.Key != 4 {
		first = append(first, anyKeySize)
	}
	if m.spec.Flags&ops.NoPrealloc != 0 {
		first = append(first, noPrealloc)
	}
	return on(m.family(), append(first, rules...)...)
}
