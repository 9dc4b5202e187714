package properties

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// hold is a handle of something that keeps an object or a program.
func (s *State) hold(n ops.Name, h handle) {
	h.open = true
	if h.keeps != nil {
		h.keeps.held++
	}
	if h.keepsProg != nil {
		h.keepsProg.refs++
	}
	s.handles[n] = &h
}

// release ends what a handle keeps; later: some time soon.
func (s *State) release(h *handle, later bool) {
	h.open = false
	if h.keepsProg != nil {
		s.dropProg(h.keepsProg)
	}
	if o := h.keeps; o != nil {
		o.held--
		o.unused(true)
		o.remember(deadHeld, FamilyInner)
		s.lost(o, later || o.lingers())
	}
}

// attach predicts that a program is attached to its function, which can be done
// once at a time: what a second time answers is not claimed.
func (s *State) attach(o ops.Attach) []Outcome {
	h, p := s.handles[o.Of], s.openProg(o.Of)
	attached := func() {
		p.attached = true
		s.hold(o.Def, handle{other: true, kind: ops.FDPerf, keepsProg: p})
	}
	switch {
	case !h.fd():
		return fails(unix.EBADF, on(FamilyInner, closedFD)...)
	case p == nil:
		return fails(unix.EINVAL, on(FamilyInner, otherFD)...)
	case p.free || p.typ != ops.Tracing || p.flags != 0 || p.attached || !s.Kernel.runs(ops.Tracing, 0):
		return anything(func(got ops.Result) {
			if got == ops.OK {
				attached()
			}
		})
	}
	return does(on(FamilyInner, holds), func(ops.Result) { attached() })
}

// iter predicts an iterator over the elements of a map.
func (s *State) iter(o ops.Iter) []Outcome {
	h, m := s.handles[o.Of], s.open(o.Of)
	keep := func() { s.hold(o.Def, handle{other: true, kind: ops.FDPerf, keeps: m}) }
	switch {
	case !s.Kernel.has(ops.FeatureIter):
		return anything(func(got ops.Result) {
			if got == ops.OK && m != nil {
				keep()
			}
		})
	case !h.fd():
		return fails(unix.EBADF, on(FamilyInner, closedFD)...)
	case m == nil:
		return fails(unix.EINVAL, on(FamilyInner, otherFD)...)
	case h.isZero(): // kernel/bpf/map_iter.c bpf_iter_attach_map takes it for none
		return fails(unix.EBADF, on(FamilyInner, otherFD)...)
	case m.outer:
		return fails(unix.EINVAL, on(m.family(), notAFile)...)
	case m.free || m.btf != nil || m.spec.Type != ops.Hash && m.spec.Type != ops.Array:
		return anything(func(got ops.Result) {
			if got == ops.OK {
				keep()
			}
		})
	}
	return does(on(FamilyInner, holds), func(ops.Result) { keep() })
}

// process predicts a process that is given a descriptor.
func (s *State) process(o ops.Process) []Outcome {
	h := s.handles[o.Of]
	if !h.fd() && !h.oPath() { // of a path only bpf(2) says that it is not open
		return fails(unix.EBADF, on(FamilyInner, closedFD)...)
	}
	return does(on(FamilyInner, holds), func(ops.Result) {
		child := handle{process: true, keeps: h.obj, keepsProg: h.prog}
		if h.other {
			child.keeps, child.keepsProg = h.keeps, h.keepsProg
		}
		s.hold(o.Def, child)
	})
}

// kill predicts the end of a process: what it held goes with it, at once.
func (s *State) kill(o ops.Kill) []Outcome {
	h := s.handles[o.On]
	if h == nil || !h.process || !h.open {
		return reads(ops.WordNoProcess)
	}
	return does(on(FamilyInner, holds), func(ops.Result) { s.release(h, h.keeps != nil && h.shares(s)) })
}

// shares says whether an iterator keeps what h keeps, or is what h keeps: then it is not known when it goes.
func (h *handle) shares(s *State) bool {
	for _, other := range s.handles {
		if other != h && other.other && other.keeps == h.keeps {
			return true
		}
	}
	return false
}

// live predicts which maps and BTF objects the kernel knows.
func (s *State) live() []Outcome {
	var sure, maybe []string
	for _, o := range s.objects {
		switch alive, certain, _ := s.fate(o); {
		case alive && certain:
			sure = append(sure, string(o.name))
		case alive:
			maybe = append(maybe, string(o.name))
		}
	}
	slices.Sort(sure)
	return []Outcome{{
		Want: namesRead(sure), By: on(FamilyInner, liveSet), Blame: s.blameLive,
		Accepts: func(got ops.Result) bool { return got.Errno == 0 && within(strings.Fields(got.Got), sure, maybe) },
		Then:    s.seenLive,
	}}
}

func namesRead(names []string) ops.Result {
	if len(names) == 0 {
		return ops.OK
	}
	return ops.Read(strings.Join(names, " "))
}

// within says whether names are all that are sure, and of the others only some that may be.
func within(names, sure, maybe []string) bool {
	for _, n := range sure {
		if !slices.Contains(names, n) {
			return false
		}
	}
	for _, n := range names {
		if !slices.Contains(sure, n) && !slices.Contains(maybe, n) {
			return false
		}
	}
	return true
}

// seenLive buries what was not seen.
func (s *State) seenLive(got ops.Result) {
	names := strings.Fields(got.Got)
	for _, o := range s.objects {
		if !o.dead && !slices.Contains(names, string(o.name)) {
			s.bury(o)
		}
	}
}

// blameLive is what broke: what promises that a map is there which is not, or
// that one is gone which is there.
func (s *State) blameLive(got ops.Result) []Ref {
	names := map[string]bool{}
	for n := range strings.FieldsSeq(got.Got) {
		names[n] = true
	}
	for _, o := range s.objects {
		if alive, sure, by := s.fate(o); sure && alive != names[string(o.name)] {
			return append(slices.Clone(by), on(FamilyInner, liveSet)...)
		}
	}
	return on(FamilyInner, liveSet)
}

// renew predicts that a map is made as a template was made, stored and closed.
func (s *State) renew(o ops.Renew) []Outcome {
	m := s.open(o.On)
	if m == nil || !m.outer || m.free || !m.template.renewable() {
		return anything(nil)
	}
	s.via = s.handles[o.On]
	made := &object{spec: m.template.spec, data: map[uint64]uint64{}}
	outcomes := s.element(o.On, toWrite, func(m *object) []Outcome { return s.putMade(m, o, made) })
	for i := range outcomes {
		then := outcomes[i].Then
		outcomes[i].Then = func(got ops.Result) {
			s.renewed++
			if then != nil {
				then(got)
			}
		}
	}
	return outcomes
}

// renewable says whether a map like the template can be made by its attributes alone.
func (o *object) renewable() bool {
	return o.btf == nil && !o.with && o.bound == ops.BoundFree && (o.spec.Type == ops.Hash || o.spec.Type == ops.Array)
}

func (s *State) putMade(m *object, o ops.Renew, made *object) []Outcome {
	key := ops.Truncate(o.Key.N, m.spec.Key)
	faults, order := s.putFaults(m, o.Key, key, o.Flags, false, nil)
	if len(faults) > 0 {
		return refusal(m.family(), order, faults, nil)
	}
	by := s.putBy(m, key, ops.Update{Flags: o.Flags}, made)
	name := ops.Name(ops.RenewedName(s.renewed + 1))
	return []Outcome{{Want: ops.Read(string(name)), By: by, Then: func(ops.Result) {
		made.name = name
		s.objects = append(s.objects, made)
		s.store(m, key, made)
	}}}
}

// attachedAny says whether a program may be attached to the function that runs of
// programs of its type call: it runs as well then.
func (s *State) attachedAny() bool {
	for _, h := range s.handles {
		if h.open && h.keepsProg != nil && h.keepsProg.attached {
			return true
		}
	}
	return false
}

// disturb forgets what is in every inner map.
func (s *State) disturb() {
	for _, o := range s.objects {
		if !o.outer && o.kind == "" {
			o.murky = true
		}
	}
}

// still predicts two looks at a value, between which nobody writes.
func (s *State) still(o ops.Still) []Outcome {
	outcomes := s.lookup(ops.Lookup{On: o.On, Key: o.Key})
	for i := range outcomes {
		if outcomes[i].Want.Errno == 0 && !outcomes[i].Free {
			outcomes[i].Want = ops.Read(ops.WordStill)
		}
	}
	return outcomes
}
