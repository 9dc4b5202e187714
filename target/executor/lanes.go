package executor

import (
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// lanes are descriptors that the kernel gives to nothing by itself, since there
// are lower ones. A descriptor that one thread closes and another uses then is
// not open, and never another file.
type lanes struct{ first, next, end uintptr }

// manyDescriptors bounds the lanes: a table of descriptors grows with the highest.
const manyDescriptors = 4 << 10

func (l *lanes) open() {
	limit := unix.Rlimit{Cur: manyDescriptors}
	unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	l.end = uintptr(min(limit.Cur, manyDescriptors))
	l.first = l.end / 4
	l.next = l.first
}

// move moves a descriptor to the next lane.
func (l *lanes) move(h *handle) {
	if l.next >= l.end {
		l.open()
	}
	fd, _, errno := unix.RawSyscall(unix.SYS_FCNTL, uintptr(h.fd), unix.F_DUPFD_CLOEXEC, l.next)
	if errno != 0 { // nothing that is open
		return
	}
	closeFD(h.fd)
	h.fd, l.next = uint32(fd), fd+1
}

// changeLanes moves every descriptor that the operations use.
func (x *Executor) changeLanes(seq ops.Sequence) {
	moved := map[ops.Name]bool{}
	for _, op := range seq {
		for _, n := range ops.Uses(op) {
			if h := x.handles[n]; h != nil && h.fd != badFD && !moved[n] {
				x.shared.lanes.move(h)
				moved[n] = true
			}
		}
	}
}
