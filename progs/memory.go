package progs

import (
	"math"

	"github.com/cilium/ebpf/asm"

	"mimic/ops"
)

// sizes of accesses by their bytes.
var sizes = map[int64]asm.Size{1: asm.Byte, 2: asm.Half, 4: asm.Word, 8: asm.DWord}

// storeImm stores a constant that an instruction can hold. asm.StoreImm takes
// none of eight bytes; the kernel does and extends the sign.
func storeImm(base asm.Register, at int16, v int64, size asm.Size) asm.Instruction {
	return asm.Instruction{OpCode: asm.StoreImmOp(size), Dst: base, Offset: at, Constant: v}
}

// store writes constant bytes to memory, the first last: so the verifier still
// knows a key that has zeros behind it. It uses R1.
func (a *assembler) store(base asm.Register, at int, b []byte) {
	if len(b) == 0 {
		return
	}
	n := piece(at, len(b))
	a.store(base, at+n, b[n:])
	v := int64(unsigned(b[:n]))
	if n < 8 || fits(v) {
		a.add(storeImm(base, int16(at), int64(int32(v)), sizes[int64(n)]))
		return
	}
	a.add(
		asm.LoadImm(asm.R1, v, asm.DWord),
		asm.StoreMem(base, int16(at), asm.R1, asm.DWord),
	)
}

// piece is how many bytes one store takes at a place.
func piece(at, size int) int {
	for _, n := range []int{8, 4, 2} {
		if at%n == 0 && size >= n {
			return n
		}
	}
	return 1
}

func fits(v int64) bool { return v == int64(int32(v)) }

// constant puts a number in a register.
func constant(reg asm.Register, v int64) asm.Instruction {
	if fits(v) {
		return asm.Mov.Imm(reg, int32(v))
	}
	return asm.LoadImm(reg, v, asm.DWord)
}

// address puts that of a place in a register.
func address(reg, base asm.Register, at int) []asm.Instruction {
	all := []asm.Instruction{asm.Mov.Reg(reg, base)}
	if at != 0 { // the verifier says other things of arithmetic than of the pointer itself
		all = append(all, asm.Add.Imm(reg, int32(at)))
	}
	return all
}

// key makes the key of a step ready, if it is a constant: puts it on the stack.
// Behind it are zeros up to the longest key that a map of the program may have:
// a step can be made with the outer map, too.
func (a *assembler) key(k ops.BodyKey, size ops.Size) {
	if k.In {
		return
	}
	if rest := a.longest() - int(size); rest > 0 {
		a.store(asm.R10, ownKeyAt+int(size), make([]byte, rest))
	}
	a.store(asm.R10, ownKeyAt, ops.Bytes(k.N, size))
}

func (a *assembler) longest() int {
	longest := a.Key
	for _, r := range []Reach{a.Reach, a.Second} {
		if longest = max(longest, r.Key); r.Outer {
			longest = max(longest, r.OuterKey)
		}
	}
	return int(longest)
}

// pointToKey puts the address of a step's key in a register; at is where the
// mailbox has it.
func pointToKey(reg asm.Register, k ops.BodyKey, at int) []asm.Instruction {
	if k.In {
		return address(reg, mailbox, at)
	}
	return address(reg, asm.R10, ownKeyAt)
}

// value stores a number as a value of the map, where it is not zero for good.
func (a *assembler) value(n int64) {
	if a.Value > MaxValue {
		a.fail("step %d hands over values of %d bytes, want at most %d", a.n, a.Value, MaxValue)
		return
	}
	b := ops.Bytes(uint64(n), a.Value)
	if len(b) <= 8 {
		a.store(mailbox, ValueAt, b)
		return
	}
	a.store(mailbox, ValueAt, b[:4])
	a.store(mailbox, ValueAt+len(b)-4, b[len(b)-4:])
}

// access checks the offset of a load or store; sizes that no instruction has are no body.
func (a *assembler) access(offset, size int64) (int16, asm.Size) {
	if offset < math.MinInt16 || offset > math.MaxInt16 {
		a.fail("step %d accesses byte %d, an instruction has room for 16 bits", a.n, offset)
	}
	return int16(offset), sizes[size]
}
