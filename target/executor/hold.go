package executor

import (
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// attach attaches a program for good: what it was loaded for keeps it. It is
// gated, so that nothing but Run makes it do anything.
func (x *Executor) attach(o ops.Attach) ops.Result {
	h := x.handle(o.Of)
	if h.program != nil && h.program.Type == ops.Tracing {
		keepFentry()
	}
	link, errno := attach(h.fd)
	x.slow = x.slow || errno == 0
	return x.hold(o.Def, link, failed(errno))
}

func (x *Executor) iter(o ops.Iter) ops.Result {
	link, r := linkIterator(x.handle(o.Of).fd)
	return x.hold(o.Def, link, r)
}

// hold defines a name for a descriptor, if it was got.
func (x *Executor) hold(n ops.Name, fd uint32, r ops.Result) ops.Result {
	h := &handle{fd: badFD, created: n}
	if r == ops.OK {
		h.fd = fd
	}
	x.handles[n] = h
	return r
}

func (x *Executor) startProcess(o ops.Process) ops.Result {
	h := &handle{fd: badFD, created: o.Def}
	x.handles[o.Def] = h
	p, errno := holdInProcess(x.handle(o.Of).fd)
	if errno == 0 {
		h.process = p
	}
	return failed(errno)
}

const noProcess = "no process"

func (x *Executor) kill(o ops.Kill) ops.Result {
	errno, was := x.handle(o.On).process.kill()
	if !was {
		return ops.Read(noProcess)
	}
	return failed(errno)
}

// isOpen says whether a descriptor is open, of anything.
func isOpen(fd uint32) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_GETFD, 0)
	return errno
}
