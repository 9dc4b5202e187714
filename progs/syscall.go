package progs

import (
	"encoding/binary"
	"fmt"

	"github.com/cilium/ebpf/asm"

	"mimic/ops"
)

// Syscall is a program of type syscall that does one command of bpf(2) on an
// element, as user space would, and returns what it answered.
type Syscall struct {
	Command    int32 // of bpf(2)
	Map, Value int   // descriptors; the second is the value of an update
	Key        []byte
	Flags      uint64
}

// sysBPF is bpf_sys_bpf of enum bpf_func_id.
const sysBPF = asm.BuiltinFunc(166)

// Where on the stack the attributes of the command are, and what they point to.
const (
	attrAt, attrSize = -32, 32
	valueAt          = -40
	keyAt            = valueAt - MaxKey
)

// Assemble answers the instructions, 8 bytes each.
func (s Syscall) Assemble() ([]byte, error) {
	if len(s.Key) > MaxKey {
		return nil, fmt.Errorf("assemble command %d: a key of %d bytes, want at most %d", s.Command, len(s.Key), MaxKey)
	}
	ins := asm.Instructions{
		asm.StoreImm(asm.R10, attrAt, int64(int32(s.Map)), asm.Word),
		asm.StoreImm(asm.R10, attrAt+4, 0, asm.Word),
		asm.StoreImm(asm.R10, valueAt, int64(int32(s.Value)), asm.Word),
		asm.StoreImm(asm.R10, valueAt+4, 0, asm.Word),
		asm.LoadImm(asm.R1, int64(s.Flags), asm.DWord),
		asm.StoreMem(asm.R10, attrAt+24, asm.R1, asm.DWord),
	}
	ins = append(ins, storeBytes(keyAt, s.Key)...)
	ins = append(ins, pointTo(keyAt, attrAt+8)...)
	if s.Command == CommandUpdate {
		ins = append(ins, pointTo(valueAt, attrAt+16)...)
	} else {
		ins = append(ins, asm.Mov.Imm(asm.R1, 0), asm.StoreMem(asm.R10, attrAt+16, asm.R1, asm.DWord))
	}
	return marshal(append(ins,
		asm.Mov.Imm(asm.R1, s.Command),
		asm.Mov.Reg(asm.R2, asm.R10),
		asm.Add.Imm(asm.R2, attrAt),
		asm.Mov.Imm(asm.R3, attrSize),
		sysBPF.Call(),
		asm.Return(),
	))
}

// Commands of bpf(2) that a program does on elements.
const (
	CommandUpdate = 2
	CommandDelete = 3
)

// storeBytes puts a key on the stack, and zeros behind it.
func storeBytes(at int16, b []byte) (ins asm.Instructions) {
	padded := make([]byte, MaxKey)
	copy(padded, b)
	for i := 0; i < MaxKey; i += 8 {
		ins = append(ins,
			asm.LoadImm(asm.R1, int64(binary.NativeEndian.Uint64(padded[i:])), asm.DWord),
			asm.StoreMem(asm.R10, at+int16(i), asm.R1, asm.DWord))
	}
	return ins
}

// pointTo stores the address of one place on the stack in another.
func pointTo(target, at int16) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R10),
		asm.Add.Imm(asm.R1, int32(target)),
		asm.StoreMem(asm.R10, at, asm.R1, asm.DWord),
	}
}

// SyscallCommand is the command of an operation.
func SyscallCommand(c ops.Command) int32 {
	if c == ops.ByUpdate {
		return CommandUpdate
	}
	return CommandDelete
}
