// Package executor runs sequences on the kernel that it runs under: only here
// is bpf(2) called.
//
// It decides nothing: it hands the kernel what an operation says, also where
// that makes no sense, and tells what came back, with ids turned into the names
// of the sequence. It needs the privileges of root.
package executor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// handle is what a name stands for.
type handle struct {
	fd       uint32 // badFD when closed
	id       uint32 // of a map; 0 for a program, or if creation failed
	created  ops.Name
	key      ops.Size
	value    ops.Size
	outer    bool
	template *handle // of an outer map: what its inner maps look like
	uses     *handle // of a program: the outer map
}

// Executor does the operations of sequences, one at a time; Start makes one for
// each sequence, with names of its own.
type Executor struct {
	handles map[ops.Name]*handle
	byID    map[uint32]ops.Name
	buffer  []byte // what the kernel writes to
	value   []byte // what an update hands over: zeros between calls
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
	return &Executor{buffer: make([]byte, elementBuffer), value: make([]byte, 2*elementBuffer)}, nil
}

func (x *Executor) do(op ops.Op) ops.Result {
	switch o := op.(type) {
	case ops.Map:
		return x.create(o.Def, createAttr{mapType: uint32(o.Type), keySize: uint32(o.Key), valueSize: uint32(o.Value),
			maxEntries: uint32(o.Max), flags: uint32(o.Flags)}, handle{key: o.Key, value: o.Value})
	case ops.Outer:
		return x.createOuter(o)
	case ops.Update:
		return x.update(o)
	case ops.Lookup:
		return x.lookup(o)
	case ops.Delete:
		h := x.handle(o.On)
		return failed(element(cmdDelete, h.fd, x.key(h, o.Key), nil, 0))
	case ops.Next:
		return x.next(o)
	case ops.Info:
		return x.info(o)
	case ops.Close:
		return x.close(o)
	case ops.Reopen:
		return x.reopen(o)
	case ops.Alive:
		return aliveNow(x.handle(o.On).id)
	case ops.Prog:
		return x.load(o)
	case ops.Run:
		return x.run(o)
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

func (x *Executor) create(n ops.Name, attr createAttr, h handle) ops.Result {
	fd, errno := bpf(cmdMapCreate, &attr)
	h.fd, h.created = badFD, n
	x.handles[n] = &h
	if errno != 0 {
		return failed(errno)
	}
	info, errno := infoOf(fd)
	if errno != 0 {
		closeFD(fd)
		return ops.Read("made, but its info: " + failed(errno).String())
	}
	h.fd, h.id = fd, info.id
	x.byID[h.id] = n
	return ops.OK
}

func (x *Executor) createOuter(o ops.Outer) ops.Result {
	t := x.handle(o.Template)
	return x.create(o.Def, createAttr{mapType: uint32(o.Kind.MapType()), keySize: uint32(o.Key), valueSize: uint32(o.Value),
		maxEntries: uint32(o.Max), flags: uint32(o.Flags), innerFD: t.fd},
		handle{key: o.Key, value: 4, outer: true, template: t})
}

// key is the key as bytes; a descriptor that is no map gets plenty of zeros.
func (x *Executor) key(h *handle, k ops.Key) []byte {
	if k.Null {
		return nil
	}
	size := h.key
	if h.id == 0 {
		size = 64
	}
	return ops.Bytes(k.N, size)
}

func (x *Executor) update(o ops.Update) ops.Result {
	h := x.handle(o.On)
	value := ops.Bytes(o.Value.N, h.value)
	if o.Value.Name != "" {
		value = ops.Bytes(uint64(x.handle(o.Value.Name).fd), 4)
	}
	return failed(x.store(h.fd, x.key(h, o.Key), value, uint64(o.Flags)))
}

func (x *Executor) lookup(o ops.Lookup) ops.Result {
	h := x.handle(o.On)
	x.arm()
	if errno := element(cmdLookup, h.fd, x.key(h, o.Key), x.buffer, 0); errno != 0 {
		return failed(errno)
	}
	if !h.outer {
		return ops.Read(ops.Number(x.buffer[:h.value]))
	}
	if !x.armed(4) {
		return ops.Read("more than four bytes")
	}
	return ops.Read(x.nameOf(x.buffer[:4]))
}

// nameOf turns the id of a map into the name under which it was created.
func (x *Executor) nameOf(id []byte) string {
	for known, n := range x.byID {
		if string(ops.Bytes(uint64(known), 4)) == string(id) {
			return string(n)
		}
	}
	if ops.Number(id) == "0" {
		return "id 0"
	}
	return "an id of no map of the sequence"
}

func (x *Executor) next(o ops.Next) ops.Result {
	h := x.handle(o.On)
	size := max(h.key, 1)
	if errno := element(cmdNextKey, h.fd, x.key(h, o.Key), x.buffer, 0); errno != 0 {
		return failed(errno)
	}
	return ops.Read(ops.Number(x.buffer[:size]))
}

func (x *Executor) info(o ops.Info) ops.Result {
	h := x.handle(o.On)
	info, errno := infoOf(h.fd)
	switch {
	case errno != 0:
		return failed(errno)
	case h.uses != nil:
		return ops.OK // of a program: another structure
	case info.id != h.id:
		return ops.Read("another id")
	}
	return ops.Read(ops.Describe(ops.MapType(info.mapType), ops.Size(info.keySize), ops.Size(info.valueSize),
		ops.Size(info.maxEntries), ops.CreateFlags(info.flags)))
}

func (x *Executor) close(o ops.Close) ops.Result {
	h := x.handle(o.On)
	fd := h.fd
	h.fd = badFD
	return failed(closeFD(fd))
}

func (x *Executor) reopen(o ops.Reopen) ops.Result {
	of := x.handle(o.Of)
	h := *of
	h.fd, h.uses = badFD, nil
	x.handles[o.Def] = &h
	fd, errno := openByID(of.id)
	if errno != 0 {
		return failed(errno)
	}
	h.fd = fd
	return ops.OK
}

// aliveNow says whether the kernel knows an id at this moment. It walks the ids
// and opens nothing: a descriptor, once closed, would make some types of map
// live on for a while.
func aliveNow(id uint32) ops.Result {
	if id == 0 {
		return ops.Read(ops.WordGone)
	}
	attr := idAttr{id: id - 1}
	_, errno := bpf(cmdMapNextID, &attr)
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
	}
}

// left lists the maps that the kernel still knows, and forgets the others.
func left(byID map[uint32]ops.Name) ops.Result {
	var names []string
	for id, n := range byID {
		if aliveNow(id) != ops.Read(ops.WordGone) {
			names = append(names, string(n))
			continue
		}
		delete(byID, id)
	}
	slices.Sort(names)
	if len(names) == 0 {
		return ops.OK
	}
	return ops.Read(strings.Join(names, " "))
}
