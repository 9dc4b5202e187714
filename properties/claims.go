package properties

import (
	"cmp"

	"mimic/ops"
)

// Family is the kind of map that a claim is held to: an outer array, an outer
// hash, or the maps inside them.
type Family string

// Families.
const (
	FamilyArray Family = "array"
	FamilyHash  Family = "hash"
	FamilyInner Family = "inner"
)

func familyOf(k ops.OuterKind) Family { return Family(k.String()) }

var (
	both      = []Family{FamilyArray, FamilyHash}
	arrayOnly = []Family{FamilyArray}
	hashOnly  = []Family{FamilyHash}
	innerOnly = []Family{FamilyInner}
	allKinds  = []Family{FamilyArray, FamilyHash, FamilyInner}
)

// Claim is one promise of the kernel: a sentence of its documentation, or
// behaviour that user space relies on.
type Claim struct {
	ID       string
	Says     string
	Source   string
	Families []Family
	Since    Version  // first kernel that promises it; all kernels of the matrix if zero
	Until    Version  // first kernel that does not any more; none if zero
	Needs    []string // features without which it cannot be asked
	Focus    weights  // what its own plans do more often than others
	Corners  weights  // what a quarter of its own plans do too
	Opening  string   // the move that its own plans begin with; "" for an ordinary outer map
	Long     bool     // it has so many rules that its own plans are twice as long
	Often    int      // how many sequences it is asked where others are asked five; 0 is five
	Short    bool     // its own plans are done many times, and a quarter as long
	Closing  string   // the move that its own plans end with; "" for none
}

// racing is what it takes that things happen at the same time.
var racing = []string{ops.FeatureCPUs}

const rst = "Documentation/bpf/map_of_maps.rst:"

// Claims is the table of claims; P numbers are those of the notes on semantics,
// X of the baseline, DOC of the sentences of the document. An id is never reused.
var Claims = []*Claim{
	{ID: "P00", Families: innerOnly, Source: "Documentation/bpf/verifier.rst (the safety of the eBPF program)",
		Says: "no sequence of these calls makes the kernel panic, oops or hang"},
	{ID: "DOC-2", Families: innerOnly, Source: rst + "12-13",
		Says:  "a map of maps is general purpose storage: what is written to a map keeps, wherever that map is stored",
		Focus: weights{"write": 12, "read": 12, "still": 1, "put": 6, "both-ways": 6, "run": 12}, Corners: weights{"each-processor": 12}},
	{ID: "DOC-3", Families: both, Source: rst + "13-14",
		Says:  "one level of nesting is supported: an outer map can be made from an ordinary map",
		Focus: weights{"outer": 12, "inner": 8}},
	{ID: "DOC-4", Families: both, Source: rst + "14-15",
		Says:  "an outer map contains instances of a single type of inner map: a map of another type is refused",
		Focus: weights{"near-type": 12, "near": 4, "put-misfit": 12, "put-any": 6}},
	{ID: "DOC-5", Families: both, Source: rst + "17-18",
		Says:  "a map instance given at creation initialises what the outer map knows of its inner maps: without one there is no outer map, and maps of another shape are refused",
		Focus: weights{"bad-outer": 8, "near": 12, "put-misfit": 10, "put-any": 4, "prog": 2, "template-prog": 4, "other-shape": 30}},
	{ID: "DOC-6", Families: both, Source: rst + "18-20",
		Says:  "the template has a lifetime of its own: the outer map goes on without it and keeps nothing of it",
		Focus: weights{"close-template": 20, "alive": 10, "gone": 6, "twin": 8, "put": 8}},
	{ID: "DOC-7", Families: both, Source: rst + "22-23",
		Says:  "user space can look up, update and delete elements of an outer map",
		Focus: weights{"put": 10, "get": 10, "delete": 10}},
	{ID: "DOC-8", Families: both, Source: rst + "23-24", Needs: []string{ops.XDP.Feature()},
		Says:  "a BPF program can only look up in an outer map",
		Focus: weights{"prog": 28, "prog-outer": 6}},
	{ID: "DOC-9", Families: both, Source: rst + "27",
		Says:  "multi-level nesting is not supported: an outer map is neither template nor element",
		Focus: weights{"nested-outer": 14, "put-nested": 14, "outer": 6}},
	{ID: "DOC-10", Families: both, Source: rst + "28-29", Needs: []string{ops.ProgArray.Feature()},
		Says:    "any type of map can be an inner map except PROG_ARRAY, neither as template nor as element",
		Focus:   weights{"prog-array": 10, "prog-array-outer": 12, "put-any": 8, "put-prog-array": 8},
		Opening: "tour"},
	{ID: "DOC-11", Families: both, Source: rst + "30", Needs: []string{ops.XDP.Feature()},
		Says:  "a BPF program cannot update or delete entries of an outer map",
		Focus: weights{"prog": 32}},
	{ID: "DOC-12", Families: arrayOnly, Source: rst + "32-33",
		Says:  "the key of an array of maps is an unsigned 32-bit index below max_entries",
		Focus: weights{"bad-outer": 8, "put-any": 8, "get": 8, "delete": 8}, Corners: weights{"wide": 8}},
	{ID: "DOC-13", Families: arrayOnly, Source: rst + "33-34",
		Says:  "an array of maps has max_entries elements from the beginning, all empty",
		Focus: weights{"outer": 5, "get": 10, "next": 12, "bad-outer": 6}, Corners: weights{"fill": 3}},
	{ID: "DOC-14", Families: hashOnly, Source: rst + "36-37",
		Says:  "the key of a hash of maps can have the size that its maker chooses",
		Focus: weights{"outer": 8, "put": 8, "get": 8, "bad-outer": 8, "alike-keys": 8}},
	{ID: "DOC-15", Families: hashOnly, Source: rst + "37-38",
		Says:  "a hash of maps allocates and frees its pairs, up to max_entries of them",
		Focus: weights{"put": 20, "delete": 8, "bad-outer": 4}, Corners: weights{"fill": 8, "wide": 3}},
	{ID: "DOC-17", Families: hashOnly, Source: rst + "38-40",
		Says:  "a hash of maps can be made with BPF_F_NO_PREALLOC and works the same",
		Focus: weights{"outer": 6, "put": 10, "get": 6, "delete": 6, "big-outer": 1}, Corners: weights{"fill": 6}},
	{ID: "DOC-18", Families: both, Source: rst + "55", Needs: []string{ops.XDP.Feature(), runFeature},
		Says:    "a BPF program retrieves inner maps with bpf_map_lookup_elem()",
		Focus:   weights{"prog": 4, "run": 24, "write": 12, "put": 8, "shorter": 4, "near-max": 4, "two-ways": 3},
		Corners: weights{"every-index": 12, "wide": 4},
		Opening: "runner"},
	{ID: "DOC-19", Families: both, Source: rst + "55-56", Needs: []string{ops.XDP.Feature(), runFeature},
		Says:    "bpf_map_lookup_elem() of an outer map answers NULL in a program if there is no entry",
		Focus:   weights{"prog": 4, "run": 24, "put": 5, "delete": 5, "write": 4},
		Opening: "runner"},
	{ID: "DOC-21", Families: both, Source: rst + "93-108",
		Says:  "the value of an outer map has four bytes",
		Focus: weights{"bad-outer": 14, "load-template-fd": 1}},
	{ID: "DOC-22", Families: both, Source: rst + "111-124",
		Says:  "bpf_map_update_elem() with BPF_ANY adds an inner map by its descriptor",
		Focus: weights{"put": 16, "twin": 6, "load-template-fd": 1}},
	{ID: "P02", Families: both, Source: "kernel/bpf/syscall.c map_create",
		Says:  "with several faults at once, creating an outer map reports its own attributes before its template",
		Focus: weights{"bad-outer": 20}},
	{ID: "P09", Families: both, Source: "kernel/bpf/arraymap.c fd_array_map_alloc_check, hashtab.c fd_htab_map_alloc_check",
		Says:  "flags that an outer map cannot have are refused with EINVAL",
		Focus: weights{"bad-outer": 10, "outer-flag": 16}},
	{ID: "P19", Families: allKinds, Source: "include/uapi/linux/bpf.h struct bpf_map_info",
		Says:  "the kernel describes a map as it was made",
		Focus: weights{"info": 20, "outer": 6, "fdinfo": 8, "freeze": 3}},
	{ID: "P20", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_fd_sys_lookup_elem",
		Says:  "looking up in an outer map from user space answers the id of the map that was stored there",
		Focus: weights{"put": 12, "get": 14, "twin": 6}},
	{ID: "P21", Families: arrayOnly, Source: "kernel/bpf/arraymap.c bpf_fd_array_map_update_elem",
		Says:  "an array of maps is updated with BPF_ANY only, EINVAL otherwise",
		Focus: weights{"put-any": 16}},
	{ID: "P22", Families: hashOnly, Source: "include/uapi/linux/bpf.h BPF_MAP_UPDATE_ELEM",
		Says:  "BPF_NOEXIST only adds (EEXIST), BPF_EXIST only replaces (ENOENT), other flags are refused (EINVAL)",
		Focus: weights{"put-any": 16, "put": 4}},
	{ID: "P24", Families: arrayOnly, Source: "kernel/bpf/arraymap.c bpf_fd_array_map_update_elem",
		Says:  "with several faults at once, an update of an array of maps reports flags before index before value",
		Focus: weights{"put-any": 24}},
	{ID: "P25", Families: hashOnly, Source: "kernel/bpf/hashtab.c bpf_fd_htab_map_update_elem",
		Says:  "with several faults at once, an update of a hash of maps reports the value before flags before presence before capacity",
		Focus: weights{"put-any": 24, "put": 6}},
	{ID: "P28", Families: both, Source: "kernel/bpf/arraymap.c array_map_meta_equal; selftests btf_map_in_map diff_size",
		Says:  "an inner array has the template's max_entries unless BPF_F_INNER_MAP is set; types that do not inline lookups may differ",
		Focus: weights{"near-max": 20, "put": 8, "put-misfit": 8, "other-max": 20}},
	{ID: "P38", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_fd_put_ptr; selftests test_maps.c",
		Says:  "a call that is refused keeps no reference to the map that it was offered",
		Focus: weights{"put-any": 12, "put-misfit": 6, "bad-outer": 6, "close": 12, "alive": 12, "none-left": 8}, Corners: weights{"refused-btf": 12, "fill": 2}},
	{ID: "P42", Families: hashOnly, Source: "include/uapi/linux/bpf.h BPF_MAP_GET_NEXT_KEY",
		Says:  "walking the keys of a hash of maps visits each present key once",
		Focus: weights{"put": 12, "next": 8, "walk": 5, "next-again": 3}, Corners: weights{"fill": 3, "sparse": 3}},
	{ID: "P60", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_fd_get_ptr",
		Says:  "an inner map lives while it is stored in an outer map",
		Focus: weights{"put": 8, "close-stored": 14, "alive": 12, "reopen": 8, "renew": 3, "live": 2}, Corners: weights{"spread": 12, "again": 8, "wide": 3}},
	{ID: "P61", Families: both, Source: "kernel/bpf/syscall.c bpf_map_put, bpf_map_free_id",
		Says:  "an inner map that nothing else refers to is gone when the call that replaced or deleted it returns",
		Focus: weights{"put": 10, "delete": 10, "close-stored": 12, "alive": 12, "renew": 3, "live": 2}, Corners: weights{"spread": 8, "again": 12}},
	{ID: "P63", Families: both, Source: "kernel/bpf/syscall.c bpf_map_free_deferred",
		Says:  "an outer map is gone when its last descriptor is closed, and soon after what only it kept",
		Focus: weights{"put": 8, "close": 12, "close-outer": 6, "alive": 10, "gone": 8}},
	{ID: "P64", Families: both, Source: "kernel/bpf/syscall.c bpf_prog_free_deferred", Needs: []string{ops.XDP.Feature()},
		Says:    "a loaded program keeps the outer map that it uses, and lets it go when it is unloaded",
		Focus:   weights{"prog": 14, "bind": 10, "prog-info": 2, "close-prog": 6, "close": 4, "close-outer": 12, "alive": 12, "gone": 8, "reopen": 4},
		Opening: "bound"},
	{ID: "P65", Families: innerOnly, Source: "kernel/bpf/syscall.c bpf_map_release",
		Says:  "a map lives while a descriptor of it is open, and is gone when nothing refers to it",
		Focus: weights{"close": 10, "alive": 12, "reopen": 10, "linger": 7, "both-ways": 3, "used": 4, "hold": 2, "live": 2}},
	{ID: "P85", Families: both, Source: "kernel/bpf/arraymap.c array_map_gen_lookup, array_map_meta_equal", Needs: []string{ops.XDP.Feature(), runFeature},
		Says:    "a program that looks up in an inner map is held to the end of that map, not of the template",
		Focus:   weights{"shorter": 8, "put-shorter": 12, "run": 24, "run-constant": 24},
		Opening: "sized-outer",
		Often:   8}, // two of its lies are told of one in many of its sequences
	{ID: "DOC-1", Families: both, Source: rst + "9-10",
		Says:  "there are arrays of maps and hashes of maps (since 4.12)",
		Focus: weights{"outer": 8}},
	{ID: "DOC-16", Families: hashOnly, Source: rst + "38-39", Needs: []string{ops.FeatureSmall},
		Says:  "hashes of maps are pre-allocated by default",
		Focus: weights{"big-outer": 6, "outer": 4}},
	{ID: "DOC-20", Families: arrayOnly, Source: rst + "57-91, 64-66", Needs: []string{ops.Devmap.Feature(), ops.XDP.Feature(), ops.FeatureLittleEndian},
		Says:  "the document's example, an array of devmaps, loads, and its outer map can only be modified from user space",
		Focus: weights{"load-devmaps": 2, "outer": 4},
		Often: 3}, // an object file takes as long as fifteen programs, and there is one
	{ID: "LV", Families: both, Source: "Documentation/bpf/map_of_maps.rst and what is like its examples, by cilium/ebpf", Needs: []string{ops.XDP.Feature(), ops.FeatureRun, ops.FeatureLittleEndian},
		Says:  "maps of maps that are declared in C load and work as they are declared",
		Focus: weights{"load-btf-inner": 2, "load-hash-outer": 1, "load-prog-lookup": 2, "load-sharded-ringbuf": 2, "outer": 4},
		Often: 2}, // there are four
	{ID: "A1", Families: allKinds, Source: "kernel/bpf/syscall.c map_create",
		Says:  "attributes that a map cannot have are refused with EINVAL",
		Focus: weights{"bad-outer": 22, "bad-map": 12}},
	{ID: "A2", Families: allKinds, Source: "kernel/bpf/syscall.c ___bpf_copy_key",
		Says:  "what cannot be read from user space is EFAULT",
		Focus: weights{"null": 12, "put-any": 4}},
	{ID: "P06", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_meta_alloc; the map_meta_equal of each type",
		Says:    "some types of map are refused as a template, with ENOTSUPP",
		Focus:   weights{"odd-outer": 12, "odd": 6},
		Opening: "tour"},
	{ID: "P11", Families: allKinds, Source: "kernel/bpf/syscall.c map_check_btf, map_check_no_btf",
		Says:  "BTF must describe the map that it is given for, and an outer map takes none",
		Focus: weights{"btf": 6, "outer-btf": 16, "bad-outer": 8, "bad-map": 8}},
	{ID: "P14", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_meta_alloc, bpf_map_meta_free", Since: Version{6, 1},
		Says:  "an outer map keeps the BTF of its template, and lets it go",
		Focus: weights{"btf": 4, "close-template": 10, "close-btf": 12, "btf-alive": 14, "alive": 8, "gone": 8, "close-outer": 6}, Corners: weights{"refused-btf": 12},
		Opening: "btf-outer"},
	{ID: "P15", Families: both, Source: "include/uapi/linux/bpf.h bpf_spin_lock; kernel/bpf/map_in_map.c bpf_map_meta_alloc",
		Says:  "whether a map whose values have a bpf_spin_lock can be a template",
		Focus: weights{"btf": 2, "btf-map": 4, "lock-outer": 20}},
	{ID: "P16", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_fd_get_ptr",
		Says:  "how the descriptor of an inner map was opened, and whether it is frozen, does not matter",
		Focus: weights{"freeze-inner": 8, "mode-inner": 10, "outer": 6, "put": 10, "numbered": 10}},
	{ID: "P17", Families: innerOnly, Source: "kernel/bpf/syscall.c map_create",
		Says:  "inner_map_fd is ignored for maps that are not outer maps",
		Focus: weights{"inner-fd": 12}},
	{ID: "P18", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_meta_alloc, bpf_map_fd_get_ptr; selftests map_excl", Since: Version{6, 18},
		Says:  "a map bound to one program is neither template nor element",
		Focus: weights{"exclusive": 12, "exclusive-outer": 10, "put-exclusive": 10}},
	{ID: "P30", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_meta_equal",
		Says:    "what means nothing may differ: names, and BTF that finds nothing special",
		Focus:   weights{"near-name": 10, "near-plain": 10, "put": 14},
		Opening: "sixty-four"},
	{ID: "P32", Families: both, Source: "include/uapi/linux/bpf.h bpf_spin_lock",
		Says:    "a map with a bpf_spin_lock is refused where the template has none",
		Focus:   weights{"near-lock": 16, "near-fields": 4, "put-misfit": 16},
		Opening: "sixty-four"},
	{ID: "P33", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_meta_equal; kernel/bpf/syscall.c btf_record_equal", Since: Version{6, 1},
		Says:    "inner maps have the special fields of the template, no others",
		Focus:   weights{"near-fields": 16, "put-misfit": 10, "put": 10, "twin": 6},
		Opening: "btf-outer"},
	{ID: "P37", Families: allKinds, Source: "kernel/bpf/syscall.c map_get_sys_perms",
		Says:  "a frozen map takes no writes from user space: EPERM, before anything else is looked at",
		Focus: weights{"freeze": 8, "freeze-inner": 6, "put-any": 10, "delete": 6, "write": 8, "batch-write": 6, "take": 4}},
	{ID: "P45", Families: allKinds, Source: "kernel/bpf/syscall.c map_lookup_and_delete_elem; selftests map_in_map update_map_in_htab",
		Says:  "outer maps have no lookup-and-delete",
		Focus: weights{"take": 16, "put": 6}},
	{ID: "P46", Families: allKinds, Source: "kernel/bpf/syscall.c map_lookup_elem",
		Says:  "lookups have no flags here, and are refused in the kernel's order",
		Focus: weights{"get-any": 16, "close": 4}},
	{ID: "P47", Families: allKinds, Source: "kernel/bpf/syscall.c CHECK_ATTR",
		Says:  "bytes behind the last attribute are refused",
		Focus: weights{"tail": 16, "bad-outer": 4, "bad-map": 6}},
	{ID: "P48", Families: both, Source: "include/uapi/linux/bpf.h BPF_MAP_LOOKUP_BATCH; selftests map_in_map_batch_ops", Since: batchOps.Since,
		Says:  "looking up in batches answers every pair once, and says how many",
		Focus: weights{"put": 10, "batch-update": 6, "batch-read": 16, "delete": 4}, Corners: weights{"fill": 3, "sparse": 6, "crowded": 2, "two-readers": 3}},
	{ID: "P50", Families: both, Source: "include/uapi/linux/bpf.h BPF_MAP_UPDATE_BATCH", Since: batchOps.Since,
		Says:  "a batch stops at the first element that is refused and says how many were done",
		Focus: weights{"batch-write": 18, "dump": 6, "twin": 4}},
	{ID: "P51", Families: both, Source: "include/uapi/linux/bpf.h BPF_MAP_UPDATE_BATCH", Since: batchOps.Since,
		Says:  "which flags a batch of an outer map takes",
		Focus: weights{"batch-flags": 16, "batch-write": 4, "batch-read": 4}},
	{ID: "P49", Families: both, Source: "kernel/bpf/syscall.c bpf_map_do_batch", Until: batchOps.Since,
		Says:  "outer maps have no batch commands (they came with 5.19): ENOTSUPP",
		Focus: weights{"batch-read": 4, "batch-write": 4, "batch-missing": 6}},
	{ID: "P52", Families: arrayOnly, Source: "kernel/bpf/syscall.c bpf_map_do_batch", Since: batchOps.Since,
		Says:  "an array of maps has no batch command that deletes: ENOTSUPP",
		Focus: weights{"batch-missing": 14, "batch-write": 4, "batch-read": 4}},
	{ID: "P53", Families: hashOnly, Source: "kernel/bpf/hashtab.c htab_map_lookup_and_delete_batch; selftests map_in_map_batch_ops", Since: batchOps.Since,
		Says:  "deleting in batches leaves nothing of what was deleted, and answers it",
		Focus: weights{"put": 10, "batch-update": 8, "batch-take": 14, "batch-delete": 10, "dump": 4}, Corners: weights{"sparse": 6, "crowded": 2}},
	{ID: "P54", Families: allKinds, Source: "kernel/bpf/syscall.c map_freeze",
		Says:  "a map can be frozen once",
		Focus: weights{"freeze": 14, "freeze-inner": 10, "mode": 6}, Corners: weights{"refused-freeze": 14, "mapped-freeze": 6}},
	{ID: "P55", Families: allKinds, Source: "include/uapi/linux/bpf.h BPF_MAP_FREEZE",
		Says:  "a frozen map can still be read",
		Focus: weights{"put": 10, "freeze": 8, "freeze-inner": 6, "get": 12, "next": 6, "read": 8, "batch-read": 6, "info": 4}},
	{ID: "P56", Families: both, Source: "kernel/bpf/syscall.c bpf_map_fops, bpf_map_mmap; kernel/bpf/map_iter.c bpf_iter_attach_map",
		Says:  "an outer map cannot be read, written, mapped or iterated over as a file",
		Focus: weights{"file": 18, "mode": 4, "pin": 4, "cat": 6}},
	{ID: "P57", Families: allKinds, Source: "kernel/bpf/syscall.c map_get_sys_perms",
		Says:  "a descriptor opened read-only or write-only allows just that",
		Focus: weights{"mode": 16, "mode-inner": 8, "put": 4, "put-any": 6, "get": 6, "next": 4, "delete": 4, "read": 4, "write": 4, "batch-read": 6, "batch-write": 6, "take": 4}},
	{ID: "P71", Families: both, Source: "kernel/bpf/verifier.c check_map_func_compatibility", Needs: []string{ops.XDP.Feature()},
		Says:  "a BPF program can hand an outer map to no helper but bpf_map_lookup_elem()",
		Focus: weights{"prog-outer": 20, "prog": 2}},
	{ID: "P72", Families: both, Source: "kernel/bpf/verifier.c check_func_call_cb, check_map_func_compatibility", Needs: []string{ops.XDP.Feature()},
		Says:  "a BPF program cannot visit the elements of an outer map",
		Focus: weights{"prog-each": 12, "prog-outer": 4}},
	{ID: "P73", Families: both, Source: "kernel/bpf/verifier.c resolve_pseudo_ldimm64", Needs: []string{ops.XDP.Feature()},
		Says:  "a BPF program cannot address the values of an outer map",
		Focus: weights{"prog-direct": 12, "prog-outer": 4}},
	{ID: "P74", Families: both, Source: "kernel/bpf/verifier.c mark_ptr_or_null_reg; selftests verifier_map_in_map", Needs: []string{ops.XDP.Feature()},
		Says:    "what a lookup in an outer map answers is not used before it is checked for NULL",
		Focus:   weights{"prog-null": 20, "prog-plain": 4},
		Opening: "ways-tour"},
	{ID: "P75", Families: both, Source: "kernel/bpf/verifier.c check_ptr_to_map_access; selftests verifier_map_in_map", Needs: []string{ops.XDP.Feature()},
		Says:    "an inner map is a map to a program: it is not written to, calculated with or used as memory, and its values end where they end",
		Focus:   weights{"prog-misuse": 20, "prog-plain": 4, "two-ways": 3},
		Opening: "ways-tour"},
	{ID: "P76", Families: both, Source: "kernel/bpf/helpers.c; selftests btf_map_in_map lookup_update", Needs: []string{ops.XDP.Feature(), ops.XDP.RunFeature()},
		Says:    "what a program does in an inner map is what user space sees there, and what later programs see",
		Focus:   weights{"prog-plain": 14, "run": 30, "put": 8, "write": 8, "read": 8},
		Opening: "effects"},
	{ID: "P77", Families: both, Source: "kernel/bpf/verifier.c check_map_access_type, record_func_map", Needs: []string{ops.XDP.Feature()},
		Says:    "what programs may only read in an inner map, or only write, stays so inside an outer map",
		Focus:   weights{"prog-misuse": 10, "both-ways": 6, "prog-plain": 6},
		Opening: "modes-ways"},
	{ID: "P79", Families: both, Source: "kernel/bpf/verifier.c check_map_prog_compatibility", Needs: []string{sleepsSomehow},
		Says:  "whether sleepable programs can use outer maps",
		Focus: weights{"prog-sleep": 14}},
	{ID: "P80", Families: both, Source: "kernel/bpf/verifier.c check_map_prog_compatibility", Since: Version{6, 1}, Needs: []string{sleepsSomehow},
		Says:    "a sleepable program may use inside an outer map only what it may use directly",
		Focus:   weights{"both-ways-sleep": 16},
		Opening: "ways"},
	{ID: "P81", Families: both, Source: "include/uapi/linux/bpf.h bpf_spin_lock; kernel/bpf/verifier.c check_map_prog_compatibility", Since: Version{6, 1}, Needs: []string{ops.SocketFilter.Feature()},
		Says:    "types of program that may not use a bpf_spin_lock or bpf_timer may not use one inside an outer map",
		Focus:   weights{"both-ways-fields": 16},
		Opening: "fields-ways"},
	{ID: "P86", Families: both, Source: "kernel/bpf/verifier.c process_timer_func", Since: Version{6, 1}, Needs: []string{ops.SchedCLS.Feature()},
		Says:    "a program sets up a timer only for the inner map that it is in",
		Focus:   weights{"prog-fields": 16},
		Opening: "fields-ways"},
	{ID: "P66", Families: allKinds, Source: "kernel/bpf/helpers.c __bpf_async_init, bpf_timer_cancel; kernel/bpf/arraymap.c array_map_free_timers_wq", Since: Version{6, 1}, Needs: []string{ops.XDP.Feature(), ops.XDP.RunFeature(), ops.FeatureTimers},
		Says:    "timers of a map are set up while user space holds it, not while outer maps and programs alone do",
		Focus:   weights{"run": 8, "reopen": 4, "close": 4, "put": 4},
		Opening: "timer-ways"},
	{ID: "P87", Families: both, Source: "kernel/bpf/verifier.c process_spin_lock", Since: Version{6, 12}, Needs: []string{ops.SchedCLS.Feature()},
		Says:    "a program releases the lock that it took in an inner map",
		Focus:   weights{"prog-fields": 16},
		Opening: "fields-ways"},
	{ID: "P88", Families: both, Source: "kernel/bpf/map_iter.c bpf_map_sum_elem_count; selftests map_percpu_stats", Since: Version{6, 12}, Needs: []string{ops.XDP.Feature(), ops.XDP.RunFeature(), ops.FeatureKernelBTF, ops.FeatureJIT},
		Says:    "bpf_map_sum_elem_count() counts the pairs of a hash of maps",
		Focus:   weights{"prog-count": 10, "run": 20, "put": 10, "delete": 6, "batch-take": 3, "batch-delete": 3, "batch-update": 2},
		Opening: "counted"},
	{ID: "W1", Families: both, Source: "kernel/bpf/verifier.c: what holds of a map holds of it inside another", Needs: []string{ops.XDP.Feature()},
		Says:    "a program that is refused when it is given a map directly is refused when it finds such a map inside another",
		Focus:   weights{"both-ways": 30},
		Opening: "ways"},
	{ID: "W2", Families: both, Source: "kernel/bpf/verifier.c: what holds of a map holds of it inside another", Needs: []string{ops.XDP.Feature(), ops.XDP.RunFeature()},
		Says:    "a program that is taken when it is given a map directly is taken when it finds such a map inside another, and does the same",
		Focus:   weights{"both-ways": 14, "run": 14, "put": 6},
		Corners: weights{"every-index": 8},
		Opening: "ways"},
	{ID: "P78", Families: both, Source: "kernel/bpf/syscall.c bpf_sys_bpf; selftests syscall update_outer_map", Since: Version{6, 1}, Needs: []string{ops.FeatureSys},
		Says:  "a program of type syscall can update and delete in an outer map, as user space can",
		Focus: weights{"put": 8, "by-program": 14, "get": 8}},
	{ID: "S1", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_fd_put_ptr",
		Says:  "a call that fails changes nothing",
		Focus: weights{"put": 8, "put-any": 12, "batch-write": 6, "take": 4, "dump": 16}},
	{ID: "L1", Families: innerOnly, Source: "kernel/bpf/inode.c", Needs: []string{ops.FeaturePins},
		Says:  "a path in the file system of bpf keeps a map",
		Focus: weights{"pin": 14, "get-path": 12, "unpin": 8, "close": 10, "alive": 8, "gone": 4}},
	{ID: "L2", Families: innerOnly, Source: "kernel/bpf/syscall.c bpf_map_put, bpf_map_free_id",
		Says:  "at any moment the kernel knows the maps and BTF objects that something refers to, and no others",
		Focus: weights{"live": 16, "none-left": 6, "put": 8, "delete": 6, "close": 6, "close-stored": 6, "hold": 4, "let-go": 4, "renew": 4}},
	{ID: "L3", Families: innerOnly, Source: "kernel/exit.c exit_files; kernel/bpf/syscall.c bpf_link_free; kernel/bpf/map_iter.c",
		Says:  "a process that holds a descriptor, the link of a program and an iterator keep a map for as long as they are there",
		Focus: weights{"hold": 16, "let-go": 8, "close": 14, "alive": 14, "live": 4, "close-outer": 4}},
	{ID: "M1", Families: both, Short: true, Closing: "repeat", Source: "kernel/bpf/map_in_map.c bpf_map_meta_free; kernel/bpf/arraymap.c array_of_map_free; kernel/bpf/hashtab.c htab_of_map_free",
		Needs:   []string{ops.FeatureSlabs, ops.FeatureHarm},
		Says:    "maps of maps that are made, used and closed, and calls that are refused, keep no memory",
		Focus:   weights{"outer": 4, "bad-outer": 4, "btf-map": 2, "put": 16, "put-any": 6, "put-misfit": 4, "delete": 6, "batch-update": 2, "batch-delete": 2, "batch-take": 1, "prog": 1},
		Corners: weights{"fields-map": 4, "prog-plain": 4},
		Opening: "kept-outer",
		Often:   3}, // each is done some thousand times
	{ID: "U1", Families: allKinds, Long: true, Source: "kernel/bpf/syscall.c __sys_bpf, map_create, bpf_map_get_fd_by_id, bpf_prog_load; Documentation/admin-guide/sysctl/kernel.rst unprivileged_bpf_disabled",
		Since: Version{5, 8}, Needs: []string{ops.FeatureCaps, ops.SocketFilter.Feature(), ops.XDP.Feature()},
		Says: "who may create, update and look up: what takes a capability is refused without it, and what a descriptor is enough for is done with none",
		Focus: weights{"caps": 44, "outer": 34, "seed-outer": 8, "inner": 4, "inner-other": 18, "put": 14, "get": 40, "delete": 4, "next": 3, "dump": 3,
			"batch-update": 3, "batch-read": 3, "reopen": 32, "alive": 12, "info": 2, "freeze": 24, "freeze-inner": 22, "iterate": 3, "pin": 4, "get-path": 5,
			"prog": 4, "prog-outer": 6, "load-lookup": 64, "load-btf": 13, "fields-map": 6, "denied-outer": 8}},
	{ID: "P90", Families: both, Source: "kernel/bpf/hashtab.c htab_map_update_elem, commit 2c304172e031; kernel/bpf/arraymap.c bpf_fd_array_map_update_elem; selftests fd_htab_lookup", Needs: racing,
		Says:    "replacing is atomic: a key that always holds a map is never seen empty",
		Opening: "race-present"},
	{ID: "P92", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_fd_sys_lookup_elem", Needs: racing,
		Says:    "a lookup answers the id of a map that was stored, never 0",
		Opening: "race-ids"},
	{ID: "P93", Families: both, Source: "kernel/bpf/syscall.c maybe_wait_bpf_programs", Needs: append([]string{ops.XDP.RunFeature()}, racing...),
		Says:    "when a command that writes returns, no program uses any more what it took out",
		Opening: "race-waits"},
	{ID: "P95", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_fd_put_ptr, commit 876673364161 (CVE-2023-52447)", Needs: append([]string{ops.XDP.RunFeature()}, racing...),
		Says:    "what a program has found in an outer map is not freed before the program lets go of it",
		Opening: "race-free"},
	{ID: "P96", Families: hashOnly, Source: "kernel/bpf/hashtab.c: elements are used again at once", Needs: racing,
		Says:    "a lookup never answers what is stored under another key",
		Opening: "race-reuse"},
	{ID: "P97", Families: both, Source: "include/uapi/linux/bpf.h: each command is atomic for one key", Needs: racing,
		Says:    "what several threads do to a key can be put in one order that explains every answer",
		Opening: "race-mixed"},
	{ID: "P98", Families: both, Source: "kernel/bpf/syscall.c map_freeze, bpf_map_write_active_inc", Needs: racing,
		Says:    "freezing is a moment: writes are done before it or refused after it",
		Often:   15, // a map is frozen once, which takes no time, and what is known to be wrong (F8) hides the rest
		Opening: "race-freeze"},
	{ID: "C1", Families: hashOnly, Source: "kernel/bpf/hashtab.c htab_map_get_next_key", Needs: racing,
		Says:    "a walk beside writers answers keys that were there at that time",
		Opening: "race-walk"},
	{ID: "C2", Families: both, Source: "kernel/bpf/syscall.c generic_map_*_batch; kernel/bpf/hashtab.c __htab_map_lookup_and_delete_batch", Needs: racing, Since: batchOps.Since,
		Says:    "each pair of a batch is answered, stored or deleted at some time while the batch runs",
		Opening: "race-batch"},
	{ID: "C3", Families: innerOnly, Source: "kernel/bpf/syscall.c, kernel/bpf/inode.c", Needs: racing,
		Says:    "closing, pinning and unloading beside writers is refused or done, and nothing is lost or left",
		Opening: "race-life"},
	{ID: "C4", Families: both, Source: "include/uapi/linux/bpf.h BPF_F_LOCK; kernel/bpf/arraymap.c array_map_update_elem", Since: Version{6, 12}, Needs: []string{ops.FeatureCPUs, ops.XDP.Feature(), ops.XDP.RunFeature()},
		Says:    "what is done with the bpf_spin_lock of a value in an inner map held, by a program or with BPF_F_LOCK, is done as a whole",
		Opening: "race-locked"},
	{ID: "X2", Families: allKinds, Source: "ebpf-for-windows tests; kernel/bpf/syscall.c __bpf_map_get",
		Says:  "what is not a descriptor of a map is refused wherever a map is wanted: EBADF if it is not open, EINVAL if it is something else",
		Focus: weights{"put-any": 8, "close": 6, "prog": 4, "put-prog": 8, "numbered": 4}},
}

// usually is what Often counts by.
const usually = 5

// Upto is how many sequences a claim is asked where others are asked n.
func (c *Claim) Upto(n int) int { return (n*cmp.Or(c.Often, usually) + usually - 1) / usually }

// ClaimByID is the row of a claim, or nil.
func ClaimByID(id string) *Claim {
	for _, c := range Claims {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// NotClaimed is the reason why kernel k does not promise the claim, or cannot
// be asked; "" if it can.
func (c *Claim) NotClaimed(k Kernel) string {
	switch {
	case k.Version.Before(c.Since):
		return "promised since " + c.Since.String()
	case !k.Version.in(c.Since, c.Until):
		return "promised until " + c.Until.String()
	}
	return k.Missing(c)
}

// Key names one row of the table of verdicts: a claim held to a family.
type Key struct {
	Claim  string
	Family Family
}

func (k Key) String() string { return k.Claim + "/" + string(k.Family) }

// Keys lists every row, in the order of the table of claims.
func Keys() (keys []Key) {
	for _, c := range Claims {
		for _, f := range c.Families {
			keys = append(keys, Key{c.ID, f})
		}
	}
	return keys
}
