package executor

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"mimic/btfs"
	"mimic/ops"
	"mimic/progs"
)

// loaded is a program that the kernel took, or refused.
type loaded struct {
	progs.Program
	flags ops.ProgFlags
	alike likeness
	given handle // the map that it was given
	mail  *mailbox
	turn  sync.Mutex // of the mailbox
	runs  int        // of one that counts elements
}

func (x *Executor) load(o ops.Prog) ops.Result {
	m := x.handle(o.Map)
	h := &handle{fd: badFD}
	x.handles[o.Def] = h
	mail, errno := x.mailbox()
	if errno != 0 {
		return ops.Read("no mailbox: " + failed(errno).String())
	}
	p := progs.Program{Type: o.Type, Body: o.Body, Reach: reachOf(m)}
	if p.Second = p.Reach; o.With != "" {
		p.Second = reachOf(x.handle(o.With))
	}
	p.Mailbox, p.Gated = int(mail.fd), x.gated
	var missing string
	if p.Functions, missing = functionsOf(o.Body.Steps()); missing != "" {
		x.note = "this kernel has no kfunc " + missing
		return ops.Result{Errno: ops.Errno(unix.EINVAL), Got: progs.ReasonHelper}
	}
	h.program = &loaded{Program: p, flags: o.Flags | progKinds[o.Type].flags, alike: alike(o, m), given: *m, mail: mail}
	return x.offer(h, o.Flags)
}

// offer hands the kernel a program.
func (x *Executor) offer(h *handle, flags ops.ProgFlags) ops.Result {
	image, err := x.assemble(h.program.Program)
	if err != nil {
		return ops.Read("not assembled: " + err.Error())
	}
	image.flags = flags
	var fd uint32
	var log string
	var errno unix.Errno
	x.asAllowed(func() { fd, log, errno = x.shared.loadProgram(image) })
	if errno != 0 {
		return x.refused(errno, log)
	}
	h.fd = fd
	x.slow = x.slow || h.program.late()
	if !h.program.Outer {
		x.accepted[h.program.alike] = true
	}
	return ops.OK
}

// late says whether the kernel forgets a program, and its maps, only after a
// grace period of RCU tasks.
func (l *loaded) late() bool { return l.Type == ops.Tracing || l.flags&ops.Sleepable != 0 }

// plain has what says enough by itself; of EBADF the verifier says the number of
// the descriptor.
var plain = map[unix.Errno]bool{unix.EBADF: true, unix.ENOMEM: true, unix.EAGAIN: true}

// refused is the answer of a load: the class of what the verifier said, if it
// said anything.
func (x *Executor) refused(errno unix.Errno, log string) ops.Result {
	r := failed(errno)
	if log != "" && !plain[errno] {
		x.note = progs.ReasonLine(log)
		r.Got = x.shared.reason(x.note)
	}
	return r
}

// manyReasons bounds what is kept.
const manyReasons = 1000

// reason is the class of a line. Many loads are refused for few reasons, and an
// emulated processor takes as long to match a line as the kernel to refuse a
// program.
func (s *shared) reason(line string) string {
	class, known := s.reasons[line]
	if !known {
		if len(s.reasons) == manyReasons {
			clear(s.reasons)
		}
		class = progs.Reason(line)
		s.reasons[line] = class
	}
	return class
}

// assemble makes the instructions of a program, and describes its functions if
// it needs that.
func (x *Executor) assemble(p progs.Program) (i image, err error) {
	i.kind, i.how = p.Type, progKinds[p.Type].progLoad
	if i.insns, err = p.Assemble(); err != nil {
		return i, err
	}
	list, _ := p.List() // it was assembled
	for _, fd := range list {
		i.list = append(i.list, ops.Bytes(uint64(uint32(fd)), 4)...)
	}
	if !progs.CallsBack(p.Body) {
		return i, nil
	}
	types, funcs, err := p.Describe()
	if err != nil {
		return i, err
	}
	if errno := x.shared.describe(&i, types, funcs); errno != 0 {
		return i, fmt.Errorf("the BTF of its functions answers %v", failed(errno))
	}
	return i, nil
}

// functionsOf looks up the kfuncs that a body calls; missing is one that the
// kernel has not.
func functionsOf(steps []ops.BodyStep) (ids map[string]int32, missing string) {
	for _, s := range steps {
		for _, name := range s.Functions() {
			id, ok := functionID(name)
			if !ok {
				return nil, name
			}
			if ids == nil {
				ids = map[string]int32{}
			}
			ids[name] = int32(id)
		}
	}
	return ids, ""
}

// reachOf is what a program that is given a map reaches; for what is none,
// something that assembles.
func reachOf(m *handle) progs.Reach {
	r := progs.Reach{Map: int(int32(m.fd)), OuterKey: 4, Key: 4, Value: 4}
	values := innermost(m)
	if m.outer {
		r.Outer, r.OuterKey = true, min(m.key, progs.MaxKey)
	}
	if values.id != 0 {
		r.Key, r.Value = min(values.key, progs.MaxKey), values.value
		r.MapType, r.Max, r.MapFlags, r.Special = values.kind, values.max, values.flags, values.described.Special()
		r.Lock, r.Timer = ops.Size(values.described.Offset("bpf_spin_lock")), ops.Size(values.described.Offset("bpf_timer"))
	}
	return r
}

// innermost is what the inner maps of an outer map look like; any other map itself.
func innermost(m *handle) *handle {
	if m.outer {
		return m.template
	}
	return m
}

// likeness is all that the verifier's opinion of a program depends on, but
// whether it is given an outer map or an inner map itself.
type likeness struct {
	program    ops.ProgType
	flags      ops.ProgFlags
	body       ops.Body
	key, value ops.Size
	inner      ops.MapType
	mapFlags   ops.CreateFlags
	described  btfs.Kind
}

func alike(o ops.Prog, m *handle) likeness {
	i := innermost(m)
	return likeness{o.Type, o.Flags, o.Body, i.key, i.value, i.kind, i.flags, i.described}
}

// mayRun says whether a program can be run without danger to the machine: it is
// safe, or the kernel took the same for an inner map itself, where its verifier
// is at home.
func (x *Executor) mayRun(l *loaded) bool {
	return progs.Safe(l.Program, !l.Body.Second() && x.accepted[l.alike])
}
