// Package progs holds the BPF programs that sequences load, as Go values: it
// assembles the body of a program, and reads what it answered or why the
// verifier refused it.
//
// A program is assembled for one map: its descriptor, and the sizes of its keys
// and values or of those of its inner maps, are part of it. It is handed keys,
// and answers, in a mailbox, an array with a single value.
package progs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"

	"mimic/ops"
)

// Licence of every program.
const Licence = "Dual MIT/GPL"

// FuncInfoSize is how many bytes describe one function (struct bpf_func_info).
const FuncInfoSize = 8

// ReadSize is how many bytes of a value the step read takes that says none: the
// most that one load can, from the beginning.
func ReadSize(value ops.Size) ops.Size {
	for _, n := range []ops.Size{8, 4, 2} {
		if value >= n {
			return n
		}
	}
	return 1
}

// Assemble answers the instructions of the program as bpf(2) takes them, 8 bytes
// each, in the byte order of the machine. It fails if the body has no steps or
// too many, asks for what no instruction can do, or calls a kfunc whose id is
// not among the functions of the program.
func (p Program) Assemble() ([]byte, error) {
	ins, err := p.Instructions()
	if err != nil {
		return nil, err
	}
	code, err := marshal(ins)
	if err != nil {
		return nil, fmt.Errorf("assemble %q for %s: %w", p.Body, p.Type, err)
	}
	return code, nil
}

// List answers the descriptors that instructions of a program name by their places: nil if they name descriptors themselves.
func (p Program) List() ([]int, error) {
	if !p.Body.Has(ops.StepListed) {
		return nil, nil
	}
	a := &assembler{Program: p, steps: p.Body.Steps()}
	_, err := a.assemble()
	return a.list, err
}

// Instructions answers the same with jumps by name. Descriptors of maps are
// numbers in them.
func (p Program) Instructions() (asm.Instructions, error) {
	return (&assembler{Program: p, steps: p.Body.Steps()}).assemble()
}

// assemble puts the parts of a program together.
func (a *assembler) assemble() (asm.Instructions, error) {
	a.check()
	a.listed = a.Body.Has(ops.StepListed)
	a.begin()
	for _, s := range a.steps {
		a.step(s)
	}
	a.end()
	a.subprograms()
	if a.err != nil {
		return nil, fmt.Errorf("assemble %q for %s: %w", a.Body, a.Type, a.err)
	}
	return a.ins, nil
}

// CallsBack says whether a body hands the kernel a function: that takes a kernel that translates programs.
func CallsBack(b ops.Body) bool {
	return slices.ContainsFunc(b.Steps(), func(s ops.BodyStep) bool {
		return CountsFar(s) || s.Word == ops.StepCalled || s.Word == ops.StepSum || s.Takes(ops.ArgCallback, ops.ArgStop)
	})
}

// Describe answers what a program with a callback needs besides its
// instructions, since the kernel takes no callback that is not described: BTF,
// and records of FuncInfoSize bytes for its functions (func_info). Both are nil
// if the program has none, so that kernels without BTF take it.
func (p Program) Describe() (types, functions []byte, err error) {
	ins, err := p.Instructions()
	if err != nil || btf.FuncMetadata(&ins[0]) == nil {
		return nil, nil, err
	}
	b, err := btf.NewBuilder(nil, nil)
	if err == nil {
		functions, _, err = btf.MarshalExtInfos(ins, b)
	}
	if err == nil {
		types, err = b.Marshal(nil, &btf.MarshalOptions{Order: byteOrder()})
	}
	if err != nil {
		return nil, nil, fmt.Errorf("describe the functions of %q: %w", p.Body, err)
	}
	return types, functions, nil
}

// Nothing is the program that returns 0.
func Nothing() []byte {
	code, err := marshal(asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()})
	if err != nil {
		panic(err) // two constant instructions
	}
	return code
}

func marshal(ins asm.Instructions) ([]byte, error) {
	var out bytes.Buffer
	err := ins.Marshal(&out, byteOrder())
	return out.Bytes(), err
}

// byteOrder is that of the machine, by a name that asm and btf know: they do not
// take binary.NativeEndian.
func byteOrder() binary.ByteOrder {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return binary.BigEndian
	}
	return binary.LittleEndian
}
