package executor

import (
	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

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
	fd, _, errno := x.shared.loadProgram(image{kind: ops.Syscall, how: progKinds[ops.Syscall].progLoad, insns: insns})
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
