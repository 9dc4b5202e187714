package properties

import (
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// Words of the answers of Alive, Gone and Run.
const (
	WordAlive   = "alive"
	WordGone    = "gone"
	WordNoMap   = "no map"
	WordNoEntry = "no entry"
)

func (s *State) close(o ops.Close) []Outcome {
	h := s.handles[o.On]
	if h == nil || !h.open {
		return fails(unix.EBADF, on(FamilyInner, closedFD)...)
	}
	return does(nil, func(ops.Result) { s.closeHandle(h) })
}

func (s *State) closeHandle(h *handle) {
	h.open = false
	switch {
	case h.prog != nil && h.prog.uses != nil:
		h.prog.uses.progs--
		s.lost(h.prog.uses, deadProg, h.prog.uses.family(), true)
	case h.obj != nil:
		h.obj.fds--
		rule, family := deadClose, FamilyInner
		if h.obj.outer {
			rule, family = deadOuter, h.obj.family()
		}
		s.lost(h.obj, rule, family, h.obj.lingers())
	}
}

// neverMade is a name that stands for no map: its id is asked for all the same.
func (s *State) neverMade(n ops.Name) bool { return s.objectOf(n) == nil }

func (s *State) reopen(o ops.Reopen) []Outcome {
	if s.neverMade(o.Of) {
		return fails(unix.ENOENT, on(FamilyInner, deadClose)...)
	}
	m := s.objectOf(o.Of)
	alive, sure, by := s.fate(m)
	opened := Outcome{Want: ops.OK, By: by, Then: func(ops.Result) { s.bind(o.Def, m) }}
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
		return reads(WordGone, on(FamilyInner, deadClose)...)
	}
	m := s.objectOf(n)
	alive, sure, by := s.fate(m)
	if wait && !sure {
		alive, sure = false, true
	}
	yes := Outcome{Want: ops.Read(WordAlive), By: by}
	no := Outcome{Want: ops.Read(WordGone), By: by, Then: func(ops.Result) { s.bury(m) }}
	return choose(alive, sure, yes, no)
}

// end closes everything: nothing may stay.
func (s *State) end() []Outcome {
	var by []Ref
	for _, m := range s.objects {
		by = append(by, s.lastWords(m)...)
	}
	blame := func(got ops.Result) (refs []Ref) {
		for name := range strings.FieldsSeq(got.Got) {
			if m := s.objectOf(ops.Name(name)); m != nil {
				refs = append(refs, s.lastWords(m)...)
			}
		}
		return refs
	}
	return []Outcome{{Want: ops.OK, By: by, Blame: blame, Then: func(ops.Result) { s.closeAll() }}}
}

// lastWords is what promises that m is gone once everything is closed.
func (s *State) lastWords(m *object) []Ref {
	if m.dead || m.limbo || len(m.storedIn) > 0 || len(m.templateOf) > 0 {
		return m.obituary()
	}
	if m.progs > 0 {
		return on(m.family(), deadProg)
	}
	if m.outer {
		return on(m.family(), deadOuter)
	}
	return on(FamilyInner, deadClose)
}

func (s *State) closeAll() {
	for _, h := range s.handles {
		if h.open {
			s.closeHandle(h)
		}
	}
	for _, m := range s.objects {
		if m.kept == 0 {
			m.limbo = false
			s.bury(m)
		}
	}
}
