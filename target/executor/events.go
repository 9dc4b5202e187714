package executor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// renamed is the tracepoint of threads that are given a name.
const renamed = "events/task/task_rename/id"

var tracepointAttr = sync.OnceValues(func() (*unix.PerfEventAttr, error) {
	id, err := tracepointID()
	if err != nil {
		return nil, err
	}
	attr := &unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Config: id}
	return attr, keep(attr)
})

// keep opens an event for good. What the kernel patches into its own code for
// the first is there for the others.
func keep(attr *unix.PerfEventAttr) error {
	_, err := openEvent(attr)
	return err
}

func tracepointID() (uint64, error) {
	dir, err := mountNowhere("tracefs")
	if err != nil {
		return 0, err
	}
	defer unix.Close(dir)
	fd, err := unix.Openat(dir, renamed, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("the tracepoint %s: %w", renamed, err)
	}
	f := os.NewFile(uintptr(fd), renamed)
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}

// probed lists functions of which getpgid(2) calls one: which is there depends on
// the architecture, and on the compiler.
var probed = []string{"do_getpgid", "__x64_sys_getpgid", "__arm64_sys_getpgid", "__s390x_sys_getpgid", "__riscv_sys_getpgid"}

// kprobeAttr is the event of a function that is called.
var kprobeAttr = sync.OnceValues(func() (*unix.PerfEventAttr, error) {
	const typeFile = "/sys/bus/event_source/devices/kprobe/type"
	text, err := os.ReadFile(typeFile)
	if err != nil {
		return nil, err
	}
	kind, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", typeFile, err)
	}
	var errs []error
	for _, name := range probed {
		attr := &unix.PerfEventAttr{Type: uint32(kind), Ext1: address(lasting(name))}
		err := keep(attr)
		if err == nil {
			return attr, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", name, err))
	}
	return nil, errors.Join(errs...)
})

var kept [][]byte

// lasting is a string as C has it, at an address that stays good.
func lasting(s string) []byte {
	kept = append(kept, append([]byte(s), 0))
	return kept[len(kept)-1]
}
