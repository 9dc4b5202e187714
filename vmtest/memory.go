package vmtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// memory is what earlier boots taught us: which board a kernel boots on, and that /dev/kvm is
// not to be trusted. It is a matter of speed only, so a cache that cannot be written is no error.
type memory struct {
	board      string   // "" if this kernel is new
	boards     []string // that are remembered: those of the kernel's architecture, and of no other backend
	kvm        bool     // worth a try
	boardFile  string
	distrust   string
	hostBootID string
	kvmInVain  bool // tried in this boot, and no guest said anything
}

// recall reads the memory for a kernel on this host.
func recall(c Config) *memory {
	a := archOf(c.Kernel.Arch)
	m := &memory{
		boards:     a.boards,
		boardFile:  filepath.Join(c.Cache, "boards", c.Kernel.id()),
		distrust:   filepath.Join(c.Cache, "kvm-distrusted"),
		hostBootID: hostBootID(),
	}
	if text, err := os.ReadFile(m.boardFile); err == nil {
		if board := strings.TrimSpace(string(text)); slices.Contains(m.boards, board) {
			m.board = board
		}
	}
	known, _ := os.ReadFile(m.distrust)
	m.kvm = a.native() && string(known) != m.hostBootID && kvmOpens()
	return m
}

// hostBootID names this boot of this host: after a reboot, or on another host that shares the
// cache, KVM gets another try.
func hostBootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return string(id) + string(release)
}

func kvmOpens() bool {
	fd, err := unix.Open("/dev/kvm", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	_ = unix.Close(fd)
	return true
}

// worked remembers the board of a guest that became ready, and that KVM was not what did it if it
// was tried in vain before.
func (m *memory) worked(r Recipe) {
	if m.board != r.Board && slices.Contains(m.boards, r.Board) {
		_ = WriteFile(m.boardFile, []byte(r.Board+"\n"))
	}
	if m.kvmInVain {
		_ = WriteFile(m.distrust, []byte(m.hostBootID))
	}
}

// failed notes an attempt with KVM in which nobody said anything.
func (m *memory) failed(r Recipe, why *BootError) {
	if r.Accel == KVM && why.Console == "" {
		m.kvmInVain = true
	}
}
