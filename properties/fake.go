package properties

import (
	"hash/fnv"

	"mimic/ops"
)

// Fake is a kernel in memory: the model itself, or the model with a lie. An
// honest one shows that plans, language and judge agree; a lying one that the
// judge notices.
type Fake struct {
	Kernel Kernel
	Lie    *Lie // nil: honest
}

// Answer runs a sequence.
func (f Fake) Answer(seq ops.Sequence) ops.Trace {
	s := NewState(f.Kernel)
	t := ops.Trace{Kernel: f.Kernel.Release, End: ops.Completed}
	for i, op := range seq {
		o := choice(f.outcomes(s, op), i, op)
		if o.Then != nil {
			o.Then(o.Want)
		}
		t.Steps = append(t.Steps, ops.Step{Op: op, Returned: true, Got: o.Want})
	}
	return t
}

func (f Fake) outcomes(s *State, op ops.Op) []Outcome {
	honest := s.Step(op)
	if f.Lie == nil {
		return honest
	}
	return f.Lie.Tell(s, op, honest)
}

// choice is one of the answers that are allowed, always the same one for the
// same operation at the same place.
func choice(outcomes []Outcome, i int, op ops.Op) Outcome {
	h := fnv.New32a()
	h.Write([]byte(op.String()))
	return outcomes[(int(h.Sum32()>>8)+i)%len(outcomes)]
}

// Lie is one way in which a kernel can break its promises.
type Lie struct {
	ID     string
	Breaks []Key // a run that catches the lie reports at least one of these, and nothing else
	Tell   func(s *State, op ops.Op, honest []Outcome) []Outcome
}
