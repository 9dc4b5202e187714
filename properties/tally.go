package properties

import (
	"maps"
	"slices"

	"mimic/ops"
)

// Triple is what was asked and how it ended: an operation on a family of map,
// and the errno that it answered.
type Triple struct {
	Verb   string
	Family Family
	Errno  ops.Errno
}

// Use is one way in which a type of map can stand in an outer map.
type Use struct {
	Type   ops.MapType
	Role   Role
	Family Family // of the outer map
}

// Role is what a map is to an outer map.
type Role string

// Roles.
const (
	RoleTemplate Role = "template"
	RoleElement  Role = "element"
)

// Tally counts what a run asked, beside the rules: how operations ended, and
// what each type of map was answered where nothing else was wrong.
type Tally struct {
	Triples   map[Triple]int
	Types     map[Use]ops.Errno
	Positions map[Position]int
	Deeds     map[Triple]int // what threads did while others did something
	Unknown   map[Ref]int    // histories that could not be decided
	Histories int            // that were judged, of races
	Observed  int            // what they consist of: what one operation told of one key, name or path
}

// NewTally is an empty one.
func NewTally() *Tally {
	return &Tally{Triples: map[Triple]int{}, Types: map[Use]ops.Errno{}, Positions: map[Position]int{}, Deeds: map[Triple]int{}, Unknown: map[Ref]int{}}
}

// Add counts what another counted.
func (t *Tally) Add(other *Tally) {
	add(t.Triples, other.Triples)
	add(t.Positions, other.Positions)
	add(t.Deeds, other.Deeds)
	add(t.Unknown, other.Unknown)
	maps.Copy(t.Types, other.Types)
	t.Histories += other.Histories
	t.Observed += other.Observed
}

func add[M ~map[K]int, K Triple | Position | Ref](to, from M) {
	for k, n := range from {
		to[k] += n
	}
}

// note counts a step that was judged.
func (t *Tally) note(s *State, op ops.Op, o *Outcome, got ops.Result) {
	if prog, ok := op.(ops.Prog); ok {
		for _, p := range s.positions(prog) {
			t.Positions[p]++
		}
	}
	if o.Free {
		return
	}
	t.Triples[Triple{ops.Verb(op), s.familyOfOp(op), got.Errno}]++
	if use, ok := s.useOf(op, o); ok {
		t.Types[use] = got.Errno
	}
}

// noteRace counts what a race that was judged did at the same time.
func (t *Tally) noteRace(r *race, unknown []Ref) {
	for _, d := range r.deeds {
		if slices.ContainsFunc(r.deeds, func(e deed) bool { return e.thread != d.thread && e.overlaps(d) }) {
			t.Deeds[Triple{r.verbOf(d.op), r.s.familyOfOp(d.op), d.Got.Errno}]++
		}
	}
	for _, h := range r.histories {
		t.Histories++
		t.Observed += len(h.seen)
	}
	for _, ref := range unknown {
		t.Unknown[ref]++
	}
}

// runAsleep is the verb of the run of a program that may sleep.
const runAsleep = "run asleep"

func (r *race) verbOf(op ops.Op) string {
	if o, runs := op.(ops.Run); runs {
		if p := r.s.openProg(o.On); p != nil && p.typ == ops.Syscall {
			return runAsleep
		}
	}
	return ops.Verb(op)
}

// familyOfOp is the family of the map that an operation is about.
func (s *State) familyOfOp(op ops.Op) Family {
	if o, ok := op.(ops.Outer); ok {
		return familyOf(o.Kind)
	}
	if names := ops.Uses(op); len(names) > 0 {
		if m := s.objectOf(names[0]); m != nil {
			return m.family()
		}
	}
	return FamilyInner
}

// plainly are the rules by which a type alone is refused.
var plainly = []*Rule{outerProgArray, outerOddType, outerNested, putNested, putProgArray, putType}

// useOf is the use of a type that an operation tried with nothing else at issue.
func (s *State) useOf(op ops.Op, o *Outcome) (u Use, ok bool) {
	if o.Want.Errno != 0 && (len(o.By) != 1 || !slices.Contains(plainly, o.By[0].Rule)) {
		return u, false
	}
	var inner, outer *object
	switch op := op.(type) {
	case ops.Outer:
		u.Role, u.Family, inner = RoleTemplate, familyOf(op.Kind), s.open(op.Template)
	case ops.Update:
		outer, inner = s.open(op.On), s.open(op.Value.Name)
		if outer == nil || !outer.outer {
			return u, false
		}
		u.Role, u.Family = RoleElement, outer.family()
	}
	if inner == nil {
		return u, false
	}
	u.Type = inner.spec.Type
	// A type that can be a template is an element where the template is of it.
	other := outer != nil && o.Want.Errno != 0 && rowOf(u.Type) != nil && rowOf(u.Type).template == 0
	return u, !other
}
