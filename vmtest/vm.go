package vmtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"mimic/vmtest/internal/wire"
)

// afterPanic is how long a kernel that has panicked may take to leave QEMU by itself.
const afterPanic = 3 * time.Second

// VM is a running guest. Read and Write are the byte channel to its init. Every method may be
// called from any goroutine.
type VM struct {
	recipe   Recipe
	command  []string
	qemu     *exec.Cmd
	started  time.Time
	serial   net.Conn
	channel  channel
	shared   *sharedLine // nil if the guest's memory is its own
	monitor  *monitor    // nil if the guest's memory is its own
	machine  *machine    // what a snapshot can be made of; nil if one was, or this guest is of one
	before   string      // what the kernel printed before the snapshot that this guest is of
	console  *console
	printing *stream // to the console
	stderr   tail

	ready     chan struct{} // closed when init has called guest.Open
	readyOnce sync.Once
	closing   sync.Once
	closed    error         // of the first Close
	done      chan struct{} // closed when end is final

	mu      sync.Mutex
	goodbye *int
	killed  *End
	end     End
}

var _ io.ReadWriteCloser = (*VM)(nil)

// channel is what bytes travel on: the socket of the serial port until the guest has said that it
// uses memory.
type channel interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
	SetReadDeadline(time.Time) error
}

var _, _ channel = net.Conn(nil), (*sharedLine)(nil)

// Mode is "kvm" or "tcg".
func (vm *VM) Mode() string { return vm.recipe.Accel }

// Recipe is the way in which this guest was booted.
func (vm *VM) Recipe() Recipe { return vm.recipe }

// Command is the command line of QEMU. Its file descriptors exist only in that process.
func (vm *VM) Command() []string { return append([]string{}, vm.command...) }

// PID is the process id of QEMU, or of vng, with which QEMU ends.
func (vm *VM) PID() int { return vm.qemu.Process.Pid }

// Console is what the kernel printed so far, of a guest of a Snapshot before that, too: the first 64 KiB,
// and at least the last 256 KiB.
func (vm *VM) Console() string { return vm.before + vm.console.String() }

// Done is closed when the guest has ended; Wait then answers at once.
func (vm *VM) Done() <-chan struct{} { return vm.done }

// Read reads what init wrote. When the guest is gone and all it said is read, it is io.EOF.
func (vm *VM) Read(p []byte) (int, error) {
	n, err := vm.channel.Read(p)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		err = io.EOF
	}
	return n, err
}

// Write sends bytes to init, see MaxOutstanding. It blocks while the guest does not take them,
// and fails when the guest is gone.
func (vm *VM) Write(p []byte) (int, error) {
	n, err := vm.channel.Write(p)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("write to the guest: it is gone: %w", err)
	}
	return n, err
}

// SetDeadline makes reads and writes fail with os.ErrDeadlineExceeded from t on.
func (vm *VM) SetDeadline(t time.Time) error { return vm.channel.SetDeadline(t) }

// SetReadDeadline makes reads fail with os.ErrDeadlineExceeded from t on.
func (vm *VM) SetReadDeadline(t time.Time) error { return vm.channel.SetReadDeadline(t) }

// Wait waits until the guest has ended and says how. When ctx ends first, it kills the guest: it
// hung if that was a deadline, it was stopped if ctx was cancelled. A guest cannot end while it has
// more to say than fits between it and Read, some 100 KiB, so read on until io.EOF.
func (vm *VM) Wait(ctx context.Context) End {
	select {
	case <-vm.done:
	case <-ctx.Done():
		vm.kill(endOf(ctx, vm.started))
		<-vm.done
	}
	vm.mu.Lock()
	defer vm.mu.Unlock()
	return vm.end
}

// Kill ends the guest at once, without waiting. why becomes part of End.Reason.
func (vm *VM) Kill(why string) { vm.kill(End{Kind: Stopped, Reason: why}) }

// Close kills the guest if it still runs and releases everything. QEMU is gone when it returns.
func (vm *VM) Close() error {
	vm.Kill("closed by the caller")
	<-vm.done
	vm.closing.Do(func() {
		vm.closed = errors.Join(vm.serial.Close(), vm.monitor.Close(), vm.machine.Close(), vm.shared.Close())
	})
	return vm.closed
}

// endOf is the end of a guest that a context cut off.
func endOf(ctx context.Context, started time.Time) End {
	after := fmt.Sprintf("%.1fs after the start", time.Since(started).Seconds())
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return End{Kind: Hung, Reason: "no end by the deadline, " + after}
	}
	return End{Kind: Stopped, Reason: "cancelled " + after}
}

// kill ends QEMU; the first reason stays.
func (vm *VM) kill(why End) {
	vm.mu.Lock()
	defer vm.mu.Unlock()
	if vm.killed == nil {
		vm.killed = &why
	}
	if vm.qemu.Process.Signal(syscall.Signal(0)) == nil { // its number is not another's yet
		_ = syscall.Kill(-vm.qemu.Process.Pid, syscall.SIGKILL) // the group: there may be others between us and QEMU
	}
}

// awaitReady waits for guest.Open; when it does not come in time, the guest is killed. A kernel that
// has complained by then is not ready either.
func (vm *VM) awaitReady(patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-vm.ready:
		return vm.Quiet()
	case <-vm.done:
		return false
	case <-timer.C:
		vm.kill(End{Kind: Hung, Reason: fmt.Sprintf("init was not ready after %v", patience)})
		return false
	}
}

// neverRan says whether QEMU complained and left before the kernel said anything.
func (vm *VM) neverRan() bool { return vm.console.silent() && vm.stderr.String() != "" }

// isReady notes that init is there, and what it uses as the channel.
func (vm *VM) isReady(with []string) {
	if vm.shared != nil && len(with) == 1 && with[0] == wire.Memory {
		vm.channel = vm.shared
	}
	close(vm.ready)
}

// hear takes a word of init.
func (vm *VM) hear(words []string) {
	switch {
	case len(words) > 0 && words[0] == wire.Ready:
		vm.readyOnce.Do(func() { vm.isReady(words[1:]) })
	case len(words) == 2 && words[0] == wire.Exit:
		if code, err := strconv.Atoi(words[1]); err == nil {
			vm.mu.Lock()
			vm.goodbye = &code
			vm.mu.Unlock()
		}
	}
}

// supervise watches a started QEMU until everything is known about its end.
func (vm *VM) supervise(ctx context.Context, streams *sync.WaitGroup, l *lines) {
	ended := make(chan struct{})
	go vm.cutOff(ctx, ended)
	_ = vm.qemu.Wait() // its status is in ProcessState
	l.hangUp()
	streams.Wait()
	close(ended)
	vm.console.finish()
	vm.mu.Lock()
	vm.end = judge(vm.evidence())
	vm.mu.Unlock()
	close(vm.done)
}

// cutOff kills the guest when ctx ends, when the kernel complains of what nothing allows, or when
// it has panicked and does not leave.
func (vm *VM) cutOff(ctx context.Context, ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			vm.kill(endOf(ctx, vm.started))
			return
		case <-vm.console.panicked:
			if !pause(ended, afterPanic) {
				vm.kill(End{Kind: Panicked, Reason: "the kernel panicked and did not leave"})
			}
			return
		case <-vm.console.noticed:
			vm.awaitReport(ended)
			if s, bad := vm.console.settle(); bad {
				vm.kill(End{Kind: Splatted, Reason: s.String()})
			}
		}
	}
}

// pause waits, and says whether the guest has ended meanwhile.
func pause(ended <-chan struct{}, d time.Duration) bool {
	select {
	case <-ended:
		return true
	case <-time.After(d):
		return false
	}
}

// awaitReport waits until a report on the console is complete.
func (vm *VM) awaitReport(ended <-chan struct{}) {
	for start, before := time.Now(), -1; time.Since(start) < reportLimit; {
		now := vm.console.printed()
		if now == before || pause(ended, reportPause) {
			return
		}
		before = now
	}
}

// Quiet says whether the kernel has not complained of anything that Config.Allowed does not accept.
// What it printed before it said something else has been looked at then. It waits for the end of a
// report that is being printed, and for nothing else. A guest that is not
// quiet is being killed, and ends Splatted unless it finds a worse end.
func (vm *VM) Quiet() bool {
	vm.printing.drain()
	s, reporting := vm.console.complaint()
	if reporting != nil {
		select {
		case <-reporting:
		case <-vm.done:
		}
		s, _ = vm.console.complaint()
	}
	return s == Splat{}
}

// evidence collects what judge needs; the caller holds mu.
func (vm *VM) evidence() evidence {
	splat, _ := vm.console.settle()
	return evidence{
		goodbye: vm.goodbye,
		crash:   vm.console.seen(),
		splat:   splat,
		last:    vm.console.lastLine(),
		killed:  vm.killed,
		status:  vm.qemu.ProcessState.String(),
		stderr:  strings.TrimSpace(vm.stderr.String()),
		lived:   time.Since(vm.started),
	}
}
