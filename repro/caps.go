package repro

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// capBits are the numbers of capabilities.
var capBits = map[ops.CapSet]uint{
	ops.CapBPF: unix.CAP_BPF, ops.CapPerfmon: unix.CAP_PERFMON, ops.CapNetAdmin: unix.CAP_NET_ADMIN, ops.CapSysAdmin: unix.CAP_SYS_ADMIN,
}

// emitCaps says what the steps after it are done with, as C.
func (w *writer) emitCaps(o ops.Caps) ([]string, error) {
	bits := uint64(0)
	for c, bit := range capBits {
		if o.Set.Has(c) {
			bits |= 1 << bit
		}
	}
	if o.Set == ops.CapsAll {
		bits = ^uint64(0)
	}
	w.may = &o
	w.need("caps")
	return []string{
		fmt.Sprintf("caps.bits[0] = %#x, caps.bits[1] = %#x, caps.disabled = %d;", uint32(bits), uint32(bits>>32), o.Disabled),
		`strcpy(answer, "ok");`,
	}, nil
}

// lowered has what an operation does done with what Caps said.
func (w *writer) lowered(op ops.Op, lines []string) ([]string, error) {
	before := []string{}
	switch op.(type) {
	case ops.Prog, ops.Iter:
		return nil, cannot(op, "fewer privileges are for that one call, and what it is prepared with takes all of them")
	case ops.Pin, ops.Get:
		before = append(before, "enter_bpffs();")
	}
	return slices.Concat(before, []string{"lower();"}, lines, []string{"raise_again();"}), nil
}
