package executor

import (
	"runtime"

	"golang.org/x/sys/unix"

	"mimic/btfs"
	"mimic/ops"
)

// someDevice is the index of a network device: lo.
const someDevice = 1

// someHash is that of no program.
var someHash = make([]byte, 32)

func (x *Executor) createMap(o ops.Map) ops.Result {
	attr := createAttr{mapType: uint32(o.Type), keySize: uint32(o.Key), valueSize: uint32(o.Value), maxEntries: uint32(o.Max),
		flags: uint32(o.Flags), extra: uint64(o.Extra), numaNode: uint32(o.Node), tail: uint32(o.Tail)}
	if o.Inner != "" {
		attr.innerFD = x.handle(o.Inner).fd
	}
	x.describe(&attr, o.BTF, o.IDs)
	if trouble := bind(&attr, o.Label, o.Bound); trouble != "" {
		return ops.Read(trouble)
	}
	x.slow = x.slow || o.Bound == ops.BoundStruct // bpf_struct_ops_map_free waits for RCU tasks
	return x.create(o.Def, o.At, attr, handle{kind: o.Type, flags: o.Flags, key: o.Key, value: o.Value, max: o.Max, described: x.handle(o.BTF).described})
}

func (x *Executor) createOuter(o ops.Outer) ops.Result {
	t := x.handle(o.Template)
	attr := createAttr{mapType: uint32(o.Kind.MapType()), keySize: uint32(o.Key), valueSize: uint32(o.Value), maxEntries: uint32(o.Max),
		flags: uint32(o.Flags), innerFD: t.fd, extra: uint64(o.Extra), numaNode: uint32(o.Node), tail: uint32(o.Tail)}
	x.describe(&attr, o.BTF, o.IDs)
	if trouble := bind(&attr, o.Label, o.Bound); trouble != "" {
		return ops.Read(trouble)
	}
	return x.create(o.Def, o.At, attr, handle{kind: o.Kind.MapType(), flags: o.Flags, key: o.Key, value: 4, outer: true, template: t})
}

// describe names the types of a BTF object; for what is none, types that most have.
func (x *Executor) describe(attr *createAttr, n ops.Name, ids ops.BTFIDs) {
	if n == "" {
		return
	}
	h := x.handle(n)
	key, value := uint32(1), uint32(1)
	if h.btf != nil {
		key, value = h.btf.Key, h.btf.Value
	}
	attr.btfFD = h.fd
	if ids != ops.IDsValue {
		attr.btfKey = key
	}
	if ids != ops.IDsKey {
		attr.btfValue = value
	}
}

// bind names a map and binds it; trouble is why it cannot.
func bind(attr *createAttr, label ops.Label, to ops.Bound) (trouble string) {
	copy(attr.name[:], label.Bytes())
	switch to {
	case ops.BoundDevice:
		attr.ifindex = someDevice
	case ops.BoundProgram:
		attr.exclusive, attr.exclusiveSize = address(someHash), uint32(len(someHash))
	case ops.BoundStruct:
		s, err := structOps()
		if err != nil {
			return "no structure to bind to: " + err.Error()
		}
		attr.btfVmlinux, attr.btfKey, attr.btfValue, attr.valueSize = s.id, 0, 0, s.size
	}
	return ""
}

// plainAttr is what makes another map of the kind; nil if there is more to it than
// numbers.
func plainAttr(attr createAttr) *createAttr {
	if attr.innerFD != 0 || attr.btfFD != 0 || attr.btfKey != 0 || attr.btfValue != 0 || attr.btfVmlinux != 0 || attr.ifindex != 0 || attr.exclusive != 0 {
		return nil
	}
	return &attr
}

// longAttr is longer than what any kernel knows.
type longAttr struct {
	createAttr
	_      [32]uint32
	beyond uint32
	_      uint32
}

func long(attr createAttr) *longAttr {
	l := &longAttr{createAttr: attr, beyond: attr.tail}
	l.tail = 0
	return l
}

func makeMap(attr createAttr) (fd uint32, errno unix.Errno) {
	if attr.tail > 1 {
		fd, errno = bpf(cmdMapCreate, long(attr))
	} else {
		fd, errno = bpf(cmdMapCreate, &attr)
	}
	runtime.KeepAlive(someHash)
	return fd, errno
}

func (x *Executor) create(n ops.Name, at ops.FDNumber, attr createAttr, h handle) ops.Result {
	alone := at == ops.NumberNone && x.shared.own // nobody else makes maps meanwhile
	var last uint32
	if alone {
		last = lastMap()
	}
	fd, errno := numbered(at, func() (uint32, unix.Errno) { return makeMap(attr) })
	h.fd, h.created, h.attr = badFD, n, plainAttr(attr)
	x.handles[n] = &h
	if errno != 0 {
		if alone {
			for _, h.id = range mapsAfter(last) { // refused, and kept
				x.byID[h.id] = n
			}
		}
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

func (x *Executor) loadBTF(o ops.BTF) ops.Result {
	h := &handle{fd: badFD, created: o.Def}
	x.handles[o.Def] = h
	object, err := btfs.Build(btfs.Kind(o.Kind))
	if err != nil {
		return ops.Read("not built: " + err.Error())
	}
	h.btf, h.described = &object, btfs.Kind(o.Kind)
	fd, errno := loadTypes(object.Blob)
	if errno != 0 {
		return failed(errno)
	}
	info, errno := btfInfoOf(fd)
	if errno != 0 {
		closeFD(fd)
		return ops.Read("loaded, but its info: " + failed(errno).String())
	}
	h.fd, h.btfID = fd, info
	x.btfByID[info] = o.Def
	return ops.OK
}

func loadTypes(blob []byte) (uint32, unix.Errno) {
	fd, errno := bpf(cmdBTFLoad, &btfAttr{btf: address(blob), size: uint32(len(blob))})
	runtime.KeepAlive(blob)
	return fd, errno
}

// btfInfoOf is the id of a BTF object.
func btfInfoOf(fd uint32) (uint32, unix.Errno) {
	var info struct {
		btf      uint64
		size, id uint32
	}
	errno := infoByFD(fd, &info)
	return info.id, errno
}
