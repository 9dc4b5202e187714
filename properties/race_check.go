package properties

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/anishathalye/porcupine"

	"mimic/ops"
)

// patienceSteps bounds the work for one history: what takes more is not decided.
const patienceSteps = 2_000_000

// register is what a history is held against: something that is in one state at
// a time. It stops, and says so, when it has taken too many steps.
func register(begin string, gaveUp *bool) porcupine.Model {
	steps := 0
	return porcupine.Model{
		Init: func() any { return begin },
		Step: func(state, input, _ any) (bool, any) {
			o := input.(observation)
			if steps++; steps > patienceSteps {
				*gaveUp = true
				return false, state
			}
			if !o.allowed(state.(string)) {
				return false, state
			}
			if o.becomes != nil {
				return true, *o.becomes
			}
			return true, state
		},
		DescribeOperation: func(input, _ any) string { return input.(observation).String() },
		DescribeState:     func(state any) string { return cmp.Or(state.(string), "nothing") },
	}
}

func (o observation) String() string { return fmt.Sprintf("%s: %s", o.op, o.says) }

// operations are the observations as porcupine takes them.
func operations(seen []observation) (all []porcupine.Operation) {
	for _, o := range seen {
		beside := o.beside(seen)
		call, end := o.span(beside == 0)
		for range max(1, min(o.times, 1+beside)) { // what was written earlier is there again after each other write
			all = append(all, porcupine.Operation{ClientId: o.thread + 1, Input: o, Call: call, Return: end})
		}
	}
	return all
}

// beside is how many writes of other threads there were while one call wrote several times.
func (o observation) beside(seen []observation) (n int) {
	for _, w := range seen {
		if o.turn != onlyWrite && w.writes() && w.thread != o.thread && w.overlaps(o.deed) {
			n++
		}
	}
	return n
}

// span is when an observation may have happened, in quarters of a ticket. What one call wrote last comes
// after what it wrote earlier; if nobody else wrote meanwhile, it may as well have come at the very end.
func (o observation) span(alone bool) (call, end int64) {
	const quarters = 4
	call, end = int64(o.Call)*quarters, int64(o.Return)*quarters
	if o.frozen != nil {
		end = int64(o.frozen.Return) * quarters
	}
	switch {
	case o.turn == earlierWrites && alone:
		end -= 2
	case o.turn == lastWrite && alone:
		call = end - 1
	}
	return call, end
}

// linearizable says whether there is an order of what was seen that explains it,
// without what is left out; decided: that is known.
func (h *history) linearizable(without func(observation) bool) (legal, decided bool) {
	seen := slices.DeleteFunc(slices.Clone(h.seen), without)
	gaveUp := false
	legal = porcupine.CheckOperations(register(h.begin, &gaveUp), operations(seen))
	return legal, legal || !gaveUp
}

func nothingLeftOut(observation) bool { return false }

// check looks for an order of every history. A flaw that is more of its own
// comes before one that kernels are known for, and unknown are the rules that
// could not be decided.
func (r *race) check() (worst *flaw, unknown []Ref) {
	var flaws []*flaw
	for _, h := range r.sorted() {
		h.beside = r.others(h)
		flaws = append(flaws, h.strange()...)
		h.seen = slices.DeleteFunc(h.seen, observation.isStrange)
		legal, decided := h.linearizable(nothingLeftOut)
		switch {
		case !decided:
			unknown = append(unknown, h.rules()...)
		case !legal:
			flaws = append(flaws, h.blame())
		}
		r.count(h)
	}
	flaws = append(flaws, r.moving...)
	slices.SortStableFunc(flaws, func(a, b *flaw) int { return cmp.Compare(rank(a), rank(b)) })
	if len(flaws) > 0 {
		return flaws[0], unknown
	}
	return nil, unknown
}

// rank orders rules by how much of their own they are.
func rank(f *flaw) int {
	return slices.Index([]*Rule{raceID, raceReuse, raceNext, raceBatch, racePresent, raceFreezeLate}, f.by[0].Rule) // -1 comes first
}

func (r *race) sorted() (all []*history) {
	for _, h := range r.histories {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b *history) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name), cmp.Compare(a.key, b.key))
	})
	return all
}

// isStrange says whether a lookup answered something that is no name.
func (o observation) isStrange() bool { return o.value == zeroID || o.value == noSuch }

func (h *history) strange() (flaws []*flaw) {
	for _, o := range h.seen {
		if o.isStrange() {
			return []*flaw{{want: "an id that was stored, of " + o.op.String(), by: on(h.family, raceID), seen: h}}
		}
	}
	return nil
}

// laxer are the rules by which a part of a history is judged, in the order in
// which they are blamed: if all is well without that part, it is the part.
var laxer = []struct {
	rule *Rule
	part func(*history, observation) bool
}{
	{raceNext, func(_ *history, o observation) bool { return o.source == byNext }},
	{raceBatch, func(_ *history, o observation) bool { return o.source == byBatch }},
	{raceUntouched, func(h *history, o observation) bool { return o.source == byAbsent && h.untouched() }},
	{racePresent, func(_ *history, o observation) bool { return o.source == byAbsent }},
	{raceReuse, func(h *history, o observation) bool { return o.source == byValue && !h.stored(o.value) }},
}

// stored says whether a map was ever stored under the key.
func (h *history) stored(value string) bool {
	return value == "" || value == h.begin || slices.ContainsFunc(h.seen, func(o observation) bool { return o.becomes != nil && mayBe(*o.becomes, value) })
}

// blame says which rule a history breaks that has no explanation.
func (h *history) blame() *flaw {
	f := &flaw{want: h.explanation(), by: on(h.family, h.rules()[0].Rule), seen: h}
	if h.kind != ofSlot {
		return f
	}
	if rule := h.late(); rule != nil {
		f.by, f.want = on(h.family, rule), f.want+", and which is done before the map is frozen"
		return f
	}
	for _, l := range laxer {
		if l.rule == raceReuse && h.family != FamilyHash {
			continue
		}
		if legal, _ := h.linearizable(func(o observation) bool { return l.part(h, o) }); legal {
			f.by = on(h.family, l.rule)
			return f
		}
	}
	return f
}

// late says by which rule all is well but that something was written after the map was frozen, or nil.
func (h *history) late() *Rule {
	for _, l := range []struct {
		rule   *Rule
		excuse func(observation) bool
	}{
		{raceFreezeLate, func(o observation) bool { return !h.begun(o) }},
		{raceFreeze, func(observation) bool { return true }},
	} {
		if legal, _ := h.unfrozen(l.excuse).linearizable(nothingLeftOut); legal {
			return l.rule
		}
	}
	return nil
}

// unfrozen is a history in which some writes, those with an excuse, may be done after the map was frozen.
func (h *history) unfrozen(excuse func(observation) bool) *history {
	late := *h
	late.seen = slices.Clone(h.seen)
	for i, o := range late.seen {
		if o.frozen != nil && excuse(o) {
			late.seen[i].frozen = nil
		}
	}
	return &late
}

// begun says whether a write had begun before the map began to be frozen, for all to see: without it
// there is no order of what had been seen by then.
func (h *history) begun(w observation) bool {
	early := *h
	early.seen = nil
	for _, o := range h.seen {
		o.frozen = nil
		switch {
		case o.thread == w.thread && o.Call == w.Call: // w itself
		case o.Return < w.frozen.Call:
			early.seen = append(early.seen, o)
		case o.writes() && o.Call < w.frozen.Call: // it may be done, or not yet
			o.allowed = whatever
			early.seen = append(early.seen, o)
		}
	}
	legal, decided := early.linearizable(nothingLeftOut)
	return decided && !legal
}

// rules are those that a history is judged by, the one that breaks first.
func (h *history) rules() []Ref {
	switch h.kind {
	case ofName:
		return on(FamilyInner, raceClose)
	case ofPath:
		return on(FamilyInner, racePath)
	case ofFreeze:
		return on(h.family, raceFreeze)
	}
	return on(h.family, raceLinear, racePresent, raceBatch, raceNext)
}

// explanation says what is looked for in vain.
func (h *history) explanation() string {
	return fmt.Sprintf("an order of what was done and seen in which %s", h.matter)
}

func (s matter) String() string {
	switch s.kind {
	case ofSlot:
		return fmt.Sprintf("key %d of %s holds one map, or none, at a time", s.key, s.name)
	case ofName:
		return fmt.Sprintf("the descriptor %s is open until it is closed", s.name)
	case ofPath:
		return fmt.Sprintf("the path %s is there or not", s.name)
	}
	return fmt.Sprintf("%s is frozen for good", s.name)
}

// count notes what a history asked: only what overlapped did.
func (r *race) count(h *history) {
	ask := func(r *race, rule *Rule, asked bool) {
		if asked {
			r.asked[Ref{rule, h.family}]++
		}
	}
	reads := func(how ...source) bool {
		return h.meet(func(o observation) bool { return slices.Contains(how, o.source) }, observation.writes)
	}
	switch h.kind {
	case ofName:
		ask(r, raceClose, reads(byValue))
	case ofPath:
		ask(r, racePath, h.meet(observation.writes, observation.writes))
	case ofSlot:
		ask(r, raceLinear, h.meet(observation.writes, observation.writes) || reads(byValue, byAbsent))
		ask(r, racePresent, h.always() && reads(byValue, byAbsent))
		ask(r, raceUntouched, h.untouched() && slices.ContainsFunc(h.seen, func(o observation) bool { return o.source == byValue || o.source == byAbsent }))
		ask(r, raceNext, h.family == FamilyHash && reads(byNext))
		ask(r, raceBatch, reads(byBatch))
		ask(r, raceID, h.meet(func(o observation) bool { return o.source == byValue || o.source == byAbsent }, observation.renews))
		ask(r, raceReuse, h.family == FamilyHash && h.meet(func(o observation) bool { return o.source == byValue || o.source == byAbsent }, observation.removes))
	}
}

func (o observation) writes() bool  { return o.becomes != nil }
func (o observation) removes() bool { return o.becomes != nil && *o.becomes == "" }
func (o observation) renews() bool {
	_, renews := o.op.(ops.Renew)
	return renews
}

// always says whether the key always holds something.
func (h *history) always() bool {
	return h.begin != "" && !slices.ContainsFunc(h.seen, observation.removes)
}

// untouched says whether the key holds something that nobody replaces or takes out, while others are written to.
func (h *history) untouched() bool {
	return h.beside && h.begin != "" && !slices.ContainsFunc(h.seen, observation.writes)
}

// others says whether other keys of the same map are written to.
func (r *race) others(h *history) bool {
	for _, o := range r.histories {
		if o != h && o.kind == ofSlot && o.name == h.name && slices.ContainsFunc(o.seen, observation.writes) {
			return true
		}
	}
	return false
}

// meet says whether one of the one kind overlaps one of the other kind, of
// another thread.
func (h *history) meet(one, other func(observation) bool) bool {
	for _, a := range h.seen {
		if !one(a) {
			continue
		}
		for _, b := range h.seen {
			if a.thread != b.thread && other(b) && a.overlaps(b.deed) {
				return true
			}
		}
	}
	return false
}

// Timeline writes a page (HTML) that shows the history which the race of a
// trace breaks a promise by. It writes nothing if there is none.
func Timeline(k Kernel, t ops.Trace, w io.Writer) error {
	s := NewState(k)
	for i := 0; i < len(t.Steps); i++ {
		n := ops.RaceLength(t.Sequence()[i:])
		if n == 0 {
			o := match(s.Step(t.Steps[i].Op), t.Steps[i].Got)
			if o == nil {
				return nil
			}
			s.Advance(t.Steps[i].Op, *o, t.Steps[i].Got)
			continue
		}
		f, _ := s.newRace(t, i, n).judge()
		if f != nil && f.seen != nil {
			gaveUp := false
			model := register(f.seen.begin, &gaveUp)
			_, info := porcupine.CheckOperationsVerbose(model, operations(f.seen.seen), 0)
			return porcupine.Visualize(model, info, w)
		}
		i += n - 1
	}
	return nil
}
