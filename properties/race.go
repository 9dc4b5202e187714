package properties

import (
	"slices"

	"mimic/ops"
)

// deed is one time that a thread did an operation.
type deed struct {
	thread int
	step   int // of the race
	op     ops.Op
	ops.Event
}

// overlaps says whether both may have happened at the same time.
func (d deed) overlaps(e deed) bool { return d.Call < e.Return && e.Call < d.Return }

// race is a race that is judged: what its threads did, beginning in a state.
type race struct {
	s      *State
	steps  []ops.Step
	deeds  []deed // in the order of their calls
	joined bool   // what the outer maps held at its end was answered
	final  map[ops.Name]map[uint64]string

	histories map[matter]*history // of all that can be told apart
	asked     Asked
	renewed   map[string]*object // maps that were made in it, by name
	moving    []*flaw            // maps that did not stand still
	lawless   map[*object]bool   // outer maps of which something is not modelled
	numbers   *numbers           // in values of inner maps; nil: not only with locks held
	scribes   map[int]bool       // threads whose programs write to inner maps; nil: others may, or what these held is not known
}

// matterKind says what a history is of.
type matterKind string

const (
	ofSlot   matterKind = "slot"
	ofName   matterKind = "descriptor"
	ofFreeze matterKind = "frozen"
	ofPath   matterKind = "path"
)

// matter is what a history is of: a key of an outer map; whether a name's
// descriptor is open; whether a map is frozen; whether a path is there.
type matter struct {
	kind matterKind
	name ops.Name // of the map as it was made; of a descriptor or path itself
	key  uint64
}

// judgeRace holds a race against the model: nil and the state after it, or a
// violation. The race is the n steps of the trace from the given one on.
func (s *State) judgeRace(t ops.Trace, from, n int, asked Asked, tally *Tally) *Violation {
	r := s.newRace(t, from, n)
	fault, unknown := r.judge()
	if fault != nil {
		return fault.at(t, from+n-1)
	}
	for ref, times := range r.asked {
		if !slices.Contains(unknown, ref) {
			asked[ref] += times
		}
	}
	if tally != nil {
		tally.noteRace(r, unknown)
	}
	r.leave()
	return nil
}

func (s *State) newRace(t ops.Trace, from, n int) *race {
	return &race{s: s, steps: t.Steps[from : from+n], histories: map[matter]*history{}, asked: Asked{}, renewed: map[string]*object{}, lawless: map[*object]bool{}}
}

// judge finds the flaw of a race, or nil; unknown are the rules that could not be
// decided.
func (r *race) judge() (f *flaw, unknown []Ref) {
	if f := r.read(); f != nil {
		return f, nil
	}
	r.scribes, r.numbers = r.whoWrites(), r.lockedNumbers()
	for _, d := range r.deeds {
		if f := r.observe(d); f != nil {
			return f, nil
		}
	}
	r.observeEnd()
	r.observeWaits()
	return r.check()
}

// flaw is what is wrong with a race.
type flaw struct {
	want string
	by   []Ref
	seen *history // that cannot be explained; nil if it is about a single answer
}

func (f *flaw) at(t ops.Trace, step int) *Violation {
	return &Violation{Trace: t, Step: step, Want: []string{f.want}, By: f.by}
}

// read takes the answers apart.
func (r *race) read() *flaw {
	thread := -1
	for i, step := range r.steps {
		switch step.Op.(type) {
		case ops.Thread:
			thread++
			continue
		case ops.Join:
			r.joined = true
			r.final = finals(step.Got)
			continue
		}
		if !ops.Threadable(step.Op) {
			if step.Got != ops.Read(ops.WordNoThread) {
				return &flaw{want: ops.WordNoThread, by: on(FamilyInner, raceLinear)}
			}
			continue
		}
		events, err := step.Got.Events()
		if err != nil {
			return &flaw{want: "a history: " + err.Error(), by: on(FamilyInner, kernelLives)}
		}
		for _, e := range events {
			r.deeds = append(r.deeds, deed{thread, i, step.Op, e})
		}
	}
	slices.SortFunc(r.deeds, func(a, b deed) int { return a.Call - b.Call })
	return nil
}

// history is what was seen of a matter, and what it was before.
type history struct {
	matter
	family Family
	begin  string
	seen   []observation

	freezes []deed // that froze the outer map
	beside  bool   // other keys of the map are written to
}

// of is the history of a matter, begun if it is new.
func (r *race) of(kind matterKind, name ops.Name, key uint64, f Family, begin string) *history {
	about := matter{kind, name, key}
	h := r.histories[about]
	if h == nil {
		h = &history{matter: about, family: f, begin: begin}
		r.histories[about] = h
	}
	return h
}

// slot is the history of a key of an outer map. Its states are the names of the
// maps that are stored, or nothing.
func (r *race) slot(m *object, key uint64) *history {
	begin := ""
	if inner := m.slots[key]; inner != nil {
		begin = string(inner.name)
	}
	h := r.of(ofSlot, m.name, key, m.family(), begin)
	if h.seen == nil {
		h.freezes = r.freezesOf(m)
	}
	return h
}

// freezesOf are the deeds that froze an outer map.
func (r *race) freezesOf(m *object) (all []deed) {
	for _, d := range r.deeds {
		if f, is := d.op.(ops.Freeze); is && d.Got == ops.OK && r.s.objectOf(f.On) == m {
			all = append(all, d)
		}
	}
	return all
}

// States of what is open, frozen or there, or is not.
const (
	yes = "yes"
	no  = ""
)

func yesIf(b bool) string {
	if b {
		return yes
	}
	return no
}

// descriptor is the history of a name that is closed by somebody, or nil: nobody
// can open it meanwhile.
func (r *race) descriptor(n ops.Name) *history {
	if !slices.ContainsFunc(r.steps, func(s ops.Step) bool { return s.Op == ops.Op(ops.Close{On: n}) }) {
		return nil
	}
	return r.of(ofName, n, 0, FamilyInner, yesIf(r.s.handles[n].fd()))
}

// frozen is the history of a map that is frozen by somebody, or nil.
func (r *race) frozen(m *object) *history {
	if !slices.ContainsFunc(r.steps, func(s ops.Step) bool {
		f, is := s.Op.(ops.Freeze)
		return is && r.s.objectOf(f.On) == m
	}) {
		return nil
	}
	return r.of(ofFreeze, m.name, 0, m.family(), yesIf(m.frozen))
}

// path is the history of a path that the race makes or removes.
func (r *race) path(n ops.Name) *history {
	h := r.s.handles[n]
	return r.of(ofPath, n, 0, FamilyInner, yesIf(h != nil && h.path && h.open))
}

// raceOn notes where a race begins and ends for those who follow a sequence
// operation by operation.
func (s *State) raceOn(op ops.Op) {
	switch op.(type) {
	case ops.Thread:
		s.racing = true
	case ops.Join, ops.End:
		s.racing = false
	}
}

// guessRace is one of the many answers that an operation of a race may have: that
// of the thread alone.
func (s *State) guessRace(op ops.Op) []Outcome {
	switch op.(type) {
	case ops.End:
		return s.step(op)
	case ops.Thread, ops.Join:
		return anything(nil)
	}
	if !ops.Threadable(op) {
		return reads(ops.WordNoThread)
	}
	o := s.step(op)[0]
	return []Outcome{{Want: o.Want, Free: true, Then: o.Then}}
}
