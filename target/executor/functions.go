package executor

import (
	"bytes"
	"encoding/binary"
	"os"
	"sync"

	"mimic/ops"
)

// kernelBTF is where the kernel describes its own types. A library takes a tenth
// of a second in a guest for each that it is asked for; nothing is needed here
// but the ids of a few functions, for which one pass is enough.
const kernelBTF = "/sys/kernel/btf/vmlinux"

// functionID is the BTF id of a function of the kernel that is a hook or a kfunc
// of bodies, and whether the kernel has it.
func functionID(name string) (id uint32, ok bool) {
	id, ok = functionIDs()[name]
	return id, ok
}

var functionIDs = sync.OnceValue(func() map[string]uint32 {
	blob, err := os.ReadFile(kernelBTF)
	if err != nil {
		return nil
	}
	return findFunctions(blob, wantedFunctions())
})

// wantedFunctions lists the functions of the kernel whose ids programs need.
func wantedFunctions() (names []string) {
	return append(ops.StepFunctions(), fentryHook, lsmHook)
}

// findFunctions looks for functions by name in a BTF object: struct btf_header,
// types, strings.
func findFunctions(blob []byte, names []string) map[string]uint32 {
	const header, types, typesLen, strs, strsLen = 4, 8, 12, 16, 20
	if len(blob) < strsLen+4 {
		return nil
	}
	at := func(i int) int { return int(word32(blob[i:])) }
	section := func(from, length int) []byte {
		begin := min(at(header)+at(from), len(blob))
		return blob[begin:min(begin+at(length), len(blob))]
	}
	text := section(strs, strsLen)
	wanted := map[uint32]string{}
	for _, n := range names {
		if i := bytes.Index(text, []byte("\x00"+n+"\x00")); i >= 0 {
			wanted[uint32(i+1)] = n
		}
	}
	return functionsNamed(section(types, typesLen), wanted)
}

// functionsNamed walks types (struct btf_type). The key is the offset of a name.
func functionsNamed(types []byte, wanted map[uint32]string) map[string]uint32 {
	const typeSize, kindFunc = 12, 12
	ids := map[string]uint32{}
	for id := uint32(1); len(types) >= typeSize; id++ {
		info := word32(types[4:])
		kind, members := info>>24&0x1f, int(info&0xffff)
		if kind == kindFunc {
			if name, ok := wanted[word32(types)]; ok {
				ids[name] = id
			}
		}
		types = types[min(typeSize+btfTail[kind].once+members*btfTail[kind].each, len(types)):]
	}
	return ids
}

func word32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

// btfTail says how many bytes follow a type of each kind (BTF_KIND_INT is 1), in
// all and for each of its members.
var btfTail = [32]struct{ once, each int }{
	1:  {once: 4},  // INT
	3:  {once: 12}, // ARRAY
	4:  {each: 12}, // STRUCT
	5:  {each: 12}, // UNION
	6:  {each: 8},  // ENUM
	13: {each: 8},  // FUNC_PROTO
	14: {once: 4},  // VAR
	15: {each: 12}, // DATASEC
	17: {once: 4},  // DECL_TAG
	19: {each: 12}, // ENUM64
}
