package executor

import (
	"bytes"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// live lists the maps and BTF objects that the kernel knows now.
func (x *Executor) live() ops.Result { return left(maps.Clone(x.byID), maps.Clone(x.btfByID)) }

// renew stores a map like the template in an outer map; in what is none, a
// descriptor that is not open.
func (x *Executor) renew(o ops.Renew) ops.Result {
	h := x.handle(o.On)
	key := x.key(h, o.Key)
	if !h.outer || h.id == 0 {
		return failed(x.store(h.fd, key, ops.Bytes(badFD, 4), uint64(o.Flags), 0))
	}
	if h.template.attr == nil {
		return ops.Read(ops.WordNotRenewed)
	}
	fd, errno := makeMap(*h.template.attr)
	if errno != 0 {
		return failed(errno)
	}
	defer closeFD(fd)
	name, errno := x.registerNew(fd)
	if errno == 0 {
		errno = x.store(h.fd, key, ops.Bytes(uint64(fd), 4), uint64(o.Flags), 0)
	}
	if errno != 0 {
		return failed(errno)
	}
	return ops.Read(string(name))
}

// registerNew gives a map that was just made the next name.
func (x *Executor) registerNew(fd uint32) (ops.Name, unix.Errno) {
	name := ops.Name(fmt.Sprintf("new%d", x.renewed.Add(1)))
	info, errno := infoOf(fd)
	if errno == 0 {
		x.byID[info.id] = name
	}
	return name, errno
}

// stillFor is how long a value is looked at that may be moving. To sleep meanwhile
// takes some guests much longer.
const stillFor = 300 * time.Microsecond

func (x *Executor) still(o ops.Still) ops.Result {
	h := x.handle(o.On)
	key := x.key(h, o.Key)
	first, errno := x.look(h, key)
	if errno != 0 {
		return failed(errno)
	}
	first = bytes.Clone(first)
	for begin := time.Now(); time.Since(begin) < stillFor; {
		giveWay()
		now, errno := x.look(h, key)
		switch {
		case errno != 0:
			return failed(errno)
		case !bytes.Equal(first, now):
			return ops.Read(ops.WordMoving)
		}
	}
	return ops.Read(ops.WordStill)
}

// look looks up a value, and answers more than there is of it.
func (x *Executor) look(h *handle, key []byte) ([]byte, unix.Errno) {
	x.arm()
	errno := element(cmdLookup, h.fd, key, x.shared.buffer, 0, 0)
	return x.shared.buffer[:guarded], errno
}
