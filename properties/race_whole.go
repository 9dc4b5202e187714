package properties

import (
	"slices"
	"strconv"

	"mimic/ops"
)

// A map that a program has found stays what it is until the program ends, whatever becomes of it meanwhile. If it were
// freed before, what is made next would be in its place, and its numbers begin anew.

// countsIn is what a program does that finds a map, adds to a number in it, so far, and answers that; ok says whether it
// is such a program.
func countsIn(b ops.Body, o ops.Run) (key ops.Key, far uint64, ok bool) {
	words, far := wordsOf(b)
	for _, step := range b.Steps() {
		switch {
		case step.Word == ops.StepGet && step.Key.In:
			key = o.Inner
		case step.Word == ops.StepGet:
			key = ops.K(step.Key.N)
		}
	}
	return key, far, slices.Equal(words, []ops.StepWord{ops.StepFind, ops.StepCheck, ops.StepGet, ops.StepCheck, ops.StepCount, ops.StepRead})
}

// wordsOf are the steps of a body by their words, and how far it counts.
func wordsOf(b ops.Body) (words []ops.StepWord, far uint64) {
	for _, step := range b.Steps() {
		words = append(words, step.Word)
		if step.Word == ops.StepCount {
			far = uint64(step.N[0])
		}
	}
	return words, far
}

// miscounted is a deed that answers a number which nobody reaches who begins with one of those that were there and adds so
// much each time, at least so much in all; nil if somebody does.
func miscounted(d deed, number uint64, begun []uint64, least, far uint64, by Ref) *flaw {
	if slices.ContainsFunc(begun, func(n uint64) bool { return number >= n+least && (number-n)%far == 0 }) {
		return nil
	}
	return &flaw{want: "a number that was there and a multiple of " + strconv.FormatUint(far, 10) + " of " + d.op.String() + " and not " + d.Got.Got, by: []Ref{by}}
}

// whole judges what a program counted that alone writes to the maps that it may have found: the number of one of
// them, and how far it counts a few times.
func (r *race) whole(p *program, o ops.Run, d deed) *flaw {
	m := p.uses
	key, far, ok := countsIn(p.body, o)
	if !ok || far == 0 || m == nil || !m.outer || m.free || p.free || len(r.scribes) != 1 {
		return nil
	}
	number, err := strconv.ParseUint(d.Got.Got, 10, 64)
	if err != nil {
		return nil
	}
	if slices.ContainsFunc(r.deeds, func(w deed) bool { return w.thread != d.thread && w.overlaps(d) && ops.Verb(w.op) == "renew" }) {
		r.asked[Ref{raceWhole, m.family()}]++
	}
	return miscounted(d, number, r.begunAt(key), far, far, Ref{raceWhole, m.family()})
}

// begunAt is what is under a key of the maps that are there when the race begins, and of those that are made in it.
func (r *race) begunAt(key ops.Key) []uint64 {
	numbers := []uint64{0}
	for _, o := range r.s.objects {
		if o.outer || o.kind != "" {
			continue
		}
		if n, has := o.data[ops.Truncate(key.N, o.spec.Key)]; has {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// whoWrites finds the threads whose programs write to maps that are not outer maps; nil if anything else may write to them,
// or if it is not known what one of them holds before the race.
func (r *race) whoWrites() map[int]bool {
	unknown := func(o *object) bool { return !o.outer && o.kind == "" && (o.murky || !o.modelled()) }
	if r.s.attachedAny() || slices.ContainsFunc(r.s.objects, unknown) {
		return nil
	}
	threads := map[int]bool{}
	for _, d := range r.deeds {
		name := ops.Uses(d.op)[0]
		if p := r.s.openProg(name); p != nil {
			if writes(p.body) {
				threads[d.thread] = true
			}
			continue
		}
		if m := r.s.open(name); isWrite(d.op) && (m == nil || !m.outer) {
			return nil
		}
	}
	return threads
}
