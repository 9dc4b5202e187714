package properties

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"

	"mimic/ops"
)

// weights says how often a plan makes a move, by the name of the move.
type weights map[string]int

// Choose answers a number from 0 to n-1: what a plan has instead of a will.
//
// Runs choose uniformly from a seed. They don't draw from rapid: its integers
// lean to small values, which serves its shrinker and not our distribution (we
// reduce operations, not draws). Tests drive the same plans from rapid.
type Choose func(n int) int

// Plan answers the sequence with that number for a row of the table of
// verdicts, on a kernel. It depends on nothing else, so that a seed and a
// kernel's features name every sequence of a run.
func Plan(k Kernel, row Key, seed uint64, number int) ops.Sequence {
	h := fnv.New64a()
	h.Write([]byte(row.String()))
	return PlanWith(k, row, rand.New(rand.NewPCG(seed, h.Sum64()+uint64(number))).IntN)
}

// PlanWith answers a sequence for a row, with every choice made by choose.
func PlanWith(k Kernel, row Key, choose Choose) ops.Sequence {
	d := &draft{choose: choose, state: NewState(k), counter: map[string]int{}, cursor: map[ops.Name]ops.Key{}, doubtful: map[*object]bool{}}
	d.family = d.familyOf(row)
	claim := ClaimByID(row.Claim)
	menu := d.menu(d.focus(claim))
	d.open(claim.Opening)
	if !d.raced { // after a race, what was expected is not what happened
		for range claim.length(d.between(minOps, maxOps)) {
			d.move(menu)
		}
	}
	d.do(claim.Closing)
	d.add(ops.End{})
	return d.seq
}

// draft is a sequence while it is drawn: what it holds so far, and the state
// that the model expects after it.
type draft struct {
	choose  Choose
	state   *State
	family  Family
	seq     ops.Sequence
	counter map[string]int
	cursor  map[ops.Name]ops.Key // where walks stand

	raced bool // threads ran

	// doubtful are maps that a program would keep which is expected to be refused.
	doubtful map[*object]bool
}

// minOps and maxOps bound the drawn part of a sequence; big ones find little more.
const minOps, maxOps = 10, 40

// length is how many moves its sequences have where those of others have so many.
func (c *Claim) length(usual int) int {
	switch {
	case c.Long:
		return 2 * usual
	case c.Short:
		return usual / 4
	}
	return usual
}

// open begins a sequence with the move of that name, or with a template and an
// outer map made from it.
func (d *draft) open(opening string) {
	if d.do(opening) {
		return
	}
	d.add(d.mapOf(pick(d, []ops.MapType{ops.Hash, ops.Array})))
	d.outer()
}

// do makes the move of that name, and says whether there is one and it was possible.
func (d *draft) do(name string) bool {
	return slices.ContainsFunc(moves, func(m move) bool { return m.name == name && m.draw(d) })
}

// familyOf is the kind of outer map that the sequence is about; it makes others too.
func (d *draft) familyOf(row Key) Family {
	if row.Family == FamilyInner {
		return pick(d, both)
	}
	return row.Family
}

// focus is what a sequence about a claim does more often: in a quarter of them its corners, too. Those
// are long, or need each other; in every plan they would crowd out the rest.
func (d *draft) focus(c *Claim) weights {
	if c.Corners == nil || !d.chance(4) {
		return c.Focus
	}
	all := maps.Clone(c.Focus)
	maps.Copy(all, c.Corners)
	return all
}

// menu is what a sequence does and how often: the focus of its claim, and of
// the other moves a random half (swarm testing: leaving things out reaches
// states that doing a little of everything does not).
func (d *draft) menu(focus weights) (menu []*move) {
	for i := range moves {
		m := &moves[i]
		n := focus[m.name]
		if m.weight != ownOnly && d.chance(2) {
			n += m.weight
		}
		menu = append(menu, slices.Repeat([]*move{m}, n)...)
	}
	return menu
}

// move draws one move that is possible now. None may be: then a map is made.
func (d *draft) move(menu []*move) {
	for range 8 {
		if len(menu) == 0 {
			break
		}
		if m := menu[d.between(0, len(menu)-1)]; m.draw(d) {
			return
		}
	}
	if d.full() || !d.inner(false) {
		d.get()
	}
}

// add appends an operation and moves the expected state on by one of the
// answers that the model allows.
func (d *draft) add(op ops.Op) bool {
	d.seq = append(d.seq, op)
	outcomes := d.state.Step(op)
	o := outcomes[d.between(0, len(outcomes)-1)]
	d.state.Advance(op, o, o.Want)
	if prog, ok := op.(ops.Prog); ok && o.Want.Errno != 0 {
		d.doubtful[d.state.objectOf(prog.Map)] = true
	}
	if next, ok := op.(ops.Next); ok {
		d.walked(next, o.Want)
	}
	return true
}

// walked moves the cursor of a walk to the key that was answered.
func (d *draft) walked(next ops.Next, got ops.Result) {
	var k ops.Key
	if got.Errno != 0 || k.UnmarshalText([]byte(got.Got)) != nil {
		k = ops.Key{Null: true}
	}
	d.cursor[next.On] = k
}

// fresh is a name that is not defined yet.
func (d *draft) fresh(letter string) ops.Name {
	n := d.counter[letter]
	d.counter[letter]++
	return ops.Name(fmt.Sprintf("%s%d", letter, n))
}

// full keeps the number of maps of a sequence small.
func (d *draft) full() bool {
	alive := 0
	for _, o := range d.state.objects {
		if !o.dead {
			alive++
		}
	}
	return alive >= 14
}

// between draws an integer, both ends included.
func (d *draft) between(low, high int) int {
	return low + d.choose(high-low+1)
}

// chance is true in one of n draws.
func (d *draft) chance(n int) bool { return d.choose(n) == 0 }

func pick[T any](d *draft, from []T) T {
	return from[d.choose(len(from))]
}

// names lists the names whose maps are as wanted, in order of definition.
func (d *draft) names(is func(*handle) bool) (all []ops.Name) {
	for n, h := range d.state.handles {
		if is(h) {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

func isOpen(h *handle) bool {
	return h.fd() && h.obj != nil && h.obj.kind == "" && !h.obj.free
}
func isBTF(h *handle) bool       { return h.fd() && h.obj != nil && h.obj.kind != "" }
func isOpenInner(h *handle) bool { return isOpen(h) && !h.obj.outer }
func isProg(h *handle) bool      { return h.fd() && h.prog != nil }
func isMap(h *handle) bool       { return h.obj != nil }
func (d *draft) isOpenOuter(h *handle) bool {
	return isOpen(h) && h.obj.outer
}

// outerName picks an open outer map, mostly of the sequence's own family.
func (d *draft) outerName() (ops.Name, *object, bool) {
	all := d.names(d.isOpenOuter)
	own := d.names(func(h *handle) bool { return d.isOpenOuter(h) && h.obj.family() == d.family })
	if len(own) > 0 && !d.chance(6) {
		all = own
	}
	if len(all) == 0 {
		return "", nil, false
	}
	n := pick(d, all)
	return n, d.state.objectOf(n), true
}

// fitting lists the open names that m would take as an element.
func (d *draft) fitting(m *object) []ops.Name {
	return d.names(func(h *handle) bool {
		return isOpenInner(h) && h.obj.bound != ops.BoundProgram && d.state.misfit(m, h.obj) == nil
	})
}
