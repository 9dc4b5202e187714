package properties

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

func (s *State) close(o ops.Close) []Outcome {
	h := s.handles[o.On]
	if h == nil || !h.open || h.path || h.process {
		return fails(unix.EBADF, on(FamilyInner, closedFD)...)
	}
	return does(nil, func(ops.Result) { s.closeHandle(h) })
}

func (s *State) closeHandle(h *handle) {
	h.open = false
	switch {
	case h.keeps != nil || h.keepsProg != nil:
		s.release(h, true)
	case h.prog != nil:
		s.dropProg(h.prog)
	case h.obj != nil:
		h.obj.fds--
		h.obj.unused(false)
		s.lost(h.obj, h.obj.lingers())
	}
}

// dropProg takes a reference from a program; its last one unloads it.
func (s *State) dropProg(p *program) {
	if p.refs--; p.refs != 0 {
		return
	}
	for _, m := range p.maps() {
		m.progs--
		s.lost(m, true)
	}
}

// neverMade is a name that stands for no map: it has no id to ask for.
func (s *State) neverMade(n ops.Name) bool { return s.objectOf(n) == nil }

func (s *State) reopen(o ops.Reopen) []Outcome {
	m := s.objectOf(o.Of)
	f := s.familyAt(o.Of)
	switch {
	case o.Flags&^modes != 0 || o.Flags == modes:
		return fails(unix.EINVAL, on(f, modesOpen)...)
	case m == nil || m.kind != "":
		return fails(unix.ENOENT, on(FamilyInner, deadClose)...)
	}
	alive, sure, by := s.fate(m)
	opened := s.opens(o.Def, o.At, m.family(), by, func() {
		if m.limbo && m.lingers() {
			m.remember(deadReopen, FamilyInner)
		}
		s.bind(o.Def, m, o.Flags)
	})[0]
	gone := Outcome{Want: ops.Failed(unix.ENOENT), By: by, Then: func(ops.Result) { s.bury(m) }}
	return choose(alive, sure, opened, gone)
}

func choose(alive, sure bool, yes, no Outcome) []Outcome {
	switch {
	case !sure:
		return []Outcome{yes, no}
	case alive:
		return []Outcome{yes}
	}
	return []Outcome{no}
}

// alive predicts whether the id of a map is known; wait: after the time that
// the kernel has to forget it.
func (s *State) alive(n ops.Name, wait bool) []Outcome {
	if s.neverMade(n) {
		return reads(ops.WordGone, on(FamilyInner, deadClose)...)
	}
	m := s.objectOf(n)
	alive, sure, by := s.fate(m)
	if wait && !sure {
		alive, sure = false, true
	}
	yes := Outcome{Want: ops.Read(ops.WordAlive), By: by}
	no := Outcome{Want: ops.Read(ops.WordGone), By: by, Then: func(ops.Result) { s.bury(m) }}
	return choose(alive, sure, yes, no)
}

// end closes everything: nothing may stay.
func (s *State) end() []Outcome {
	var by []Ref
	for _, m := range s.objects {
		by = append(by, m.obituary()...)
	}
	return []Outcome{{Want: ops.OK, By: by, Blame: s.blameLeft, Then: func(ops.Result) { s.closeAll() }}}
}

// blameLeft is what broke if maps stayed: that of one of them which no other keeps,
// rather of one that is not a reopened program array, which would hide the others.
func (s *State) blameLeft(got ops.Result) (refs []Ref) {
	var left []*object
	for name := range strings.FieldsSeq(got.Got) {
		if m := s.objectOf(ops.Name(name)); m != nil {
			left = append(left, m)
		}
	}
	for _, m := range left {
		keeps := func(o *object) bool { return o != m && (o.stores(m) || s.described(o, m)) }
		if (refs == nil || refs[0].Rule == deadReopen) && !slices.ContainsFunc(left, keeps) {
			refs = m.obituary()
		}
	}
	return refs
}

func (s *State) closeAll() {
	for _, h := range s.handles {
		switch {
		case h.open && h.path:
			s.unlink(h)
		case h.open:
			s.closeHandle(h)
		}
	}
	s.settle()
}

// settle ends all limbo: what nothing refers to is dead, and what only that kept.
func (s *State) settle() {
	for changed := true; changed; {
		changed = false
		for _, m := range s.objects {
			m.limbo = false
			if !m.dead {
				s.lost(m, false)
				changed = changed || m.dead
			}
		}
	}
}

// left is the answer to an end: the maps and BTF objects that are still there.
func (s *State) left() ops.Result {
	var names []string
	for _, m := range s.objects {
		if !m.dead {
			names = append(names, string(m.name))
		}
	}
	if len(names) == 0 {
		return ops.OK
	}
	slices.Sort(names)
	return ops.Read(strings.Join(names, " "))
}
