package properties

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"mimic/ops"
)

// Version is a kernel's version; the zero value is older than every kernel.
type Version struct{ Major, Minor int }

// ParseVersion reads the beginning of what uname -r says: 6.12.117+deb13-amd64.
func ParseVersion(release string) (v Version, err error) {
	if n, _ := fmt.Sscanf(release, "%d.%d", &v.Major, &v.Minor); n != 2 {
		return v, fmt.Errorf("%q does not begin like a kernel release: want 6.12…", release)
	}
	return v, nil
}

// Before says whether v is older than w.
func (v Version) Before(w Version) bool {
	return v.Major < w.Major || v.Major == w.Major && v.Minor < w.Minor
}

// in says whether v is since or newer, and older than until unless that is zero.
func (v Version) in(since, until Version) bool {
	return !v.Before(since) && (until == Version{} || v.Before(until))
}

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Kernel is what the model must know of the kernel that it predicts.
type Kernel struct {
	Release string            // as uname -r says it
	Version Version           // read from Release
	Lacks   map[string]string // feature without which some things cannot be asked → why it is absent

	mistaken *Behaviour // of which the model believes the contrary, in tests of the model; nil: none
}

// NewKernel reads the version from a release.
func NewKernel(release string, lacks map[string]string) (Kernel, error) {
	v, err := ParseVersion(release)
	return Kernel{Release: release, Version: v, Lacks: lacks}, err
}

// Newest is a kernel with every behaviour in its newest form and every feature.
func Newest() Kernel { return Kernel{Release: "999.0 in memory", Version: Version{999, 0}} }

func (k Kernel) has(feature string) bool { return k.Lacks[feature] == "" }

// Order is that of the bytes of the numbers in keys and values. The u32 index of an array, the descriptor that is
// written as a value, and what a program reads of a value are numbers of the kernel's machine, not of ours.
func (k Kernel) Order() binary.ByteOrder {
	if k.has(ops.FeatureLittleEndian) {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// Behaviour is one named difference between kernels that is not a fault.
type Behaviour struct {
	Says         string
	Since, Until Version // Since is the first kernel with it, Until the first without; zero: open
	Source       string
}

// behaviours are all of them.
var behaviours []*Behaviour

func behaviour(b Behaviour) *Behaviour {
	behaviours = append(behaviours, &b)
	return &b
}

func (k Kernel) does(b *Behaviour) bool {
	return k.Version.in(b.Since, b.Until) != (b == k.mistaken)
}

// The behaviours. Since and Until are the nearest kernels of the matrix where
// the exact release is not known.
var (
	hashKeyLimit = behaviour(Behaviour{
		Says:   "the key of a hash table has at most 512 bytes, E2BIG beyond",
		Until:  Version{6, 1},
		Source: "kernel/bpf/hashtab.c htab_map_alloc_check (5.10:378, gone in 6.1)",
	})
	opFlagsFirst = behaviour(Behaviour{
		Says:   "flags that no map of this type knows (F_CPU, F_ALL_CPUS, bits from 32) are refused before the value is read",
		Since:  Version{7, 0},
		Source: "include/linux/bpf.h bpf_map_check_op_flags (7.2:4205)",
	})
	accessModesLast = behaviour(Behaviour{
		Says:   "RDONLY with WRONLY is refused after the template was examined",
		Since:  Version{7, 2},
		Source: "kernel/bpf/syscall.c map_create (7.2:1652)",
	})
	lookupFlagsLate = behaviour(Behaviour{
		Says:   "a lookup examines its flags after its descriptor",
		Since:  Version{6, 19},
		Source: "kernel/bpf/syscall.c map_lookup_elem (6.12:1529, 7.2:1782)",
	})
	batchOps = behaviour(Behaviour{
		Says:   "outer maps have batch commands",
		Since:  Version{6, 1},
		Source: "commit 9263dddc7b6f (5.19)",
	})
	batchWaitsOnce = behaviour(Behaviour{
		Says:   "a batch of updates waits for programs once, not after each element",
		Since:  Version{6, 12},
		Source: "kernel/bpf/syscall.c bpf_map_do_batch (6.12:5217); in 6.1 bpf_map_update_value waits",
	})
	takesHash = behaviour(Behaviour{
		Says:   "elements of a hash table can be looked up and deleted at once",
		Since:  Version{6, 1},
		Source: "commit 3e87f192b405 (5.14)",
	})
	freezeNeedsWrite = behaviour(Behaviour{
		Says:   "freezing takes a descriptor that can write, which that of a frozen map cannot; before, it was EBUSY to freeze twice",
		Since:  Version{6, 12},
		Source: "kernel/bpf/syscall.c map_freeze, commit c4c84f6fb2c4 (6.5)",
	})
	memoryCharged = behaviour(Behaviour{
		Says:   "maps count as locked memory, of which there is less than 4 GiB",
		Until:  Version{6, 1},
		Source: "kernel/bpf/syscall.c bpf_map_charge_init (5.10:372, gone in 5.11)",
	})
	tokenFlag = behaviour(Behaviour{
		Says:   "BPF_F_TOKEN_FD is looked at after the attributes of the type",
		Since:  Version{6, 12},
		Source: "kernel/bpf/syscall.c map_create (6.12:1209)",
	})
	lockAloneFreezes = behaviour(Behaviour{
		Says:   "a map whose values have a bpf_spin_lock and nothing else special can be frozen",
		Until:  Version{6, 12},
		Source: "kernel/bpf/syscall.c map_freeze (6.1:1917)",
	})
	locksInside = behaviour(Behaviour{
		Says:   "a map whose values have a bpf_spin_lock can be a template",
		Since:  Version{6, 12},
		Source: "kernel/bpf/map_in_map.c bpf_map_meta_alloc, commit b7ff97925b55 (6.2)",
	})
	btfKept = behaviour(Behaviour{
		Says:   "an outer map keeps the BTF object of its template",
		Since:  Version{6, 1},
		Source: "kernel/bpf/map_in_map.c bpf_map_meta_alloc (6.1:56)",
	})
	exclusiveMaps = behaviour(Behaviour{
		Says:   "a map can be bound to one program",
		Since:  Version{6, 18},
		Source: "commit baefdbdf6812 (6.18)",
	})
	sleepInside = behaviour(Behaviour{
		Says:   "sleepable programs can use outer maps",
		Since:  Version{6, 1},
		Source: "kernel/bpf/verifier.c check_map_prog_compatibility, commit 638e4b825d52 (5.12)",
	})
	disabledForAll = behaviour(Behaviour{
		Says:   "unprivileged_bpf_disabled is for every command; since, for those that make maps and load programs",
		Until:  Version{5, 19},
		Source: "kernel/bpf/syscall.c SYSCALL_DEFINE3(bpf) (5.10:4402), __sys_bpf (6.1:4983), commit c8644cd0efe7 (5.19)",
	})
	disabledLater = behaviour(Behaviour{
		Says:   "unprivileged_bpf_disabled is looked at after the attributes of a map, before its template",
		Since:  Version{6, 5},
		Source: "kernel/bpf/syscall.c map_create (6.12:1310), commit 1d28635abcf1 (6.5)",
	})
	adminForNet = behaviour(Behaviour{
		Says:   "CAP_SYS_ADMIN stands for CAP_NET_ADMIN where maps are made",
		Since:  Version{6, 12},
		Source: "kernel/bpf/token.c bpf_ns_capable (6.12:11); before, capable(CAP_NET_ADMIN) in kernel/bpf/devmap.c (6.1:164)",
	})
	pointersGuarded = behaviour(Behaviour{
		Says:   "a map with pointers to the kernel's objects among its values takes CAP_BPF",
		Since:  Version{6, 1},
		Source: "kernel/bpf/syscall.c map_check_btf (6.1:1085)",
	})
	fieldsGuarded = behaviour(Behaviour{
		Says:   "a map with anything special among its values takes CAP_BPF",
		Since:  Version{6, 12},
		Source: "kernel/bpf/syscall.c map_check_btf (6.12:1133)",
	})
	lockTimerFreezes = behaviour(Behaviour{
		Says:   "so can one whose values have a bpf_timer, too",
		Until:  Version{6, 1},
		Source: "kernel/bpf/syscall.c map_freeze (6.1:1917 looks for timers)",
	})
	fieldsNotFrozen = behaviour(Behaviour{
		Says:   "a map whose values have anything special can't be frozen",
		Since:  Version{6, 1},
		Source: "kernel/bpf/syscall.c map_freeze (6.1:1917)",
	})
	timersApart = behaviour(Behaviour{
		Says:   "a timer is set up for the map that it is in, also of two that were found in one outer map",
		Since:  Version{6, 1},
		Source: "kernel/bpf/verifier.c process_timer_func, commit 34d11a440c6a (5.15)",
	})
	timersLackMemory = behaviour(Behaviour{
		Says:   "setting up a timer may find no memory, for it waits for none",
		Since:  Version{6, 18},
		Source: "kernel/bpf/helpers.c __bpf_async_init: kmalloc_nolock (7.3:1341)",
	})
	callbacks = behaviour(Behaviour{
		Says:   "programs can hand functions of their own to the kernel: bpf_for_each_map_elem, bpf_loop",
		Since:  Version{6, 1},
		Source: "commit 69c087ba6225 (5.13)",
	})
	percpuLookups = behaviour(Behaviour{
		Says:   "programs can look up what another processor has in a per-CPU map: bpf_map_lookup_percpu_elem",
		Since:  Version{6, 1},
		Source: "kernel/bpf/helpers.c bpf_map_lookup_percpu_elem, commit 07343110b293 (5.19)",
	})
	mapLists = behaviour(Behaviour{
		Says:   "programs can name maps by their places in a list",
		Since:  Version{6, 1},
		Source: "kernel/bpf/verifier.c resolve_pseudo_ldimm64, commit 387544bfa291 (5.14)",
	})
	kfuncs = behaviour(Behaviour{
		Says:   "programs of every type that is asked can call functions of the kernel: bpf_map_sum_elem_count",
		Since:  Version{6, 12},
		Source: "kernel/bpf/map_iter.c, commit 515ee52b2224 (6.6)",
	})
	perfPreallocated = behaviour(Behaviour{
		Says:   "programs of perf events cannot use maps without preallocation",
		Until:  Version{6, 1},
		Source: "kernel/bpf/verifier.c check_map_prealloc (5.10)",
	})
	typeTags = behaviour(Behaviour{
		Says:   "BTF can have tags on types",
		Since:  Version{6, 1},
		Source: "kernel/bpf/btf.c, commit 8c42d2fa4eea (5.17)",
	})
	ownTypesCompared = behaviour(Behaviour{
		Says:   "fields that point to a program's own types are alike only if they are of the same BTF object",
		Since:  Version{6, 12},
		Source: "kernel/bpf/syscall.c btf_record_equal",
	})
	percpuArrayMax = behaviour(Behaviour{
		Says:   "per-CPU arrays must have the template's max_entries",
		Since:  Version{7, 1},
		Source: "kernel/bpf/arraymap.c percpu_array_map_ops.map_meta_equal",
	})
)

// runFeature is one that a kernel's configuration can leave out, beside one for
// each map and program type.
const runFeature = ops.FeatureRun

// runs says whether programs of that type can be run here.
func (k Kernel) runs(t ops.ProgType, f ops.ProgFlags) bool {
	return slices.Contains(ops.RunTypes, t) && f&^ops.EachState == 0 && k.has(t.RunFeature())
}

// loads says whether programs of that type can be loaded here.
func (k Kernel) loads(t ops.ProgType, f ops.ProgFlags) bool {
	switch f &^= ops.EachState; {
	case f == 0:
		return k.has(t.Feature())
	case f == ops.Sleepable && slices.Contains(ops.SleepTypes, t):
		return k.has(t.Feature()) && k.has(t.SleepableFeature())
	}
	return false
}

// Has says whether this kernel has what a sequence makes: its types of maps and programs, and BTF that it describes.
func (k Kernel) Has(seq ops.Sequence) bool {
	return !slices.ContainsFunc(seq, func(op ops.Op) bool {
		switch o := op.(type) {
		case ops.Map:
			return !k.has(o.Type.Feature())
		case ops.Prog:
			return !k.loads(o.Type, o.Flags)
		case ops.BTF:
			row := btfRowOf(o.Kind)
			return row != nil && !row.loads(k)
		}
		return false
	})
}

// progTypes are the program types that plans load on this kernel.
func (k Kernel) progTypes() (have []ops.ProgType) {
	for _, t := range ops.ProgTypes {
		if k.has(t.Feature()) {
			have = append(have, t)
		}
	}
	return have
}

// Missing is the reason why a kernel cannot be asked about a claim, or "".
func (k Kernel) Missing(c *Claim) string { return k.missing(c.Needs) }

// missing is the reason why a kernel cannot be asked for something that needs
// features, or "".
func (k Kernel) missing(needs []string) string {
	var why []string
	for _, f := range needs {
		if r := k.Lacks[f]; r != "" {
			why = append(why, f+": "+r)
		}
	}
	return strings.Join(why, "; ")
}
