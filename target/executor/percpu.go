package executor

import (
	"bytes"
	"sync"

	"github.com/cilium/ebpf"

	"mimic/ops"
)

// possible is how many processors there may be; what user space reads and writes of a per-CPU map has a value for each.
var possible = sync.OnceValue(func() int {
	n, err := ebpf.PossibleCPU()
	if err != nil {
		return 1 // /sys is not mounted
	}
	return n
})

// room is how many bytes each processor's value takes.
func (h *handle) room() int { return int((h.value + 7) &^ 7) }

// each is a value as it is handed over: for every processor, where each has its own.
func (h *handle) each(value []byte) []byte {
	if !h.kind.PerCPU() || h.outer {
		return value
	}
	return bytes.Repeat(append(value, make([]byte, h.room()-len(value))...), possible())
}

// values is what was read.
func (h *handle) values(from []byte) string {
	if !h.kind.PerCPU() {
		return ops.Number(from[:h.value])
	}
	var all []string
	for i := range min(possible(), len(from)/max(1, h.room())) {
		all = append(all, ops.Number(from[i*h.room():][:h.value]))
	}
	return ops.EachText(all...)
}
