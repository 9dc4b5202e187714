package properties

import (
	"slices"
	"strconv"

	"mimic/ops"
)

// element is where a value is.
type element struct {
	m   *object
	key uint64
}

// number is what an operation that holds the lock of a value does with the number in it, and where; nil if it is none.
func (sim *simulation) number(op ops.Op) (do func(element) ops.Result, at element) {
	tell := func(at element) ops.Result { return ops.Read(strconv.FormatUint(sim.locked[at], 10)) }
	switch o := op.(type) {
	case ops.Run:
		far, in := sim.adds(o)
		if in.m == nil {
			return nil, element{}
		}
		return func(at element) ops.Result { sim.locked[at] += far; return tell(at) }, in
	case ops.Update:
		if m := sim.s.open(o.On); m != nil && m.numbered() && o.Flags == ops.Lock {
			return func(at element) ops.Result { sim.locked[at] = o.Value.N; return ops.OK }, element{m, o.Key.N}
		}
	case ops.Lookup:
		if m := sim.s.open(o.On); m != nil && m.numbered() && o.Flags == ops.Lock {
			return tell, element{m, o.Key.N}
		}
	}
	return nil, element{}
}

// adds is how much a program adds with the lock of a value held, and where; nowhere if it does not.
func (sim *simulation) adds(o ops.Run) (far uint64, at element) {
	p := sim.s.openProg(o.On)
	if p == nil || p.uses == nil || !p.uses.outer {
		return 0, element{}
	}
	far, ok := addsLocked(p.body)
	if !ok {
		return 0, element{}
	}
	steps := p.body.Steps()
	find, key := steps[0].Key.N, steps[2].Key.N
	if steps[0].Key.In {
		find = o.Key.N
	}
	if steps[2].Key.In {
		key = o.Inner.N
	}
	m := p.uses.slots[ops.Truncate(find, p.uses.spec.Key)]
	if m == nil || key >= uint64(m.spec.Max) {
		return 0, element{}
	}
	return far, element{m, key}
}

// alters says whether an operation changes the number in a value.
func (sim *simulation) alters(op ops.Op, at element) bool {
	number, where := sim.number(op)
	_, looks := op.(ops.Lookup)
	return number != nil && !looks && where == at
}

// unlocked has operations of a kind see a number half way, while a program adds to it or user space writes it.
func unlocked(f Family, verb string) *raceLie {
	return &raceLie{instead: func(sim *simulation, a *actor, op ops.Op) (ops.Result, bool) {
		number, at := sim.number(op)
		if number == nil || ops.Verb(op) != verb || !at.m.in(f) || !sim.beside(a, func(op ops.Op) bool { return sim.alters(op, at) }) {
			return ops.OK, false
		}
		got, _ := strconv.ParseUint(number(at).Got, 10, 64)
		return ops.Read(strconv.FormatUint(got+lockedFar/2, 10)), true
	}}
}

// in says whether a map was stored in an outer map of a family.
func (m *object) in(f Family) bool {
	return slices.ContainsFunc(m.homes, func(home *object) bool { return home.family() == f })
}
