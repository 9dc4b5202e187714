package ops

import (
	"slices"
	"strings"
)

// plainest has, for every map type but outer maps, the plainest map of it that
// kernels make. Where it names BTF, that is to be loaded under the name it has
// here, which is also its kind.
var plainest = []Map{
	{Type: Hash, Key: 4, Value: 4, Max: 1},
	{Type: Array, Key: 4, Value: 4, Max: 1},
	{Type: ProgArray, Key: 4, Value: 4, Max: 1},
	{Type: PerfEventArray, Key: 4, Value: 4, Max: 1},
	{Type: PercpuHash, Key: 4, Value: 4, Max: 1},
	{Type: PercpuArray, Key: 4, Value: 4, Max: 1},
	{Type: StackTrace, Key: 4, Value: 8, Max: 1},
	{Type: CgroupArray, Key: 4, Value: 4, Max: 1},
	{Type: LRUHash, Key: 4, Value: 4, Max: 1},
	{Type: LRUPercpuHash, Key: 4, Value: 4, Max: 1},
	{Type: LPMTrie, Key: 8, Value: 4, Max: 1, Flags: NoPrealloc},
	{Type: Devmap, Key: 4, Value: 4, Max: 1},
	{Type: Sockmap, Key: 4, Value: 4, Max: 1},
	{Type: CPUMap, Key: 4, Value: 4, Max: 1},
	{Type: XSKMap, Key: 4, Value: 4, Max: 1},
	{Type: Sockhash, Key: 4, Value: 4, Max: 1},
	{Type: CgroupStorage, Key: 8, Value: 4},
	{Type: ReuseportSockarray, Key: 4, Value: 4, Max: 1},
	{Type: PercpuCgroupStorage, Key: 8, Value: 4},
	{Type: Queue, Value: 4, Max: 1},
	{Type: Stack, Value: 4, Max: 1},
	{Type: SKStorage, Key: 4, Value: 4, Flags: NoPrealloc, BTF: "int"},
	{Type: DevmapHash, Key: 4, Value: 4, Max: 1},
	{Type: StructOps, Key: 4, Max: 1, BTF: "int", Bound: BoundStruct},
	{Type: Ringbuf, Max: 4096},
	{Type: InodeStorage, Key: 4, Value: 4, Flags: NoPrealloc, BTF: "int"},
	{Type: TaskStorage, Key: 4, Value: 4, Flags: NoPrealloc, BTF: "int"},
	{Type: BloomFilter, Value: 4, Max: 1},
	{Type: UserRingbuf, Max: 4096},
	{Type: CgroupLocalStorage, Key: 4, Value: 4, Flags: NoPrealloc, BTF: "int"},
	{Type: Arena, Max: 1, Flags: MMapable},
	{Type: InsnArray, Key: 4, Value: 16, Max: 1},
	{Type: RHash, Key: 4, Value: 4, Max: 1, Flags: NoPrealloc},
}

// Plainest is the plainest map of each type, in the order of the kernel's
// numbers, outer maps apart.
func Plainest() []Map { return plainest }

// perCPU are the types of map of which every processor has values of its own.
var perCPU = []MapType{PercpuHash, PercpuArray, LRUPercpuHash, PercpuCgroupStorage}

// PerCPU says whether every processor has values of its own in maps of that type: user space reads and writes all of them at
// once, each in a multiple of 8 bytes.
func (t MapType) PerCPU() bool { return slices.Contains(perCPU, t) }

// EachText is what several processors have, as one text: each value once, in the order of numbers.
func EachText(all ...string) string {
	slices.SortFunc(all, CompareKeys)
	return strings.Join(slices.Compact(all), "+")
}
