package properties

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

// placeOf is the number of the first step with a word in a body, from 1 on; 0 if there is none.
func placeOf(b ops.Body, w ops.StepWord) int {
	return 1 + slices.IndexFunc(b.Steps(), func(s ops.BodyStep) bool { return s.Word == w })
}

// unchecked takes programs that use what they have not checked, if they have a step: one for which that is done in a function.
func unchecked(f Family, step ops.StepWord) Lie {
	return corner("unchecked-"+string(step)+"/"+string(f), rowsOf(f, "P74"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		o, ok := op.(ops.Prog)
		if !ok || !o.Body.Has(step) || outerOf(s, o.Map, f) == nil || honest.Want.Errno == 0 || len(honest.By) == 0 {
			return nil
		}
		if slices.ContainsFunc(honest.By, func(r Ref) bool { return !slices.Contains(r.Rule.Claims, "P74") }) {
			return nil
		}
		return &accepted
	})
}

// ranThrough is the program that an operation runs, and that answers; nil if it runs none for an outer map of a family.
func ranThrough(s *State, op ops.Op, f Family, honest Outcome) *program {
	o, ok := op.(ops.Run)
	p := s.openProg(o.On)
	if !ok || p == nil || p.uses == nil || p.uses.family() != f || honest.Want.Errno != 0 {
		return nil
	}
	return p
}

// lostIn has programs find nothing in an outer map, if they look in a function of its own.
func lostIn(f Family, in ops.StepWord) Lie {
	return corner("lost-"+string(in)+"/"+string(f), rowsOf(f, "DOC-18"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		p := ranThrough(s, op, f, honest)
		if p == nil || !p.body.Has(in) || p.second.family() != f || strings.HasPrefix(honest.Want.Got, "null@") {
			return nil
		}
		check := placeOf(p.body, ops.StepCheck)
		if check == 0 {
			return nil
		}
		r := ops.Read("null@" + strconv.Itoa(check))
		return &r
	})
}

// refusedWith refuses programs that have a step, whatever they do.
func refusedWith(f Family, step ops.StepWord) Lie {
	return corner("refused-"+string(step)+"/"+string(f), rowsOf(f, "DOC-18", "P79", "P88", "W2"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		o, ok := op.(ops.Prog)
		if !ok || !o.Body.Has(step) || outerOf(s, o.Map, f) == nil || honest.Want != ops.OK || honest.Free {
			return nil
		}
		r := ops.Result{Errno: ops.Errno(unix.EINVAL), Got: progs.ReasonOther}
		return &r
	})
}

// oneMoreOf has programs find one more than there is in a step that is told by its place among others; -1: in none.
func oneMoreOf(f Family, id string, place func(ops.Body) int) Lie {
	return corner(id+"/"+string(f), rowsOf(f, "P76"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		p := ranThrough(s, op, f, honest)
		if p == nil || strings.Contains(honest.Want.Got, "null@") {
			return nil
		}
		steps, at := p.body.Steps(), place(p.body)
		if at < 0 || slices.ContainsFunc(steps[:at], answersTwice) {
			return nil
		}
		return withOneMore(honest, count(steps[:at], answersOnce))
	})
}

func answersOnce(s ops.BodyStep) bool {
	return slices.Contains([]ops.StepWord{ops.StepRead, ops.StepLend, ops.StepSum, ops.StepCall, ops.StepTimer, ops.StepStop, ops.StepTell}, s.Word)
}

// answersTwice says of what is taken out of a queue, too.
func answersTwice(s ops.BodyStep) bool {
	return s.Takes(ops.ArgRoom)
}

func count(steps []ops.BodyStep, is func(ops.BodyStep) bool) (n int) {
	for _, s := range steps {
		if is(s) {
			n++
		}
	}
	return n
}

// withOneMore is an answer of which one number is one more; nil if it has no such number, as what is not modelled.
func withOneMore(honest Outcome, at int) *ops.Result {
	parts := strings.Fields(honest.Want.Got)
	if at >= len(parts) {
		return nil
	}
	n, err := strconv.ParseUint(parts[at], 10, 64)
	if err != nil {
		return nil
	}
	parts[at] = strconv.FormatUint(n+1, 10)
	r := ops.Read(strings.Join(parts, " "))
	return &r
}

// summed is where values are added up, stopped where a walk is that the first element ends, besides where what another
// processor has is read.
func summed(b ops.Body) int { return placeOf(b, ops.StepSum) - 1 }

func stopped(b ops.Body) int {
	return slices.IndexFunc(b.Steps(), func(s ops.BodyStep) bool { return s.Takes(ops.ArgStop) })
}

func besides(b ops.Body) int {
	steps, at := b.Steps(), placeOf(b, ops.StepBeside)-1
	if at < 0 {
		return -1
	}
	read := slices.IndexFunc(steps[at:], answersOnce)
	if read < 0 || steps[at+read].Word != ops.StepRead {
		return -1
	}
	return at + read
}

// calledWhileLocked takes programs that look up in an outer map while they hold a lock.
func calledWhileLocked(f Family) Lie {
	return corner("locked-lookup/"+string(f), rowsOf(f, "P87"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		o, ok := op.(ops.Prog)
		lock := placeOf(o.Body, ops.StepLock)
		if !ok || lock == 0 || outerOf(s, o.Map, f) == nil || honest.Want.Errno == 0 || len(honest.By) == 0 {
			return nil
		}
		after := o.Body.Steps()[lock:]
		looks := slices.IndexFunc(after, func(s ops.BodyStep) bool { return s.Word == ops.StepFind })
		if looks != 1 || slices.ContainsFunc(honest.By, func(r Ref) bool { return !slices.Contains(r.Rule.Claims, "P87") }) {
			return nil
		}
		return &accepted
	})
}

// restKept has what a program adds to a per-CPU map in an outer map be there for every processor.
func restKept(f Family) Lie {
	return corner("percpu-everywhere/"+string(f), rowsOf(FamilyInner, "DOC-2"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		o, ok := op.(ops.Lookup)
		if !ok || !strings.HasPrefix(honest.Want.Got, "0+") {
			return nil
		}
		m := s.open(o.On)
		if m == nil || m.spec.Type != ops.PercpuHash || !slices.ContainsFunc(m.homes, func(h *object) bool { return h.family() == f }) {
			return nil
		}
		r := ops.Read(strings.TrimPrefix(honest.Want.Got, "0+"))
		return &r
	})
}
