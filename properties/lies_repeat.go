package properties

import (
	"slices"

	"mimic/ops"
)

// repeatLies keep memory of what is gone, which nothing but its growth tells.
func repeatLies() (lies []Lie) {
	for _, f := range both {
		lies = append(lies,
			keepsMemory("memory-of-fields/"+string(f), f, func(s *State, m *object) bool { return m.template != nil && m.template.fields(s.Kernel) != "" }),
			keepsMemory("memory-of-many-elements/"+string(f), f, func(_ *State, m *object) bool { return m.spec.Max > 8 }),
			keepsMemory("memory-of-refused/"+string(f), f, func(_ *State, m *object) bool { return m.failed }))
	}
	return append(lies, keepsMemory("memory-of-pairs", FamilyHash, func(_ *State, m *object) bool {
		return m.spec.Flags&ops.NoPrealloc != 0 && len(m.written) > 0
	}))
}

// keepsMemory is the lie of a kernel that keeps memory of some outer maps, or for them.
func keepsMemory(id string, f Family, of func(*State, *object) bool) Lie {
	grows := ops.Read(ops.WordGrows)
	return corner(id, rowsOf(f, "M1"), func(s *State, op ops.Op, _ Outcome) *ops.Result {
		if _, repeats := op.(ops.Repeat); !repeats || len(s.touched) == 0 || s.touched[0] != f {
			return nil
		}
		if slices.ContainsFunc(s.objects, func(m *object) bool { return m.outer && m.family() == f && of(s, m) }) {
			return &grows
		}
		return nil
	})
}
