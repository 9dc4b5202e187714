package ops

// The numbers are those of include/uapi/linux/bpf.h; the words are the
// kernel's own, in lower case and without their prefix.

// MapType is enum bpf_map_type.
type MapType uint32

// The map types.
const (
	Hash                MapType = 1
	Array               MapType = 2
	ProgArray           MapType = 3
	PerfEventArray      MapType = 4
	PercpuHash          MapType = 5
	PercpuArray         MapType = 6
	StackTrace          MapType = 7
	CgroupArray         MapType = 8
	LRUHash             MapType = 9
	LRUPercpuHash       MapType = 10
	LPMTrie             MapType = 11
	ArrayOfMaps         MapType = 12
	HashOfMaps          MapType = 13
	Devmap              MapType = 14
	Sockmap             MapType = 15
	CPUMap              MapType = 16
	XSKMap              MapType = 17
	Sockhash            MapType = 18
	CgroupStorage       MapType = 19
	ReuseportSockarray  MapType = 20
	PercpuCgroupStorage MapType = 21
	Queue               MapType = 22
	Stack               MapType = 23
	SKStorage           MapType = 24
	DevmapHash          MapType = 25
	StructOps           MapType = 26
	Ringbuf             MapType = 27
	InodeStorage        MapType = 28
	TaskStorage         MapType = 29
	BloomFilter         MapType = 30
	UserRingbuf         MapType = 31
	CgroupLocalStorage  MapType = 32
	Arena               MapType = 33
	InsnArray           MapType = 34
	RHash               MapType = 35
)

var mapTypes = words{
	1: "hash", 2: "array", 3: "prog_array", 4: "perf_event_array", 5: "percpu_hash", 6: "percpu_array",
	7: "stack_trace", 8: "cgroup_array", 9: "lru_hash", 10: "lru_percpu_hash", 11: "lpm_trie",
	12: "array_of_maps", 13: "hash_of_maps", 14: "devmap", 15: "sockmap", 16: "cpumap", 17: "xskmap",
	18: "sockhash", 19: "cgroup_storage", 20: "reuseport_sockarray", 21: "percpu_cgroup_storage",
	22: "queue", 23: "stack", 24: "sk_storage", 25: "devmap_hash", 26: "struct_ops", 27: "ringbuf",
	28: "inode_storage", 29: "task_storage", 30: "bloom_filter", 31: "user_ringbuf", 32: "cgrp_storage",
	33: "arena", 34: "insn_array", 35: "rhash",
}

// MarshalText writes the kernel's word, or a number.
func (t MapType) MarshalText() ([]byte, error) { return mapTypes.text(uint64(t)), nil }

// UnmarshalText accepts the kernel's word, or a number.
func (t *MapType) UnmarshalText(b []byte) error {
	v, err := mapTypes.parse(b, "map type", 32)
	*t = MapType(v)
	return err
}

func (t MapType) String() string { return string(mapTypes.text(uint64(t))) }

// Feature is what a kernel lacks that has no maps of this type.
func (t MapType) Feature() string { return "map:" + t.String() }

// OuterKind is array or hash: which of the two map-of-maps types.
type OuterKind uint8

// The two kinds of outer map.
const (
	OuterArray OuterKind = iota
	OuterHash
)

var outerKinds = words{0: "array", 1: "hash"}

// MapType is the kernel's type of this kind of outer map.
func (k OuterKind) MapType() MapType { return ArrayOfMaps + MapType(k) }

func (k OuterKind) String() string { return string(outerKinds.text(uint64(k))) }

// MarshalText writes array or hash.
func (k OuterKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText accepts array or hash.
func (k *OuterKind) UnmarshalText(b []byte) error {
	v, err := outerKinds.parse(b, "kind of outer map", 1)
	*k = OuterKind(v)
	return err
}

// CreateFlags is map_flags of BPF_MAP_CREATE.
type CreateFlags uint32

// Flags of BPF_MAP_CREATE.
const (
	NoPrealloc    CreateFlags = 1 << 0
	NoCommonLRU   CreateFlags = 1 << 1
	NUMANode      CreateFlags = 1 << 2
	ReadOnly      CreateFlags = 1 << 3
	WriteOnly     CreateFlags = 1 << 4
	StackBuildID  CreateFlags = 1 << 5
	ZeroSeed      CreateFlags = 1 << 6
	ReadOnlyProg  CreateFlags = 1 << 7
	WriteOnlyProg CreateFlags = 1 << 8
	Clone         CreateFlags = 1 << 9
	MMapable      CreateFlags = 1 << 10
	PreserveElems CreateFlags = 1 << 11
	InnerMap      CreateFlags = 1 << 12
	Link          CreateFlags = 1 << 13
	PathFD        CreateFlags = 1 << 14
	VtypeBTF      CreateFlags = 1 << 15
	TokenFD       CreateFlags = 1 << 16
	SegvOnFault   CreateFlags = 1 << 17
	NoUserConv    CreateFlags = 1 << 18
)

var createFlags = words{
	1 << 0: "NO_PREALLOC", 1 << 1: "NO_COMMON_LRU", 1 << 2: "NUMA_NODE", 1 << 3: "RDONLY", 1 << 4: "WRONLY",
	1 << 5: "STACK_BUILD_ID", 1 << 6: "ZERO_SEED", 1 << 7: "RDONLY_PROG", 1 << 8: "WRONLY_PROG",
	1 << 9: "CLONE", 1 << 10: "MMAPABLE", 1 << 11: "PRESERVE_ELEMS", 1 << 12: "INNER_MAP",
	1 << 13: "LINK", 1 << 14: "PATH_FD", 1 << 15: "VTYPE_BTF_OBJ_FD", 1 << 16: "TOKEN_FD",
	1 << 17: "SEGV_ON_FAULT", 1 << 18: "NO_USER_CONV",
}

func (f CreateFlags) String() string { return string(createFlags.flags(uint64(f))) }

// MarshalText writes words joined by |.
func (f CreateFlags) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText accepts words and numbers joined by |.
func (f *CreateFlags) UnmarshalText(b []byte) error {
	v, err := createFlags.parseFlags(b, "flag of map creation", 32)
	*f = CreateFlags(v)
	return err
}

// UpdateFlags is flags of BPF_MAP_UPDATE_ELEM.
type UpdateFlags uint64

// Flags of BPF_MAP_UPDATE_ELEM.
const (
	Any     UpdateFlags = 0
	NoExist UpdateFlags = 1
	Exist   UpdateFlags = 2
	Lock    UpdateFlags = 4
	CPU     UpdateFlags = 8
	AllCPUs UpdateFlags = 16
)

var updateFlags = words{1: "NOEXIST", 2: "EXIST", 4: "LOCK", 8: "CPU", 16: "ALL_CPUS"}

// MarshalText writes words joined by |.
func (f UpdateFlags) MarshalText() ([]byte, error) { return updateFlags.flags(uint64(f)), nil }

// UnmarshalText accepts words and numbers joined by |.
func (f *UpdateFlags) UnmarshalText(b []byte) error {
	v, err := updateFlags.parseFlags(b, "flag of an update", 64)
	*f = UpdateFlags(v)
	return err
}

// ProgType is enum bpf_prog_type.
type ProgType uint32

// The program types that plans and the model speak about.
const (
	SocketFilter  ProgType = 1
	Kprobe        ProgType = 2
	SchedCLS      ProgType = 3
	Tracepoint    ProgType = 5
	XDP           ProgType = 6
	PerfEvent     ProgType = 7
	CgroupSKB     ProgType = 8
	SockOps       ProgType = 13
	SkSKB         ProgType = 14
	SkMsg         ProgType = 16
	RawTracepoint ProgType = 17
	SkReuseport   ProgType = 21
	Tracing       ProgType = 26 // fentry
	LSM           ProgType = 29
	Syscall       ProgType = 31 // always sleepable
)

var progTypes = words{
	1: "socket_filter", 2: "kprobe", 3: "sched_cls", 4: "sched_act", 5: "tracepoint", 6: "xdp",
	7: "perf_event", 8: "cgroup_skb", 13: "sock_ops", 14: "sk_skb", 16: "sk_msg", 17: "raw_tracepoint",
	21: "sk_reuseport", 26: "tracing", 29: "lsm", 31: "syscall",
}

func (t ProgType) String() string { return string(progTypes.text(uint64(t))) }

// MarshalText writes the kernel's word, or a number.
func (t ProgType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText accepts the kernel's word, or a number.
func (t *ProgType) UnmarshalText(b []byte) error {
	v, err := progTypes.parse(b, "program type", 32)
	*t = ProgType(v)
	return err
}

// ProgTypes are the program types that plans load.
var ProgTypes = []ProgType{
	XDP, SchedCLS, SocketFilter, Kprobe, Tracepoint, CgroupSKB, RawTracepoint, PerfEvent,
	SockOps, SkSKB, SkMsg, SkReuseport, Tracing, LSM, Syscall,
}

// Feature is what a kernel lacks that has no programs of this type.
func (t ProgType) Feature() string { return "prog:" + t.String() }

// RunTypes are the program types that can be run, or made to run, where the
// kernel has what it takes; SleepTypes those that can be loaded as sleepable.
var (
	RunTypes   = []ProgType{XDP, SchedCLS, SocketFilter, CgroupSKB, RawTracepoint, Kprobe, Tracepoint, PerfEvent, Tracing, Syscall}
	SleepTypes = []ProgType{Kprobe, LSM, Syscall}
)

// RunFeature is what a kernel lacks on which programs of this type cannot be run.
func (t ProgType) RunFeature() string { return "run:" + t.String() }

// SleepableFeature is what a kernel lacks on which they cannot be sleepable.
func (t ProgType) SleepableFeature() string { return "sleepable:" + t.String() }

// FeatureRun is what a kernel lacks that has no BPF_PROG_TEST_RUN.
const FeatureRun = "prog_test_run"

// FeatureKernelBTF is what a kernel lacks that does not describe its own types:
// without it there are neither iterators nor maps of struct_ops.
const FeatureKernelBTF = "kernel_btf"

// FeatureIter is what a kernel lacks that has no iterators over the elements of maps: those are programs that
// trace, and need CONFIG_BPF_EVENTS.
const FeatureIter = "iterators"

// FeatureSys is what a kernel lacks whose programs cannot call bpf(2).
const FeatureSys = "bpf_sys_bpf"

// FeaturePins is what a kernel lacks that has no file system for bpf.
const FeaturePins = "pins"

// FeatureLittleEndian is what a machine lacks whose numbers begin with the highest byte. Nothing that can be
// asked needs it; what is answered depends on it.
const FeatureLittleEndian = "little-endian"

// FeatureJIT is what a kernel lacks that interprets programs: callbacks and kfuncs are refused then.
const FeatureJIT = "jit"

// FeatureTimers is what a kernel lacks whose programs cannot set up timers: 5.10, and real-time ones (up to 7.3 at least).
const FeatureTimers = "timers"

// FeatureUnaligned is what a machine lacks on which programs may access numbers only where their size divides the
// offset (CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS).
const FeatureUnaligned = "unaligned"

// FeatureInlined is what a kernel lacks that calls a function for each lookup of a program in a per-CPU array: its JIT
// does not know the instruction that the verifier would put there (bpf_jit_supports_percpu_insn).
const FeatureInlined = "inlined-percpu"

// FeaturePointers is what a kernel of 32 bits lacks.
const FeaturePointers = "pointers-64"

// FeatureRefill is what a machine lacks on which a hash without preallocation runs out of elements before the kernel's
// allocator comes to fetch more (bpf_mem_alloc does that from an irq_work): updates answer ENOMEM now and then.
const FeatureRefill = "prompt-refill"

// FeatureKeyLimit is what a kernel lacks that allocates more than 4 MiB at once, and takes keys of that size.
const FeatureKeyLimit = "keys-below-4m"

// FeatureSMP is what a kernel lacks that is built for one processor (CONFIG_SMP): its locks take no room.
const FeatureSMP = "smp"

// MachineFeatures are the features by which kernels of one version differ: known.txt may tie a row to them.
func MachineFeatures() []string {
	return []string{FeatureLittleEndian, FeatureJIT, FeatureUnaligned, FeatureInlined, FeaturePointers, FeatureRefill, FeatureKeyLimit, FeatureSMP}
}

// FeatureCPUs is what a machine lacks that has a single processor: nothing happens
// at the same time there.
const FeatureCPUs = "processors"

// FeatureSmall is what a machine lacks that has much memory: there a map that
// asks for it is made.
const FeatureSmall = "small_memory"

// FeatureSlabs is what a kernel lacks that does not say how much memory it uses for objects of a fixed size, or uses more
// and more whatever is done.
const FeatureSlabs = "slabs"

// FeatureHarm is what a kernel lacks that must not be harmed: the machine that
// mimic runs on. Finding F1 leaks there for good, F2 reads beyond an array.
const FeatureHarm = "may-harm"

// ProgFlags are flags of BPF_PROG_LOAD.
type ProgFlags uint32

// Sleepable lets a program sleep (BPF_F_SLEEPABLE).
const Sleepable ProgFlags = 1 << 4

// EachState has the verifier keep each state that it has seen, and compare with it (BPF_F_TEST_STATE_FREQ): else it keeps
// few of a short program, and whether it takes two for the same does not show.
const EachState ProgFlags = 1 << 3

var progFlags = words{1 << 3: "each_state", 1 << 4: "sleepable"}

func (f ProgFlags) String() string { return string(progFlags.flags(uint64(f))) }

// MarshalText writes words joined by |, or 0.
func (f ProgFlags) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText accepts words and numbers joined by |.
func (f *ProgFlags) UnmarshalText(b []byte) error {
	v, err := progFlags.parseFlags(b, "flag of a program", 32)
	*f = ProgFlags(v)
	return err
}
