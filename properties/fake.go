package properties

import (
	"cmp"
	"hash/fnv"
	"reflect"
	"slices"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// Fake is a kernel in memory: the model itself, or the model with a lie. An
// honest one shows that plans, language and judge agree; a lying one that the
// judge notices.
type Fake struct {
	Kernel Kernel
	Lie    *Lie // nil: honest
	hear   func(s *State, op ops.Op, honest []Outcome)
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
	if f.hear != nil {
		f.hear(s, op, honest)
	}
	if f.Lie == nil || f.Lie.Tell == nil || f.Lie.stops(honest) {
		return honest
	}
	return f.Lie.Tell(s, op, honest)
}

// Told is which of the lies are told in a sequence: a kernel with any other answers as an honest one does. What is untrue
// of races only counts as told where there are any.
func (k Kernel) Told(seq ops.Sequence, lies []Lie) (told []int) {
	tells := make([]bool, len(lies))
	Fake{Kernel: k, hear: func(s *State, op ops.Op, honest []Outcome) {
		for i := range lies {
			tells[i] = tells[i] || lies[i].tells(s, op, honest)
		}
	}}.Answer(seq)
	races := ops.Races(seq)
	for i := range lies {
		if tells[i] || lies[i].Race != nil && races {
			told = append(told, i)
		}
	}
	return told
}

// tells says whether a kernel that tells the lie does otherwise there than an honest one.
func (l *Lie) tells(s *State, op ops.Op, honest []Outcome) bool {
	return l.Tell != nil && !l.stops(honest) && !slices.EqualFunc(honest, l.Tell(s, op, honest), sameOutcome)
}

func sameOutcome(a, b Outcome) bool {
	return a.Want == b.Want && a.Free == b.Free && reflect.ValueOf(a.Then).Pointer() == reflect.ValueOf(b.Then).Pointer()
}

// stops says whether a kernel refuses before it comes to where the lie is: whatever else is broken, it
// looks at who asks first, and says so, unless that is the lie.
func (l *Lie) stops(honest []Outcome) bool {
	privileges := func(k Key) bool { return k.Claim == "U1" }
	return honest[0].Want.Errno == ops.Errno(unix.EPERM) && slices.ContainsFunc(keysOf(honest[0].By), privileges) && !slices.ContainsFunc(l.Breaks, privileges)
}

// Liar is the fake kernel that tells a lie.
func Liar(lie *Lie) Fake {
	k := Newest()
	if lie.On != (Version{}) {
		k.Version = lie.On
	}
	return Fake{Kernel: k, Lie: lie}
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
