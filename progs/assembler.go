package progs

import (
	"fmt"
	"slices"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"

	"mimic/ops"
)

// Registers of a program. The others are of no step: calls clobber them.
const (
	mailbox = asm.R6 // address of the mailbox
	it      = asm.R7
	other   = asm.R8
	scratch = asm.R9 // what an argument is made from before the others are
)

// Where on the stack things are, from its end.
const (
	contextAt = -8
	spillAt   = -16
	memoryAt  = -32 // ArgStack; 16 bytes, so that a bpf_dynptr has room
	ownKeyAt  = -32 - MaxKey
	roundAt   = ownKeyAt - 8
	stashAt   = roundAt - 8
)

// Names of places in a program.
const (
	endLabel      = "end"  // where the last step ends
	exitLabel     = "exit" // where a failed check goes
	passLabel     = "pass"
	callbackLabel = "callback"
	stopLabel     = "stop"
	adderLabel    = "adder"
	seekLabel     = "seek"
	vetLabel      = "vet"
	lendLabel     = "lent"
	adderUpLabel  = "each"
	insideLabel   = "inside" // where the steps begin, if they are in a function of their own
)

// assembler puts the instructions of a program together. The first error stays.
type assembler struct {
	Program
	steps    []ops.BodyStep
	ins      asm.Instructions
	label    string // of the next instruction
	n        int    // number of the step, from 1 on
	rooms    int    // how many steps had ArgRoom
	uses     map[string]bool
	returned bool
	far      bool  // lookups are calls
	away     bool  // lookups are made by a subprogram
	listed   bool  // maps are named by their places in the list
	list     []int // their descriptors
	err      error
}

func (a *assembler) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf(format, args...)
	}
}

func (a *assembler) check() {
	switch {
	case len(a.steps) == 0:
		a.fail("that is no body")
	case len(a.steps) > MaxSteps:
		a.fail("%d steps, want at most %d", len(a.steps), MaxSteps)
	case a.OuterKey > MaxKey || a.longest() > MaxKey:
		a.fail("keys of %d and %d bytes, want at most %d", a.OuterKey, a.longest(), MaxKey)
	}
	a.uses = map[string]bool{}
}

// add appends instructions; the first has the label that was set before.
func (a *assembler) add(all ...asm.Instruction) {
	for _, ins := range all {
		if a.label != "" {
			ins, a.label = ins.WithSymbol(a.label), ""
		}
		a.ins = append(a.ins, ins)
	}
}

func (a *assembler) begin() {
	a.enter()
	a.add(
		asm.StoreMem(asm.R10, contextAt, asm.R1, asm.DWord),
		a.loadMap(mailbox, a.Mailbox, asm.PseudoMapValue),
		asm.Mov.Imm(it, 0),
		asm.Mov.Imm(other, 0),
	)
	a.zero(ops.StepLoop, roundAt)
	a.zero(ops.StepFetch, stashAt)
	if a.Gated {
		a.uses[exitLabel] = true
		a.add(asm.LoadMem(asm.R1, mailbox, ReadyAt, asm.DWord), asm.JEq.Imm(asm.R1, 0, exitLabel))
	}
}

// enter begins the function in which the steps are, if that is not the program itself; what that does is before it. The
// context of the program is in R1 then, too.
func (a *assembler) enter() {
	switch {
	case a.Body.Has(ops.StepCalled):
		a.add(
			asm.StoreMem(asm.R10, contextAt, asm.R1, asm.DWord),
			asm.Mov.Imm(asm.R1, 1),
			a.function(asm.R2, insideLabel))
		a.add(address(asm.R3, asm.R10, contextAt)...)
		a.add(asm.Mov.Imm(asm.R4, 0), loopHelper.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return())
		a.label = insideLabel
		a.add(a.described(insideLabel, asm.LoadMem(asm.R1, asm.R2, 0, asm.DWord)))
	case a.Body.Has(ops.StepWithin):
		a.add(asm.Call.Label(insideLabel), asm.Return())
		a.label = insideLabel
		a.add(a.described(insideLabel, asm.Mov.Reg(asm.R2, asm.R1)))
	}
}

// described is the first instruction of a function with what the kernel is told of that: nothing, unless it calls one.
func (a *assembler) described(label string, ins asm.Instruction) asm.Instruction {
	if !CallsBack(a.Body) {
		return ins
	}
	return btf.WithFuncMetadata(ins, function(label))
}

// zero stores 0 on the stack for the steps with a word, if there are any.
func (a *assembler) zero(word ops.StepWord, at int16) {
	if a.Body.Has(word) {
		a.add(asm.Mov.Imm(asm.R1, 0), asm.StoreMem(asm.R10, at, asm.R1, asm.DWord))
	}
}

func (a *assembler) step(s ops.BodyStep) {
	a.n++
	a.label = stepLabel(a.n)
	if a.returned {
		a.fail("step %d comes after %s and is never reached", a.n, ops.StepReturn)
	}
	words[s.Word](a, s)
}

func stepLabel(n int) string { return fmt.Sprintf("step%d", n) }

// next is where the program goes on after the step.
func (a *assembler) next() string {
	if a.n == len(a.steps) {
		return endLabel
	}
	return stepLabel(a.n + 1)
}

// end leaves what says that the end was reached, and returns 0, which every type
// of program may. The verifier takes no instructions that are never reached.
func (a *assembler) end() {
	if !a.returned {
		a.label = endLabel
		a.reached()
	}
	if !a.returned || a.uses[exitLabel] {
		a.label = exitLabel
		a.add(asm.Mov.Imm(asm.R0, 0), asm.Return())
	}
}

func (a *assembler) reached() {
	a.add(
		asm.LoadImm(asm.R1, EndReached, asm.DWord),
		asm.StoreMem(mailbox, EndAt, asm.R1, asm.DWord),
	)
}

// endUnless ends the program at this step unless it jumps.
func (a *assembler) endUnless(jump asm.Instruction) {
	a.add(jump)
	a.ended()
}

// ended leaves that the program ended at this step.
func (a *assembler) ended() {
	a.uses[exitLabel] = true
	a.add(
		storeImm(mailbox, EndAt, int64(a.n), asm.DWord),
		asm.Ja.Label(exitLabel),
	)
}

// answer leaves a register as what the step answered.
func (a *assembler) answer(reg asm.Register) {
	a.add(asm.StoreMem(mailbox, int16(AnswersAt+8*(a.n-1)), reg, asm.DWord))
}

// subprograms appends those that the steps use. A callback has to be described,
// and then all functions have to be.
func (a *assembler) subprograms() {
	a.subprogram(passLabel, asm.Mov.Reg(asm.R0, asm.R1))
	a.subprogram(callbackLabel, asm.Mov.Imm(asm.R0, 0))
	a.subprogram(stopLabel, asm.Mov.Imm(asm.R0, 1))
	a.subprogram(adderLabel,
		asm.LoadMem(asm.R1, asm.R2, 0, asm.DWord),
		asm.Mov.Imm(asm.R2, 1),
		asm.AddAtomic.Mem(asm.R1, asm.R2, sizes[countSize(a.Value)], 0),
		asm.Mov.Imm(asm.R0, 0))
	a.subprogram(lendLabel, a.lookIn()...)
	a.subprogram(seekLabel, asm.FnMapLookupElem.Call())
	a.subprogram(vetLabel, asm.Mov.Imm(asm.R0, 0), asm.JEq.Imm(asm.R1, 0, "vetted"), asm.Mov.Imm(asm.R0, 1), asm.Mov.Reg(asm.R0, asm.R0).WithSymbol("vetted"))
	a.subprogram(adderUpLabel, a.addUp()...)
	a.ins[0] = a.described("program", a.ins[0])
}

func (a *assembler) subprogram(label string, body ...asm.Instruction) {
	if !a.uses[label] {
		return
	}
	body[0] = a.described(label, body[0])
	a.label = label
	a.add(append(body, asm.Return())...)
}

// function describes a static function. The verifier goes by its linkage and by
// its returning an int, not by its arguments.
func function(name string) *btf.Func {
	number := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	return &btf.Func{Name: name, Type: &btf.FuncProto{Return: number}, Linkage: btf.StaticFunc}
}

// pass is the call of a subprogram; asm resolves where that is.
func (a *assembler) pass() asm.Instruction {
	a.uses[passLabel] = true
	return asm.Call.Label(passLabel)
}

// function puts the address of a subprogram in a register.
func (a *assembler) function(reg asm.Register, label string) asm.Instruction {
	a.uses[label] = true
	ins := asm.LoadImm(reg, -1, asm.DWord)
	ins.Src = asm.PseudoFunc
	return ins.WithReference(label)
}

// Kinds of loads of maps by their place in the list (include/uapi/linux/bpf.h).
const (
	pseudoMapIdx      = asm.Register(5)
	pseudoMapIdxValue = asm.Register(6)
)

// loadMap puts a map, or the address of its first value, in a register. The
// descriptor may be one that is not open, which asm.LoadMapPtr would not take.
func (a *assembler) loadMap(reg asm.Register, fd int, as asm.Register) asm.Instruction {
	if a.listed {
		at := slices.Index(a.list, fd)
		if at < 0 {
			at, a.list = len(a.list), append(a.list, fd)
		}
		fd, as = at, map[asm.Register]asm.Register{asm.PseudoMapFD: pseudoMapIdx, asm.PseudoMapValue: pseudoMapIdxValue}[as]
	}
	ins := asm.LoadImm(reg, int64(uint32(fd)), asm.DWord)
	ins.Src = as
	return ins
}
