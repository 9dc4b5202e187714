package properties

import (
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// capsLies are about who may do what.
func capsLies() (lies []Lie) {
	for _, f := range both {
		lies = append(lies, creationLies(f)...)
		lies = append(lies, handleLies(f)...)
	}
	return lies
}

// creationLies let somebody make or load what takes more.
func creationLies(f Family) []Lie {
	makes := func(op ops.Op) bool {
		o, ok := op.(ops.Outer)
		return ok && familyOf(o.Kind) == f
	}
	return []Lie{
		told(Version{6, 1}, allowed("disabled-makes/"+string(f), rowsOf(f, "U1"), func(s *State, op ops.Op) bool {
			return makes(op) && s.shut()
		})),
		corner("making-takes-bpf/"+string(f), rowsOf(f, "U1"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			return denied(honest, makes(op) && !s.capable(ops.CapBPF))
		}),
		allowed("kprobe-without-perfmon/"+string(f), rowsOf(f, "U1"), func(s *State, op ops.Op) bool {
			o, ok := op.(ops.Prog)
			return ok && o.Type == ops.Kprobe && outerOf(s, o.Map, f) != nil && s.capable(ops.CapBPF)
		}),
		corner("addresses-told/"+string(f), rowsOf(f, "U1"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			o, ok := op.(ops.Prog)
			if !ok || honest.Want.Errno != ops.Errno(unix.EACCES) || !leaking(o.Body) || outerOf(s, o.Map, f) == nil {
				return nil
			}
			return &accepted
		}),
		corner("socket-filter-takes-bpf/"+string(f), rowsOf(f, "U1"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			o, ok := op.(ops.Prog)
			return denied(honest, ok && o.Type == ops.SocketFilter && outerOf(s, o.Map, f) != nil && !s.capable(ops.CapBPF))
		}),
	}
}

// handleLies ask of who has a descriptor for more, or let somebody have one.
func handleLies(f Family) []Lie {
	freezes := func(s *State, op ops.Op) bool {
		o, ok := op.(ops.Freeze)
		return ok && outerOf(s, o.On, f) != nil
	}
	return []Lie{
		corner("update-takes-bpf/"+string(f), rowsOf(f, "U1"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			o, ok := op.(ops.Update)
			return denied(honest, ok && outerOf(s, o.On, f) != nil && !s.capable(ops.CapBPF))
		}),
		told(Version{5, 10}, allowed("lookup-is-not-disabled/"+string(f), rowsOf(f, "U1"), func(s *State, op ops.Op) bool {
			o, ok := op.(ops.Lookup)
			return ok && outerOf(s, o.On, f) != nil && s.shut()
		})),
		allowed("by-id-with-bpf/"+string(f), rowsOf(f, "U1"), func(s *State, op ops.Op) bool {
			o, ok := op.(ops.Reopen)
			m := s.objectOf(o.Of)
			return ok && m != nil && m.outer && m.family() == f && s.may.Set.Has(ops.CapBPF)
		}),
		told(Version{6, 1}, allowed("anybody-freezes/"+string(f), rowsOf(f, "U1"), func(s *State, op ops.Op) bool {
			return freezes(s, op) && !s.capable(ops.CapBPF)
		})),
		corner("freezing-takes-bpf/"+string(f), rowsOf(f, "U1"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			return denied(honest, freezes(s, op) && !s.capable(ops.CapBPF))
		}),
	}
}

// told has a lie told beside the model of another kernel.
func told(on Version, l Lie) Lie {
	l.On = on
	return l
}

// denied refuses what is not refused for that, if it is so.
func denied(honest Outcome, so bool) *ops.Result {
	if !so || honest.Want.Errno == ops.Errno(unix.EPERM) {
		return nil
	}
	r := ops.Failed(unix.EPERM)
	return &r
}
