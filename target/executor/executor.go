// Package executor runs sequences on the kernel that it runs under: only here
// is bpf(2) called.
//
// It decides nothing: it hands the kernel what an operation says, also where
// that makes no sense, and tells what came back, with ids turned into the names
// of the sequence. It needs the privileges of root.
package executor

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"mimic/btfs"
	"mimic/ops"
)

// handle is what a name stands for.
type handle struct {
	fd        uint32 // badFD when closed
	id        uint32 // of a map; 0 for a program, or if creation failed
	created   ops.Name
	kind      ops.MapType
	flags     ops.CreateFlags
	key       ops.Size
	value     ops.Size
	max       ops.Size
	outer     bool
	template  *handle // of an outer map: what its inner maps look like
	cursor    []byte  // where the last batch lookup ended; nil: nowhere
	btf       *btfs.Object
	btfID     uint32
	described btfs.Kind // what the values of a map look like, or what a BTF object describes
	program   *loaded
	attr      *createAttr // what a map was made with; nil if that does not make another
	process   *process
}

// Executor does the operations of sequences, one at a time; Start makes one for
// each sequence, with names of its own.
type Executor struct {
	handles  map[ops.Name]*handle
	byID     map[uint32]ops.Name
	btfByID  map[uint32]ops.Name
	pinned   map[ops.Name]bool
	number   int               // of the sequence
	slow     bool              // it made a map that takes its time to go
	note     string            // what the kernel said in words to the last operation
	accepted map[likeness]bool // programs that the kernel took when they were given an inner map itself
	shared   *shared
	renewed  *atomic.Int32 // maps that Renew made
	apart    bool          // programs of the sequence have mailboxes of their own
	threaded bool          // it is that of a thread
	gated    bool          // and are made to run by nothing but Run
	mail     []*mailbox    // those
	may      *ops.Caps     // what operations are done with that are Lowered; nil: all there is
}

// shared is what the sequences of a process have in common.
type shared struct {
	buffer  []byte // what the kernel writes to
	value   []byte // what an update hands over: zeros between calls
	pins    pinDir
	begun   int               // sequences
	log     []byte            // what the verifier writes to
	mail    *mailbox          // nil: not made yet
	reasons map[string]string // classes of lines of the verifier's
	types   map[string]uint32 // descriptors of BTF objects of programs' functions
	desks   []*shared         // what each thread of a race has instead
	lanes   lanes
	own     bool // the machine is
}

// New prepares the process: on kernels up to 5.10 maps count as locked memory.
// The error says why this process cannot use bpf(2).
func New() (*Executor, error) {
	if err := available(); err != nil {
		return nil, err
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, fmt.Errorf("raise the limit on locked memory: %w (is this root?)", err)
	}
	lowerMemlock()
	var files unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &files)
	unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: max(files.Cur, 2*ops.HighNumber), Max: max(files.Max, 2*ops.HighNumber)}) // who may not has no high numbers
	return &Executor{shared: &shared{
		buffer: make([]byte, elementBuffer), value: make([]byte, 2*elementBuffer), log: make([]byte, logSize), types: map[string]uint32{}, reasons: map[string]string{},
	}}, nil
}

// lowerMemlock leaves no locked memory where no map counts as that, so that one that does is noticed.
func lowerMemlock() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) == nil && limit.Cur != unix.RLIM_INFINITY {
		unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Max: limit.Max})
	}
}

// fresh is an executor for one more sequence.
func (x *Executor) fresh() Executor {
	x.shared.begun++
	return Executor{
		handles: map[ops.Name]*handle{}, byID: map[uint32]ops.Name{}, btfByID: map[uint32]ops.Name{}, pinned: map[ops.Name]bool{},
		accepted: map[likeness]bool{}, number: x.shared.begun, shared: x.shared, renewed: &atomic.Int32{},
	}
}

// plan looks at what a sequence will do. One that attaches programs leaves them
// where the runs of other sequences would make them run, and threads run several
// at once.
func (x *Executor) plan(seq ops.Sequence) {
	for _, op := range seq {
		switch op.(type) {
		case ops.Attach:
			x.gated, x.apart = true, true
		case ops.Thread:
			x.apart = true
		}
	}
}

func (x *Executor) do(op ops.Op) (got ops.Result) {
	if _, loads := op.(ops.Prog); x.may == nil || !ops.Lowered(op) || loads { // a load is prepared with all privileges
		return x.perform(op)
	}
	x.asAllowed(func() { got = x.perform(op) })
	return got
}

func (x *Executor) perform(op ops.Op) ops.Result {
	switch o := op.(type) {
	case ops.Map:
		return x.createMap(o)
	case ops.Outer:
		return x.createOuter(o)
	case ops.Update:
		return x.update(o)
	case ops.Lookup:
		return x.lookup(cmdLookup, o.On, o.Key, uint64(o.Flags), uint64(o.Tail))
	case ops.Take:
		return x.lookup(cmdTake, o.On, o.Key, uint64(o.Flags), uint64(o.Tail))
	case ops.Delete:
		h := x.handle(o.On)
		return failed(element(cmdDelete, h.fd, x.key(h, o.Key), nil, uint64(o.Tail), 0))
	case ops.Next:
		return x.next(o)
	case ops.LookupBatch:
		return x.readBatch(cmdLookupBatch, o)
	case ops.TakeBatch:
		return x.readBatch(cmdTakeBatch, ops.LookupBatch(o))
	case ops.UpdateBatch:
		return x.updateBatch(o)
	case ops.DeleteBatch:
		return x.deleteBatch(o)
	case ops.Dump:
		return x.dump(o)
	case ops.Info:
		return x.info(o)
	case ops.Prog:
		return x.load(o)
	case ops.Run:
		return x.run(o)
	case ops.Sys:
		return x.bySyscall(o)
	}
	return x.doLife(op)
}

// doLife does what is about descriptors, paths and lifetimes.
func (x *Executor) doLife(op ops.Op) ops.Result {
	switch o := op.(type) {
	case ops.Close:
		return x.close(o)
	case ops.Reopen:
		return x.reopen(o)
	case ops.Alive:
		return x.handle(o.On).aliveNow()
	case ops.Gone: // of what does not go
		return x.handle(o.On).aliveNow()
	case ops.Freeze:
		_, errno := bpf(cmdFreeze, &idAttr{id: x.handle(o.On).fd, next: uint32(o.Tail)})
		return failed(errno)
	case ops.File:
		return useFile(x.handle(o.On).fd, o.Use)
	case ops.FD:
		return x.openOther(o)
	case ops.BTF:
		return x.loadBTF(o)
	case ops.Pin:
		return x.pin(o)
	case ops.Get:
		return x.get(o)
	case ops.Unpin:
		return x.unpin(o)
	case ops.Cat:
		return x.cat(o)
	}
	return x.doHold(op)
}

// doHold does what makes maps, or keeps them beyond descriptors.
func (x *Executor) doHold(op ops.Op) ops.Result {
	switch o := op.(type) {
	case ops.Caps:
		return x.caps(o)
	case ops.Live:
		return x.live()
	case ops.Renew:
		return x.renew(o)
	case ops.Still:
		return x.still(o)
	case ops.Attach:
		return x.attach(o)
	case ops.Bind:
		return x.bind(o)
	case ops.Iter:
		return x.iter(o)
	case ops.Process:
		return x.startProcess(o)
	case ops.Kill:
		return x.kill(o)
	case ops.Join: // of no threads
		return ops.OK
	}
	panic(fmt.Sprintf("executor: no way to do %T", op))
}

func failed(e unix.Errno) ops.Result { return ops.Failed(e) }

// handle is what a name stands for; for one that was never defined, a
// descriptor that is not open.
func (x *Executor) handle(n ops.Name) *handle {
	if h := x.handles[n]; h != nil {
		return h
	}
	return &handle{fd: badFD}
}

// key is the key as bytes; a descriptor that is no map gets plenty of zeros.
func (x *Executor) key(h *handle, k ops.Key) []byte {
	if k.Null {
		return nil
	}
	return ops.Bytes(k.N, h.keySize())
}

// keySize is that of a map; of one that was never made, whose key may be
// absurd, some size.
func (h *handle) keySize() ops.Size {
	if h.id == 0 {
		return 64
	}
	return h.key
}

func (x *Executor) update(o ops.Update) ops.Result {
	h := x.handle(o.On)
	if o.Value.Null {
		return failed(element(cmdUpdate, h.fd, x.key(h, o.Key), nil, uint64(o.Flags), uint64(o.Tail)))
	}
	return failed(x.store(h.fd, x.key(h, o.Key), x.valueBytes(h, o.Value), uint64(o.Flags), uint64(o.Tail)))
}

func (x *Executor) valueBytes(h *handle, v ops.Val) []byte {
	if v.Name != "" {
		return ops.Bytes(uint64(x.handle(v.Name).fd), 4)
	}
	return h.each(ops.Bytes(v.N, h.value))
}

// lookup does one of the commands that answer a value.
func (x *Executor) lookup(cmd uintptr, n ops.Name, k ops.Key, flags, tail uint64) ops.Result {
	h := x.handle(n)
	x.arm()
	if errno := element(cmd, h.fd, x.key(h, k), x.shared.buffer, flags, tail); errno != 0 {
		return failed(errno)
	}
	if !h.outer {
		return ops.Read(h.values(x.shared.buffer))
	}
	if !x.armed(4) {
		return ops.Read("more than four bytes")
	}
	return ops.Read(x.nameOf(x.shared.buffer[:4]))
}

// nameOf turns the id of a map into the name under which it was created: in a
// thread, which does not know them all, into what stands for it (resolve).
func (x *Executor) nameOf(id []byte) string {
	if x.threaded {
		return mark + string(id)
	}
	number := binary.NativeEndian.Uint32(id)
	if n, known := x.byID[number]; known {
		return string(n)
	}
	if number == 0 {
		return "id 0"
	}
	return "an id of no map of the sequence"
}

func (x *Executor) next(o ops.Next) ops.Result {
	h := x.handle(o.On)
	size := max(h.key, 1)
	if errno := element(cmdNextKey, h.fd, x.key(h, o.Key), x.shared.buffer, uint64(o.Tail), 0); errno != 0 {
		return failed(errno)
	}
	return ops.Read(ops.Number(x.shared.buffer[:size]))
}

func (x *Executor) info(o ops.Info) ops.Result {
	h := x.handle(o.On)
	if h.program != nil {
		return x.uses(h)
	}
	info, errno := infoOf(h.fd)
	switch {
	case errno != 0:
		return failed(errno)
	case h.id == 0:
		return ops.OK // of something else: another structure
	case info.id != h.id:
		return ops.Read("another id")
	}
	return ops.Read(ops.Describe(ops.MapType(info.mapType), ops.Size(info.keySize), ops.Size(info.valueSize),
		ops.Size(info.maxEntries), ops.CreateFlags(info.flags), unix.ByteSliceToString(info.name[:]), x.nameOfBTF(info)))
}

// nameOfBTF is the name of what describes the values of a map; "" without.
func (x *Executor) nameOfBTF(info mapInfo) ops.Name {
	if info.btfID == 0 && info.btfKey == 0 && info.btfValue == 0 {
		return ""
	}
	if n, ok := x.btfByID[info.btfID]; ok {
		return n
	}
	return "unknown"
}

func (x *Executor) close(o ops.Close) ops.Result {
	h := x.handle(o.On)
	fd := h.fd
	h.fd = badFD
	return failed(closeFD(fd))
}

func (x *Executor) reopen(o ops.Reopen) ops.Result {
	of := x.handle(o.Of)
	fd, errno := numbered(o.At, func() (uint32, unix.Errno) { return openByID(of.id, o.Flags) })
	return x.again(o.Def, of, fd, errno)
}

// again is a new descriptor of what another name stands or stood for.
func (x *Executor) again(n ops.Name, of *handle, fd uint32, errno unix.Errno) ops.Result {
	h := *of
	h.fd, h.cursor = fd, nil
	x.handles[n] = &h
	if errno != 0 {
		h.fd = badFD
	}
	return failed(errno)
}

// aliveNow says whether the kernel knows the id of a map, or of a BTF object, at
// this moment.
func (h *handle) aliveNow() ops.Result {
	if h.btfID != 0 {
		return known(cmdBTFNextID, h.btfID)
	}
	return known(cmdMapNextID, h.id)
}

// known walks the ids and opens nothing: a descriptor, once closed, would make
// some types of map live on for a while.
func known(cmd uintptr, id uint32) ops.Result {
	if id == 0 {
		return ops.Read(ops.WordGone)
	}
	attr := idAttr{id: id - 1}
	_, errno := bpf(cmd, &attr)
	switch {
	case errno == 0 && attr.next == id:
		return ops.Read(ops.WordAlive)
	case errno == 0 || errno == unix.ENOENT:
		return ops.Read(ops.WordGone)
	}
	return failed(errno)
}

func (x *Executor) closeAll() {
	for _, h := range x.handles {
		if h.fd != badFD {
			closeFD(h.fd)
			h.fd = badFD
		}
		h.process.kill()
	}
	for _, m := range x.mail {
		m.close()
	}
	x.mail = nil
	for n := range x.pinned {
		x.unlink(n)
		delete(x.pinned, n)
	}
}

// left lists the maps and BTF objects that the kernel still knows, and forgets
// the others.
func left(maps, btf map[uint32]ops.Name) ops.Result {
	names := append(stay(cmdMapNextID, maps), stay(cmdBTFNextID, btf)...)
	if len(names) == 0 {
		return ops.OK
	}
	slices.Sort(names)
	return ops.Read(strings.Join(names, " "))
}

func stay(cmd uintptr, byID map[uint32]ops.Name) (names []string) {
	for id, n := range byID {
		if known(cmd, id) != ops.Read(ops.WordGone) {
			names = append(names, string(n))
			continue
		}
		delete(byID, id)
	}
	return names
}
