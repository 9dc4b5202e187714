package executor

import (
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// process is a child that holds a descriptor and does nothing. It ends by itself
// when nobody has the other end of its life any more, which only this process has.
type process struct {
	pid  uintptr
	life int
}

// holdInProcess starts one. When it returns, the child has nothing of ours but the
// descriptor. Running a program in it would take an emulated processor too long.
func holdInProcess(fd uint32) (p *process, errno unix.Errno) {
	if errno := isOpen(fd); errno != 0 {
		return nil, errno
	}
	var life, ready [2]int
	if err := unix.Pipe2(life[:], unix.O_CLOEXEC); err != nil {
		return nil, errnoOf(err)
	}
	defer unix.Close(life[0])
	if err := unix.Pipe2(ready[:], unix.O_CLOEXEC); err != nil {
		unix.Close(life[1])
		return nil, errnoOf(err)
	}
	defer unix.Close(ready[0])
	pid, errno := fork(newChild(int(fd), life[0], ready[1]))
	unix.Close(ready[1])
	if errno != 0 {
		unix.Close(life[1])
		return nil, errno
	}
	unix.Read(ready[0], make([]byte, 1)) // the end comes when the child has closed everything
	return &process{pid, life[1]}, 0
}

// child is what a child needs: it can allocate nothing.
type child struct {
	life, ready uintptr
	close       [4][2]uintptr // from and to
	ranges      int
	root        [2]byte
	byte        [1]byte
}

// newChild lists what is between the descriptors that the child keeps.
func newChild(keep ...int) *child {
	c := &child{life: uintptr(keep[1]), ready: uintptr(keep[2]), root: [2]byte{'/'}}
	slices.Sort(keep)
	from := 0
	for _, fd := range keep {
		if from < fd {
			c.close[c.ranges] = [2]uintptr{uintptr(from), uintptr(fd - 1)}
			c.ranges++
		}
		from = fd + 1
	}
	c.close[c.ranges] = [2]uintptr{uintptr(from), badFD}
	c.ranges++
	return c
}

// signals is the size in bytes of a set of signals.
const signals = 8

// fork starts a child that takes no signals: the Go runtime is not there to handle
// them.
func fork(c *child) (pid uintptr, errno unix.Errno) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all, old := ^uint64(0), uint64(0)
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), signals, 0, 0)
	pid, errno = clone(c)
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&old)), 0, signals, 0, 0)
	return pid, errno
}

// clone is fork(2). In the child it does not return, and does nothing but calls of
// the kernel: the threads that a goroutine may need are not there.
//
//go:norace
//go:nosplit
func clone(c *child) (pid uintptr, errno unix.Errno) {
	flags, stack := uintptr(unix.SIGCHLD), uintptr(0)
	if runtime.GOARCH == "s390x" {
		flags, stack = stack, flags
	}
	pid, _, errno = unix.RawSyscall6(unix.SYS_CLONE, flags, stack, 0, 0, 0, 0)
	if pid != 0 || errno != 0 {
		return pid, errno
	}
	for i := 0; i < c.ranges; i++ {
		unix.RawSyscall(unix.SYS_CLOSE_RANGE, c.close[i][0], c.close[i][1], 0)
	}
	unix.RawSyscall(unix.SYS_CHDIR, uintptr(unsafe.Pointer(&c.root)), 0, 0)
	unix.RawSyscall(unix.SYS_CLOSE, c.ready, 0, 0)
	unix.RawSyscall(unix.SYS_READ, c.life, uintptr(unsafe.Pointer(&c.byte)), 1)
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
}

// kill kills it and waits for its end: what it had is closed then. was is false if
// there is none.
func (p *process) kill() (errno unix.Errno, was bool) {
	if p == nil || p.pid == 0 {
		return 0, false
	}
	_, _, errno = unix.RawSyscall(unix.SYS_KILL, p.pid, uintptr(unix.SIGKILL), 0)
	unix.Close(p.life)
	for again := unix.EINTR; again == unix.EINTR; {
		_, _, again = unix.RawSyscall6(unix.SYS_WAIT4, p.pid, 0, 0, 0, 0, 0)
	}
	p.pid = 0
	return errno, true
}
