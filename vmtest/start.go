package vmtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"mimic/vmtest/internal/wire"

	"golang.org/x/sys/unix"
)

// firstFD is the number that QEMU sees for the first file we hand it.
const firstFD = 3

// machine is what a guest is started as: the first time, and again from a Snapshot.
type machine struct {
	config Config
	recipe Recipe
	token  string
	initrd *os.File
}

// start boots a machine. The error is about the host: no memory, no descriptors.
func start(ctx context.Context, c Config, r Recipe) (*VM, error) {
	m := &machine{config: c, recipe: r, token: newToken(c)}
	err := m.pack()
	if err != nil {
		return nil, err
	}
	var shared *sharedLine
	if !c.serial {
		if shared, err = newSharedLine(c.MemoryMiB, m.token); err != nil {
			m.initrd.Close()
			return nil, err
		}
	}
	vm, err := m.run(ctx, shared)
	if err != nil {
		m.initrd.Close()
		return nil, err
	}
	vm.machine = m // for its snapshot
	return vm, nil
}

// pack makes its initramfs.
func (m *machine) pack() (err error) {
	c, env := m.config, m.config.Env
	if c.Counted {
		env = append(slices.Clone(env), wire.HoldEnv+"=1")
	}
	m.initrd, err = initramfs(c.Init, c.Args, env, m.token, c.sharedAt(), c.Kernel.Modules)
	return err
}

// run runs QEMU and everything that listens to it. The memory, nil if none is shared, is the VM's
// from now on.
func (m *machine) run(ctx context.Context, shared *sharedLine, more ...string) (*VM, error) {
	c := m.config
	b := backendOf(c.Backend)
	lines, err := openLines(!c.serial && b.monitored)
	if err != nil {
		shared.Close()
		return nil, err
	}
	defer lines.closeTheirs()
	vm := newVM(m.recipe, lines, c.Allowed)
	if shared != nil {
		shared.gone, vm.shared = vm.done, shared
	}
	if vm.qemu, err = b.command(m, lines, shared, more); err != nil {
		lines.closeOurs()
		vm.shared.Close()
		return nil, err
	}
	vm.qemu.Stderr = &vm.stderr
	vm.command = vm.qemu.Args
	if err := startTied(vm.qemu, c.Counted && len(more) == 0); err != nil {
		lines.closeOurs()
		vm.shared.Close()
		return nil, fmt.Errorf("start %s: %w", vm.qemu.Path, err)
	}
	vm.listen(ctx, lines, m.token)
	return vm, nil
}

// commandOf is QEMU itself, which is handed every descriptor.
func (m *machine) commandOf(lines *lines, shared *sharedLine, more []string) (*exec.Cmd, error) {
	c := m.config
	cmd := exec.Command(c.QEMU, slices.Concat(commandFor(c, m.recipe).args(), more, c.extra)...)
	cmd.ExtraFiles = append([]*os.File{m.initrd}, lines.theirs...)
	if shared != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, shared.ram)
	}
	return cmd, nil
}

// commandFor chooses the image: the unpacked kernel saves the guest the work of unpacking it.
func commandFor(c Config, r Recipe) command {
	kernel := c.Kernel.Image
	if c.Kernel.Vmlinux != "" && (r.Board != PC || kernel == "") {
		kernel = c.Kernel.Vmlinux
	}
	var monitor, ram int
	next := firstFD + 4
	if !c.serial {
		monitor, ram = next, next+1
	}
	return command{
		arch: archOf(c.Kernel.Arch), Recipe: r, CPUs: c.CPUs, MemoryMiB: c.MemoryMiB, Kernel: kernel,
		Initrd: firstFD, Console: firstFD + 1, Channel: firstFD + 2, Control: firstFD + 3, Monitor: monitor, RAM: ram,
		Files: "/proc/self/fd", Counted: c.Counted,
		KernelCommandLine: kernelCommandLine(c, r, tscKHz()),
	}
}

func newVM(r Recipe, l *lines, allowed func(Splat) bool) *VM {
	return &VM{
		recipe:  r,
		serial:  l.ours[1],
		channel: l.ours[1],
		monitor: l.monitor(),
		console: newConsole(allowed),
		started: time.Now(),
		ready:   make(chan struct{}),
		done:    make(chan struct{}),
	}
}

// listen starts the goroutines that live as long as QEMU.
func (vm *VM) listen(ctx context.Context, l *lines, token string) {
	var streams sync.WaitGroup
	// The console carries words too, from kernels that have no /dev/port.
	vm.printing = newStream(l.ours[0], io.MultiWriter(vm.console, &listener{token: token, hear: vm.hear}))
	saying := newStream(l.ours[2], &listener{token: token, hear: vm.hear})
	for from, s := range map[net.Conn]*stream{l.ours[0]: vm.printing, l.ours[2]: saying} {
		streams.Go(func() {
			s.copy() // ends with QEMU
			from.Close()
		})
	}
	go vm.supervise(ctx, &streams, l)
}

// newToken is the secret by which a word of init is known to be one. A guest that is to do the same
// at each boot must be told the same.
func newToken(c Config) string {
	b := make([]byte, 16)
	if !c.Counted {
		_, _ = rand.Read(b) // documented never to fail
	}
	return hex.EncodeToString(b)
}

// listener finds words in a stream.
type listener struct {
	token string
	hear  func(words []string)
	text  []byte
}

// longestWord bounds what a listener keeps of a stream without words.
const longestWord = 256

func (l *listener) Write(p []byte) (int, error) {
	l.text = append(l.text, p...)
	for {
		words, rest, ok := wire.Find(l.text, l.token)
		if !ok {
			break
		}
		l.hear(words)
		// The newline that ended this word may be the one that starts the next.
		l.text = append([]byte("\n"), rest...)
	}
	if surplus := len(l.text) - longestWord; surplus > 0 {
		l.text = append(l.text[:0], l.text[surplus:]...)
	}
	return len(p), nil
}

// lines are the socket pairs to QEMU: console, channel, control, and the monitor of one that can be kept.
type lines struct {
	ours   []net.Conn
	theirs []*os.File
	met    []*net.UnixListener // for lines that QEMU comes to by a name
}

func openLines(monitored bool) (*lines, error) {
	l, n := &lines{}, 3
	if monitored {
		n++
	}
	for range n {
		if err := l.open(); err != nil {
			l.closeOurs()
			l.closeTheirs()
			return nil, fmt.Errorf("socket pair to QEMU: %w", err)
		}
	}
	return l, nil
}

func (l *lines) open() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	l.theirs = append(l.theirs, os.NewFile(uintptr(fds[1]), "qemu"))
	ours := os.NewFile(uintptr(fds[0]), "vmtest")
	conn, err := net.FileConn(ours) // a duplicate, known to the poller
	if err == nil {
		l.ours = append(l.ours, conn)
	}
	return errors.Join(err, ours.Close())
}

// monitor is nil without one.
func (l *lines) monitor() *monitor {
	if len(l.ours) < 4 {
		return nil
	}
	return newMonitor(l.ours[3].(*net.UnixConn))
}

func (l *lines) closeOurs() {
	l.hangUp()
	for _, c := range l.ours {
		c.Close()
	}
}

// hangUp ends lines that QEMU never came to.
func (l *lines) hangUp() {
	for _, m := range l.met {
		m.Close()
	}
}

func (l *lines) closeTheirs() {
	for _, f := range l.theirs {
		f.Close()
	}
}

// tail keeps the end of what QEMU says on its standard error.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-longestLine):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
