package executor

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// openOther makes a descriptor of something that is no map.
func (x *Executor) openOther(o ops.FD) ops.Result {
	h := &handle{fd: badFD, created: o.Def}
	x.handles[o.Def] = h
	fd, err := otherFDs[o.Kind]()
	if err != nil {
		return ops.Read("no such descriptor here: " + err.Error())
	}
	h.fd = uint32(fd)
	return ops.OK
}

func number32(n int) func() (int, error) { return func() (int, error) { return n, nil } }

// neverOpened is more than there ever are descriptors at once.
const neverOpened = 1000

// otherFDs says how each kind is opened.
var otherFDs = map[ops.FDKind]func() (int, error){
	ops.FDClosed:    number32(neverOpened),
	ops.FDMinusOne:  number32(-1),
	ops.FDHuge:      number32(1<<31 - 1),
	ops.FDPath:      func() (int, error) { return unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0) },
	ops.FDFile:      func() (int, error) { return unix.MemfdCreate("mimic", unix.MFD_CLOEXEC) },
	ops.FDDirectory: func() (int, error) { return unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) },
	ops.FDPipe:      pipeEnd,
	ops.FDSocket:    func() (int, error) { return unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0) },
	ops.FDEpoll:     func() (int, error) { return unix.EpollCreate1(unix.EPOLL_CLOEXEC) },
	ops.FDEvent:     func() (int, error) { return unix.Eventfd(0, unix.EFD_CLOEXEC) },
	ops.FDTimer:     func() (int, error) { return unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC) },
	ops.FDSignal:    func() (int, error) { return unix.Signalfd(-1, &unix.Sigset_t{}, unix.SFD_CLOEXEC) },
	ops.FDNull:      func() (int, error) { return unix.Open("/proc/self/status", unix.O_RDONLY|unix.O_CLOEXEC, 0) },
	ops.FDPerf:      perfEvent,
	ops.FDNamespace: func() (int, error) { return unix.Open("/proc/self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0) },
}

func pipeEnd() (int, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return -1, err
	}
	return ends[0], unix.Close(ends[1])
}

func perfEvent() (int, error) {
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_DUMMY, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{}))}
	return unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
}

// useFile treats a descriptor as that of a file.
func useFile(fd uint32, use ops.FileUse) ops.Result {
	var err error
	switch use {
	case ops.FileRead:
		_, err = unix.Read(int(int32(fd)), make([]byte, 8))
	case ops.FileWrite:
		_, err = unix.Write(int(int32(fd)), make([]byte, 8))
	case ops.FileMap:
		err = mapPage(fd, unix.PROT_READ)
	case ops.FileMapWrite:
		err = mapPage(fd, unix.PROT_READ|unix.PROT_WRITE)
	case ops.FilePoll:
		return pollOnce(fd)
	case ops.FileIter:
		return iterate(fd)
	case ops.FileInfo:
		return describeFile(fd)
	}
	return failed(errnoOf(err))
}

// describeFile answers what /proc says of a map's descriptor; what that has no line for is -1.
func describeFile(fd uint32) ops.Result {
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", int32(fd)))
	if err != nil {
		return failed(errnoOf(err))
	}
	is := func(name string) int {
		for line := range strings.Lines(string(text)) {
			word, value, _ := strings.Cut(line, ":")
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 0, 64); word == name && err == nil {
				return int(n)
			}
		}
		return -1
	}
	said := ops.DescribeFile(ops.MapType(is("map_type")), ops.Size(is("key_size")), ops.Size(is("value_size")),
		ops.Size(is("max_entries")), ops.CreateFlags(is("map_flags")), is("frozen"))
	if pointer := int(unsafe.Sizeof(uintptr(0))); ops.MapType(is("map_type")) == ops.ArrayOfMaps && is("memlock") < pointer*is("max_entries") {
		said += ops.WordTooSmall // for an address in each element
	}
	if is("flags")&unix.O_CLOEXEC == 0 {
		said += ops.WordInherited
	}
	return ops.Read(said)
}

// mapPage maps a page shared, and unmaps it.
func mapPage(fd uint32, access int) error {
	b, err := unix.Mmap(int(int32(fd)), 0, os.Getpagesize(), access, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	return unix.Munmap(b)
}

func pollOnce(fd uint32) ops.Result {
	set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if _, err := unix.Poll(set, 0); err != nil {
		return ops.Read(err.Error())
	}
	return ops.Read(fmt.Sprintf("events %#x", uint16(set[0].Revents)))
}

// pinDir is a bpf file system of our own, mounted nowhere: it goes with the process.
type pinDir struct {
	fd   int
	open bool
	here bool // it is the working directory, and stays it
}

// enter makes the file system the working directory, where paths are looked up.
func (d *pinDir) enter() error {
	if d.here {
		return nil
	}
	if !d.open {
		fd, err := mountNowhere("bpf")
		if err != nil {
			return err
		}
		d.fd, d.open = fd, true
	}
	return unix.Fchdir(d.fd)
}

// mountNowhere opens the root of a file system of that type that is mounted
// nowhere: it goes with the descriptor.
func mountNowhere(kind string) (int, error) {
	fs, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("open the file system %s: %w", kind, err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("create a file system %s: %w", kind, err)
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
}

// path is the path of a name: sequences that are under way together have the
// same names.
func (x *Executor) path(n ops.Name) string { return fmt.Sprintf("%d_%s", x.number, n) }

func (x *Executor) unlink(n ops.Name) unix.Errno {
	if err := x.shared.pins.enter(); err != nil {
		return unix.ENODEV
	}
	return errnoOf(unix.Unlink(x.path(n)))
}

func (x *Executor) pin(o ops.Pin) ops.Result {
	of := x.handle(o.Of)
	h := *of
	h.fd = badFD
	x.handles[o.Def] = &h
	if err := x.shared.pins.enter(); err != nil {
		return ops.Read("no place to pin: " + err.Error())
	}
	at := o.Def
	if x.pinned[o.At] {
		at = o.At
	}
	_, errno := onPath(cmdPin, x.path(at), objectAttr{fd: of.fd})
	if errno == 0 {
		x.pinned[at] = true
	}
	return failed(errno)
}

func onPath(cmd uintptr, at string, attr objectAttr) (uint32, unix.Errno) {
	path := append([]byte(at), 0)
	attr.path = address(path)
	fd, errno := bpf(cmd, &attr)
	runtime.KeepAlive(path)
	return fd, errno
}

func (x *Executor) get(o ops.Get) ops.Result {
	if err := x.shared.pins.enter(); err != nil {
		return ops.Read("no place to pin: " + err.Error())
	}
	fd, errno := numbered(o.At, func() (uint32, unix.Errno) {
		return onPath(cmdGet, x.path(o.Of), objectAttr{fileFlags: uint32(o.Flags)})
	})
	return x.again(o.Def, x.handle(o.Of), fd, errno)
}

func (x *Executor) unpin(o ops.Unpin) ops.Result {
	delete(x.pinned, o.On)
	return failed(x.unlink(o.On))
}

func (x *Executor) cat(o ops.Cat) ops.Result {
	if err := x.shared.pins.enter(); err != nil {
		return ops.Read("no place to pin: " + err.Error())
	}
	fd, err := unix.Open(x.path(o.On), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return failed(errnoOf(err))
}
