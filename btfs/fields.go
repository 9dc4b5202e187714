package btfs

import (
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// field is a member of a value: where it is, in bytes, and what makes its type.
type field struct {
	offset uint32
	of     func() btf.Type
}

func at(offset uint32, of func() btf.Type) field { return field{offset, of} }

// holding makes a value of these fields; the bytes between and after them have no name.
func holding(fields ...field) func() btf.Type {
	return func() btf.Type {
		value := &btf.Struct{Name: "value", Size: ValueSize}
		for i, f := range fields {
			value.Members = append(value.Members,
				btf.Member{Name: fmt.Sprintf("f%d", i), Type: f.of(), Offset: btf.Bits(f.offset * 8)})
		}
		return value
	}
}

// The words of which structs consist; nothing may change them.
var (
	u32 = &btf.Int{Name: "u32", Size: 4}
	u64 = &btf.Int{Name: "u64", Size: 8}
)

// opaque makes one of the types that the kernel knows by their name and size: a struct of words.
func opaque(name string, size uint32, word *btf.Int) func() btf.Type {
	return func() btf.Type {
		s := &btf.Struct{Name: name, Size: size}
		for offset := uint32(0); offset < size; offset += word.Size {
			s.Members = append(s.Members, btf.Member{Name: fmt.Sprintf("w%d", offset/word.Size),
				Type: word, Offset: btf.Bits(offset * 8)})
		}
		return s
	}
}

func plain() btf.Type { return opaque("value", ValueSize, u64)() }

// The types that the kernel treats specially, as include/uapi/linux/bpf.h has them.
var (
	spinLock    = opaque("bpf_spin_lock", 4, u32)
	resSpinLock = opaque("bpf_res_spin_lock", 4, u32)
	refcount    = opaque("bpf_refcount", 4, u32)
	taskWork    = opaque("bpf_task_work", 8, u64)
	timer       = opaque("bpf_timer", 16, u64)
	wq          = opaque("bpf_wq", 16, u64)
	listHead    = opaque("bpf_list_head", 16, u64)
	listNode    = opaque("bpf_list_node", 24, u64)
	rbRoot      = opaque("bpf_rb_root", 16, u64)
	rbNode      = opaque("bpf_rb_node", 32, u64)
)

// Types of the kernel's by their name; it looks at no more of them. 6.1 lets maps own nothing
// but what its own tests are made of.
func task() btf.Type    { return &btf.Struct{Name: "task_struct"} }
func testRef() btf.Type { return &btf.Struct{Name: "prog_test_ref_kfunc"} }

// object is a type that no kernel has.
func object() btf.Type { return opaque("mimic_object", 8, u64)() }

// pointer makes a tagged pointer.
func pointer(tag string, to func() btf.Type) func() btf.Type {
	return func() btf.Type {
		return &btf.Pointer{Target: &btf.TypeTag{Type: to(), Value: tag}}
	}
}

// graph makes a value with a lock and the root of a list or a tree. The tag says what is in
// there: objects of a struct, linked through its member node.
func graph(root, node func() btf.Type) func() btf.Type {
	return func() btf.Type {
		linked := &btf.Struct{Name: "mimic_linked", Size: 64, Members: []btf.Member{{Name: "node", Type: node()}}}
		value := holding(at(0, spinLock), at(16, root))().(*btf.Struct)
		value.Members[1].Tags = []string{"contains:" + linked.Name + ":node"}
		// Nothing but the tag's text refers to the struct; a pointer brings it into the object.
		value.Members = append(value.Members,
			btf.Member{Name: "linked", Type: &btf.Pointer{Target: linked}, Offset: 32 * 8})
		return value
	}
}
