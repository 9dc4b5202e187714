package properties

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"

	"mimic/ops"
)

// simulation is a race on a fake kernel: one thread at a time does a part of what
// it is about, the next chosen by chance, which the text of the race decides.
type simulation struct {
	fake   Fake
	s      *State
	chance *rand.Rand
	ticket int
	actors []*actor
	events [][]ops.Event // by operation
	about  []*object     // outer maps
	visits []*visit      // programs that are at work in a map
	ticks  map[*object]int
	past   map[*object]map[uint64][]was
	locked map[element]uint64 // numbers in values that are changed with their lock held
}

// was is what a key held once, and the ticket by which that was over.
type was struct {
	value *object
	until int
}

// visit is a program that counts in a map.
type visit struct {
	in   *object
	over bool
}

// actor is a thread.
type actor struct {
	sim   *simulation
	first int // operation of the race
	ops   []ops.Op
	left  int // rounds, this one too
	until ops.Until
	at    int // operation of the thread
	under ops.Event
	parts []func() bool // what is left of the operation under way; a part that answers false waits
}

// race lets the threads of a race run and answers its steps.
func (f Fake) race(s *State, seq ops.Sequence) (steps []ops.Step) {
	h := fnv.New64a()
	h.Write([]byte(seq.String()))
	sim := &simulation{fake: f, s: s, chance: rand.New(rand.NewPCG(h.Sum64(), 1)), events: make([][]ops.Event, len(seq)),
		about: s.outersOf(seq), ticks: map[*object]int{}, past: map[*object]map[uint64][]was{}, locked: map[element]uint64{}}
	sim.cast(seq)
	for sim.step() {
	}
	sim.settle()
	for i, op := range seq {
		steps = append(steps, ops.Step{Op: op, Returned: true, Got: sim.answer(i, op)})
	}
	return steps
}

// cast makes the threads.
func (sim *simulation) cast(seq ops.Sequence) {
	for i, op := range seq {
		switch o := op.(type) {
		case ops.Thread:
			sim.actors = append(sim.actors, &actor{sim: sim, first: i + 1, left: int(o.Times), until: o.Until})
		case ops.Join:
		default:
			a := sim.actors[len(sim.actors)-1]
			a.ops = append(a.ops, op)
		}
	}
	sim.actors = slices.DeleteFunc(sim.actors, func(a *actor) bool { return len(a.ops) == 0 || a.left == 0 })
}

func (sim *simulation) answer(i int, op ops.Op) ops.Result {
	switch op.(type) {
	case ops.Thread:
		return ops.OK
	case ops.Join:
		return sim.final()
	}
	if !ops.Threadable(op) {
		return ops.Read(ops.WordNoThread)
	}
	return ops.History(sim.events[i])
}

// step lets one thread go on, and says whether any can.
func (sim *simulation) step() bool {
	if len(sim.actors) == 0 {
		return false
	}
	order := sim.chance.Perm(len(sim.actors))
	for _, i := range order {
		if sim.actors[i].act() {
			if sim.actors[i].left == 0 {
				sim.actors = slices.Delete(sim.actors, i, i+1)
			}
			return true
		}
	}
	return false
}

func (sim *simulation) stamp() int {
	sim.ticket++
	return sim.ticket - 1
}

// act does one part; false: it waits.
func (a *actor) act() bool {
	op := a.ops[a.at]
	switch {
	case !ops.Threadable(op):
		a.next()
		return true
	case a.parts == nil:
		a.under = ops.Event{Call: a.sim.stamp()}
		a.parts = a.script(op)
		return true
	case len(a.parts) > 0:
		if !a.parts[0]() {
			return false
		}
		a.parts = a.parts[1:]
		return true
	}
	a.under.Return = a.sim.stamp()
	a.sim.events[a.first+a.at] = append(a.sim.events[a.first+a.at], a.under)
	a.next()
	return true
}

func (a *actor) next() {
	a.parts = nil
	if a.at++; a.at == len(a.ops) {
		a.at = 0
		a.left--
	}
	if a.at == 0 && a.until == ops.UntilAlone && !a.sim.busy() {
		a.left = 0
	}
}

// busy says whether a thread is at work that does all that it is to do.
func (sim *simulation) busy() bool {
	return slices.ContainsFunc(sim.actors, func(a *actor) bool { return a.until == ops.UntilDone })
}

// script is what an operation consists of.
func (a *actor) script(op ops.Op) []func() bool {
	once := func(do func()) func() bool { return func() bool { do(); return true } }
	effect := once(func() { a.under.Got = a.sim.effect(a, op) })
	lie := a.sim.lie()
	switch o := op.(type) {
	case ops.Run:
		if m := a.sim.counts(o); m != nil {
			return a.visit(o, m, effect)
		}
	case ops.Still:
		x := a.sim.s.objectOf(o.On)
		before := 0
		return []func() bool{once(func() { before = a.sim.ticks[x] }), once(func() {}), once(func() {}), once(func() {
			a.under.Got = a.sim.effect(a, op)
			if a.sim.ticks[x] != before && a.under.Got == ops.Read(ops.WordStill) {
				a.under.Got = ops.Read(ops.WordMoving)
			}
		})}
	case ops.Update:
		if a.sim.replaces(o) && a.sim.s.open(o.On).family() == lie.torn {
			return []func() bool{once(func() { a.sim.tear(o) }), once(func() {}), effect, a.wait(op)}
		}
		if m := a.sim.s.open(o.On); m != nil && m.outer && m.family() == lie.lazy {
			return append(slices.Repeat([]func() bool{once(func() {})}, 8), effect, a.wait(op))
		}
	case ops.UpdateBatch:
		switch m := a.sim.s.open(o.On); {
		case m == nil || !m.outer:
		case m.family() == lie.bitwise && isFlood(o):
			return append(a.bits(o, 1+len(o.Keys.List())/bitsOfBatch), a.wait(op))
		case m.family() == lie.torn && o.Flags == 0 && len(o.Keys.List()) == len(o.Values.List()):
			return append(a.bits(o, 1), a.wait(op))
		}
	}
	if isWrite(op) {
		return []func() bool{effect, a.wait(op)}
	}
	return []func() bool{effect}
}

// bits are the parts of a batch that is done in bits of so many pairs. What is torn, one by one, is taken out before.
func (a *actor) bits(o ops.UpdateBatch, size int) (parts []func() bool) {
	keys, values := o.Keys.List(), o.Values.List()
	torn := a.sim.s.open(o.On).family() == a.sim.lie().torn
	for first := 0; first < len(keys); first += size {
		bit, last := o, min(first+size, len(keys))
		bit.Keys, bit.Values = ops.KeyList(keys[first:last]), ops.ValList(values[first:last])
		if torn {
			parts = append(parts, func() bool {
				a.sim.tear(ops.Update{On: o.On, Key: keys[first], Value: values[first], Flags: o.Elem})
				return true
			})
		}
		parts = append(parts, func() bool {
			if first == 0 || a.under.Got.Errno == 0 {
				a.under.Got = a.sim.effect(a, bit)
			}
			if a.under.Got.Errno == 0 {
				a.under.Got = ops.Read(strconv.Itoa(last))
			}
			return true
		})
	}
	return parts
}

// isFlood says whether a batch writes to one key again and again.
func isFlood(o ops.UpdateBatch) bool {
	keys := o.Keys.List()
	return len(keys) == len(o.Values.List()) && len(slices.Compact(keys)) == 1
}

// bitsOfBatch is how many bits are enough for others to look and freeze meanwhile.
const bitsOfBatch = 12

// visit is the script of a program that counts in what it finds.
func (a *actor) visit(o ops.Run, m *object, effect func() bool) []func() bool {
	v := &visit{}
	enter := func() bool {
		v.in = m.slots[ops.Truncate(o.Key.N, m.spec.Key)]
		if steps := a.sim.s.openProg(o.On).body.Steps(); !steps[0].Key.In {
			v.in = m.slots[ops.Truncate(steps[0].Key.N, m.spec.Key)]
		}
		a.sim.visits = append(a.sim.visits, v)
		return effect()
	}
	tick := func() bool { a.sim.ticks[v.in]++; return true }
	leave := func() bool { v.over = true; return true }
	return append(append([]func() bool{enter}, slices.Repeat([]func() bool{tick}, visitTicks)...), leave)
}

// visitTicks is how far a program of a fake kernel counts, however far it is to: long
// enough for writes and looks beside it.
const visitTicks = 12

// wait is the part of a write that lasts until no program is at work that was
// when it began.
func (a *actor) wait(op ops.Op) func() bool {
	if hasty := a.sim.lie().hasty; hasty != nil && hasty(a.sim, op) {
		return func() bool { return true }
	}
	var before []*visit
	begun := false
	return func() bool {
		if !begun {
			begun, before = true, slices.Clone(a.sim.visits)
		}
		return !slices.ContainsFunc(before, func(v *visit) bool { return !v.over })
	}
}

// counts is the outer map through which a program counts, or nil.
func (sim *simulation) counts(o ops.Run) *object {
	p := sim.s.openProg(o.On)
	if p == nil || p.uses == nil || !p.uses.outer || !counting(p.body) || p.body.Steps()[0].Word != ops.StepFind {
		return nil
	}
	return p.uses
}

// effect is the moment at which an operation happens.
func (sim *simulation) effect(a *actor, op ops.Op) ops.Result {
	lie := sim.lie()
	if lie.instead != nil {
		if got, told := lie.instead(sim, a, op); told {
			return got
		}
	}
	m, before := sim.held(op)
	o := choice(sim.s.Step(op), op)
	sim.s.Advance(op, o, o.Want)
	sim.replaced(m, before)
	if number, at := sim.number(op); number != nil {
		return number(at)
	}
	return o.Want
}

// held is what the keys held that an operation is about.
func (sim *simulation) held(op ops.Op) (m *object, slots map[uint64]*object) {
	names := ops.Uses(op)
	if len(names) == 0 {
		return nil, nil
	}
	if m = sim.s.open(names[0]); m == nil || !m.outer {
		return nil, nil
	}
	slots = map[uint64]*object{}
	for k, v := range m.slots {
		slots[k] = v
	}
	return m, slots
}

// replaced remembers what keys no longer hold.
func (sim *simulation) replaced(m *object, slots map[uint64]*object) {
	for k, v := range slots {
		if m.slots[k] != v {
			if sim.past[m] == nil {
				sim.past[m] = map[uint64][]was{}
			}
			sim.past[m][k] = append(sim.past[m][k], was{v, sim.ticket})
		}
	}
}

// final is what the outer maps hold that the race is about.
func (sim *simulation) final() ops.Result {
	var parts []string
	for _, m := range sim.about {
		for _, k := range m.keys() {
			parts = append(parts, fmt.Sprintf("%s:%d=%s", m.name, k, m.slots[k].name))
		}
	}
	slices.Sort(parts)
	return namesRead(parts)
}

// outersOf are the outer maps that operations are about.
func (s *State) outersOf(seq ops.Sequence) (all []*object) {
	add := func(m *object) {
		if m != nil && m.outer && !m.free && !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	for _, op := range seq {
		names := ops.Uses(op)
		if len(names) == 0 || !ops.Threadable(op) {
			continue
		}
		if o, binds := op.(ops.Bind); binds {
			add(s.open(o.Map))
			continue
		}
		add(s.open(names[0]))
		if p := s.openProg(names[0]); p != nil {
			add(p.uses)
		}
	}
	return all
}

// replaces says whether an update puts a map in the place of another.
func (sim *simulation) replaces(o ops.Update) bool {
	m := sim.s.open(o.On)
	return m != nil && m.outer && o.Flags == ops.Any && m.slots[ops.Truncate(o.Key.N, m.spec.Key)] != nil && sim.s.Step(o)[0].Want == ops.OK
}

// tear takes out what is about to be replaced.
func (sim *simulation) tear(o ops.Update) {
	if sim.replaces(o) {
		m := sim.s.open(o.On)
		sim.s.drop(m, ops.Truncate(o.Key.N, m.spec.Key))
	}
}

// raceLie is a way in which a fake kernel breaks promises about what happens at
// the same time.
type raceLie struct {
	torn    Family                                               // in which maps are replaced by taking the old one out first
	lazy    Family                                               // in which a while passes before something is written
	bitwise Family                                               // in which a batch is done bit by bit
	hasty   func(*simulation, ops.Op) bool                       // writes that do not wait
	instead func(*simulation, *actor, ops.Op) (ops.Result, bool) // what happens in the place of an operation
	last    func(*simulation)                                    // what happens at the end
}

func (sim *simulation) lie() *raceLie {
	if l := sim.fake.Lie; l != nil && l.Race != nil {
		return l.Race
	}
	return &raceLie{}
}

// settle lets what a lie put off happen.
func (sim *simulation) settle() {
	if last := sim.lie().last; last != nil {
		last(sim)
	}
}

// beside says whether another thread is in the middle of such an operation.
func (sim *simulation) beside(a *actor, is func(ops.Op) bool) bool {
	return slices.ContainsFunc(sim.actors, func(b *actor) bool { return b != a && b.parts != nil && is(b.ops[b.at]) })
}
