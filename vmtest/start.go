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
	"sync"
	"time"

	"mimic/vmtest/internal/wire"

	"golang.org/x/sys/unix"
)

// firstFD is the number that QEMU sees for the first file we hand it.
const firstFD = 3

// start runs QEMU and everything that listens to it. The error is about the host: no memory, no
// descriptors.
func start(ctx context.Context, c Config, r Recipe) (*VM, error) {
	token := newToken()
	initrd, err := initramfs(c.Init, c.Args, c.Env, token, c.sharedAt())
	if err != nil {
		return nil, err
	}
	defer initrd.Close()
	lines, err := openLines()
	if err != nil {
		return nil, err
	}
	defer lines.closeTheirs()
	vm := newVM(r, lines.ours[1])
	vm.qemu = exec.Command(c.QEMU, append(commandFor(c, r).args(), c.extra...)...)
	vm.qemu.ExtraFiles = append([]*os.File{initrd}, lines.theirs...)
	if err := vm.share(c, token); err != nil {
		lines.closeOurs()
		return nil, err
	}
	vm.qemu.Stderr = &vm.stderr
	vm.command = vm.qemu.Args
	if err := startTied(vm.qemu); err != nil {
		lines.closeOurs()
		vm.shared.Close()
		return nil, fmt.Errorf("start %s: %w", c.QEMU, err)
	}
	vm.listen(ctx, lines, token)
	return vm, nil
}

// commandFor chooses the image: the unpacked kernel saves the guest the work of unpacking it.
func commandFor(c Config, r Recipe) command {
	kernel := c.Kernel.Image
	if c.Kernel.Vmlinux != "" && (r.Board == MicroVM || kernel == "") {
		kernel = c.Kernel.Vmlinux
	}
	var ram int
	if !c.serial {
		ram = firstFD + 4
	}
	return command{
		Recipe: r, CPUs: c.CPUs, MemoryMiB: c.MemoryMiB, Kernel: kernel,
		Initrd: firstFD, Console: firstFD + 1, Channel: firstFD + 2, Control: firstFD + 3, RAM: ram,
		KernelCommandLine: kernelCommandLine(r, tscKHz(), c.sharedAt(), c.Cmdline),
	}
}

func newVM(r Recipe, serial net.Conn) *VM {
	return &VM{
		recipe:  r,
		serial:  serial,
		channel: serial,
		console: newConsole(),
		started: time.Now(),
		ready:   make(chan struct{}),
		done:    make(chan struct{}),
	}
}

// listen starts the goroutines that live as long as QEMU.
func (vm *VM) listen(ctx context.Context, l *lines, token string) {
	var streams sync.WaitGroup
	// The console carries words too, from kernels that have no /dev/port.
	for _, s := range []struct {
		from net.Conn
		to   io.Writer
	}{
		{l.ours[0], io.MultiWriter(vm.console, &listener{token: token, hear: vm.hear})},
		{l.ours[2], &listener{token: token, hear: vm.hear}},
	} {
		streams.Go(func() {
			_, _ = io.Copy(s.to, s.from) // ends with QEMU
			s.from.Close()
		})
	}
	go vm.supervise(ctx, &streams)
}

// newToken is the secret by which a word of init is known to be one.
func newToken() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // documented never to fail
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

// lines are the socket pairs to QEMU: console, channel, control.
type lines struct {
	ours   []net.Conn
	theirs []*os.File
}

func openLines() (*lines, error) {
	l := &lines{}
	for range 3 {
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

func (l *lines) closeOurs() {
	for _, c := range l.ours {
		c.Close()
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
