package progs

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"mimic/ops"
)

// Helpers of enum bpf_func_id that steps call by themselves.
const (
	spinLock    = asm.BuiltinFunc(93)
	spinUnlock  = asm.BuiltinFunc(94)
	timerInit   = asm.BuiltinFunc(169)
	timerCancel = asm.BuiltinFunc(172)
	loopHelper  = asm.BuiltinFunc(181)
	eachElement = asm.BuiltinFunc(164)
	besideFind  = asm.BuiltinFunc(195)
)

// clockMonotonic is CLOCK_MONOTONIC of time.h.
const clockMonotonic = 1

// words says how each step is assembled.
var words = map[ops.StepWord]func(*assembler, ops.BodyStep){
	ops.StepMap:     func(a *assembler, _ ops.BodyStep) { a.add(a.loadMap(it, a.Map, asm.PseudoMapFD)) },
	ops.StepDirect:  func(a *assembler, _ ops.BodyStep) { a.add(a.loadMap(it, a.Map, asm.PseudoMapValue)) },
	ops.StepFind:    func(a *assembler, s ops.BodyStep) { a.find(s, a.Reach) },
	ops.StepSecond:  func(a *assembler, s ops.BodyStep) { a.find(s, a.Second) },
	ops.StepEither:  (*assembler).either,
	ops.StepFar:     (*assembler).goFar,
	ops.StepAway:    (*assembler).goAway,
	ops.StepListed:  func(a *assembler, _ ops.BodyStep) { a.nop() },
	ops.StepVet:     (*assembler).vet,
	ops.StepWithin:  func(a *assembler, _ ops.BodyStep) { a.nop() },
	ops.StepCalled:  func(a *assembler, _ ops.BodyStep) { a.nop() },
	ops.StepGet:     (*assembler).get,
	ops.StepBeside:  (*assembler).beside,
	ops.StepCheck:   func(a *assembler, _ ops.BodyStep) { a.goOn(asm.JNE, asm.JEq, isNull) },
	ops.StepHalf:    func(a *assembler, _ ops.BodyStep) { a.goOn(asm.JNE, asm.JEq, isHalfNull) },
	ops.StepKeep:    func(a *assembler, _ ops.BodyStep) { a.add(asm.Mov.Reg(other, it)) },
	ops.StepSwap:    (*assembler).swap,
	ops.StepSpill:   (*assembler).spill,
	ops.StepStash:   func(a *assembler, _ ops.BodyStep) { a.add(asm.StoreMem(asm.R10, stashAt, it, asm.DWord)) },
	ops.StepFetch:   func(a *assembler, _ ops.BodyStep) { a.add(asm.LoadMem(it, asm.R10, stashAt, asm.DWord)) },
	ops.StepSame:    func(a *assembler, _ ops.BodyStep) { a.goOn(asm.JEq, asm.JNE, isSame) },
	ops.StepDiffer:  func(a *assembler, _ ops.BodyStep) { a.goOn(asm.JNE, asm.JEq, isSame) },
	ops.StepPass:    (*assembler).passOn,
	ops.StepSection: (*assembler).section,
	ops.StepMerge:   func(a *assembler, _ ops.BodyStep) { a.branch(asm.Mov.Reg(it, other)) },
	ops.StepCross:   func(a *assembler, _ ops.BodyStep) { a.branch(exchange()...) },
	ops.StepMaybe:   func(a *assembler, _ ops.BodyStep) { a.branch(asm.Mov.Imm(it, 0)) },
	ops.StepLend:    (*assembler).lend,
	ops.StepSum:     (*assembler).sum,
	ops.StepRead:    (*assembler).read,
	ops.StepWrite:   (*assembler).write,
	ops.StepCount:   (*assembler).count,
	ops.StepLoop:    (*assembler).loop,
	ops.StepAdd:     (*assembler).plus,
	ops.StepCall:    (*assembler).call,
	ops.StepMemory:  (*assembler).handOver,
	ops.StepAsKey:   (*assembler).asKey,
	ops.StepAsVal:   (*assembler).asValue,
	ops.StepTell:    func(a *assembler, _ ops.BodyStep) { a.answer(it) },
	ops.StepReturn:  (*assembler).giveBack,
	ops.StepLock:    func(a *assembler, _ ops.BodyStep) { a.field(a.Lock); a.add(spinLock.Call()) },
	ops.StepUnlock:  func(a *assembler, _ ops.BodyStep) { a.field(a.Lock); a.add(spinUnlock.Call()) },
	ops.StepTimer:   (*assembler).timer,
	ops.StepStop:    func(a *assembler, _ ops.BodyStep) { a.field(a.Timer); a.add(timerCancel.Call()); a.answer(asm.R0) },
}

// find looks up in an outer map; another map is itself what is found.
func (a *assembler) find(s ops.BodyStep, in Reach) {
	if !in.Outer {
		a.add(a.loadMap(it, in.Map, asm.PseudoMapFD))
		return
	}
	a.key(s.Key, in.OuterKey)
	a.add(a.loadMap(asm.R1, in.Map, asm.PseudoMapFD))
	a.add(pointToKey(asm.R2, s.Key, OuterKeyAt)...)
	a.lookUp(in.OuterKey)
}

// either is one call that looks up in one of two maps, by the bit of the step in what the run hands over.
func (a *assembler) either(s ops.BodyStep) {
	if !a.Outer || !a.Second.Outer {
		a.fail("step %d looks up in either of two maps, want outer maps", a.n)
	}
	to := fmt.Sprintf("either%d", a.n)
	a.key(s.Key, a.OuterKey)
	a.add(a.loadMap(scratch, a.Map, asm.PseudoMapFD))
	a.skipUnlessBranch(to)
	a.add(a.loadMap(scratch, a.Second.Map, asm.PseudoMapFD))
	a.label = to
	a.add(asm.Mov.Reg(asm.R1, scratch))
	a.add(pointToKey(asm.R2, s.Key, OuterKeyAt)...)
	a.lookUp(a.OuterKey)
}

func (a *assembler) goFar(ops.BodyStep) {
	a.far = true
	a.nop()
}

func (a *assembler) goAway(ops.BodyStep) {
	a.away = true
	a.nop()
}

// vet ends the program if a subprogram says that it is NULL.
func (a *assembler) vet(ops.BodyStep) {
	a.uses[vetLabel] = true
	a.add(asm.Mov.Reg(asm.R1, it), asm.Call.Label(vetLabel))
	a.goOn(asm.JNE, asm.JEq, func(op asm.JumpOp, label string) asm.Instruction { return op.Imm(asm.R0, 0, label) })
}

// nop leaves an instruction for the step to begin at.
func (a *assembler) nop() { a.add(asm.Mov.Imm(scratch, 0)) }

// lookUp calls the helper. Far away, the verifier sees that the call may be given another map, the mailbox, and leaves
// it a call: it does not see that this never comes to pass. The mailbox has keys of four bytes.
func (a *assembler) lookUp(key ops.Size) {
	if a.away {
		a.uses[seekLabel] = true
		a.add(asm.Call.Label(seekLabel), asm.Mov.Reg(it, asm.R0))
		return
	}
	if !a.far || key < 4 {
		a.add(asm.FnMapLookupElem.Call(), asm.Mov.Reg(it, asm.R0))
		return
	}
	near := fmt.Sprintf("near%d", a.n)
	a.uses[exitLabel] = true
	a.add(
		asm.LoadMem(scratch, mailbox, BranchesAt, asm.DWord),
		asm.RSh.Imm(scratch, neverSet),
		asm.JLT.Imm(scratch, 1, near),
		a.loadMap(asm.R1, a.Mailbox, asm.PseudoMapFD),
		asm.FnMapLookupElem.Call().WithSymbol(near),
		asm.JGE.Imm(scratch, 1, exitLabel),
		asm.Mov.Reg(it, asm.R0),
	)
}

// neverSet is a bit that the branches of a run, 32, never have.
const neverSet = 63

func (a *assembler) get(s ops.BodyStep) {
	a.key(s.Key, a.Key)
	a.add(asm.Mov.Reg(asm.R1, it))
	a.add(pointToKey(asm.R2, s.Key, InnerKeyAt)...)
	a.lookUp(a.Key)
}

// beside asks for another processor than the one it runs on: there are two at least where anything is known of that.
func (a *assembler) beside(s ops.BodyStep) {
	first := fmt.Sprintf("first%d", a.n)
	a.key(s.Key, a.Key)
	a.add(processorID.Call(), asm.Mov.Imm(scratch, 1), asm.JEq.Imm(asm.R0, 0, first), asm.Mov.Imm(scratch, 0))
	a.label = first
	a.add(asm.Mov.Reg(asm.R1, it))
	a.add(pointToKey(asm.R2, s.Key, InnerKeyAt)...)
	a.add(asm.Mov.Reg(asm.R3, scratch), besideFind.Call(), asm.Mov.Reg(it, asm.R0))
}

// exchange is of it and other.
func exchange() []asm.Instruction {
	return []asm.Instruction{asm.Mov.Reg(scratch, it), asm.Mov.Reg(it, other), asm.Mov.Reg(other, scratch)}
}

func (a *assembler) swap(ops.BodyStep) { a.add(exchange()...) }

// comparison is a jump to a label that depends on it.
type comparison func(op asm.JumpOp, label string) asm.Instruction

func isSame(op asm.JumpOp, label string) asm.Instruction     { return op.Reg(it, other, label) }
func isNull(op asm.JumpOp, label string) asm.Instruction     { return op.Imm(it, 0, label) }
func isHalfNull(op asm.JumpOp, label string) asm.Instruction { return op.Imm32(it, 0, label) }

// goOn ends the program unless the comparison is as wanted. Every second step asks whether it is otherwise: a
// verifier tells what it knows where a jump is taken from what it knows where it is not.
func (a *assembler) goOn(wanted, otherwise asm.JumpOp, compare comparison) {
	if a.n%2 == 0 {
		a.endUnless(compare(wanted, a.next()))
		return
	}
	ends := fmt.Sprintf("ends%d", a.n)
	a.add(compare(otherwise, ends), asm.Ja.Label(a.next()))
	a.label = ends
	a.ended()
}

func (a *assembler) spill(ops.BodyStep) {
	a.add(
		asm.StoreMem(asm.R10, spillAt, it, asm.DWord),
		asm.LoadMem(it, asm.R10, spillAt, asm.DWord),
	)
}

func (a *assembler) passOn(ops.BodyStep) {
	a.add(asm.Mov.Reg(asm.R1, it), a.pass(), asm.Mov.Reg(it, asm.R0))
}

func (a *assembler) lend(ops.BodyStep) {
	a.uses[lendLabel] = true
	a.add(asm.Mov.Reg(asm.R1, it), asm.Call.Label(lendLabel))
	a.answer(asm.R0)
}

// lookIn is the subprogram that a map is lent to.
func (a *assembler) lookIn() []asm.Instruction {
	return []asm.Instruction{
		a.loadMap(asm.R2, a.Mailbox, asm.PseudoMapValue),
		asm.Add.Imm(asm.R2, InnerKeyAt),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "absent"),
		asm.Mov.Imm(asm.R0, 1),
		asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("absent"),
	}
}

// sum hands over where on the stack the function adds to.
func (a *assembler) sum(ops.BodyStep) {
	a.store(asm.R10, memoryAt, make([]byte, 8))
	a.add(asm.Mov.Reg(asm.R1, it), a.function(asm.R2, adderUpLabel))
	a.add(address(asm.R3, asm.R10, memoryAt)...)
	a.add(asm.Mov.Imm(asm.R4, 0), eachElement.Call(), asm.LoadMem(asm.R1, asm.R10, memoryAt, asm.DWord))
	a.answer(asm.R1)
}

// addUp is the function that each element is given to.
func (a *assembler) addUp() []asm.Instruction {
	return []asm.Instruction{
		asm.LoadMem(asm.R1, asm.R3, 0, sizes[int64(ReadSize(a.Value))]),
		asm.LoadMem(asm.R2, asm.R4, 0, asm.DWord),
		asm.Add.Reg(asm.R1, asm.R2),
		asm.StoreMem(asm.R4, 0, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R0, 0),
	}
}

// branch does something if the bit of the step is set.
func (a *assembler) branch(then ...asm.Instruction) {
	a.skipUnlessBranch(a.next())
	a.add(then...)
}

// skipUnlessBranch goes to a label unless the bit of the step is set in what the
// run hands over, of which the verifier knows nothing.
func (a *assembler) skipUnlessBranch(label string) {
	a.add(
		asm.LoadMem(asm.R1, mailbox, BranchesAt, asm.DWord),
		asm.And.Imm(asm.R1, 1<<(a.n-1)),
		asm.JEq.Imm(asm.R1, 0, label),
	)
}

func (a *assembler) read(s ops.BodyStep) {
	at, size := a.access(0, int64(ReadSize(a.Value)))
	if len(s.N) == 2 {
		at, size = a.access(s.N[0], s.N[1])
	}
	a.add(asm.LoadMem(asm.R1, it, at, size))
	a.answer(asm.R1)
}

func (a *assembler) write(s ops.BodyStep) {
	at, size := a.access(s.N[0], s.N[1])
	a.add(constant(asm.R1, s.N[2]), asm.StoreMem(it, at, asm.R1, size))
}

// MaxWalked is how often a body counts at most in a loop that the verifier walks to its end, MaxCount how often by
// bpf_loop().
const (
	MaxWalked = 1 << 20
	MaxCount  = 1 << 23
)

// CountsFar says whether a step counts by bpf_loop(), for long.
func CountsFar(s ops.BodyStep) bool { return s.Word == ops.StepCount && s.N[0] > MaxWalked }

// count is a loop that the verifier walks to its end, short so that it gets there, or one that the kernel does.
func (a *assembler) count(s ops.BodyStep) {
	n := s.N[0]
	if n < 1 || n > MaxCount {
		a.fail("step %d counts %d times, want 1 to %d", a.n, n, MaxCount)
	}
	if CountsFar(s) {
		a.countByCalls(n)
		return
	}
	again := fmt.Sprintf("count%d", a.n)
	a.add(asm.Mov.Imm(asm.R1, int32(n)), asm.Mov.Imm(asm.R2, 1))
	a.label = again
	a.add(
		asm.AddAtomic.Mem(it, asm.R2, sizes[countSize(a.Value)], 0),
		asm.Sub.Imm(asm.R1, 1),
		asm.JNE.Imm(asm.R1, 0, again),
	)
}

// countByCalls hands bpf_loop() a function that adds 1, and where on the stack it finds the address of the number.
func (a *assembler) countByCalls(n int64) {
	a.add(
		asm.StoreMem(asm.R10, spillAt, it, asm.DWord),
		asm.Mov.Imm(asm.R1, int32(n)),
		a.function(asm.R2, adderLabel),
	)
	a.add(address(asm.R3, asm.R10, spillAt)...)
	a.add(asm.Mov.Imm(asm.R4, 0), loopHelper.Call())
}

// MaxLoop is how many rounds a body does at most.
const MaxLoop = 1 << 12

// loop goes back to the first step until enough rounds were done, which the
// verifier walks as well. The number of the round is on the stack: calls clobber
// the registers.
func (a *assembler) loop(s ops.BodyStep) {
	n := s.N[0]
	if n < 1 || n > MaxLoop || a.n == 1 {
		a.fail("step %d does the steps before it %d times, want such steps, and 1 to %d times", a.n, n, MaxLoop)
	}
	a.add(
		asm.LoadMem(asm.R1, asm.R10, roundAt, asm.DWord),
		asm.Add.Imm(asm.R1, 1),
		asm.StoreMem(asm.R10, roundAt, asm.R1, asm.DWord),
		asm.JNE.Imm(asm.R1, int32(n), stepLabel(1)),
	)
}

// countSize is how many bytes the number has that count adds to.
func countSize(value ops.Size) int64 {
	if value >= 8 {
		return 8
	}
	return 4
}

// plus adds a constant, or the lowest three bits of the key of the inner map: a
// number that the verifier knows only the limits of.
func (a *assembler) plus(s ops.BodyStep) {
	n := int64(s.Key.N)
	switch {
	case s.Key.In:
		a.add(
			asm.LoadMem(asm.R1, mailbox, InnerKeyAt, asm.DWord),
			asm.And.Imm(asm.R1, MostIn),
			asm.Add.Reg(it, asm.R1),
		)
	case fits(n):
		a.add(asm.Add.Imm(it, int32(n)))
	default:
		a.add(constant(asm.R1, n), asm.Add.Reg(it, asm.R1))
	}
}

func (a *assembler) asKey(ops.BodyStep) {
	a.add(
		a.loadMap(asm.R1, a.Mailbox, asm.PseudoMapFD),
		asm.Mov.Reg(asm.R2, it),
		asm.FnMapLookupElem.Call(),
	)
}

func (a *assembler) asValue(ops.BodyStep) {
	a.store(asm.R10, ownKeyAt, make([]byte, 4))
	a.add(a.loadMap(asm.R1, a.Mailbox, asm.PseudoMapFD))
	a.add(address(asm.R2, asm.R10, ownKeyAt)...)
	a.add(asm.Mov.Reg(asm.R3, it), asm.Mov.Imm(asm.R4, 0), asm.FnMapUpdateElem.Call())
}

func (a *assembler) giveBack(ops.BodyStep) {
	a.reached()
	a.add(asm.Mov.Reg(asm.R0, it), asm.Return())
	a.returned = true
}

// field puts the address of a field of the value in R1.
func (a *assembler) field(at ops.Size) { a.add(address(asm.R1, it, int(at))...) }

func (a *assembler) timer(ops.BodyStep) {
	a.field(a.Timer)
	a.add(asm.Mov.Reg(asm.R2, other), asm.Mov.Imm(asm.R3, clockMonotonic), timerInit.Call())
	a.answer(asm.R0)
}
