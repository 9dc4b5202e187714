package executor

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// guarded is how much of the buffer of a lookup holds guards before the call.
const guarded = 4 << 10

var guards = bytes.Repeat([]byte{guard}, guarded)

// arm fills the beginning of the buffer with guards.
func (x *Executor) arm() { copy(x.shared.buffer, guards) }

// armed says whether the kernel wrote nothing to the guards from there on.
func (x *Executor) armed(from int) bool {
	return bytes.Equal(x.shared.buffer[from:guarded], guards[from:])
}

// store does an update. Zeros follow the value, for per-CPU maps read more. They
// are made once, not for each call.
func (x *Executor) store(fd uint32, key, value []byte, flags, tail uint64) unix.Errno {
	if len(value) > elementBuffer {
		return element(cmdUpdate, fd, key, append(value, make([]byte, elementBuffer)...), flags, tail)
	}
	defer clear(x.shared.value[:copy(x.shared.value, value)])
	return element(cmdUpdate, fd, key, x.shared.value, flags, tail)
}
