package progs

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"mimic/ops"
)

// Helpers of enum bpf_func_id that arguments come from.
const (
	processorID = asm.BuiltinFunc(8)
	currentTask = asm.BuiltinFunc(158)
)

// socketAt is where struct __sk_buff has the socket.
const socketAt = 168

// call has a helper or kfunc do something and answers what it returns.
func (a *assembler) call(s ops.BodyStep) {
	a.handOver(s)
	switch {
	case s.Call.Void: // R0 is nothing after it
		a.add(asm.Mov.Imm(asm.R0, 0))
	case s.Call.Pointer:
		label := fmt.Sprintf("answer%d", a.n)
		a.add(asm.JEq.Imm(asm.R0, 0, label), asm.Mov.Imm(asm.R0, 1))
		a.label = label
	}
	a.answer(asm.R0)
}

// handOver calls with the arguments of the table.
func (a *assembler) handOver(s ops.BodyStep) {
	for _, arg := range s.Call.Args {
		a.ready(s, arg)
	}
	for i, arg := range s.Call.Args {
		a.argument(asm.R1+asm.Register(i), s, arg)
	}
	if s.Call.ID != 0 {
		a.add(asm.BuiltinFunc(s.Call.ID).Call())
		return
	}
	a.callKernel(s.Functions()[0])
}

// callKernel calls a function of the kernel.
func (a *assembler) callKernel(name string) {
	id, ok := a.Functions[name]
	if !ok {
		a.fail("step %d: the BTF id of %s is not known", a.n, name)
	}
	ins := asm.BuiltinFunc(id).Call()
	ins.Src = asm.PseudoKfuncCall
	a.add(ins)
}

// section begins one and ends it.
func (a *assembler) section(s ops.BodyStep) {
	for _, name := range s.Functions() {
		a.callKernel(name)
	}
}

// ready does what an argument needs before the registers of arguments are set:
// it may clobber them.
func (a *assembler) ready(s ops.BodyStep, arg ops.ArgOf) {
	switch arg {
	case ops.ArgCPU:
		a.add(processorID.Call(), asm.Mov.Reg(scratch, asm.R0))
	case ops.ArgTask:
		a.add(currentTask.Call(), asm.Mov.Reg(scratch, asm.R0))
	case ops.ArgSocket:
		label := fmt.Sprintf("socket%d", a.n)
		a.add(asm.LoadMem(asm.R1, asm.R10, contextAt, asm.DWord), asm.LoadMem(scratch, asm.R1, socketAt, asm.DWord))
		a.endUnless(asm.JNE.Imm(scratch, 0, label))
		a.label = label
	case ops.ArgKey:
		a.key(s.Key, a.Key)
	case ops.ArgValue:
		a.value(number(s, 0))
	case ops.ArgRoom:
		a.room()
	case ops.ArgStack:
		a.store(asm.R10, memoryAt, make([]byte, 16))
	case ops.ArgShortKey:
		a.store(asm.R10, -short(a.Key), make([]byte, short(a.Key)))
	}
}

// short is how many bytes there are of a key or value of that size of which the last one is missing.
func short(size ops.Size) int { return max(0, int(size)-1) }

func (a *assembler) room() {
	if a.rooms++; a.rooms > MaxRooms {
		a.fail("step %d is one too many that is given memory to write to, want at most %d", a.n, MaxRooms)
	}
	if a.Value > RoomSize {
		a.fail("step %d asks for values of %d bytes, want at most %d", a.n, a.Value, RoomSize)
	}
}

// number is a number of a step that need not have it.
func number(s ops.BodyStep, i int) int64 {
	if i < len(s.N) {
		return s.N[i]
	}
	return 0
}

// argument puts an argument in a register, and clobbers no other.
func (a *assembler) argument(reg asm.Register, s ops.BodyStep, arg ops.ArgOf) {
	switch arg {
	case ops.ArgKey:
		a.add(pointToKey(reg, s.Key, InnerKeyAt)...)
	case ops.ArgIndex:
		a.add(index(reg, s.Key))
	case ops.ArgValue:
		a.add(address(reg, mailbox, ValueAt)...)
	case ops.ArgRoom:
		a.add(address(reg, mailbox, roomAt(a.rooms-1))...)
	case ops.ArgStack:
		a.add(address(reg, asm.R10, memoryAt)...)
	case ops.ArgShortKey:
		a.add(address(reg, asm.R10, -short(a.Key))...)
	case ops.ArgShortValue:
		a.add(address(reg, mailbox, MailboxSize-short(a.Value))...)
	case ops.ArgContext:
		a.add(asm.LoadMem(reg, asm.R10, contextAt, asm.DWord))
	case ops.ArgCallback:
		a.add(a.function(reg, callbackLabel))
	case ops.ArgStop:
		a.add(a.function(reg, stopLabel))
	default:
		a.plain(reg, s, arg)
	}
}

// registers are where arguments are that are in one already.
var registers = map[ops.ArgOf]asm.Register{
	ops.ArgIt: it, ops.ArgCPU: scratch, ops.ArgTask: scratch, ops.ArgSocket: scratch,
}

// plain puts an argument in a register that is a number or in a register already.
func (a *assembler) plain(reg asm.Register, s ops.BodyStep, arg ops.ArgOf) {
	numbers := map[ops.ArgOf]int64{ops.ArgFlags: number(s, 1), ops.ArgSize: number(s, 0), ops.ArgEight: 8, ops.ArgZero: 0}
	n, isNumber := numbers[arg]
	from, isRegister := registers[arg]
	switch {
	case isNumber:
		a.add(constant(reg, n))
	case isRegister:
		a.add(asm.Mov.Reg(reg, from))
	default:
		a.fail("step %d: there is no argument %q", a.n, arg)
	}
}

// index is a step's key as a number of 32 bits.
func index(reg asm.Register, k ops.BodyKey) asm.Instruction {
	if k.In {
		return asm.LoadMem(reg, mailbox, InnerKeyAt, asm.Word)
	}
	return constant(reg, int64(k.N))
}

// roomAt is where the room of the i-th step with ArgRoom is, from 0 on.
func roomAt(i int) int { return RoomAt + RoomSize*i }

// hasRoom says whether a step is given memory to write to.
func hasRoom(s ops.BodyStep) bool { return s.Takes(ops.ArgRoom) }
