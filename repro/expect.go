package repro

import (
	"slices"

	"mimic/ops"
	"mimic/properties"
)

// expectations says what each step before the one that decides must answer for the file to go on:
// what it answered, if the model allows nothing else; "" if that is left to chance, or depends on
// what was.
func expectations(v *properties.Violation) []string {
	all := make([]string, v.Step)
	s := newState(v.Trace.Kernel)
	chance := map[ops.Name]bool{}
	for i, step := range v.Trace.Steps[:v.Step] {
		if !step.Returned {
			return all
		}
		if _, race := step.Op.(ops.Thread); race {
			return all // whatever comes after it depends on how it went
		}
		sure := s.sure(step)
		for _, n := range ops.Uses(step.Op) {
			sure = sure && !chance[n]
		}
		if n := ops.Defines(step.Op); n != "" {
			chance[n] = !sure
		}
		if text, err := canonical(step.Op, step.Got); err == nil && sure {
			all[i] = text
		}
	}
	return all
}

// state is the model's, or nothing when the trace left it.
type state struct{ model *properties.State }

func newState(release string) *state {
	k, err := properties.NewKernel(release, nil)
	if err != nil {
		return &state{}
	}
	return &state{properties.NewState(k)}
}

// sure says whether a step can answer nothing else than it did, and goes on to the next.
func (s *state) sure(step ops.Step) bool {
	if looks(step.Op) {
		return false
	}
	if s.model == nil {
		return true
	}
	outcomes := s.model.Step(step.Op)
	i := slices.IndexFunc(outcomes, func(o properties.Outcome) bool {
		return o.Free || o.Want == step.Got || o.Accepts != nil && o.Accepts(step.Got)
	})
	if i < 0 { // the model does not know this kernel that well
		s.model = nil
		return true
	}
	s.model.Advance(step.Op, outcomes[i], step.Got)
	_, program := step.Op.(ops.Prog) // of which only is said whether it was refused
	return len(outcomes) == 1 && (program || !outcomes[i].Free && outcomes[i].Accepts == nil)
}

// looks says whether an operation changes nothing, and what it sees may be a matter of time or order.
func looks(op ops.Op) bool {
	switch op.(type) {
	case ops.Next, ops.LookupBatch, ops.Live, ops.Alive, ops.Still:
		return true
	}
	return false
}
