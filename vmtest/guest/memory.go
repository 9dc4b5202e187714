package guest

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"mimic/vmtest/internal/ring"
	"mimic/vmtest/internal/wire"

	"golang.org/x/sys/unix"
)

// memory is the channel through memory that the host has mapped too. What was written is with the
// host at once, whatever becomes of this kernel.
type memory struct {
	line   *ring.Line
	mapped []byte
}

// openMemory maps the memory that the host set aside, if this kernel lets it be mapped and it is
// the host's indeed: it begins with this boot's token.
func openMemory() (*memory, error) {
	text, err := os.ReadFile(wire.MemoryPath)
	if err != nil {
		return nil, err
	}
	at, err := strconv.ParseInt(string(text), 0, 64)
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(wire.TokenPath)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Open("/dev/mem", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	mapped, err := unix.Mmap(fd, at, ring.Size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	m := &memory{ring.Guest(mapped), mapped}
	mark := make([]byte, len(token))
	if n := m.line.Read(mark); n != len(token) || !bytes.Equal(mark, token) {
		return nil, fmt.Errorf("the memory at %s is not the host's", text)
	}
	return m, nil
}

// Read waits for bytes of the host.
func (m *memory) Read(p []byte) (int, error) {
	for vain := 0; len(p) > 0; vain++ {
		if n := m.line.Read(p); n > 0 {
			return n, nil
		}
		ring.Pause(vain)
	}
	return 0, nil
}

// Write returns when all of p is with the host.
func (m *memory) Write(p []byte) (int, error) {
	vain := 0
	for done := 0; done < len(p); vain++ {
		n := m.line.Write(p[done:])
		if done += n; n == 0 {
			ring.Pause(vain)
		}
	}
	return len(p), nil
}

// Close gives the memory back; the host does not notice.
func (m *memory) Close() error { return unix.Munmap(m.mapped) }
