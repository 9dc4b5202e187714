package properties

import (
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// openFD predicts a descriptor of something that is no map: it can always be had.
func (s *State) openFD(o ops.FD) []Outcome {
	return does(nil, func(ops.Result) {
		s.handles[o.Def] = &handle{other: true, kind: o.Kind, open: o.Kind >= ops.FDPath}
	})
}

// loadBTF predicts the loading of a BTF object.
func (s *State) loadBTF(o ops.BTF) []Outcome {
	row := btfRowOf(o.Kind)
	load := func() {
		b := &object{name: o.Def, kind: o.Kind}
		s.objects = append(s.objects, b)
		s.bind(o.Def, b, 0)
	}
	if row == nil {
		return anything(func(got ops.Result) {
			if got == ops.OK {
				s.handles[o.Def] = &handle{other: true, kind: ops.FDFile, open: true}
			}
		})
	}
	if !row.loads(s.Kernel) {
		return fails(unix.EINVAL, on(FamilyInner, btfLoads)...)
	}
	return does(on(FamilyInner, btfLoads), func(ops.Result) { load() })
}

// freeze predicts BPF_MAP_FREEZE.
func (s *State) freeze(o ops.Freeze) []Outcome {
	if o.Tail != 0 {
		return fails(unix.EINVAL, on(s.familyAt(o.On), tailRefused)...)
	}
	return s.element(o.On, 0, func(m *object) []Outcome {
		f := m.family()
		late := s.Kernel.does(freezeNeedsWrite)
		switch {
		case m.bound == ops.BoundStruct || m.fields(s.Kernel) != "" && !s.lockAlone(m):
			return []Outcome{{Want: ops.Result{Errno: ops.ENOTSUPP}, By: on(f, freezeFields)}}
		case late && s.via.mode&ops.ReadOnly != 0:
			return fails(unix.EPERM, on(f, modeDenies)...)
		case m.frozen && late:
			return fails(unix.EPERM, on(f, freezeTwice)...)
		case m.frozen:
			return fails(unix.EBUSY, on(f, freezeTwice)...)
		}
		return does(on(f, freezeOnce), func(ops.Result) { m.frozen = true })
	})
}

// lockAlone says that all that is special in the values of m is a lock, which
// this kernel does not mind when it freezes.
func (s *State) lockAlone(m *object) bool {
	return m.hasLock() && s.Kernel.does(lockAloneFreezes) && (m.btf.kind != "lock_timer" || s.Kernel.does(lockTimerFreezes))
}

// file predicts what a map does as a file.
func (s *State) file(o ops.File) []Outcome {
	m := s.open(o.On)
	if m == nil || m.free || !m.outer {
		return anything(nil)
	}
	s.via = s.handles[o.On]
	by := on(m.family(), notAFile)
	switch mode := s.via.mode; o.Use {
	case ops.FileRead, ops.FileWrite:
		if o.Use == ops.FileRead && mode&ops.WriteOnly != 0 || o.Use == ops.FileWrite && mode&ops.ReadOnly != 0 {
			return fails(unix.EBADF, by...)
		}
		return fails(unix.EINVAL, by...)
	case ops.FileMap:
		if mode&ops.WriteOnly != 0 {
			return fails(unix.EACCES, by...)
		}
		return []Outcome{{Want: ops.Result{Errno: ops.ENOTSUPP}, By: by}}
	case ops.FileMapWrite:
		if mode != 0 {
			return fails(unix.EACCES, by...)
		}
		return []Outcome{{Want: ops.Result{Errno: ops.ENOTSUPP}, By: by}}
	case ops.FilePoll:
		return reads("events 0x8", by...)
	case ops.FileInfo:
		p, frozen := m.spec, 0
		if m.frozen {
			frozen = 1
		}
		return reads(ops.DescribeFile(p.Type, p.Key, p.Value, p.Max, p.Flags, frozen), on(m.family(), fileSays)...)
	}
	switch {
	case !s.Kernel.has(ops.FeatureIter):
		return anything(nil)
	case s.via.isZero(): // kernel/bpf/map_iter.c bpf_iter_attach_map takes it for none
		return fails(unix.EBADF, by...)
	}
	return fails(unix.EINVAL, by...)
}

// pin predicts that a map, or a program, gets a path.
func (s *State) pin(o ops.Pin) []Outcome {
	h := s.handles[o.Of]
	fail := func(e unix.Errno, r *Rule) []Outcome {
		refused := fails(e, on(FamilyInner, r)...)
		refused[0].Then = func(ops.Result) { s.handles[o.Def] = &handle{obj: s.objectOf(o.Of), path: true} }
		return refused
	}
	switch m := s.open(o.Of); {
	case !s.Kernel.has(ops.FeaturePins):
		return anything(nil)
	case !h.fd():
		return fail(unix.EINVAL, closedFD)
	case (m != nil || h.prog != nil || h.link()) && s.isThere(o.Def): // a thread pins more than once
		return fails(unix.EEXIST, on(FamilyInner, pinnedTwice)...)
	case (m != nil || h.prog != nil || h.link()) && s.isThere(o.At):
		return fail(unix.EEXIST, pinnedTwice)
	case h.link():
		return does(on(FamilyInner, pinned), func(ops.Result) {
			s.hold(o.Def, handle{other: true, path: true, keeps: h.keeps, keepsProg: h.keepsProg})
		})
	case h.prog != nil:
		return does(on(FamilyInner, pinned), func(ops.Result) {
			h.prog.refs++
			s.handles[o.Def] = &handle{prog: h.prog, path: true, open: true}
		})
	case m == nil:
		return fail(unix.EINVAL, otherFD)
	default:
		return does(on(FamilyInner, pinned), func(ops.Result) {
			m.pins++
			m.remember(deadPin, FamilyInner)
			s.handles[o.Def] = &handle{obj: m, path: true, open: true}
		})
	}
}

// isThere says whether a name stands for a path that is there.
func (s *State) isThere(n ops.Name) bool {
	h := s.handles[n]
	return h != nil && h.path && h.open
}

// get predicts the opening of a path.
func (s *State) get(o ops.Get) []Outcome {
	h, there := s.handles[o.Of], s.isThere(o.Of)
	switch {
	case !s.Kernel.has(ops.FeaturePins):
		return anything(nil)
	case o.Flags&^modes != 0 || o.Flags == modes:
		return fails(unix.EINVAL, on(FamilyInner, modesOpen)...)
	case !there:
		return fails(unix.ENOENT, on(FamilyInner, unpinned)...)
	case h.prog != nil:
		return s.opens(o.Def, o.At, FamilyInner, on(FamilyInner, pinned), func() {
			h.prog.refs++
			s.handles[o.Def] = &handle{prog: h.prog, open: true}
		})
	case h.other && o.Flags != 0:
		return fails(unix.EINVAL, on(FamilyInner, modesOpen)...)
	case h.other:
		return s.opens(o.Def, o.At, FamilyInner, on(FamilyInner, pinned), func() {
			s.hold(o.Def, handle{other: true, kind: ops.FDPerf, keeps: h.keeps, keepsProg: h.keepsProg})
		})
	}
	return s.opens(o.Def, o.At, FamilyInner, on(FamilyInner, pinned), func() { s.bind(o.Def, h.obj, o.Flags) })
}

// unpin predicts the removal of a path.
func (s *State) unpin(o ops.Unpin) []Outcome {
	switch {
	case !s.Kernel.has(ops.FeaturePins):
		return anything(nil)
	case !s.isThere(o.On):
		return fails(unix.ENOENT, on(FamilyInner, unpinned)...)
	}
	return does(on(FamilyInner, unpinned), func(ops.Result) { s.unlink(s.handles[o.On]) })
}

// unlink removes a path. What it kept goes at once or after a grace period, by
// point release: commit 4f375ade6aa9 (6.18, and stable ones; not in 5.10, 6.16).
func (s *State) unlink(h *handle) {
	h.open = false
	switch {
	case h.other:
		s.release(h, true)
		return
	case h.prog != nil:
		s.dropProg(h.prog)
		return
	}
	h.obj.pins--
	h.obj.unused(true)
	s.lost(h.obj, true)
}

// cat predicts that the content of a path is read: outer maps have none to show.
func (s *State) cat(o ops.Cat) []Outcome {
	h := s.handles[o.On]
	switch {
	case !s.Kernel.has(ops.FeaturePins):
		return anything(nil)
	case h == nil || !h.path || !h.open:
		return fails(unix.ENOENT, on(FamilyInner, unpinned)...)
	case h.obj == nil || h.obj.free || !h.obj.outer:
		return anything(nil)
	}
	return fails(unix.EIO, on(h.obj.family(), notAFile)...)
}
