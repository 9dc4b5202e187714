package executor

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

func number(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }

// Release is what uname -r says.
func Release() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("uname: %w", err)
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}

// Lacks asks the kernel for each feature that its configuration can leave out
// and answers those that it has not, with what it said. A feature's name is the
// one that plans and claims use.
func Lacks() map[string]string {
	lacks := map[string]string{}
	for _, t := range ops.PlainMapTypes {
		if errno := probeMap(t); errno != 0 {
			lacks[t.Feature()] = fmt.Sprintf("creating one answers %v", ops.Failed(errno))
		}
	}
	for _, t := range ops.ProgTypes {
		if why := probeProg(t); why != "" {
			lacks[t.Feature()] = why
		}
	}
	if why := probeRun(); why != "" {
		lacks[ops.FeatureRun] = why
	}
	return lacks
}

// available errs if this process cannot use bpf(2) at all.
func available() error {
	if _, errno := openByID(0); errno == unix.ENOSYS || errno == unix.EPERM {
		return fmt.Errorf("bpf(2) answers %v: %s", ops.Failed(errno), bpfHint[errno])
	}
	return nil
}

var bpfHint = map[unix.Errno]string{
	unix.ENOSYS: "this kernel is built without CONFIG_BPF_SYSCALL",
	unix.EPERM:  "run as root, or with CAP_BPF and CAP_SYS_ADMIN",
}

// probeMap creates the plainest map of a type.
func probeMap(t ops.MapType) unix.Errno {
	attr := createAttr{mapType: uint32(t), keySize: 4, valueSize: 4, maxEntries: 1}
	switch t {
	case ops.Queue, ops.Stack:
		attr.keySize = 0
	case ops.LPMTrie:
		attr.keySize, attr.flags = 8, uint32(ops.NoPrealloc)
	case ops.ArrayOfMaps, ops.HashOfMaps:
		return probeOuter(attr)
	}
	fd, errno := bpf(cmdMapCreate, &attr)
	if errno == 0 {
		closeFD(fd)
	}
	return errno
}

func probeOuter(attr createAttr) unix.Errno {
	inner, errno := bpf(cmdMapCreate, &createAttr{mapType: uint32(ops.Hash), keySize: 4, valueSize: 4, maxEntries: 1})
	if errno != 0 {
		return errno
	}
	defer closeFD(inner)
	attr.innerFD = inner
	fd, errno := bpf(cmdMapCreate, &attr)
	if errno == 0 {
		closeFD(fd)
	}
	return errno
}

func probeProg(t ops.ProgType) string {
	fd, errno := loadProg(uint32(t), progs.Nothing(), progs.Licence)
	if errno != 0 {
		return fmt.Sprintf("loading one answers %v", ops.Failed(errno))
	}
	closeFD(fd)
	return ""
}

func probeRun() string {
	fd, errno := loadProg(uint32(ops.XDP), progs.Nothing(), progs.Licence)
	if errno != 0 {
		return fmt.Sprintf("loading a program to run answers %v", ops.Failed(errno))
	}
	defer closeFD(fd)
	if _, errno := testRun(fd, make([]byte, progs.PacketSize)); errno != 0 {
		return fmt.Sprintf("BPF_PROG_TEST_RUN answers %v", ops.Failed(errno))
	}
	return ""
}
