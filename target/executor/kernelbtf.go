package executor

import (
	"errors"
	"runtime"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

// structName is a structure that every kernel with struct_ops and networking can have filled in.
const structName = "bpf_struct_ops_tcp_congestion_ops"

// structure is one of the kernel's own: its type and its size in bytes.
type structure struct{ id, size uint32 }

// structOps is what the struct_ops maps of mimic hold.
var structOps = sync.OnceValues(func() (s structure, err error) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return s, err
	}
	var t *btf.Struct
	if err := spec.TypeByName(structName, &t); err != nil {
		return s, err
	}
	id, err := spec.TypeID(t)
	return structure{uint32(id), t.Size}, err
})

// iterator is a program that iterates over the elements of a map and does nothing.
var iterator = sync.OnceValues(func() (*ebpf.Program, error) {
	return ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.Tracing, AttachType: ebpf.AttachTraceIter, AttachTo: "bpf_map_elem", License: progs.Licence,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
})

type linkAttr struct {
	prog, target, attachType, flags uint32
	info                            uint64
	infoSize                        uint32
	_                               uint32
}

// attachIter is BPF_TRACE_ITER of enum bpf_attach_type.
const attachIter = 28

// iterate asks for an iterator over the elements of a map.
func iterate(fd uint32) ops.Result {
	link, r := linkIterator(fd)
	if r == ops.OK {
		closeFD(link)
	}
	return r
}

// linkIterator makes an iterator over the elements of a map (BPF_LINK_CREATE).
func linkIterator(fd uint32) (link uint32, r ops.Result) {
	prog, err := iterator()
	if err != nil {
		return badFD, ops.Read("no program to iterate with: " + err.Error())
	}
	info := make([]byte, 4)
	copy(info, ops.Bytes(uint64(fd), 4))
	attr := linkAttr{prog: uint32(prog.FD()), attachType: attachIter, info: address(info), infoSize: uint32(len(info))}
	link, errno := bpf(cmdLinkCreate, &attr)
	runtime.KeepAlive(info)
	return link, failed(errno)
}

// errnoOf is the errno in an error of the os and unix packages; 0 without one.
func errnoOf(err error) (errno unix.Errno) {
	errors.As(err, &errno)
	return errno
}
