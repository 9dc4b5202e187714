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
		if p == nil || !p.body.Has(in) || strings.HasPrefix(honest.Want.Got, "null@") {
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
	return corner("refused-"+string(step)+"/"+string(f), rowsOf(f, "DOC-18", "P79", "W2"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		o, ok := op.(ops.Prog)
		if !ok || !o.Body.Has(step) || outerOf(s, o.Map, f) == nil || honest.Want != ops.OK || honest.Free {
			return nil
		}
		r := ops.Result{Errno: ops.Errno(unix.EINVAL), Got: progs.ReasonOther}
		return &r
	})
}

// oneMore has programs that add up what is in a map, as the last they do, find more than there is.
func oneMore(f Family) Lie {
	return corner("sum-one-more/"+string(f), rowsOf(f, "P76"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		p := ranThrough(s, op, f, honest)
		if p == nil || placeOf(p.body, ops.StepSum) != len(p.body.Steps()) {
			return nil
		}
		parts := strings.Fields(honest.Want.Got)
		if len(parts) == 0 { // what it does is not modelled
			return nil
		}
		n, err := strconv.ParseUint(parts[len(parts)-1], 10, 64)
		if err != nil {
			return nil
		}
		parts[len(parts)-1] = strconv.FormatUint(n+1, 10)
		r := ops.Read(strings.Join(parts, " "))
		return &r
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
