package executor

import (
	"runtime"

	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

const (
	loadAttempts = 20

	// logStats is BPF_LOG_STATS: the verifier says why it refuses a program, but
	// not, as at level 1, every instruction that it looks at on its way there.
	logStats = 4
	logSize  = 64 << 10
)

// image is a program as the kernel is handed it.
type image struct {
	kind  ops.ProgType
	how   progLoad
	flags ops.ProgFlags
	insns []byte
	btf   uint32 // descriptor of what describes its functions; 0: nothing does
	funcs []byte // func_info
	list  []byte // descriptors of maps that are named by their places; nil: none is
}

var licence = append([]byte(progs.Licence), 0)

func (i image) attr() *loadAttr {
	return &loadAttr{progType: uint32(i.kind), count: uint32(len(i.insns) / 8), insns: address(i.insns), licence: address(licence),
		flags: uint32(i.flags | i.how.flags), attachType: i.how.attach, attachBTF: i.how.hookID(),
		btfFD: i.btf, list: address(i.list), funcInfo: address(i.funcs), funcInfoSize: progs.FuncInfoSize, funcs: uint32(len(i.funcs) / progs.FuncInfoSize)}
}

// loadProgram loads a program, and answers what the verifier said if it was
// refused. The verifier gives up with EAGAIN when a signal is pending, which the
// Go runtime sends now and then.
func (s *shared) loadProgram(i image) (fd uint32, log string, errno unix.Errno) {
	attr := i.attr()
	attr.logLevel, attr.logSize, attr.log = logStats, uint32(len(s.log)), address(s.log)
	for range loadAttempts {
		s.log[0] = 0 // what is refused before the verifier runs has no log
		fd, errno = bpf(cmdProgLoad, attr)
		switch errno {
		case unix.EAGAIN:
			runtime.Gosched() // which is what the signals are for
			continue
		case unix.ENOSPC: // up to 6.3: there was more to say than there is room for
			attr.logLevel, attr.logSize, attr.log = 0, 0, 0
			continue
		}
		break
	}
	runtime.KeepAlive(i)
	if errno == 0 {
		return fd, "", 0
	}
	return fd, unix.ByteSliceToString(s.log), errno
}

// describe loads the BTF of the functions of a program. There are few different
// ones, which are kept.
func (s *shared) describe(i *image, types, funcs []byte) unix.Errno {
	fd, known := s.types[string(types)]
	if !known {
		var errno unix.Errno
		if fd, errno = loadTypes(types); errno != 0 {
			return errno
		}
		s.types[string(types)] = fd
	}
	i.btf, i.funcs = fd, funcs
	return 0
}
