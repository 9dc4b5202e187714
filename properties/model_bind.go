package properties

import (
	"slices"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// bindMap predicts that a map is added to those that a program uses; which is done
// already where it does (kernel/bpf/syscall.c bpf_prog_bind_map).
func (s *State) bindMap(o ops.Bind) []Outcome {
	h, p, m := s.handles[o.On], s.openProg(o.On), s.open(o.Map)
	switch {
	case !h.fd():
		return fails(unix.EBADF, on(FamilyInner, closedFD)...)
	case p == nil:
		return fails(unix.EINVAL, on(FamilyInner, otherFD)...)
	case m == nil:
		return s.noMap(o.Map)
	case m.free || !m.outer || m.bound != ops.BoundFree || !hasBind(s.Kernel):
		return anything(func(got ops.Result) {
			if got == ops.OK {
				p.bind(m)
			}
		})
	}
	return does(on(m.family(), progBinds), func(ops.Result) { p.bind(m) })
}

// hasBind says on which kernels maps can be bound to programs.
func hasBind(k Kernel) bool { return !k.Version.Before(Version{5, 10}) }

// bind has a program keep another map.
func (p *program) bind(m *object) {
	if slices.Contains(p.maps(), m) {
		return
	}
	p.bound = append(p.bound, m)
	m.progs++
	m.served = true
}

// progInfo predicts which maps the kernel says that a program uses.
func (s *State) progInfo(p *program) []Outcome {
	if p.free || p.uses == nil || !p.uses.outer || s.may.Set != ops.CapsAll || slices.ContainsFunc(p.maps(), func(m *object) bool { return m.free }) {
		return anything(nil)
	}
	return reads(ops.DescribeProgram(namesOf(p.maps()), namesOf(p.loads())), on(p.uses.family(), progSays)...)
}

// maps are those that a program uses, and keeps, each once.
func (p *program) maps() (all []*object) {
	for _, m := range append(p.loads(), p.bound...) {
		if m != nil && !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}

// loads are the maps that the instructions of a program load.
func (p *program) loads() (all []*object) {
	for _, step := range p.body.Steps() {
		switch step.Word {
		case ops.StepFind, ops.StepMap, ops.StepDirect:
			all = append(all, p.uses)
		case ops.StepSecond:
			all = append(all, p.second)
		case ops.StepEither:
			all = append(all, p.uses, p.second)
		}
	}
	return all
}

// namesOf are the names that objects were made with, each once and in order.
func namesOf(all []*object) (names []ops.Name) {
	for _, o := range all {
		names = append(names, o.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
