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
	if s.model == nil {
		return !looks(step.Op)
	}
	outcomes := s.model.Step(step.Op)
	i := slices.IndexFunc(outcomes, func(o properties.Outcome) bool {
		return o.Free || o.Want == step.Got || o.Accepts != nil && o.Accepts(step.Got)
	})
	if i < 0 { // the model does not know this kernel that well
		s.model = nil
		return !looks(step.Op)
	}
	s.model.Advance(step.Op, outcomes[i], step.Got)
	_, program := step.Op.(ops.Prog) // of which only is said whether it was refused
	return !looks(step.Op) && len(outcomes) == 1 && (program || !outcomes[i].Free && outcomes[i].Accepts == nil)
}

// looks says whether an operation changes nothing, and what it sees may be a matter of time or order.
func looks(op ops.Op) bool {
	switch op.(type) {
	case ops.Next, ops.LookupBatch, ops.Live, ops.Alive, ops.Still:
		return true
	}
	return false
}

// behaviours are kernels between which what is allowed differs.
var behaviours = []properties.Version{{Major: 5, Minor: 10}, {Major: 6, Minor: 1}, {Major: 6, Minor: 12}, {Major: 6, Minor: 16},
	{Major: 6, Minor: 18}, {Major: 7, Minor: 1}, {Major: 7, Minor: 2}, properties.Newest().Version}

// refusals says of each step before the one that decides how some kernel may refuse what the kernel of
// the violation did, by the model: there it ends, and the bug with it. "" is for none.
func refusals(v *properties.Violation) []string {
	all := make([]string, v.Step)
	for _, version := range behaviours {
		k := properties.Newest()
		k.Version = version
		if i, text := refusal(k, v.Trace.Steps[:v.Step]); text != "" {
			all[i] = text
		}
	}
	return all
}

// refusal is the first step that a kernel must answer otherwise, and how, if it must refuse it.
func refusal(k properties.Kernel, steps []ops.Step) (int, string) {
	s := &state{properties.NewState(k)}
	for i, step := range steps {
		if _, race := step.Op.(ops.Thread); race || !step.Returned {
			return 0, ""
		}
		outcomes := s.model.Step(step.Op)
		s.sure(step)
		if s.model != nil {
			continue
		}
		if len(outcomes) != 1 || outcomes[0].Want.Errno == 0 || step.Got.Errno != 0 {
			return 0, ""
		}
		text, err := canonical(step.Op, outcomes[0].Want)
		if err != nil {
			return 0, ""
		}
		return i, text
	}
	return 0, ""
}
