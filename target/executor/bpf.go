package executor

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// The commands of bpf(2) and their attributes, as include/uapi/linux/bpf.h has
// them. A library would check and rewrite them; what the kernel itself says is
// what is asked here.

const (
	cmdMapCreate     = 0
	cmdLookup        = 1
	cmdUpdate        = 2
	cmdDelete        = 3
	cmdNextKey       = 4
	cmdProgLoad      = 5
	cmdPin           = 6
	cmdGet           = 7
	cmdTestRun       = 10
	cmdMapNextID     = 12
	cmdMapFDByID     = 14
	cmdInfoByFD      = 15
	cmdRawTracepoint = 17
	cmdBTFLoad       = 18
	cmdTake          = 21
	cmdFreeze        = 22
	cmdBTFNextID     = 23
	cmdLookupBatch   = 24
	cmdTakeBatch     = 25
	cmdUpdateBatch   = 26
	cmdDeleteBatch   = 27
	cmdLinkCreate    = 28
	cmdProgBindMap   = 35
	badFD            = 0xffffffff
	elementBuffer    = 64 << 10 // more than any value, per-CPU ones included
	guard            = 0xa5     // what buffers hold where the kernel must not write
	objectNameLength = 16
)

type createAttr struct {
	mapType, keySize, valueSize, maxEntries, flags, innerFD, numaNode uint32
	name                                                              [objectNameLength]byte
	ifindex, btfFD, btfKey, btfValue, btfVmlinux                      uint32
	extra                                                             uint64
	valueBTF, token                                                   uint32
	exclusive                                                         uint64 // address of a hash
	exclusiveSize                                                     uint32
	_                                                                 [5]uint32
	tail                                                              uint32 // behind what any kernel knows, in what all of them take
	_                                                                 uint32
}

type elementAttr struct {
	fd         uint32
	_          uint32
	key, value uint64 // value is next_key as well
	flags      uint64
	tail       uint64
}

type batchAttr struct {
	in, out, keys, values uint64
	count, fd             uint32
	elemFlags, flags      uint64
	tail                  uint64
}

type objectAttr struct {
	path           uint64
	fd, fileFlags  uint32
	pathFD, unused uint32
}

type btfAttr struct {
	btf, log           uint64
	size, logSize, lvl uint32
}

type idAttr struct{ id, next, openFlags uint32 }

type infoAttr struct {
	fd, length uint32
	info       uint64
}

type mapInfo struct {
	mapType, id, keySize, valueSize, maxEntries, flags uint32
	name                                               [objectNameLength]byte
	ifindex, btfVmlinux                                uint32
	netnsDev, netnsIno                                 uint64
	btfID, btfKey, btfValue                            uint32
	_                                                  uint32
}

type loadAttr struct {
	progType, count     uint32
	insns, licence      uint64
	logLevel, logSize   uint32
	log                 uint64
	kernVersion, flags  uint32
	name                [objectNameLength]byte
	ifindex, attachType uint32
	btfFD, funcInfoSize uint32
	funcInfo            uint64
	funcs, lineInfoSize uint32
	lineInfo            uint64
	lines, attachBTF    uint32
	attachFD, _         uint32
	list                uint64 // fd_array
}

type testRunAttr struct {
	fd, retval         uint32
	sizeIn, sizeOut    uint32
	in, out            uint64
	repeat, ns         uint32
	ctxSizeIn, ctxSize uint32
	ctxIn, ctxOut      uint64
	flags, cpu         uint32
}

type rawTracepointAttr struct {
	name  uint64
	fd, _ uint32
}

// bpf calls bpf(2). The call is raw, as the others here: one that may block makes the
// Go runtime move its goroutines to another thread, which an emulated processor
// pays for at every operation.
func bpf[T any](cmd uintptr, attr *T) (uint32, unix.Errno) {
	r, _, errno := unix.RawSyscall(unix.SYS_BPF, cmd, uintptr(unsafe.Pointer(attr)), unsafe.Sizeof(*attr))
	runtime.KeepAlive(attr)
	return uint32(r), errno
}

func address(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	return uint64(uintptr(unsafe.Pointer(&b[0])))
}

func address32(n []uint32) uint64 { return uint64(uintptr(unsafe.Pointer(&n[0]))) }

// element does one of the commands on a key, and for some of them a value.
func element(cmd uintptr, fd uint32, key, value []byte, flags, tail uint64) unix.Errno {
	attr := elementAttr{fd: fd, key: address(key), value: address(value), flags: flags, tail: tail}
	_, errno := bpf(cmd, &attr)
	runtime.KeepAlive(key)
	runtime.KeepAlive(value)
	return errno
}

func infoOf(fd uint32) (mapInfo, unix.Errno) {
	var info mapInfo
	errno := infoByFD(fd, &info)
	return info, errno
}

// infoByFD has the kernel fill in what it knows of a descriptor's object.
func infoByFD[T any](fd uint32, info *T) unix.Errno {
	attr := infoAttr{fd: fd, length: uint32(unsafe.Sizeof(*info)), info: uint64(uintptr(unsafe.Pointer(info)))}
	_, errno := bpf(cmdInfoByFD, &attr)
	runtime.KeepAlive(info)
	return errno
}

// instruction is struct bpf_insn.
type instruction struct {
	code, regs uint8
	off        int16
	imm        int32
}

// percpu says whether it adds to an address where this CPU's variables are: BPF_MOV64_PERCPU_REG.
func (i instruction) percpu() bool { return i.code == 0xbf && i.off == -1 }

// progInfo is how struct bpf_prog_info begins.
type progInfo struct {
	progType, id       uint32
	tag                [8]byte
	jitedLen, xlated   uint32
	jited, xlatedInsns uint64
	loadTime           uint64
	user, nrMapIDs     uint32
	mapIDs             uint64
}

// translated is a short program as the verifier left it, and the ids of the maps
// that it uses.
func translated(fd uint32) (insns []instruction, maps []uint32, errno unix.Errno) {
	insns, maps = make([]instruction, 4096), make([]uint32, manyMaps)
	size := uint32(unsafe.Sizeof(insns[0]))
	info := progInfo{xlated: uint32(len(insns)) * size, xlatedInsns: uint64(uintptr(unsafe.Pointer(&insns[0]))), nrMapIDs: manyMaps, mapIDs: address32(maps)}
	errno = infoByFD(fd, &info)
	runtime.KeepAlive(insns)
	runtime.KeepAlive(maps)
	return insns[:min(len(insns), int(info.xlated/size))], maps[:min(manyMaps, info.nrMapIDs)], errno
}

func openByID(id uint32, flags ops.CreateFlags) (uint32, unix.Errno) {
	return bpf(cmdMapFDByID, &idAttr{id: id, openFlags: uint32(flags)})
}

// closeFD closes a descriptor. Number 0 is given back to what fills it: nothing else is to have it by chance.
func closeFD(fd uint32) unix.Errno {
	if fd == 0 && zeroTaken.CompareAndSwap(true, false) {
		return fillZero()
	}
	_, _, errno := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return errno
}

// numbered opens something as a descriptor of some number, or when there is no number left for it.
func numbered(at ops.FDNumber, open func() (uint32, unix.Errno)) (uint32, unix.Errno) {
	if at == ops.NumberNone {
		defer noneLeft()()
	}
	fd, errno := open()
	if errno == 0 {
		fd = toNumber(fd, at)
	}
	return fd, errno
}

// noneLeft lets this process open nothing more, until what it answers is called.
func noneLeft() (again func()) {
	var usual unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &usual)
	unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Max: usual.Max})
	return func() { unix.Setrlimit(unix.RLIMIT_NOFILE, &usual) }
}

// toNumber moves a descriptor to another number, where it can.
func toNumber(fd uint32, to ops.FDNumber) uint32 {
	switch to {
	case ops.NumberZero:
		return toZero(fd)
	case ops.NumberHigh:
		if high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, ops.HighNumber); err == nil {
			closeFD(fd)
			return uint32(high)
		}
	}
	return fd
}

// zeroTaken says that descriptor 0 is a map's.
var zeroTaken atomic.Bool

// toZero moves a descriptor to number 0, if that is not a map's already. What was there is closed: the agent's standard
// input, which nobody reads.
func toZero(fd uint32) uint32 {
	if !zeroTaken.CompareAndSwap(false, true) {
		return fd
	}
	if err := unix.Dup3(int(fd), 0, unix.O_CLOEXEC); err != nil {
		zeroTaken.Store(false)
		return fd
	}
	closeFD(fd)
	return 0
}

// fillZero puts the standard error output in the place of a map.
func fillZero() unix.Errno { return errnoOf(unix.Dup3(unix.Stderr, 0, 0)) }
