package properties

import (
	"slices"

	"mimic/ops"
)

// typeRow says of one map type which specs are certainly possible, and how it
// behaves inside an outer map. What the plainest map of the type is stands in
// package ops.
type typeRow struct {
	typ      ops.MapType
	keys     []ops.Size              // the sizes that a key can have; nil: any but 0
	keys32   []ops.Size              // on kernels of 32 bits, if they differ
	values   []ops.Size              // and a value; nil: any but 0
	maxima   []ops.Size              // and max_entries; nil: any but 0
	flags    ops.CreateFlags         // that it may have
	needs    ops.CreateFlags         // that it must have
	adds     ops.CreateFlags         // that the kernel sets by itself
	template ops.Errno               // what a template of this type answers
	sameMax  func(Kernel, Spec) bool // an element must have the template's max_entries
	lookup   bool                    // programs may look up in it
	content  bool                    // what is in it is modelled
	lingers  bool                    // closing its last descriptor leaves work to the kernel that keeps it a while
	extra    ops.Size                // the biggest map_extra that it takes
	fields   bool                    // its values may have special fields
	btf      bool                    // it needs BTF of an int or a struct without special fields
	bound    ops.Bound
	takes    ops.CapSet // the capability that making one takes
}

func never(Kernel, Spec) bool  { return false }
func always(Kernel, Spec) bool { return true }

const (
	hashFlags    = ops.NoPrealloc | ops.NUMANode | ops.ReadOnlyProg | ops.WriteOnlyProg | ops.ZeroSeed
	storageFlags = ops.NoPrealloc
)

var (
	four      = []ops.Size{4}
	none      = []ops.Size{0}
	fourEight = []ops.Size{4, 8}
	pages     = []ops.Size{4096, 8192, 16384}
	ids       = []ops.Size{8, 16} // of a cgroup, with or without an attach type: struct bpf_cgroup_storage_key
	ids32     = []ops.Size{8, 12} // where numbers of 8 bytes begin at multiples of 4
	frames    = []ops.Size{8, 16, 24, 80, 1016}
)

// typeRows is the table of the map types that plans make.
var typeRows = []typeRow{
	{typ: ops.Hash, flags: hashFlags, sameMax: never, lookup: true, content: true, fields: true},
	{typ: ops.Array, keys: four, flags: ops.NUMANode | ops.ReadOnlyProg | ops.WriteOnlyProg | ops.MMapable | ops.InnerMap, lookup: true, content: true,
		fields: true, sameMax: func(_ Kernel, p Spec) bool { return p.Flags&ops.InnerMap == 0 }},
	{typ: ops.ProgArray, keys: four, values: four, template: ops.ENOTSUPP, sameMax: never, lingers: true},
	{typ: ops.PerfEventArray, keys: four, values: four, flags: ops.PreserveElems, sameMax: never},
	{typ: ops.PercpuHash, fields: true, flags: ops.NoPrealloc | ops.ZeroSeed, sameMax: never, lookup: true},
	{typ: ops.PercpuArray, fields: true, keys: four, lookup: true,
		sameMax: func(k Kernel, _ Spec) bool { return k.does(percpuArrayMax) }},
	{typ: ops.StackTrace, takes: ops.CapBPF, keys: four, values: frames, sameMax: never},
	{typ: ops.CgroupArray, keys: four, values: four, sameMax: never},
	{typ: ops.LRUHash, takes: ops.CapBPF, fields: true, flags: ops.NUMANode | ops.ZeroSeed, sameMax: never, lookup: true},
	{typ: ops.LRUPercpuHash, takes: ops.CapBPF, fields: true, flags: ops.ZeroSeed, sameMax: never, lookup: true},
	{typ: ops.LPMTrie, takes: ops.CapBPF, keys: []ops.Size{5, 8, 12, 20, 68}, flags: ops.NoPrealloc, needs: ops.NoPrealloc, sameMax: never, lookup: true},
	{typ: ops.Devmap, takes: ops.CapNetAdmin, keys: four, values: fourEight, adds: ops.ReadOnlyProg, sameMax: never},
	{typ: ops.Sockmap, takes: ops.CapNetAdmin, keys: four, values: fourEight, sameMax: never},
	{typ: ops.CPUMap, takes: ops.CapBPF, keys: four, values: fourEight, maxima: []ops.Size{1, 2}, sameMax: never},
	{typ: ops.XSKMap, takes: ops.CapNetAdmin, keys: four, values: four, sameMax: always},
	{typ: ops.Sockhash, takes: ops.CapNetAdmin, values: fourEight, sameMax: never},
	{typ: ops.CgroupStorage, keys: ids, keys32: ids32, maxima: none, template: ops.ENOTSUPP, sameMax: never},
	{typ: ops.ReuseportSockarray, takes: ops.CapBPF, keys: four, values: fourEight, sameMax: never},
	{typ: ops.PercpuCgroupStorage, keys: ids, keys32: ids32, maxima: none, template: ops.ENOTSUPP, sameMax: never},
	{typ: ops.Queue, takes: ops.CapBPF, keys: none, flags: ops.NUMANode, sameMax: never},
	{typ: ops.Stack, takes: ops.CapBPF, keys: none, flags: ops.NUMANode, sameMax: never},
	{typ: ops.SKStorage, takes: ops.CapBPF, keys: four, maxima: none, flags: storageFlags | ops.Clone, needs: storageFlags, btf: true, sameMax: never},
	{typ: ops.DevmapHash, takes: ops.CapNetAdmin, keys: four, values: fourEight, adds: ops.ReadOnlyProg, sameMax: never},
	{typ: ops.StructOps, takes: ops.CapBPF, keys: four, values: none, maxima: []ops.Size{1}, btf: true, bound: ops.BoundStruct, template: ops.ENOTSUPP, sameMax: never},
	{typ: ops.Ringbuf, keys: none, values: none, maxima: pages, sameMax: never},
	{typ: ops.InodeStorage, takes: ops.CapBPF, keys: four, maxima: none, flags: storageFlags, needs: storageFlags, btf: true, sameMax: never},
	{typ: ops.TaskStorage, takes: ops.CapBPF, keys: four, maxima: none, flags: storageFlags, needs: storageFlags, btf: true, sameMax: never},
	{typ: ops.BloomFilter, takes: ops.CapBPF, keys: none, extra: 15, sameMax: never},
	{typ: ops.UserRingbuf, keys: none, values: none, maxima: pages, sameMax: never},
	{typ: ops.CgroupLocalStorage, takes: ops.CapBPF, keys: four, maxima: none, flags: storageFlags, needs: storageFlags, btf: true, sameMax: never},
	{typ: ops.Arena, takes: ops.CapBPF, keys: none, values: none, maxima: []ops.Size{1, 2, 10}, flags: ops.MMapable, needs: ops.MMapable, sameMax: never},
	{typ: ops.InsnArray, takes: ops.CapBPF, keys: four, values: []ops.Size{16}, adds: ops.ReadOnlyProg, template: ops.ENOTSUPP, sameMax: never},
	{typ: ops.RHash, fields: true, flags: ops.NoPrealloc, needs: ops.NoPrealloc, sameMax: never, lookup: true},
}

func rowOf(t ops.MapType) *typeRow {
	for i := range typeRows {
		if typeRows[i].typ == t {
			return &typeRows[i]
		}
	}
	return nil
}

// TemplateTypes are the map types that plans make, outer maps apart.
func TemplateTypes() (all []ops.MapType) {
	for _, r := range typeRows {
		all = append(all, r.typ)
	}
	return all
}

// fits says whether a size is one of a list; a nil list stands for from 1 to limit.
func fits(n ops.Size, list []ops.Size, limit ops.Size) bool {
	if list == nil {
		return n > 0 && n <= limit
	}
	return slices.Contains(list, n)
}

// Sizes up to which maps are certainly possible.
const bigKey, bigValue, bigMax = 256, 1024, 1 << 16

// keysOn are the sizes that a key can have on this kernel; nil: any but 0.
func (r *typeRow) keysOn(k Kernel) []ops.Size {
	if r.keys32 != nil && !k.has(ops.FeaturePointers) {
		return r.keys32
	}
	return r.keys
}

// maximaOn are the numbers of entries that a map can certainly have on this kernel; nil: any but 0. Of a cpumap that is NR_CPUS at most.
func (r *typeRow) maximaOn(k Kernel) []ops.Size {
	if r.typ == ops.CPUMap && !k.has(ops.FeatureSMP) {
		return r.maxima[:1]
	}
	return r.maxima
}

// possible says that a map of this spec can certainly be made.
func (r *typeRow) possible(k Kernel, p Spec) bool {
	modes := p.Flags & (ops.ReadOnlyProg | ops.WriteOnlyProg)
	flagsFit := p.Flags&^(r.flags|r.adds) == 0 && p.Flags&r.needs == r.needs && modes != ops.ReadOnlyProg|ops.WriteOnlyProg
	return fits(p.Key, r.keysOn(k), bigKey) && fits(p.Value, r.values, bigValue) && fits(p.Max, r.maximaOn(k), bigMax) && flagsFit
}

// impossible says that a map of this spec is certainly refused with EINVAL.
func (r *typeRow) impossible(p Spec) bool {
	if r.bound != ops.BoundFree {
		return false
	}
	outside := func(n ops.Size, list []ops.Size) bool { return len(list) == 1 && n != list[0] || list == nil && n == 0 }
	return outside(p.Max, r.maxima) || outside(p.Key, r.keys) || outside(p.Value, r.values)
}
