// Package btfs holds the BTF objects that describe the keys and values of maps, as Go values.
//
// An object depends on its kind alone, not on the kernel under the process: whether a kernel
// takes the object, and a map with it, is for that kernel to say. Every key is an int of four
// bytes. Every value but that of Int has ValueSize bytes, so that maps of two kinds differ in
// nothing but their special fields, and the kernel can tell them apart by those alone.
//
// To a kernel older than the one named Since, fields are nothing special, and maps with them are
// maps of any struct; 5.10 refuses to load what has tags (Kptr to Rbtree, Uptr).
//
// Two loads of one kind are two objects of the kernel. Where a special field refers to a type of
// its own object (List, Rbtree, PercpuKptr, Uptr), the kernel does not take maps made with the
// two for alike.
package btfs

import (
	"fmt"
	"slices"

	"github.com/cilium/ebpf/btf"
)

// Kind is a word for a BTF object: what is special in the values that it describes.
type Kind string

// The kinds of BTF object; Kinds says what each is.
const (
	Int           Kind = "int"
	Plain         Kind = "plain"
	Lock          Kind = "lock"
	Lock16        Kind = "lock16"
	Timer         Kind = "timer"
	Timer16       Kind = "timer16"
	LockTimer     Kind = "lock_timer"
	Kptr          Kind = "kptr"
	Kptr16        Kind = "kptr16"
	KptrUntrusted Kind = "kptr_untrusted"
	KptrRef       Kind = "kptr_ref"
	PercpuKptr    Kind = "percpu_kptr"
	Wq            Kind = "wq"
	List          Kind = "list"
	Rbtree        Kind = "rbtree"
	Refcount      Kind = "refcount"
	ResLock       Kind = "res_lock"
	Uptr          Kind = "uptr"
	TaskWork      Kind = "task_work"
)

// Sizes of keys and values in bytes.
const (
	KeySize   = 4
	ValueSize = 64
)

// Row describes a kind.
type Row struct {
	Kind      Kind
	What      string // for people
	Since     string // the first of the kernels of kernels.txt that finds the fields special
	ValueSize uint32 // in bytes
	value     func() btf.Type
}

// Kinds is the table of all kinds, in the order of the kernels that know them.
var Kinds = []Row{
	{Int, "an int", "5.10", KeySize, nil},
	{Plain, "eight u64 and nothing special", "5.10", ValueSize, plain},
	{Lock, "a bpf_spin_lock", "5.10", ValueSize, holding(at(0, spinLock))},
	{Lock16, "a bpf_spin_lock at byte 16", "5.10", ValueSize, holding(at(16, spinLock))},
	{Timer, "a bpf_timer", "6.1", ValueSize, holding(at(0, timer))},
	{Timer16, "a bpf_timer at byte 16", "6.1", ValueSize, holding(at(16, timer))},
	{LockTimer, "a bpf_spin_lock, and a bpf_timer at byte 16", "6.1", ValueSize, holding(at(0, spinLock), at(16, timer))},
	{Kptr, "a task_struct tagged kptr: not owned on 6.1, owned from 6.12", "6.1", ValueSize, holding(at(0, pointer("kptr", task)))},
	{Kptr16, "the same at byte 16", "6.1", ValueSize, holding(at(16, pointer("kptr", task)))},
	{KptrRef, "an owned object as only 6.1 calls it, nothing special later", "6.1", ValueSize, holding(at(0, pointer("kptr_ref", testRef)))},
	{KptrUntrusted, "a task_struct that is not owned", "6.12", ValueSize, holding(at(0, pointer("kptr_untrusted", task)))},
	{PercpuKptr, "a per-CPU object of the program's, owned", "6.12", ValueSize, holding(at(0, pointer("percpu_kptr", object)))},
	{List, "a bpf_spin_lock, and a bpf_list_head at byte 16", "6.12", ValueSize, graph(listHead, listNode)},
	{Rbtree, "a bpf_spin_lock, and a bpf_rb_root at byte 16", "6.12", ValueSize, graph(rbRoot, rbNode)},
	{Refcount, "a bpf_refcount", "6.12", ValueSize, holding(at(0, refcount))},
	{Wq, "a bpf_wq", "6.12", ValueSize, holding(at(0, wq))},
	{Uptr, "a pointer to memory of the process", "6.16", ValueSize, holding(at(0, pointer("uptr", object)))},
	{ResLock, "a bpf_res_spin_lock", "6.16", ValueSize, holding(at(0, resSpinLock))},
	{TaskWork, "a bpf_task_work", "6.18", ValueSize, holding(at(0, taskWork))},
}

// Object is what a map is created with, once Blob is loaded.
type Object struct {
	Blob       []byte // for BPF_BTF_LOAD
	Key, Value uint32 // for btf_key_type_id and btf_value_type_id
	KeySize    uint32 // in bytes, as is ValueSize
	ValueSize  uint32
}

// Build makes the object of a kind. The error says that there is no such kind.
func Build(kind Kind) (Object, error) {
	i := slices.IndexFunc(Kinds, func(r Row) bool { return r.Kind == kind })
	if i < 0 {
		return Object{}, fmt.Errorf("btfs: no kind of BTF object is called %q", kind)
	}
	return Kinds[i].build()
}

func (r Row) build() (Object, error) {
	b, err := btf.NewBuilder(nil, nil)
	if err != nil {
		return Object{}, fmt.Errorf("btfs: %w", err)
	}
	key := &btf.Int{Name: "int", Size: KeySize, Encoding: btf.Signed}
	value := btf.Type(key)
	if r.value != nil {
		value = r.value()
	}
	o := Object{KeySize: KeySize, ValueSize: r.ValueSize}
	if o.Key, err = add(b, key); err != nil {
		return Object{}, err
	}
	if o.Value, err = add(b, value); err != nil {
		return Object{}, err
	}
	// Native order, and no look at what this kernel would understand.
	if o.Blob, err = b.Marshal(nil, nil); err != nil {
		return Object{}, fmt.Errorf("btfs: marshal %s: %w", r.Kind, err)
	}
	return o, nil
}

func add(b *btf.Builder, t btf.Type) (uint32, error) {
	id, err := b.Add(t)
	if err != nil {
		return 0, fmt.Errorf("btfs: add %v: %w", t, err)
	}
	return uint32(id), nil
}

// Offset is where in a value of a kind the field of a type is that the kernel
// knows by its name, such as bpf_spin_lock; 0 if there is none.
func (k Kind) Offset(name string) uint32 {
	i := slices.IndexFunc(Kinds, func(r Row) bool { return r.Kind == k })
	if i < 0 || Kinds[i].value == nil {
		return 0
	}
	value, ok := Kinds[i].value().(*btf.Struct)
	if !ok {
		return 0
	}
	for _, m := range value.Members {
		if m.Type.TypeName() == name {
			return uint32(m.Offset / 8)
		}
	}
	return 0
}

// Special says whether there is something in the values that some kernel finds special.
func (k Kind) Special() bool { return k != "" && k != Int && k != Plain }
