// Package ring is a stream of bytes each way between two machines that share memory. Nothing
// tells one side that the other wrote: it looks again, after a Pause.
package ring

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// Size is how much memory a Line needs; where it begins is a multiple of it too.
const Size = 2 << 20

// A stream begins with two counters of bytes ever written and read, each in a cache line of its
// own. Its data begin after head bytes.
const (
	head   = 4 << 10
	readAt = 64
)

// stream is one direction: one side writes, the other reads.
type stream struct {
	written, read *atomic.Uint64
	data          []byte
}

func streamIn(memory []byte) stream {
	counter := func(at int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&memory[at])) }
	return stream{counter(0), counter(readAt), memory[head:]}
}

// Line is one side's view of both streams.
type Line struct{ in, out stream }

// Host and Guest are the two sides of Size bytes of memory, which begin as zeros.
func Host(memory []byte) *Line {
	half := Size / 2
	return &Line{in: streamIn(memory[half:Size]), out: streamIn(memory[:half])}
}

// Guest is the other side of Host.
func Guest(memory []byte) *Line {
	host := Host(memory)
	return &Line{in: host.out, out: host.in}
}

// Read takes what has arrived, up to len(p) bytes, and does not wait.
func (l *Line) Read(p []byte) int {
	s, from := l.in, l.in.read.Load()
	n := min(s.written.Load()-from, uint64(len(s.data)), uint64(len(p)))
	for done := uint64(0); done < n; {
		done += uint64(copy(p[done:n], s.data[(from+done)%uint64(len(s.data)):]))
	}
	s.read.Store(from + n)
	return int(n)
}

// Reread makes everything that was ever written be read once more. That goes as long as it is no
// more than there is room for.
func (l *Line) Reread() { l.in.read.Store(0) }

// Write hands over as much of p as there is room for, and does not wait.
func (l *Line) Write(p []byte) int {
	s, from := l.out, l.out.written.Load()
	room := uint64(len(s.data)) - min(from-s.read.Load(), uint64(len(s.data)))
	n := min(room, uint64(len(p)))
	for done := uint64(0); done < n; {
		done += uint64(copy(s.data[(from+done)%uint64(len(s.data)):], p[done:n]))
	}
	s.written.Store(from + n)
	return int(n)
}

// Pause waits before the next look, longer after many that were in vain.
func Pause(vain int) {
	time.Sleep(min(20*time.Microsecond<<min(vain/4, 10), time.Millisecond))
}
