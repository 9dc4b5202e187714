package properties

import (
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
)

// Claim is one promise of the kernel: a sentence of its documentation, or
// behaviour that user space relies on.
type Claim struct {
	ID       string
	Says     string
	Source   string
	Families []Family
	Since    Version  // first kernel that promises it; all kernels of the matrix if zero
	Needs    []string // features without which it cannot be asked
	Focus    weights  // what its own plans do more often than others
	Opening  string   // the move that its own plans begin with; "" for an ordinary outer map
}

const rst = "Documentation/bpf/map_of_maps.rst:"

// Claims is the table of claims; P numbers are those of the notes on semantics,
// X of the baseline, DOC of the sentences of the document. An id is never reused.
var Claims = []*Claim{
	{ID: "P00", Families: innerOnly, Source: "Documentation/bpf/verifier.rst (the safety of the eBPF program)",
		Says: "no sequence of these calls makes the kernel panic, oops or hang"},
	{ID: "DOC-2", Families: innerOnly, Source: rst + "12-13",
		Says:  "a map of maps is general purpose storage: what is written to a map keeps, wherever that map is stored",
		Focus: weights{"write": 12, "read": 12, "put": 6}},
	{ID: "DOC-3", Families: both, Source: rst + "13-14",
		Says:  "one level of nesting is supported: an outer map can be made from an ordinary map",
		Focus: weights{"outer": 12, "inner": 8}},
	{ID: "DOC-4", Families: both, Source: rst + "14-15",
		Says:  "an outer map contains instances of a single type of inner map: a map of another type is refused",
		Focus: weights{"near-type": 12, "near": 4, "put-misfit": 12, "put-any": 6}},
	{ID: "DOC-5", Families: both, Source: rst + "17-18",
		Says:  "a map instance given at creation initialises what the outer map knows of its inner maps: without one there is no outer map, and maps of another shape are refused",
		Focus: weights{"bad-outer": 8, "near": 12, "put-misfit": 10, "put-any": 4, "prog": 2, "prog-outer": 4}},
	{ID: "DOC-6", Families: both, Source: rst + "18-20",
		Says:  "the template has a lifetime of its own: the outer map goes on without it and keeps nothing of it",
		Focus: weights{"close-template": 20, "alive": 10, "gone": 6, "twin": 8, "put": 8}},
	{ID: "DOC-7", Families: both, Source: rst + "22-23",
		Says:  "user space can look up, update and delete elements of an outer map",
		Focus: weights{"put": 10, "get": 10, "delete": 10}},
	{ID: "DOC-8", Families: both, Source: rst + "23-24", Needs: []string{ops.XDP.Feature()},
		Says:  "a BPF program can only look up in an outer map",
		Focus: weights{"prog": 20}},
	{ID: "DOC-9", Families: both, Source: rst + "27",
		Says:  "multi-level nesting is not supported: an outer map is neither template nor element",
		Focus: weights{"nested-outer": 14, "put-nested": 14, "outer": 6}},
	{ID: "DOC-10", Families: both, Source: rst + "28-29", Needs: []string{ops.ProgArray.Feature()},
		Says:  "any type of map can be an inner map except PROG_ARRAY, neither as template nor as element",
		Focus: weights{"prog-array": 10, "prog-array-outer": 12, "put-any": 8, "put-prog-array": 8}},
	{ID: "DOC-11", Families: both, Source: rst + "30", Needs: []string{ops.XDP.Feature()},
		Says:  "a BPF program cannot update or delete entries of an outer map",
		Focus: weights{"prog": 20}},
	{ID: "DOC-12", Families: arrayOnly, Source: rst + "32-33",
		Says:  "the key of an array of maps is an unsigned 32-bit index below max_entries",
		Focus: weights{"bad-outer": 8, "put-any": 8, "get": 8, "delete": 8}},
	{ID: "DOC-13", Families: arrayOnly, Source: rst + "33-34",
		Says:  "an array of maps has max_entries elements from the beginning, all empty",
		Focus: weights{"outer": 5, "get": 10, "next": 12, "bad-outer": 6}},
	{ID: "DOC-14", Families: hashOnly, Source: rst + "36-37",
		Says:  "the key of a hash of maps can have the size that its maker chooses",
		Focus: weights{"outer": 8, "put": 8, "get": 8, "bad-outer": 8}},
	{ID: "DOC-15", Families: hashOnly, Source: rst + "37-38",
		Says:  "a hash of maps allocates and frees its pairs, up to max_entries of them",
		Focus: weights{"put": 20, "delete": 8, "bad-outer": 4}},
	{ID: "DOC-17", Families: hashOnly, Source: rst + "38-40",
		Says:  "a hash of maps can be made with BPF_F_NO_PREALLOC and works the same",
		Focus: weights{"outer": 6, "put": 10, "get": 6, "delete": 6}},
	{ID: "DOC-18", Families: both, Source: rst + "55", Needs: []string{ops.XDP.Feature(), runFeature},
		Says:  "a BPF program retrieves inner maps with bpf_map_lookup_elem()",
		Focus: weights{"prog": 8, "run": 20, "write": 8, "put": 8}},
	{ID: "DOC-19", Families: both, Source: rst + "55-56", Needs: []string{ops.XDP.Feature(), runFeature},
		Says:  "bpf_map_lookup_elem() of an outer map answers NULL in a program if there is no entry",
		Focus: weights{"prog": 8, "run": 20, "put": 5, "delete": 5}},
	{ID: "DOC-21", Families: both, Source: rst + "93-108",
		Says:  "the value of an outer map has four bytes",
		Focus: weights{"bad-outer": 14}},
	{ID: "DOC-22", Families: both, Source: rst + "111-124",
		Says:  "bpf_map_update_elem() with BPF_ANY adds an inner map by its descriptor",
		Focus: weights{"put": 16, "twin": 6}},
	{ID: "P02", Families: both, Source: "kernel/bpf/syscall.c map_create",
		Says:  "with several faults at once, creating an outer map reports its own attributes before its template",
		Focus: weights{"bad-outer": 20}},
	{ID: "P09", Families: both, Source: "kernel/bpf/arraymap.c fd_array_map_alloc_check, hashtab.c fd_htab_map_alloc_check",
		Says:  "flags that an outer map cannot have are refused with EINVAL",
		Focus: weights{"bad-outer": 20}},
	{ID: "P19", Families: []Family{FamilyArray, FamilyHash, FamilyInner}, Source: "include/uapi/linux/bpf.h struct bpf_map_info",
		Says:  "the kernel describes a map as it was made",
		Focus: weights{"info": 20, "outer": 6}},
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
		Focus: weights{"near-max": 20, "put": 8, "put-misfit": 8}},
	{ID: "P38", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_fd_put_ptr; selftests test_maps.c",
		Says:  "a call that is refused keeps no reference to the map that it was offered",
		Focus: weights{"put-any": 12, "put-misfit": 6, "bad-outer": 6, "close": 12, "alive": 12}},
	{ID: "P42", Families: hashOnly, Source: "include/uapi/linux/bpf.h BPF_MAP_GET_NEXT_KEY",
		Says:  "walking the keys of a hash of maps visits each present key once",
		Focus: weights{"put": 12, "next": 8, "walk": 5}},
	{ID: "P60", Families: both, Source: "kernel/bpf/map_in_map.c bpf_map_fd_get_ptr",
		Says:  "an inner map lives while it is stored in an outer map",
		Focus: weights{"put": 8, "close-stored": 14, "alive": 12, "reopen": 8}},
	{ID: "P61", Families: both, Source: "kernel/bpf/syscall.c bpf_map_put, bpf_map_free_id",
		Says:  "an inner map that nothing else refers to is gone when the call that replaced or deleted it returns",
		Focus: weights{"put": 10, "delete": 10, "close-stored": 12, "alive": 12}},
	{ID: "P63", Families: both, Source: "kernel/bpf/syscall.c bpf_map_free_deferred",
		Says:  "an outer map is gone when its last descriptor is closed, and soon after what only it kept",
		Focus: weights{"put": 8, "close": 12, "close-outer": 6, "alive": 10, "gone": 8}},
	{ID: "P64", Families: both, Source: "kernel/bpf/syscall.c bpf_prog_free_deferred", Needs: []string{ops.XDP.Feature()},
		Says:  "a loaded program keeps the outer map that it uses, and lets it go when it is unloaded",
		Focus: weights{"prog": 14, "close-prog": 6, "close": 4, "close-outer": 12, "alive": 12, "gone": 8, "reopen": 4}},
	{ID: "P65", Families: innerOnly, Source: "kernel/bpf/syscall.c bpf_map_release",
		Says:  "a map lives while a descriptor of it is open, and is gone when nothing refers to it",
		Focus: weights{"close": 10, "alive": 12, "reopen": 10, "linger": 2}},
	{ID: "P85", Families: both, Source: "kernel/bpf/arraymap.c array_map_gen_lookup, array_map_meta_equal", Needs: []string{ops.XDP.Feature(), runFeature},
		Says:    "a program that looks up in an inner map is held to the end of that map, not of the template",
		Focus:   weights{"shorter": 8, "put-shorter": 12, "run": 24},
		Opening: "sized-outer"},
	{ID: "X2", Families: []Family{FamilyArray, FamilyHash, FamilyInner}, Source: "ebpf-for-windows tests; kernel/bpf/syscall.c __bpf_map_get",
		Says:  "what is not a descriptor of a map is refused wherever a map is wanted: EBADF if it is not open, EINVAL if it is something else",
		Focus: weights{"put-any": 8, "close": 6, "prog": 4, "put-prog": 8}},
}

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
	if k.Version.Before(c.Since) {
		return "promised since " + c.Since.String()
	}
	return k.missing(c.Needs)
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
