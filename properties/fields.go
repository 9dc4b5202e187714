package properties

import (
	"slices"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// btfRow says what is special in the values that a kind of BTF object describes,
// and which maps take it. The kinds themselves are those of package btfs; all
// here was measured on every kernel of the matrix.
type btfRow struct {
	kind     ops.BTFKind
	value    ops.Size
	lock     bool         // has a bpf_spin_lock
	tags     bool         // 5.10 does not load it
	own      bool         // two objects of the kind are not alike
	pointers bool         // of the kernel's objects
	kernel   bool         // the kernel looks for what they point to among its own types; one that does not describe them takes the values as plain, or does not load them
	known    Version      // first kernel to which it is special; before it is plain
	until    Version      // first kernel to which it is plain again; zero: none
	types    []fieldTypes // of maps that take it, from some kernel on
}

type fieldTypes struct {
	since Version
	types []ops.MapType
}

var (
	v6_1, v6_12, v6_16, v6_18 = Version{6, 1}, Version{6, 12}, Version{6, 16}, Version{6, 18}
	nowhere                   = Version{1000, 0}

	tables       = []ops.MapType{ops.Hash, ops.Array}
	withLRU      = []ops.MapType{ops.Hash, ops.Array, ops.LRUHash}
	withPointers = []ops.MapType{ops.Hash, ops.Array, ops.LRUHash, ops.PercpuArray}
	percpu       = []ops.MapType{ops.PercpuHash, ops.LRUPercpuHash}
	reHash       = []ops.MapType{ops.RHash}
	v7_2         = Version{7, 2}
)

// btfRows is the table of kinds.
var btfRows = []btfRow{
	{kind: "int", value: 4, known: nowhere},
	{kind: "plain", value: 64, known: nowhere},
	{kind: "lock", value: 64, lock: true, types: []fieldTypes{{Version{}, tables}, {v7_2, reHash}}},
	{kind: "lock16", value: 64, lock: true, types: []fieldTypes{{Version{}, tables}, {v7_2, reHash}}},
	{kind: "timer", value: 64, known: v6_1, types: []fieldTypes{{v6_1, withLRU}, {v7_2, reHash}}},
	{kind: "timer16", value: 64, known: v6_1, types: []fieldTypes{{v6_1, withLRU}, {v7_2, reHash}}},
	{kind: "lock_timer", value: 64, lock: true, types: []fieldTypes{{Version{}, tables}, {v7_2, reHash}}},
	{kind: "kptr", value: 64, tags: true, kernel: true, pointers: true, known: v6_1, types: []fieldTypes{{v6_1, withPointers}, {v6_12, percpu}, {v7_2, reHash}}},
	{kind: "kptr16", value: 64, tags: true, kernel: true, pointers: true, known: v6_1, types: []fieldTypes{{v6_1, withPointers}, {v6_12, percpu}, {v7_2, reHash}}},
	{kind: "kptr_ref", value: 64, tags: true, kernel: true, pointers: true, known: v6_1, until: v6_12, types: []fieldTypes{{v6_1, withPointers}}},
	{kind: "kptr_untrusted", value: 64, tags: true, kernel: true, known: v6_12, types: []fieldTypes{{v6_12, withPointers}, {v6_12, percpu}, {v7_2, reHash}}},
	{kind: "percpu_kptr", value: 64, tags: true, kernel: true, own: true, known: v6_12, types: []fieldTypes{{v6_12, withPointers}, {v6_12, percpu}, {v7_2, reHash}}},
	{kind: "list", value: 64, lock: true, tags: true, own: true, types: []fieldTypes{{Version{}, tables}}},
	{kind: "rbtree", value: 64, lock: true, tags: true, own: true, types: []fieldTypes{{Version{}, tables}}},
	{kind: "refcount", value: 64, known: v6_12, types: []fieldTypes{{v6_12, withPointers}, {v6_12, percpu}, {v7_2, reHash}}},
	{kind: "wq", value: 64, known: v6_12, types: []fieldTypes{{v6_12, withLRU}, {v7_2, reHash}}},
	{kind: "uptr", value: 64, tags: true, own: true, known: v6_16, types: []fieldTypes{{v6_16, []ops.MapType{ops.TaskStorage}}}},
	{kind: "res_lock", value: 64, known: v6_16, types: []fieldTypes{{v6_16, tables}, {v7_2, reHash}}},
	{kind: "task_work", value: 64, known: v6_18, types: []fieldTypes{{v6_18, withLRU}, {v7_2, reHash}}},
}

func btfRowOf(k ops.BTFKind) *btfRow {
	for i := range btfRows {
		if btfRows[i].kind == k {
			return &btfRows[i]
		}
	}
	return nil
}

// special says whether the values are, to this kernel.
func (r *btfRow) special(k Kernel) bool {
	return k.Version.in(r.known, r.until) && (!r.kernel || k.has(ops.FeatureKernelBTF))
}

// plain says whether nothing in the values is special to any kernel.
func (r *btfRow) plain() bool { return r.known == nowhere }

// loads says whether this kernel loads such BTF. From 6.12 on it looks then already for what pointers point to
// (kernel/bpf/btf.c btf_parse_struct_metas, btf_parse_kptr).
func (r *btfRow) loads(k Kernel) bool {
	if r.kernel && !k.has(ops.FeatureKernelBTF) && !k.Version.Before(v6_12) && k.Version.in(r.known, r.until) {
		return false
	}
	return !r.tags || k.does(typeTags)
}

// refusal is why maps of that type don't take such values; 0 if they do.
func (r *btfRow) refusal(k Kernel, t ops.MapType) ops.Errno {
	takes := func(f fieldTypes) bool { return !k.Version.Before(f.since) && slices.Contains(f.types, t) }
	switch {
	case !r.special(k), slices.ContainsFunc(r.types, takes):
		return 0
	case r.lock && !k.does(locksInside):
		return ops.ENOTSUPP
	}
	return ops.Errno(unix.EOPNOTSUPP)
}

// btfKinds are the kinds that plans use on this kernel.
func (k Kernel) btfKinds(want func(*btfRow) bool) (all []ops.BTFKind) {
	for i := range btfRows {
		if r := &btfRows[i]; r.loads(k) && want(r) {
			all = append(all, r.kind)
		}
	}
	return all
}

func anyKind(*btfRow) bool { return true }

// fields is what this kernel has to compare of the special fields of two maps:
// "" is none.
func (o *object) fields(k Kernel) string {
	if o.btf == nil {
		return ""
	}
	r := btfRowOf(o.btf.kind)
	switch {
	case !r.special(k):
		return ""
	case r.own && k.does(ownTypesCompared):
		return string(r.kind) + " of " + string(o.btf.name)
	}
	return string(r.kind)
}

func (o *object) hasLock() bool { return o.btf != nil && btfRowOf(o.btf.kind).lock }

// describedAlike says whether both maps are described by BTF, or neither.
func describedAlike(a, b *object) bool { return (a.btf == nil) == (b.btf == nil) }
