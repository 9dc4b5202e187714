package properties

import (
	"slices"
	"strconv"
	"strings"

	"mimic/ops"
)

// placeOf is the number of the first step with a word in a body, from 1 on; 0 if there is none.
func placeOf(b ops.Body, w ops.StepWord) int {
	return 1 + slices.IndexFunc(b.Steps(), func(s ops.BodyStep) bool { return s.Word == w })
}

// unchecked takes programs that use what they have not checked, if that is done in a function of its own.
func unchecked(f Family, in ops.StepWord) Lie {
	return corner("unchecked-"+string(in)+"/"+string(f), rowsOf(f, "P74"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		o, ok := op.(ops.Prog)
		if !ok || placeOf(o.Body, in) == 0 || outerOf(s, o.Map, f) == nil || honest.Want.Errno == 0 || len(honest.By) == 0 {
			return nil
		}
		if slices.ContainsFunc(honest.By, func(r Ref) bool { return !slices.Contains(r.Rule.Claims, "P74") }) {
			return nil
		}
		return &accepted
	})
}

// lostIn has programs find nothing in an outer map, if they look in a function of its own.
func lostIn(f Family, in ops.StepWord) Lie {
	return corner("lost-"+string(in)+"/"+string(f), rowsOf(f, "DOC-18"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		o, ok := op.(ops.Run)
		p := s.openProg(o.On)
		if !ok || p == nil || p.uses.family() != f || placeOf(p.body, in) == 0 || honest.Want.Errno != 0 || strings.HasPrefix(honest.Want.Got, "null@") {
			return nil
		}
		r := ops.Read("null@" + strconv.Itoa(placeOf(p.body, ops.StepCheck)))
		return &r
	})
}
