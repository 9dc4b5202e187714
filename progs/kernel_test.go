package progs

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// entries is how many entries the maps here have, keyed by four bytes; their
// values have eight.
const entries = 4

func of(typ ebpf.MapType) ebpf.MapSpec {
	return ebpf.MapSpec{Type: typ, KeySize: 4, ValueSize: 8, MaxEntries: entries}
}

var (
	array  = of(ebpf.Array)
	hash   = of(ebpf.Hash)
	queue  = ebpf.MapSpec{Type: ebpf.Queue, ValueSize: 8, MaxEntries: entries}
	percpu = of(ebpf.PerCPUArray)
	ring   = ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: 4096}
	single = ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1}
	locks  = special("bpf_spin_lock", 4)
	timers = special("bpf_timer", 16)
)

// special is an array of values that begin with something special.
func special(name string, size uint32) ebpf.MapSpec {
	number := &btf.Int{Name: "unsigned int", Size: 4}
	field := &btf.Struct{Name: name, Size: size}
	if size == 16 {
		number8 := &btf.Int{Name: "unsigned long", Size: 8}
		field.Members = []btf.Member{{Name: "a", Type: number8}, {Name: "b", Type: number8, Offset: 64}}
	} else {
		field.Members = []btf.Member{{Name: "val", Type: number}}
	}
	value := &btf.Struct{Name: "value", Size: 32, Members: []btf.Member{{Name: "f", Type: field}, {Name: "x", Type: number, Offset: 128}}}
	return ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 32, MaxEntries: entries, Key: number, Value: value}
}

// flagged is an array with flags.
func flagged(flags uint32) ebpf.MapSpec {
	spec := array
	spec.Flags = flags
	return spec
}

// runs are bodies that the kernel takes, and what they answer. The outer map has
// the inner map under key 1; arrays have 770 and so on, others nothing.
var runs = []struct {
	inner             ebpf.MapSpec
	body              ops.Body
	key, in, branches uint64
	want              string
}{
	{array, ops.BodyLookup, 1, 2, 0, "772"},
	{array, ops.BodyLookup, 1, 9, 0, "null@4"},
	{array, ops.BodyLookup, 2, 2, 0, "null@2"},
	{array, ops.BodyLookup, 9, 2, 0, "null@2"},
	{array, "find:1 check get:3 check read:0:2 read:2:1", 0, 0, 0, "773 0"},
	{array, "find:1 check keep get:3 check swap get:in check read swap read", 0, 1, 0, "771 773"},
	{array, "find:1 check", 0, 0, 0, "end"},
	{array, "find:1 check pass get:in pass check spill read", 0, 1, 0, "771"},
	{array, "find:1 check get:in check count:1000 read", 0, 1, 0, "1771"},
	{array, "find:1 check get:in maybe check read", 0, 1, 0, "771"},
	{array, "find:1 check get:in maybe check read", 0, 1, 1 << 3, "null@5"},
	{array, "find:1 check keep get:0 check swap get:in check merge read", 0, 1, 0, "771"},
	{array, "find:1 check keep get:0 check swap get:in check merge read", 0, 1, 1 << 8, "770"},
	{array, "find:1 check get:2 check write:0:8:0x0908070605040302 read:4:4 add:in read:0:1", 0, 3, 0, "151521030 5"},
	{array, "find:1 check lend", 0, 3, 0, "1"},
	{array, "find:1 check lend sum", 0, 4, 0, "0 3086"},
	{hash, "within find:1 check sum call:map_update_elem:in:42 call:map_update_elem:5:1 sum lend", 0, 7, 0, "0 0 0 43 1"},
	{array, "called find:1 check lend sum", 0, 3, 0, "1 3086"},
	{array, "within find:1 check get:in pass check read", 0, 1, 0, "771"},
	{array, "called find:1 check get:in check read", 0, 1, 0, "771"},
	{array, "called find:in check get:in check read", 2, 1, 0, "null@3"},
	{array, "within find:1 check call:for_each_map_elem pass", 0, 0, 0, "4"},
	{array, "called find:1 check call:for_each_map_elem pass", 0, 0, 0, "4"},
	{array, "find:1 check call:for_each_map_elem pass", 0, 0, 0, "4"},
	{array, "find:1 check keep get:1 check askey swap call:map_update_elem:2:5 get:2 check return", 0, 0, 0, "0"},
	{hash, "find:in check keep call:map_update_elem:in:42 get:in check read swap call:map_delete_elem:in", 1, 7, 0, "0 42 0"},
	{hash, "find:1 check keep call:map_update_elem:5:-1:1 call:map_update_elem:5:42:1 get:5 check read swap call:map_delete_elem:5 call:map_delete_elem:5", 1, 0, 0,
		"0 -17 18446744073709551615 0 -2"},
	{hash, "find:1 check call:map_sum_elem_count call:map_update_elem:5 call:map_sum_elem_count call:map_delete_elem:5", 0, 0, 0, "0 0 1 0"},
	{queue, "find:1 check call:map_push_elem:in:42 call:map_push_elem:in:43 call:map_peek_elem call:map_pop_elem call:map_pop_elem call:map_pop_elem", 0, 0, 0,
		"0 0 0 42 0 42 0 43 -2"},
	{percpu, "find:1 check call:map_lookup_percpu_elem:in call:map_lookup_percpu_elem:9", 0, 3, 0, "1 0"},
	{percpu, "find:1 check keep call:map_update_elem:in:7 beside:in check read", 0, 3, 0, "0 0"},
	{percpu, "find:1 check beside:9 check read", 0, 3, 0, "null@4"},
	{array, "find:1 check call:for_each_map_elem_stop call:for_each_map_elem_stop:in:0:1", 0, 3, 0, "1 -22"},
}

// TestRuns runs bodies in programs of types that do no harm.
func TestRuns(t *testing.T) {
	r := newRig(t)
	for _, c := range runs {
		for _, typ := range []ops.ProgType{ops.XDP, ops.SocketFilter, ops.SchedCLS} {
			inner, outer := r.pair(c.inner)
			r.fill(inner)
			p := r.program(typ, c.body, outer, inner)
			if got := r.run(p, c.key, c.in, c.branches); got != c.want {
				t.Errorf("%s %s, %s: got %q, want %q", typ, inner.Type(), c.body, got, c.want)
			}
		}
	}
}

func (r rig) fill(m *ebpf.Map) {
	for i := uint32(0); m.Type() == ebpf.Array && i < entries; i++ {
		r.must(m.Put(i, uint64(770+i)))
	}
}

// TestRunsDirectly does the same with the map itself.
func TestRunsDirectly(t *testing.T) {
	r := newRig(t)
	m, one := r.newMap(array), r.newMap(single)
	r.fill(m)
	r.must(one.Put(uint32(0), uint64(42)))
	for _, c := range []struct {
		m    *ebpf.Map
		body ops.Body
		want string
	}{
		{m, ops.BodyLookup, "772"},
		{m, "map get:3 check read keep map get:in check read", "773 772"},
		{one, "direct read check write:0:4:7 read:0:4", "42 7"},
		{one, "map get:0 read", "7"}, // its key is known to be there
	} {
		if got := r.run(r.program(ops.XDP, c.body, c.m, nil), 9, 2, 0); got != c.want {
			t.Errorf("%s: got %q, want %q", c.body, got, c.want)
		}
	}
	p := r.program(ops.Syscall, ops.BodyLookup, m, nil)
	if got := r.run(p, 0, 2, 0); got != "772" {
		t.Errorf("in a program that may sleep: got %q, want 772", got)
	}
}

// taken is what this kernel takes or why not: "" is taken. Of programs that it
// takes none is run here.
var taken = []struct {
	inner ebpf.MapSpec
	typ   ops.ProgType
	flags ops.ProgFlags
	body  ops.Body
	want  string
}{
	{array, ops.XDP, 0, "find:1 read", ReasonNull},
	{array, ops.XDP, 0, "find:1 get:1", ReasonNull},
	{array, ops.XDP, 0, "find:1 add:1", ReasonNull},
	{array, ops.XDP, 0, "find:1 check get:in read", ReasonNull},
	{array, ops.XDP, 0, "find:1 call:map_sum_elem_count", ReasonNull},
	{array, ops.XDP, 0, "find:1 maybe read", ReasonScalar},
	{array, ops.XDP, 0, "call:map_update_elem", ReasonScalar},
	{array, ops.XDP, 0, "map write:0:8:1", ReasonReadOnly},
	{array, ops.XDP, 0, "find:1 check write:0:8:1", ReasonReadOnly},
	{array, ops.XDP, 0, "find:1 count:4", ReasonNull},
	{array, ops.XDP, 0, "find:1 check count:4", ReasonReadOnly},
	{array, ops.XDP, 0, "find:1 check get:1 check add:1 count:4", ReasonBounds},
	{array, ops.XDP, 0, "find:1 check get:in count:4", ReasonNull},
	{array, ops.XDP, 0, "find:1 maybe count:4", ReasonScalar},
	{array, ops.XDP, 0, "map add:8", ReasonArithmetic},
	{array, ops.XDP, 0, "find:1 check add:in", ReasonArithmetic},
	{array, ops.XDP, 0, "find:1 check askey", ReasonType},
	{array, ops.XDP, 0, "find:1 check get:1 check get:1", ReasonType},
	{array, ops.XDP, 0, "find:1 check get:1 check call:map_sum_elem_count", ReasonType},
	{array, ops.XDP, 0, "map call:map_update_elem", ReasonMapType},
	{array, ops.XDP, 0, "find:1 check call:map_push_elem", ReasonMapType},
	{array, ops.XDP, 0, "map call:for_each_map_elem", ReasonCallback},
	{array, ops.XDP, 0, "direct", ReasonValue},
	{array, ops.XDP, 0, "find:1 check call:tail_call:1", ReasonTailCall},
	{array, ops.XDP, 0, "find:1 check get:1 check read:8:1", ReasonBounds},
	{array, ops.XDP, 0, "find:1 check get:1 check add:7 read:0:2", ReasonBounds},
	{array, ops.XDP, 0, "map read:4096:8", ReasonBounds},
	{array, ops.XDP, 0, "find:1 check get:1 check mem:trace_printk:0", ReasonSize},
	{array, ops.XDP, 0, "find:1 check get:1 check mem:trace_printk:-1", ReasonSize},
	{array, ops.XDP, 0, "find:1 call:inode_storage_delete", ReasonHelper},
	{array, ops.CgroupSKB, 0, "map return", ReasonExit},
	{array, ops.XDP, ops.Sleepable, "map", ReasonSleepable},
	{array, ops.XDP, 0, "map call:arena_free_pages", ReasonSleepable},
	{array, ops.LSM, 0, "map", ReasonNone},
	{flagged(unix.BPF_F_RDONLY_PROG), ops.XDP, 0, "find:1 check get:1 check write:0:8:1", ReasonForbidden},
	{flagged(unix.BPF_F_WRONLY_PROG), ops.XDP, 0, "find:1 check get:1 check read", ReasonForbidden},
	{ring, ops.XDP, 0, "find:1 check call:ringbuf_reserve", ReasonReference},
	{locks, ops.XDP, 0, "find:1 check get:1 check lock", ReasonLock},
	{locks, ops.XDP, 0, "find:1 check get:1 check add:4 lock", ReasonLock},
	{locks, ops.XDP, 0, "find:1 check keep get:1 check swap get:1 check lock swap unlock", ReasonLock},
	{locks, ops.XDP, 0, "find:1 check get:1 check read:0:4", ReasonField},
	{locks, ops.XDP, 0, "find:1 check get:1 check mem:trace_printk:4", ReasonField},
	{locks, ops.Kprobe, 0, "find:1 check get:1 check lock unlock", ""}, // no inner map is held to the type of the program
	{locks, ops.XDP, 0, "find:1 check get:1 check lock unlock", ""},
	{timers, ops.XDP, 0, "find:1 check keep get:1 check timer stop", ""},
	{timers, ops.XDP, 0, "find:1 check keep find:1 check get:1 check timer", ReasonTimer},
	{timers, ops.XDP, 0, "find:1 check keep get:1 check add:4 timer", ReasonTimer},
	// Nobody should think so, but it is so: an inner map that nobody checked is
	// memory of the outer map's values where NULL is allowed, a constant key is in a
	// per-CPU array of any size, and a map is what a program may return.
	{array, ops.XDP, 0, "find:1 mem:csum_diff:4", ""},
	{array, ops.XDP, 0, "find:1 mem:csum_diff:8", ReasonBounds},
	{percpu, ops.XDP, 0, "find:1 check get:3 read", ""},
	{array, ops.XDP, 0, "map read", ""},
	{array, ops.XDP, 0, "map return", ""},
	{array, ops.XDP, 0, "find:1 check get:1 add:1", ""},
}

// TestReasonsOfThisKernel loads what is to be refused, and says why. Others take
// more, or less.
func TestReasonsOfThisKernel(t *testing.T) {
	if major, minor := kernel(t); major != 6 || minor != 18 {
		t.Skipf("kernel %d.%d; want 6.18", major, minor)
	}
	r := newRig(t)
	for _, c := range taken {
		inner, outer := r.pair(c.inner)
		if got, line := r.reason(r.program(c.typ, c.body, outer, inner), c.flags); got != c.want {
			t.Errorf("%s %s, %s: got %q, want %q: %s", c.typ, inner.Type(), c.body, got, c.want, line)
		}
	}
	p := r.program(ops.Kprobe, "map", r.newMap(locks), nil)
	if got, line := r.reason(p, 0); got != ReasonProgType {
		t.Errorf("a map with locks: got %q, want %q: %s", got, ReasonProgType, line)
	}
	p.Map = -1
	if got, line := r.reason(p, 0); got != ReasonDescriptor {
		t.Errorf("no map: got %q, want %q: %s", got, ReasonDescriptor, line)
	}
}

// reason loads a program for a moment.
func (r rig) reason(p Program, flags ops.ProgFlags) (class, line string) {
	r.Helper()
	fd, log := r.load(p, flags)
	if fd >= 0 {
		unix.Close(fd)
		return "", ""
	}
	return Reason(log), ReasonLine(log)
}

// TestGoldenBodiesLoad loads the bodies of the golden files in the two types of
// programs, with a map that suits them.
func TestGoldenBodiesLoad(t *testing.T) {
	r := newRig(t)
	suits := map[string]ebpf.MapSpec{"queue": queue, "percpu": percpu, "beside": percpu, "lock": locks, "timer": timers}
	refused := map[string]string{"tail": ReasonTailCall, "direct": ReasonValue}
	for name, body := range bodies {
		spec, ok := suits[name]
		if !ok {
			spec = array
		}
		inner, outer := r.pair(spec)
		for _, typ := range []ops.ProgType{ops.XDP, ops.Kprobe} {
			got, line := r.reason(r.program(typ, body, outer, inner), 0)
			if want := refused[name]; got != want {
				t.Errorf("%s %s: got %q, want %q: %s", typ, name, got, want, line)
			}
		}
	}
}
