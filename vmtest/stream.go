package vmtest

import (
	"io"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// stream hands on what QEMU writes to a socket: when it comes, and at the latest when somebody asks
// for all that has come. QEMU writes to its sockets in the order in which the guest does, but who
// reads several of them may get to the later one first.
type stream struct {
	raw syscall.RawConn
	to  io.Writer

	mu    sync.Mutex // held while a piece is read and handed on
	piece [16 << 10]byte
	ended bool
}

func newStream(from net.Conn, to io.Writer) *stream {
	raw, err := from.(syscall.Conn).SyscallConn()
	if err != nil { // it is closed already
		return &stream{to: to, ended: true}
	}
	return &stream{raw: raw, to: to}
}

// copy hands on what comes until the other side is gone.
func (s *stream) copy() {
	for !s.over() && s.raw.Read(func(fd uintptr) bool { return s.take(int(fd)) }) == nil {
		continue
	}
}

func (s *stream) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// mostPieces bounds what one that asks waits for, of a guest that floods.
const mostPieces = 64

// drain hands on what has come by now.
func (s *stream) drain() {
	if s.over() {
		return
	}
	_ = s.raw.Control(func(fd uintptr) {
		for n := 0; n < mostPieces && s.take(int(fd)); n++ {
			if s.over() {
				return
			}
		}
	})
}

// take hands on one piece, and says whether there was one, or the end.
func (s *stream) take(fd int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := unix.Read(fd, s.piece[:])
	for err == unix.EINTR {
		n, err = unix.Read(fd, s.piece[:])
	}
	switch {
	case err == unix.EAGAIN:
		return false
	case err != nil || n == 0:
		s.ended = true
		return true
	}
	_, _ = s.to.Write(s.piece[:n]) // consoles and listeners take everything
	return true
}
