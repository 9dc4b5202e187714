package properties

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// Lies lists ways in which a kernel can break its promises, by kind: the answer
// that each rule forbids, what goes wrong behind a right answer, and what goes
// wrong only in a corner.
func Lies() []Lie {
	return slices.Concat(answerLies(), stateLies(), cornerLies(), moreLies(), manyLies(), raceLies(), capsLies(), repeatLies())
}

// answerLies is one lie for each rule and family: whenever the rule applies,
// the answer is another. Rules that the newest kernel gives no occasion for are
// lied about on an older one.
func answerLies() (lies []Lie) {
	older := Newest()
	older.Version = Version{6, 12}
	for _, key := range Keys() {
		newest := RulesOf(key, Newest())
		for _, ref := range RulesOf(key, older) {
			if ref.Rule.Claims[0] != key.Claim || ref.Rule == kernelLives || ref.Rule.defect || ref.Rule.raced { // a fake cannot die, a sentence not answer
				continue
			}
			lie := answerLie(ref)
			if !slices.Contains(newest, ref) {
				lie.On = older.Version
			}
			lies = append(lies, lie)
		}
	}
	return lies
}

func answerLie(ref Ref) Lie {
	return Lie{
		ID:     ref.Rule.ID + "/" + string(ref.Family),
		Breaks: append(ref.Keys(), follows[ref.Rule].of(ref.Family)...),
		Tell: func(_ *State, op ops.Op, honest []Outcome) []Outcome {
			if _, last := op.(ops.End); last || !about(honest[0].By, ref) || !own(op, ref.Rule) {
				return honest
			}
			lie := untrue(honest[0], ref.Rule)
			if match(honest, lie) != nil {
				return honest
			}
			if _, run := op.(ops.Run); run && !slices.Contains(honest[0].refs(lie), ref) { // its answer has several parts
				return honest
			}
			return []Outcome{{Want: lie}}
		},
	}
}

// own says whether a lie about a rule is told with that operation: batches and
// programs do the work of other commands, but have promises of their own.
func own(op ops.Op, r *Rule) bool {
	switch op.(type) {
	case ops.UpdateBatch, ops.DeleteBatch:
		return slices.Contains([]*Rule{batchUpdate, batchDelete, batchPartly, batchFlags, batchElem, batchNone, batchMissing, batchAbsent, tailRefused}, r)
	case ops.Sys:
		return r == sysWrites
	}
	return true
}

// follows are claims that cannot hold either where a rule never does.
var follows = map[*Rule]claimIDs{
	outerMade: {"DOC-10", "DOC-14", "DOC-17"},
}

type claimIDs []string

func (c claimIDs) of(f Family) []Key { return rowsOf(f, c...) }

// about says whether an answer is about a rule. That a map is gone is promised
// by many rules at once; it is about the most particular.
func about(by []Ref, ref Ref) bool {
	if slices.Contains([]*Rule{deadReopen, deadProg, deadRefused, deadRemoved, deadOuter, templLeaves, deadClose}, ref.Rule) {
		return len(by) > 0 && by[0] == ref
	}
	return slices.Contains(by, ref)
}

// untrue is another answer than the right one.
func untrue(o Outcome, about *Rule) ops.Result {
	r := o.Want
	switch {
	case about == mapOrder || about == outerOrder || about == orderArray || about == orderHash:
		return ops.Result{Errno: o.Else}
	case about == getID:
		return ops.Read("an id of no map of the sequence")
	case about == putCapacity:
		return ops.Failed(unix.E2BIG)
	case r.Got == ops.WordAlive:
		return ops.Read(ops.WordGone)
	case r.Got == ops.WordGone:
		return ops.Read(ops.WordAlive)
	case r.Errno != 0:
		return ops.OK
	}
	return ops.Failed(unix.EINVAL)
}

// after is a lie that answers rightly and then does something else as well.
func after(id string, breaks []Key, also func(s *State, op ops.Op)) Lie {
	return Lie{ID: id, Breaks: breaks, Tell: func(s *State, op ops.Op, honest []Outcome) []Outcome {
		told := slices.Clone(honest)
		for i, o := range honest {
			told[i].Then = func(got ops.Result) {
				if o.Then != nil {
					o.Then(got)
				}
				also(s, op)
			}
		}
		return told
	}}
}

// before is a lie that answers rightly but does something else first.
func before(id string, breaks []Key, first func(s *State, op ops.Op, honest ops.Result)) Lie {
	return Lie{ID: id, Breaks: breaks, Tell: func(s *State, op ops.Op, honest []Outcome) []Outcome {
		told := slices.Clone(honest)
		for i, o := range honest {
			told[i].Then = func(got ops.Result) {
				first(s, op, o.Want)
				if o.Then != nil {
					o.Then(got)
				}
			}
		}
		return told
	}}
}

// outerOf is the outer map of the lie's family that op works on, or nil.
func outerOf(s *State, n ops.Name, f Family) *object {
	if m := s.open(n); m != nil && m.outer && m.family() == f {
		return m
	}
	return nil
}

func rowsOf(f Family, claims ...string) (keys []Key) {
	for _, c := range claims {
		keys = append(keys, Key{c, f})
	}
	return keys
}

func anyFamily(claim string) []Key {
	return append(rowsOf(FamilyArray, claim), rowsOf(FamilyHash, claim)...)
}

// stateLies are right answers with something wrong behind them.
func stateLies() (lies []Lie) {
	for _, f := range both {
		lies = append(lies, leaks(f)...)
		lies = append(lies, misplacements(f)...)
	}
	return lies
}

func leaks(f Family) []Lie {
	stored := func(s *State, m *object, k ops.Key) *object { return m.slots[ops.Truncate(k.N, m.spec.Key)] }
	return []Lie{
		after("template-kept/"+string(f), rowsOf(f, "DOC-6", "P14"), func(s *State, op ops.Op) {
			if o, ok := op.(ops.Outer); ok {
				if m := outerOf(s, o.Def, f); m != nil {
					m.template.kept++
				}
			}
		}),
		before("delete-leaks/"+string(f), rowsOf(f, "P61", "P14"), func(s *State, op ops.Op, got ops.Result) {
			if o, ok := op.(ops.Delete); ok && got == ops.OK {
				if m := outerOf(s, o.On, f); m != nil && stored(s, m, o.Key) != nil {
					stored(s, m, o.Key).kept++
				}
			}
		}),
		before("replace-leaks/"+string(f), rowsOf(f, "P61", "P14"), func(s *State, op ops.Op, got ops.Result) {
			if o, ok := op.(ops.Update); ok && got == ops.OK {
				if m := outerOf(s, o.On, f); m != nil && stored(s, m, o.Key) != nil {
					stored(s, m, o.Key).kept++
				}
			}
		}),
		before("close-leaks/"+string(f), rowsOf(f, "P63", "P14", "P61"), func(s *State, op ops.Op, _ ops.Result) {
			if o, ok := op.(ops.Close); ok {
				if m := outerOf(s, o.On, f); m != nil && m.fds == 1 && m.progs == 0 {
					keepAll(m)
				}
			}
		}),
		before("unload-leaks/"+string(f), rowsOf(f, "P64", "P14"), func(s *State, op ops.Op, _ ops.Result) {
			if o, ok := op.(ops.Close); ok {
				if p := s.openProg(o.On); p != nil && slices.Contains(p.maps(), p.uses) && p.uses.family() == f {
					p.uses.kept++
				}
			}
		}),
		before("failed-update-leaks/"+string(f), rowsOf(f, "P38", "P14"), func(s *State, op ops.Op, got ops.Result) {
			o, ok := op.(ops.Update)
			if !ok || got.Errno == 0 || outerOf(s, o.On, f) == nil {
				return
			}
			if inner := s.open(o.Value.Name); inner != nil {
				inner.kept++
			}
		}),
	}
}

func keepAll(m *object) {
	for _, inner := range m.slots {
		inner.kept++
	}
}

func misplacements(f Family) []Lie {
	seen := rowsOf(f, "S1", "P90", "P96", "P97", "C1", "C2", "P48", "P53", "P50", "P55", "P57", "P78", "DOC-7", "DOC-14", "DOC-17", "DOC-13", "DOC-15", "DOC-18", "DOC-19", "DOC-22", "P20", "P22", "P25", "P42", "P60", "P61", "P63", "P85")
	seen = append(seen, Key{"P65", FamilyInner})
	return []Lie{
		before("failed-update-empties/"+string(f), append(rowsOf(f, "P38", "P88", "P76"), seen...), func(s *State, op ops.Op, got ops.Result) {
			if o, ok := op.(ops.Update); ok && got.Errno != 0 {
				if m := outerOf(s, o.On, f); m != nil {
					delete(m.slots, ops.Truncate(o.Key.N, m.spec.Key))
					m.walk.forget()
				}
			}
		}),
		after("update-moves/"+string(f), seen, func(s *State, op ops.Op) {
			if o, ok := op.(ops.Update); ok {
				if m := outerOf(s, o.On, f); m != nil && m.spec.Max > 1 {
					a, b := ops.Truncate(o.Key.N, m.spec.Key), ops.Truncate(o.Key.N^1, m.spec.Key)
					if inner := m.slots[a]; inner != nil && b < uint64(m.spec.Max) {
						delete(m.slots, a)
						m.slots[b] = inner
						m.walk.forget()
					}
				}
			}
		}),
		after("delete-empties-neighbour/"+string(f), append(rowsOf(f, "P88"), seen...), func(s *State, op ops.Op) {
			if o, ok := op.(ops.Delete); ok {
				if m := outerOf(s, o.On, f); m != nil {
					delete(m.slots, ops.Truncate(o.Key.N+1, m.spec.Key))
					m.walk.forget()
				}
			}
		}),
		after("content-lost-in-store/"+string(f), slices.Concat(anyFamily("DOC-18"), anyFamily("P76"), []Key{{"DOC-2", FamilyInner}}), func(s *State, op ops.Op) {
			if o, ok := op.(ops.Update); ok && outerOf(s, o.On, f) != nil {
				if inner := s.open(o.Value.Name); inner != nil && inner.data != nil {
					clear(inner.data)
				}
			}
		}),
	}
}

// corner is an answer that is wrong in a corner only.
func corner(id string, breaks []Key, wrong func(s *State, op ops.Op, honest Outcome) *ops.Result) Lie {
	return Lie{ID: id, Breaks: breaks, Tell: func(s *State, op ops.Op, honest []Outcome) []Outcome {
		told := slices.Clone(honest)
		for i, o := range honest {
			if r := wrong(s, op, o); r != nil && !o.Free {
				told[i] = Outcome{Want: *r}
			}
		}
		return told
	}}
}

var accepted, invalid = ops.OK, ops.Failed(unix.EINVAL)

// cornerLies only tell in narrow places: what a suite of examples misses.
func cornerLies() []Lie {
	return append([]Lie{
		corner("flag-bit-32-taken", rowsOf(FamilyArray, "P21"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			if o, ok := op.(ops.Update); ok && outerOf(s, o.On, FamilyArray) != nil && o.Flags == 1<<32 && honest.Want == invalid {
				return &accepted
			}
			return nil
		}),
		corner("nested-hash-in-array-taken", rowsOf(FamilyArray, "DOC-9"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			o, ok := op.(ops.Update)
			if !ok || outerOf(s, o.On, FamilyArray) == nil || o.Flags != 0 || o.Tail != 0 || honest.Want != invalid {
				return nil
			}
			if inner := s.open(o.Value.Name); inner != nil && inner.spec.Type == ops.HashOfMaps {
				return &accepted
			}
			return nil
		}),
		corner("index-2^31-taken", rowsOf(FamilyArray, "DOC-12"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			if o, ok := op.(ops.Update); ok && outerOf(s, o.On, FamilyArray) != nil && o.Key.N == 1<<31 && honest.Want == ops.Failed(unix.E2BIG) {
				return &accepted
			}
			return nil
		}),
		corner("index-max-found", rowsOf(FamilyArray, "DOC-12"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			if o, ok := op.(ops.Lookup); ok && honest.Want == ops.Failed(unix.ENOENT) {
				if m := outerOf(s, o.On, FamilyArray); m != nil && o.Key.N == uint64(m.spec.Max) {
					r := ops.Read("id 0")
					return &r
				}
			}
			return nil
		}),
		corner("no-prealloc-never-full", rowsOf(FamilyHash, "DOC-15"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			if o, ok := op.(ops.Update); ok && honest.Want == ops.Failed(unix.E2BIG) {
				if m := outerOf(s, o.On, FamilyHash); m != nil && m.spec.Flags&ops.NoPrealloc != 0 {
					return &accepted
				}
			}
			return nil
		}),
		corner("tail-of-odd-key-ignored", rowsOf(FamilyHash, "DOC-14"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			o, ok := op.(ops.Lookup)
			m := outerOf(s, append(ops.Uses(op), "")[0], FamilyHash)
			if !ok || m == nil || m.spec.Key <= 4 || m.spec.Key%4 == 0 || honest.Want != ops.Failed(unix.ENOENT) {
				return nil
			}
			head := func(n uint64) string { return string(ops.Bytes(n, m.spec.Key)[:m.spec.Key&^3]) }
			for _, k := range m.keys() {
				if head(k) == head(o.Key.N) && m.slots[k] != nil {
					r := ops.Read(string(m.slots[k].name))
					return &r
				}
			}
			return nil
		}),
		corner("last-key-not-walked", rowsOf(FamilyHash, "P42"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			o, ok := op.(ops.Next)
			if !ok || o.Key.Null || honest.Want.Errno != 0 {
				return nil
			}
			if m := outerOf(s, o.On, FamilyHash); m != nil && len(m.slots) >= 3 {
				r := ops.Failed(unix.ENOENT)
				return &r
			}
			return nil
		}),
	}, perFamilyCorners()...)
}

func perFamilyCorners() (lies []Lie) {
	for _, f := range both {
		lies = append(lies,
			corner("smaller-value-taken/"+string(f), rowsOf(f, "DOC-5"), valueCorner(f)),
			corner("delete-loads-in-kprobe/"+string(f), rowsOf(f, "DOC-8", "DOC-11"), func(s *State, op ops.Op, _ Outcome) *ops.Result {
				if o, ok := op.(ops.Prog); ok && o.Type == ops.Kprobe && o.Body == "map call:map_delete_elem" && outerOf(s, o.Map, f) != nil {
					return &accepted
				}
				return nil
			}),
			corner("bigger-element-unseen/"+string(f), rowsOf(f, "DOC-18"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
				o, ok := op.(ops.Run)
				p := s.openProg(o.On)
				if !ok || p == nil || p.body != ops.BodyLookup || strings.HasPrefix(honest.Want.Got, "null@") || honest.Want.Errno != 0 {
					return nil
				}
				if p.uses.family() != f || o.Inner.N < uint64(p.uses.shape.Max) {
					return nil
				}
				r := ops.Read("null@4")
				return &r
			}))
	}
	return lies
}

// valueCorner takes elements whose value is smaller than the template's.
func valueCorner(f Family) func(*State, ops.Op, Outcome) *ops.Result {
	return func(s *State, op ops.Op, honest Outcome) *ops.Result {
		o, ok := op.(ops.Update)
		if !ok || honest.Want != invalid || len(honest.By) == 0 || honest.By[len(honest.By)-1].Rule != putShape {
			return nil
		}
		m, inner := outerOf(s, o.On, f), s.open(o.Value.Name)
		if m == nil || inner == nil || inner.spec.Value >= m.shape.Value || inner.spec.Key != m.shape.Key || inner.spec.Flags != m.shape.Flags {
			return nil
		}
		return &accepted
	}
}
