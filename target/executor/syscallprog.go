package executor

import (
	"runtime"

	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

// sleepable is BPF_F_SLEEPABLE, without which there is no program of type syscall.
const sleepable = 1 << 4

const progTypeSyscall = 31

// bySyscall has a program do to an outer map what user space would do.
func (x *Executor) bySyscall(o ops.Sys) ops.Result {
	h := x.handle(o.On)
	p := progs.Syscall{Command: progs.SyscallCommand(o.Command), Map: int(int32(h.fd)), Key: x.key(h, o.Key), Flags: uint64(o.Flags), Value: int(int32(o.Value.N))}
	if o.Value.Name != "" {
		p.Value = int(int32(x.handle(o.Value.Name).fd))
	}
	insns, err := p.Assemble()
	if err != nil {
		return ops.Read("not assembled: " + err.Error())
	}
	fd, errno := loadFlagged(progTypeSyscall, insns, sleepable)
	if errno != 0 {
		return ops.Read("not loaded: " + failed(errno).String())
	}
	defer closeFD(fd)
	attr := testRunAttr{fd: fd}
	if _, errno := bpf(cmdTestRun, &attr); errno != 0 {
		return ops.Read("not run: " + failed(errno).String())
	}
	return failed(unix.Errno(-int32(attr.retval)))
}

func loadFlagged(progType uint32, insns []byte, flags uint32) (fd uint32, errno unix.Errno) {
	text := append([]byte(progs.Licence), 0)
	for range loadAttempts {
		attr := loadAttr{progType: progType, count: uint32(len(insns) / 8), insns: address(insns), licence: address(text), flags: flags}
		if fd, errno = bpf(cmdProgLoad, &attr); errno != unix.EAGAIN {
			break
		}
	}
	runtime.KeepAlive([][]byte{insns, text})
	return fd, errno
}
