// Package progs holds the BPF programs that sequences load, as Go values.
//
// A program is assembled for one outer map: its descriptor, and the sizes of
// its keys and of the keys and values of its inner maps, are parameters.
package progs

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cilium/ebpf/asm"

	"mimic/ops"
)

// Layout of the packet of a lookup program, in bytes from its beginning. The
// link layer header comes first and stays zero.
const (
	OuterKeyAt = 16
	InnerKeyAt = OuterKeyAt + MaxKey
	ValueAt    = InnerKeyAt + MaxKey
	PacketSize = ValueAt + 8

	// MaxKey is the largest key that programs handle, in bytes.
	MaxKey = 96
)

// What a lookup program returns. Found: the value is in the packet.
const (
	ReturnShort   = 11 // the packet was shorter than PacketSize
	ReturnNoMap   = 12 // nothing in the outer map
	ReturnNoEntry = 13 // nothing in the inner map
	ReturnFound   = 14
)

// Licence of every program.
const Licence = "Dual MIT/GPL"

// Shape is what a program must know of the maps.
type Shape struct {
	Outer                int // descriptor
	OuterKey             ops.Size
	InnerKey, InnerValue ops.Size
}

// ReadSize is how many bytes of a value a lookup program reads.
func ReadSize(value ops.Size) ops.Size {
	for _, n := range []ops.Size{8, 4, 2} {
		if value >= n {
			return n
		}
	}
	return 1
}

// Assemble answers the instructions of a body in a program of that type, as
// bpf(2) takes them, 8 bytes each.
func Assemble(t ops.ProgType, b ops.Body, s Shape) ([]byte, error) {
	ins, err := Instructions(t, b, s)
	if err != nil {
		return nil, err
	}
	code, err := marshal(ins)
	if err != nil {
		return nil, fmt.Errorf("assemble %s for %s: %w", b, t, err)
	}
	return code, nil
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
	var order binary.ByteOrder = binary.LittleEndian // asm knows binary.NativeEndian not
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		order = binary.BigEndian
	}
	var out bytes.Buffer
	err := ins.Marshal(&out, order)
	return out.Bytes(), err
}

// Instructions answers the instructions of a body in a program of that type.
func Instructions(t ops.ProgType, b ops.Body, s Shape) (asm.Instructions, error) {
	if s.OuterKey > MaxKey || s.InnerKey > MaxKey {
		return nil, fmt.Errorf("assemble %s for %s: keys of %d and %d bytes, want at most %d", b, t, s.OuterKey, s.InnerKey, MaxKey)
	}
	if data, ok := packetAt[t]; ok && b == ops.BodyLookup {
		return lookupPacket(data, s), nil
	}
	if b == ops.BodyLookup {
		return lookupStack(s), nil
	}
	helper, ok := helpers[b]
	if !ok {
		return nil, fmt.Errorf("assemble body %d: there is no such body", b)
	}
	return call(helper, s), nil
}

// packetAt is where the context of a program type has the beginning and the end of the packet.
var packetAt = map[ops.ProgType][2]int16{
	ops.XDP:      {0, 4},
	ops.SchedCLS: {76, 80},
}

var helpers = map[ops.Body]asm.BuiltinFunc{
	ops.BodyUpdate: asm.FnMapUpdateElem,
	ops.BodyDelete: asm.FnMapDeleteElem,
	ops.BodyPush:   asm.FnMapPushElem,
	ops.BodyPop:    asm.FnMapPopElem,
	ops.BodyPeek:   asm.FnMapPeekElem,
}

// lookupPacket takes its keys from the packet and puts the value there.
func lookupPacket(data [2]int16, s Shape) asm.Instructions {
	ins := asm.Instructions{
		asm.LoadMem(asm.R7, asm.R1, data[0], asm.Word),
		asm.LoadMem(asm.R8, asm.R1, data[1], asm.Word),
		asm.Mov.Imm(asm.R9, ReturnShort),
		asm.Mov.Reg(asm.R1, asm.R7),
		asm.Add.Imm(asm.R1, PacketSize),
		asm.JGT.Reg(asm.R1, asm.R8, "out"),
		loadMap(s.Outer),
		asm.Mov.Reg(asm.R2, asm.R7),
		asm.Add.Imm(asm.R2, OuterKeyAt),
		asm.FnMapLookupElem.Call(),
		asm.Mov.Imm(asm.R9, ReturnNoMap),
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.Mov.Reg(asm.R1, asm.R0),
		asm.Mov.Reg(asm.R2, asm.R7),
		asm.Add.Imm(asm.R2, InnerKeyAt),
		asm.FnMapLookupElem.Call(),
		asm.Mov.Imm(asm.R9, ReturnNoEntry),
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.LoadMem(asm.R1, asm.R0, 0, accessSize(s.InnerValue)),
		asm.StoreMem(asm.R7, ValueAt, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R9, ReturnFound),
	}
	return append(ins, asm.Mov.Reg(asm.R0, asm.R9).WithSymbol("out"), asm.Return())
}

func accessSize(value ops.Size) asm.Size {
	switch ReadSize(value) {
	case 8:
		return asm.DWord
	case 4:
		return asm.Word
	case 2:
		return asm.Half
	}
	return asm.Byte
}

// lookupStack looks up keys of zeros, in programs that have no packet.
func lookupStack(s Shape) asm.Instructions {
	ins := append(zeros(max(s.OuterKey, s.InnerKey, 8)),
		loadMap(s.Outer),
		asm.Mov.Reg(asm.R2, asm.R6),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.Mov.Reg(asm.R1, asm.R0),
		asm.Mov.Reg(asm.R2, asm.R6),
		asm.FnMapLookupElem.Call(),
	)
	return append(ins, asm.Mov.Imm(asm.R0, 0).WithSymbol("out"), asm.Return())
}

// call hands the outer map, a key and a value to a helper.
func call(helper asm.BuiltinFunc, s Shape) asm.Instructions {
	value := asm.R3
	if helper == asm.FnMapPushElem || helper == asm.FnMapPopElem || helper == asm.FnMapPeekElem {
		value = asm.R2
	}
	ins := append(zeros(max(s.OuterKey, 8)),
		loadMap(s.Outer),
		asm.Mov.Reg(asm.R2, asm.R6),
		asm.Mov.Reg(value, asm.R6),
		asm.Mov.Imm(asm.R4, 0),
	)
	if value == asm.R2 {
		ins = append(ins, asm.Mov.Imm(asm.R3, 0))
	}
	return append(ins, helper.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return())
}

// loadMap puts a map in R1. The descriptor may be one that is not open, which
// asm.LoadMapPtr would not take.
func loadMap(fd int) asm.Instruction {
	ins := asm.LoadImm(asm.R1, int64(uint32(fd)), asm.DWord)
	ins.Src = asm.PseudoMapFD
	return ins
}

// zeros puts size bytes of zeros on the stack and their address in R6.
func zeros(size ops.Size) asm.Instructions {
	words := int16(size+7) / 8
	ins := asm.Instructions{asm.Mov.Imm(asm.R1, 0)}
	for i := int16(1); i <= words; i++ {
		ins = append(ins, asm.StoreMem(asm.R10, -8*i, asm.R1, asm.DWord))
	}
	return append(ins, asm.Mov.Reg(asm.R6, asm.R10), asm.Add.Imm(asm.R6, -8*int32(words)))
}
