package vmtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"mimic/vmtest/internal/ring"

	"golang.org/x/sys/unix"
)

// sharedLine is the channel through memory of the guest that this process has mapped: its RAM is
// a file, and the kernel is told to leave a piece of it alone. What the guest wrote outlives it.
type sharedLine struct {
	ram  *os.File // of the whole guest, for QEMU
	gone <-chan struct{}

	mu            sync.Mutex
	memory        []byte // nil when closed
	line          *ring.Line
	reads, writes time.Time // deadlines
}

// MaxOutstanding is how many bytes may be on the way to a guest without an answer. A serial port
// has no flow control: a kernel that is too busy to let init read keeps about 64 KiB and drops the
// rest. While init runs, package guest reads everything at once. Memory drops nothing: Write waits.
func (vm *VM) MaxOutstanding() int {
	if vm.Slow() {
		return 32 << 10
	}
	return ring.Size / 2
}

// Slow says whether bytes go through a serial port, some 100 kB/s of them, and not through memory.
func (vm *VM) Slow() bool { return vm.channel == channel(vm.serial) }

// sharedOffset is where the shared memory is in that of a guest: within what every board has below its devices,
// and clear of the kernel, which is loaded at the bottom, and of its initramfs, at the top or in the middle.
func sharedOffset(memoryMiB int) int64 {
	return int64(min(memoryMiB, 2<<10)) << 20 * 3 / 4 / ring.Size * ring.Size
}

// newSharedLine makes the RAM of a guest. The guest knows by mark that it sees the same memory.
func newSharedLine(memoryMiB int, mark string) (*sharedLine, error) {
	ram, err := newRAM(memoryMiB)
	if err != nil {
		return nil, err
	}
	l, err := openSharedLine(ram, memoryMiB)
	if err == nil {
		l.line.Write([]byte(mark))
	}
	return l, err
}

// memfile is memory that has a descriptor; the name is for people.
func memfile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// newRAM is what a guest has for its RAM.
func newRAM(memoryMiB int) (*os.File, error) {
	ram, err := memfile("ram")
	if err != nil {
		return nil, fmt.Errorf("memory for the guest: %w", err)
	}
	if err := ram.Truncate(int64(memoryMiB) << 20); err != nil {
		ram.Close()
		return nil, fmt.Errorf("memory for the guest: %w", err)
	}
	return ram, nil
}

// openSharedLine takes the RAM of a guest, which Close closes.
func openSharedLine(ram *os.File, memoryMiB int) (*sharedLine, error) {
	l := &sharedLine{ram: ram}
	var err error
	l.memory, err = unix.Mmap(int(ram.Fd()), sharedOffset(memoryMiB), ring.Size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		ram.Close()
		return nil, fmt.Errorf("memory for the guest: %w", err)
	}
	l.line = ring.Host(l.memory)
	return l, nil
}

// sharedAt is the address of that in the guest, 0 if it shares no memory.
func (c Config) sharedAt() int64 {
	if c.serial {
		return 0
	}
	return archOf(c.Kernel.Arch).ram + sharedOffset(c.MemoryMiB)
}

// Read waits for bytes; io.EOF when the guest is gone and all it said is read.
func (l *sharedLine) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return l.retry(func() int { return l.line.Read(p) }, &l.reads)
}

// Write waits until there was room for all of p.
func (l *sharedLine) Write(p []byte) (done int, err error) {
	for done < len(p) {
		n, err := l.retry(func() int { return l.line.Write(p[done:]) }, &l.writes)
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// retry tries until something moved.
func (l *sharedLine) retry(try func() int, deadline *time.Time) (int, error) {
	for vain := 0; ; vain++ {
		gone := l.isGone() // before the look, so that nothing said is missed
		n, late, err := l.once(try, deadline)
		switch {
		case n > 0 || err != nil:
			return n, err
		case late:
			return 0, os.ErrDeadlineExceeded
		case gone:
			return 0, io.EOF
		}
		ring.Pause(vain)
	}
}

func (l *sharedLine) once(try func() int, deadline *time.Time) (n int, late bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.memory == nil {
		return 0, false, os.ErrClosed
	}
	if late = !deadline.IsZero() && !time.Now().Before(*deadline); late {
		return 0, true, nil
	}
	return try(), false, nil
}

func (l *sharedLine) isGone() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// SetDeadline makes Read and Write fail from t on.
func (l *sharedLine) SetDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads, l.writes = t, t
	return nil
}

// SetReadDeadline makes Read fail from t on.
func (l *sharedLine) SetReadDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads = t
	return nil
}

// Close gives the memory back. A nil line has none.
func (l *sharedLine) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.memory == nil {
		return nil
	}
	memory := l.memory
	l.memory = nil
	return errors.Join(unix.Munmap(memory), l.ram.Close())
}
