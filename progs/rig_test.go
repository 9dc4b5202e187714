package progs

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// rig is a kernel's side of programs: their mailbox.
type rig struct {
	*testing.T
	mailbox *ebpf.Map
}

// newRig skips the test where it cannot load programs, and on kernels before
// 6.18, which have not all that is tried.
func newRig(t *testing.T) rig {
	if major, minor := kernel(t); major < 6 || major == 6 && minor < 18 {
		t.Skipf("kernel %d.%d; want 6.18", major, minor)
	}
	if os.Geteuid() != 0 {
		t.Skip("loads programs: run as root")
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Skip(err)
	}
	spec := &ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: MailboxSize, MaxEntries: 1}
	m, err := ebpf.NewMap(spec)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skipf("loads programs: %v", err)
	}
	r := rig{t, m}
	r.must(err)
	t.Cleanup(func() { m.Close() })
	return r
}

// kernel is the version of the kernel of this machine.
func kernel(t *testing.T) (major, minor int) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return major, minor
}

func (r rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// newMap makes a map.
func (r rig) newMap(spec ebpf.MapSpec) *ebpf.Map {
	r.Helper()
	m, err := ebpf.NewMap(&spec)
	r.must(err)
	r.Cleanup(func() { m.Close() })
	return m
}

// pair makes a map, and an outer map with such a template that has it under key 1.
func (r rig) pair(spec ebpf.MapSpec) (inner, outer *ebpf.Map) {
	r.Helper()
	inner = r.newMap(spec)
	outer = r.newMap(ebpf.MapSpec{Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: entries, InnerMap: &spec})
	r.must(outer.Put(uint32(1), inner))
	return inner, outer
}

// program is a body for a map, an outer map if inner is not nil.
func (r rig) program(t ops.ProgType, body ops.Body, m, inner *ebpf.Map) Program {
	p := Program{Type: t, Body: body, Reach: Reach{Map: m.FD()}, Mailbox: r.mailbox.FD(), Functions: kfuncs()}
	p.Key, p.Value = ops.Size(m.KeySize()), ops.Size(m.ValueSize())
	if inner != nil {
		p.Outer, p.OuterKey = true, p.Key
		p.Key, p.Value = ops.Size(inner.KeySize()), ops.Size(inner.ValueSize())
	}
	p.Second = p.Reach
	return p
}

// kfuncs are those that this kernel describes; without BTF, one that it does not know.
func kfuncs() map[string]int32 {
	ids := map[string]int32{}
	for _, name := range ops.StepFunctions() {
		ids[name] = 1
	}
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return ids
	}
	for name := range ids {
		var f *btf.Func
		if spec.TypeByName(name, &f) != nil {
			continue
		}
		if id, err := spec.TypeID(f); err == nil {
			ids[name] = int32(id)
		}
	}
	return ids
}

// run hands keys and branches over and answers what the program did.
func (r rig) run(p Program, outer, inner, branches uint64) string {
	r.Helper()
	flags := ops.ProgFlags(0)
	options := ebpf.RunOptions{Data: make([]byte, 64)}
	if p.Type == ops.Syscall {
		flags, options = ops.Sleepable, ebpf.RunOptions{Context: make([]byte, 8)}
	}
	fd, log := r.load(p, flags)
	if fd < 0 {
		return "refused: " + ReasonLine(log)
	}
	prog, err := ebpf.NewProgramFromFD(fd)
	r.must(err)
	defer prog.Close()
	box := make([]byte, MailboxSize)
	p.Prepare(box, outer, inner, branches)
	r.must(r.mailbox.Put(uint32(0), box))
	_, err = prog.Run(&options)
	r.must(err)
	r.must(r.mailbox.Lookup(uint32(0), &box))
	return p.Answer(box)
}

// loadAttr is what BPF_PROG_LOAD takes.
type loadAttr struct {
	progType, count        uint32
	instructions, licence  uint64
	logLevel, logSize      uint32
	log                    uint64
	_, flags               uint32
	_                      [16]byte
	_, attach, types, size uint32
	functions              uint64
	functionCount, _       uint32
	_                      uint64
	_, attachID            uint32
}

// load answers a descriptor, or -1 and the log of the verifier.
func (r rig) load(p Program, flags ops.ProgFlags) (int, string) {
	r.Helper()
	code, err := p.Assemble()
	r.must(err)
	types, functions, err := p.Describe()
	r.must(err)
	log, licence := make([]byte, 1<<20), []byte(Licence+"\x00")
	a := loadAttr{progType: uint32(p.Type), count: uint32(len(code) / 8), logLevel: 1, logSize: uint32(len(log)), flags: uint32(flags)}
	if types != nil {
		h, err := btf.NewHandleFromRawBTF(types)
		r.must(err)
		defer h.Close()
		a.types, a.size, a.functionCount = uint32(h.FD()), FuncInfoSize, uint32(len(functions)/FuncInfoSize)
		a.functions = uint64(uintptr(unsafe.Pointer(&functions[0])))
	}
	a.instructions, a.licence = uint64(uintptr(unsafe.Pointer(&code[0]))), uint64(uintptr(unsafe.Pointer(&licence[0])))
	a.log = uint64(uintptr(unsafe.Pointer(&log[0])))
	fd, errno := a.load()
	runtime.KeepAlive([]any{code, functions, licence, log})
	if errno != 0 {
		return -1, unix.ByteSliceToString(log)
	}
	return fd, ""
}

// load tries until no signal, of which Go sends itself many, interrupts the verifier.
func (a *loadAttr) load() (int, unix.Errno) {
	for {
		fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(a)), unsafe.Sizeof(*a))
		if errno != unix.EAGAIN {
			return int(fd), errno
		}
	}
}
