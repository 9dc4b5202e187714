package properties

import (
	"fmt"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// Step predicts: it lists every answer that the kernel may give to op in this
// state. It changes nothing; the Then of the outcome that happened does.
func (s *State) Step(op ops.Op) []Outcome {
	switch o := op.(type) {
	case ops.Map:
		return s.createMap(o)
	case ops.Outer:
		return s.createOuter(o)
	case ops.Update:
		return s.element(o.On, func(m *object) []Outcome { return s.update(m, o) })
	case ops.Lookup:
		return s.element(o.On, func(m *object) []Outcome { return at(m, o.Key, s.lookupOuter, s.read) })
	case ops.Delete:
		return s.element(o.On, func(m *object) []Outcome { return at(m, o.Key, s.deleteOuter, s.erase) })
	case ops.Next:
		return s.element(o.On, func(m *object) []Outcome { return s.next(m, o.Key) })
	case ops.Info:
		return s.info(o.On)
	case ops.Close:
		return s.close(o)
	case ops.Reopen:
		return s.reopen(o)
	case ops.Alive:
		return s.alive(o.On, false)
	case ops.Gone:
		return s.alive(o.On, true)
	case ops.Prog:
		return s.load(o)
	case ops.Run:
		return s.run(o)
	case ops.End:
		return s.end()
	}
	panic(fmt.Sprintf("properties: no model of %T", op))
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

// element asks about the map that a name holds open, if it does.
func (s *State) element(n ops.Name, ask func(*object) []Outcome) []Outcome {
	if s.openProg(n) != nil {
		return fails(unix.EINVAL, on(FamilyInner, otherFD)...)
	}
	m := s.open(n)
	if m == nil {
		f := FamilyInner
		if was := s.objectOf(n); was != nil {
			f = was.family()
		}
		return fails(unix.EBADF, on(f, closedFD)...)
	}
	if m.free {
		return anything(nil)
	}
	return ask(m)
}

// info predicts what the kernel says of a map. What is not open is EBADFD here
// and nowhere else: bpf_obj_get_info_by_fd in kernel/bpf/syscall.c.
func (s *State) info(n ops.Name) []Outcome {
	switch m := s.open(n); {
	case s.openProg(n) != nil:
		return anything(nil) // programs have an info of their own
	case m == nil:
		return fails(unix.EBADFD, on(FamilyInner, closedFD)...)
	case m.free:
		return anything(nil)
	default:
		return reads(m.spec.describe(), on(m.family(), infoSays)...)
	}
}

// describe is the text that Info answers for a map of this spec.
func (p Spec) describe() string {
	return ops.Describe(p.Type, p.Key, p.Value, p.Max, p.Flags)
}

// context puts what is particular to an outer map before the rules that hold
// for every one, so that what reduction leaves of it takes the blame.
func (m *object) context(rules ...*Rule) []Ref {
	var first []*Rule
	if m.template != nil && m.template.dead {
		first = append(first, sansTempl)
	}
	if m.kind() == ops.OuterHash && m.spec.Key != 4 {
		first = append(first, anyKeySize)
	}
	if m.spec.Flags&ops.NoPrealloc != 0 {
		first = append(first, noPrealloc)
	}
	return on(m.family(), append(first, rules...)...)
}
