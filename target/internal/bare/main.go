// Command bare makes the system calls of BenchmarkThroughput's sequence and nothing else, for as long as they
// take, and prints how many it made in a second.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	mapCreate = 0
	lookup    = 1
	update    = 2
	remove    = 3
	next      = 4

	typeHash        = 1
	typeArrayOfMaps = 12
)

type create struct{ kind, key, value, max, flags, inner uint32 }

type element struct {
	fd, _             uint32
	key, value, flags uint64
}

func bpf[T any](cmd uintptr, attr *T) uintptr {
	r, _, _ := unix.RawSyscall(unix.SYS_BPF, cmd, uintptr(unsafe.Pointer(attr)), unsafe.Sizeof(*attr))
	runtime.KeepAlive(attr)
	return r
}

// key, other and value are what the calls point to.
var key, other, value, fd = uint32(1), uint32(9), uint64(2), uint32(0)

func pointer[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

// sequence makes the calls of one, the creations too, and says how many that were.
func sequence() int {
	inner := bpf(mapCreate, &create{kind: typeHash, key: 4, value: 8, max: 16})
	outer := bpf(mapCreate, &create{kind: typeArrayOfMaps, key: 4, value: 4, max: 4, inner: uint32(inner)})
	fd = uint32(inner)
	var found uint64
	calls := []struct {
		cmd  uintptr
		attr element
	}{
		{update, element{fd: uint32(inner), key: pointer(&key), value: pointer(&value)}},
		{lookup, element{fd: uint32(inner), key: pointer(&key), value: pointer(&found)}},
		{next, element{fd: uint32(inner), value: pointer(&found)}},
		{update, element{fd: uint32(outer), key: pointer(&other), value: pointer(&fd)}},
		{next, element{fd: uint32(outer), key: pointer(&key), value: pointer(&found)}},
		{remove, element{fd: uint32(inner), key: pointer(&key)}},
	}
	for range 5 {
		for i := range calls {
			bpf(calls[i].cmd, &calls[i].attr)
		}
	}
	unix.Close(int(outer))
	unix.Close(int(inner))
	return 2 + 5*len(calls)
}

func main() {
	start, done := time.Now(), 0
	for time.Since(start) < time.Second {
		done += sequence()
	}
	fmt.Fprintf(os.Stdout, "%.0f\n", float64(done)/time.Since(start).Seconds())
}
