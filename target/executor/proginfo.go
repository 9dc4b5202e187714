package executor

import (
	"slices"

	"mimic/ops"
)

// Of the instruction that loads a map: its code, and what its source says is in
// the number that follows (BPF_PSEUDO_MAP_FD or VALUE).
const (
	loadsNumber = 0x18
	manyMaps    = 64 // that a program uses
)

// bind adds a map to those that a program uses (BPF_PROG_BIND_MAP).
func (x *Executor) bind(o ops.Bind) ops.Result {
	_, errno := bpf(cmdProgBindMap, &bindAttr{prog: x.handle(o.On).fd, given: x.handle(o.Map).fd})
	return failed(errno)
}

// uses answers which maps of the sequence the kernel says that a program uses,
// and which of all maps its instructions load.
func (x *Executor) uses(h *handle) ops.Result {
	insns, ids, errno := translated(h.fd)
	if errno != 0 {
		return failed(errno)
	}
	return ops.Read(ops.DescribeProgram(x.namesOf(ids), slices.Compact(x.namesOf(loadedBy(insns)))))
}

// loadedBy are the ids of maps that instructions load.
func loadedBy(insns []instruction) (ids []uint32) {
	for _, i := range insns {
		if source := i.regs >> 4; i.code == loadsNumber && (source == 1 || source == 2) {
			ids = append(ids, uint32(i.imm))
		}
	}
	return ids
}

// namesOf are the names of maps of the sequence, as often as their ids and in order; what is
// none of its maps has none, but an id that no map has is called so.
func (x *Executor) namesOf(ids []uint32) (names []ops.Name) {
	for _, id := range ids {
		if n, known := x.byID[id]; known {
			names = append(names, n)
		} else if id == 0 {
			names = append(names, "id0")
		}
	}
	slices.Sort(names)
	return names
}

// bindAttr is what BPF_PROG_BIND_MAP takes.
type bindAttr struct{ prog, given, flags uint32 }
