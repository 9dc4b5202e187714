package properties

import (
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// manyLies show only in a full map, in what is stored in several places, or in the
// second of two calls.
func manyLies() (lies []Lie) {
	for _, f := range both {
		for _, step := range []ops.StepWord{ops.StepWithin, ops.StepCalled, ops.StepLend, ops.StepAway} {
			lies = append(lies, unchecked(f, step))
		}
		for _, step := range []ops.StepWord{ops.StepWithin, ops.StepCalled, ops.StepAway, ops.StepListed} {
			lies = append(lies, lostIn(f, step))
		}
		for _, step := range []ops.StepWord{ops.StepAway, ops.StepListed, ops.StepVet, ops.StepSection} {
			lies = append(lies, refusedWith(f, step))
		}
		lies = append(lies, restKept(f), calledWhileLocked(f), oneMoreOf(f, "sum-one-more", summed),
			oneMoreOf(f, "walk-goes-on", stopped), oneMoreOf(f, "beside-one-more", besides))
	}
	for _, f := range both {
		lies = append(lies, sharedLies(f)...)
		lies = append(lies, before("refused-outer-keeps-btf/"+string(f), rowsOf(f, "P38"), func(s *State, op ops.Op, got ops.Result) {
			o, ok := op.(ops.Outer)
			if !ok || got.Errno == 0 || familyOf(o.Kind) != f || o.Label != ops.LabelBad {
				return
			}
			if t := s.open(o.Template); t != nil && t.btf != nil {
				t.btf.kept++
			}
		}), before("none-left-keeps-template/"+string(f), rowsOf(f, "P38"), func(s *State, op ops.Op, got ops.Result) {
			o, ok := op.(ops.Outer)
			if t := s.open(o.Template); ok && t != nil && got.Errno == ops.Errno(unix.EMFILE) && familyOf(o.Kind) == f {
				t.kept++
			}
		}), corner("none-left/"+string(f), rowsOf(f, "P38"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			if o, ok := op.(ops.Reopen); ok && outerOf(s, o.Of, f) != nil && honest.Want.Errno == ops.Errno(unix.EMFILE) {
				r := ops.Failed(unix.ENFILE)
				return &r
			}
			return nil
		}), corner("inherited/"+string(f), rowsOf(f, "P19"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			if o, ok := op.(ops.File); ok && o.Use == ops.FileInfo && honest.Want.Errno == 0 && outerOf(s, o.On, f) != nil {
				r := ops.Read(honest.Want.Got + ops.WordInherited)
				return &r
			}
			return nil
		}))
	}
	return append(lies, corner("endless", rowsOf(FamilyHash, "DOC-15", "P25"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		o, ok := op.(ops.Update)
		if !ok || honest.Want.Errno != ops.Errno(unix.E2BIG) {
			return nil
		}
		if m := outerOf(s, o.On, FamilyHash); m != nil && m.spec.Max > 64 {
			return &accepted
		}
		return nil
	}))
}

// sharedLies keep what is stored more than once, or again.
func sharedLies(f Family) []Lie {
	stored := func(m *object, k ops.Key) *object { return m.slots[ops.Truncate(k.N, m.spec.Key)] }
	return []Lie{
		before("delete-leaks-shared/"+string(f), rowsOf(f, "P61", "P14"), func(s *State, op ops.Op, got ops.Result) {
			o, ok := op.(ops.Delete)
			if !ok || got != ops.OK {
				return
			}
			if m := outerOf(s, o.On, f); m != nil && stored(m, o.Key) != nil && m.copies(stored(m, o.Key)) >= 3 {
				stored(m, o.Key).kept++
			}
		}),
		before("self-replace-leaks/"+string(f), rowsOf(f, "P61", "P14"), func(s *State, op ops.Op, got ops.Result) {
			o, ok := op.(ops.Update)
			if !ok || got != ops.OK {
				return
			}
			if m := outerOf(s, o.On, f); m != nil && stored(m, o.Key) != nil && stored(m, o.Key) == s.objectOf(o.Value.Name) {
				stored(m, o.Key).kept++
			}
		}),
	}
}

// copies is in how many places of an outer map another is stored.
func (o *object) copies(x *object) (n int) {
	for _, inner := range o.slots {
		if inner == x {
			n++
		}
	}
	return n
}
