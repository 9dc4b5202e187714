package properties

import (
	"cmp"
	"hash/fnv"
	"slices"

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
	for i := 0; i < len(seq); i++ {
		if n := ops.RaceLength(seq[i:]); n > 0 {
			t.Steps = append(t.Steps, f.race(s, seq[i:i+n])...)
			i += n - 1
			continue
		}
		op := seq[i]
		o := choice(f.outcomes(s, op), op)
		s.Advance(op, o, o.Want)
		if _, last := op.(ops.End); last {
			o.Want = s.left()
		}
		t.Steps = append(t.Steps, ops.Step{Op: op, Returned: true, Got: o.Want})
	}
	return t
}

func (f Fake) outcomes(s *State, op ops.Op) []Outcome {
	honest := s.Step(op)
	if f.Lie == nil || f.Lie.Tell == nil {
		return honest
	}
	return f.Lie.Tell(s, op, honest)
}

// Liar is the fake kernel that tells a lie.
func Liar(lie *Lie) Fake {
	k := Newest()
	if lie.On != (Version{}) {
		k.Version = lie.On
	}
	return Fake{k, lie}
}

// choice is one of the answers that are allowed. The order of a hash table's
// keys is that of a hash, the same wherever they are asked for.
func choice(outcomes []Outcome, op ops.Op) Outcome {
	salt := op.String()
	if _, walking := op.(ops.Next); walking {
		salt = ""
	}
	return slices.MinFunc(outcomes, func(a, b Outcome) int { return cmp.Compare(weigh(salt, a), weigh(salt, b)) })
}

func weigh(salt string, o Outcome) uint32 {
	h := fnv.New32a()
	h.Write([]byte(salt + o.Want.String()))
	return h.Sum32() * 2654435761 // the low bits of short texts say little
}

// Lie is one way in which a kernel can break its promises.
type Lie struct {
	ID     string
	Breaks []Key   // a run that catches the lie reports at least one of these, and nothing else
	On     Version // the kernel whose model the lie is told beside; the newest if zero
	Tell   func(s *State, op ops.Op, honest []Outcome) []Outcome
	Race   *raceLie // what is untrue of races; nil: nothing
}
