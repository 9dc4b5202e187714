package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"mimic/vmtest/internal/wire"

	"golang.org/x/sys/unix"
)

// channel is the terminal with a goroutine that always reads it: a terminal holds a few
// kilobytes and drops the rest, memory holds what the host sent.
type channel struct {
	tty     *os.File
	mu      sync.Mutex
	arrived sync.Cond
	unread  []byte
	err     error
}

// Open opens the byte channel, clean for all 256 values, and tells the host that this guest is
// ready: Boot returns there. Call it once. Reads and writes may come from different goroutines.
// The channel is shared memory, or the serial port with a kernel that does not let memory be
// mapped. The error says which device could not be opened or set, and what the kernel lacks.
func Open() (io.ReadWriteCloser, error) {
	m, err := openMemory()
	if err == nil {
		return m, say(wire.Ready, wire.Memory)
	}
	open := openPort
	if isX86 {
		open = openSerial
	}
	c, errOther := open()
	if errOther != nil {
		return nil, fmt.Errorf("map memory that is shared with the host: %w; and %w", err, errOther)
	}
	return c, say(wire.Ready)
}

// isX86 says whether QEMU's machines for this architecture have the serial port.
const isX86 = runtime.GOARCH == "amd64" || runtime.GOARCH == "386"

func openSerial() (*channel, error) {
	fd, err := unix.Open(wire.Channel, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w (the kernel needs CONFIG_SERIAL_8250 with two ports)",
			wire.Channel, err)
	}
	if err := makeRaw(fd); err != nil {
		return nil, fmt.Errorf("set %s to raw: %w", wire.Channel, err)
	}
	// An interrupt for 14 bytes instead of 8 makes bulk a quarter faster; older kernels keep 8.
	_ = os.WriteFile(wire.ChannelTrigger, []byte("14"), 0)
	return newChannel(os.NewFile(uintptr(fd), wire.Channel)), nil
}

func newChannel(f *os.File) *channel {
	c := &channel{tty: f}
	c.arrived.L = &c.mu
	go c.pump()
	return c
}

// openPort opens the port of virtio that is the channel; nobody has made its device.
func openPort() (*channel, error) {
	names, _ := filepath.Glob(wire.PortNames)
	for _, path := range names {
		if name, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(name)) != wire.PortName {
			continue
		}
		var major, minor uint32
		text, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "dev"))
		if n, err := fmt.Sscanf(string(text), "%d:%d", &major, &minor); n != 2 {
			return nil, fmt.Errorf("the device of %s: %w", path, err)
		}
		const device = "/dev/vmtest"
		if err := unix.Mknod(device, unix.S_IFCHR|0o600, int(unix.Mkdev(major, minor))); err != nil {
			return nil, fmt.Errorf("make %s: %w", device, err)
		}
		// A write that waits returns when the host has the bytes.
		fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", device, err)
		}
		return newChannel(os.NewFile(uintptr(fd), device)), nil
	}
	return nil, fmt.Errorf("no port of virtio is called %s (the kernel needs CONFIG_VIRTIO_CONSOLE)", wire.PortName)
}

// Drain waits until the host has every byte that was written: what is still in a buffer of the
// kernel goes down with the kernel.
func (c *channel) Drain() error {
	raw, err := c.tty.SyscallConn()
	if err != nil {
		return err
	}
	var drained error
	err = raw.Control(func(fd uintptr) { drained = unix.IoctlSetInt(int(fd), unix.TCSBRK, 1) })
	if drained == unix.ENOTTY { // a port of virtio has no buffer
		drained = nil
	}
	return errors.Join(err, drained)
}

// makeRaw switches off every translation, signal and echo of the terminal.
func makeRaw(fd int) error {
	t := unix.Termios{Cflag: unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200}
	t.Ispeed, t.Ospeed = unix.B115200, unix.B115200
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, &t)
}

// pump moves what arrives into memory until the terminal is closed.
func (c *channel) pump() {
	buf := make([]byte, 32<<10)
	for {
		n, err := c.tty.Read(buf)
		c.mu.Lock()
		c.unread = append(c.unread, buf[:n]...)
		c.err = err
		c.mu.Unlock()
		c.arrived.Broadcast()
		if err != nil {
			return
		}
	}
}

// Slow says that bytes take their time: see VM.Slow.
func (c *channel) Slow() bool { return true }

// Read waits for bytes of the host.
func (c *channel) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.unread) == 0 && c.err == nil && len(p) > 0 {
		c.arrived.Wait()
	}
	if len(c.unread) == 0 {
		return 0, c.err
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

// Write returns when the kernel has taken p; Exit waits until it has been sent.
func (c *channel) Write(p []byte) (int, error) { return c.tty.Write(p) }

// Close closes the terminal; the host does not notice.
func (c *channel) Close() error { return c.tty.Close() }
