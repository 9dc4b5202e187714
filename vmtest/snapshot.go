package vmtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"mimic/vmtest/internal/wire"

	"golang.org/x/sys/unix"
)

// Snapshot is a guest at a moment at which it stood still; each guest that Resume makes goes on from
// there. It is all in memory, but for the RAM of a Start.
type Snapshot struct {
	machine *machine
	ram     *os.File
	pieces  []piece  // of a file with the RAM; nil if it is the RAM
	path    string   // of that file
	state   *os.File // of the devices
	console string   // what the kernel had printed
}

// Keep keeps a guest that waits to be written to, as it is, and lets it go on: for many that begin like
// it, each in a fraction of the time of a boot. Nobody may read or write meanwhile. The error says what
// QEMU refused, or that the guest shares no memory; the guest is of no use then.
func (vm *VM) Keep() (*Snapshot, error) {
	if err := vm.CanBeKept(); err != nil {
		return nil, err
	}
	if _, err := vm.monitor.do("stop", nil); err != nil {
		return nil, fmt.Errorf("keep a guest: %w", err)
	}
	stood, err := vm.keep()
	if err != nil {
		return nil, fmt.Errorf("keep a guest: %w", err)
	}
	defer stood.ram.Close() // the guest's own, in which it goes on
	s := &Snapshot{state: stood.state, console: vm.Console()}
	if s.ram, err = stood.copyRAM(); err == nil {
		s.machine, err = stood.machine.another()
	}
	vm.machine = stood.machine
	if err == nil {
		_, err = vm.monitor.do("cont", nil)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("keep a guest: %w", err), s.Close())
	}
	return s, nil
}

// CanBeKept says what Keep and Snapshot lack, if anything.
func (vm *VM) CanBeKept() error {
	if vm.monitor == nil {
		return fmt.Errorf("keep a guest: nobody but %s talks to its QEMU's monitor", vm.command[0])
	}
	if vm.machine == nil || vm.shared == nil || vm.channel != channel(vm.shared) {
		return fmt.Errorf("keep a guest: it is one of a snapshot itself, or its kernel lets nobody map memory (CONFIG_DEVMEM, s390x)")
	}
	if a := archOf(vm.machine.config.Kernel.Arch); a.timeless {
		return fmt.Errorf("keep a guest: %s does not restore the timers of %s", vm.command[0], a.name)
	}
	return nil
}

// Snapshot waits until a guest of a Config that is Counted has called guest.Hold, keeps it, and ends it:
// everything it did later, it does again in each guest that Resume makes, instruction by instruction.
// The error says what QEMU refused, or that the guest does not stop itself;
// it is ErrDrifted if another try is worth it.
func (vm *VM) Snapshot() (*Snapshot, error) {
	if err := vm.CanBeKept(); err != nil {
		return nil, err
	}
	if !vm.machine.config.Counted {
		return nil, fmt.Errorf("keep a guest that calls guest.Hold: its instructions are not counted")
	}
	if err := vm.monitor.awaitStop(); err != nil {
		return nil, fmt.Errorf("keep a guest that calls guest.Hold: %w", err)
	}
	s, err := vm.keep()
	if err == nil {
		err = s.checkClock()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("keep a guest: %w", err), s.Close())
	}
	vm.Kill("it was kept")
	<-vm.done
	return s, nil
}

// keep takes what a guest that stands still is made of.
func (vm *VM) keep() (*Snapshot, error) {
	ram, err := duplicate(vm.shared.ram)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{ram: ram}
	if s.state, err = memfile("state"); err == nil {
		err = vm.monitor.migrate("migrate", s.state)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.machine, vm.machine = vm.machine, nil
	return s, nil
}

// ErrDrifted is that of a guest whose clock went on after it had stopped itself: another boot will do.
// QEMU's main loop may take a processor that stops for one that sleeps, and let the time up to the next
// timer pass: where both have a processor of the host in more than half of the boots, on one in few.
var ErrDrifted = errors.New("the clock of the guest went on while nothing worked")

// clockMark is before two numbers of 64 bits in the state of the devices: the nanoseconds in which nothing
// worked, and the instructions.
const clockMark = "timer/icount\x00\x00\x00\x01"

// checkClock errs if time passed without instructions.
func (s *Snapshot) checkClock() error {
	text := make([]byte, stateSize)
	n, err := s.state.ReadAt(text, 0)
	if err != nil && err != io.EOF {
		return err
	}
	_, clock, found := bytes.Cut(text[:n], []byte(clockMark))
	if !found || len(clock) < 8 {
		return fmt.Errorf("QEMU's state of the devices has no %q: it is not of version 7.2 or near", clockMark)
	}
	if binary.BigEndian.Uint64(clock) != 0 {
		return ErrDrifted
	}
	return nil
}

// stateSize is more than the state takes.
const stateSize = 1 << 20

func duplicate(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("another descriptor of %s: %w", f.Name(), err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// Resume makes a guest that goes on where the snapshot was made. Before it does, tell is called with
// it: what is read then is all that the guest had written, and what is written the guest finds there.
// What is written later it finds at a moment that nobody can repeat. When ctx ends, so does the guest.
func (s *Snapshot) Resume(ctx context.Context, tell func(*VM) error) (*VM, error) {
	ram, err := s.copyRAM()
	if err != nil {
		return nil, err
	}
	shared, err := openSharedLine(ram, s.machine.config.MemoryMiB)
	if err != nil {
		return nil, err
	}
	shared.line.Reread()
	vm, err := s.machine.run(ctx, shared, "-incoming", "defer")
	if err != nil {
		return nil, err
	}
	vm.before = s.console
	vm.readyOnce.Do(func() { vm.isReady([]string{wire.Memory}) })
	if err := s.set(vm, tell); err != nil {
		vm.Kill("it could not be resumed")
		end := vm.Wait(ctx)
		return nil, errors.Join(fmt.Errorf("resume a guest: %w; %s %s", err, end, vm.stderr.String()), vm.Close())
	}
	return vm, nil
}

// set puts a machine into the state, and lets it go.
func (s *Snapshot) set(vm *VM, tell func(*VM) error) error {
	if err := vm.monitor.migrate("migrate-incoming", s.state); err != nil {
		return err
	}
	if err := tell(vm); err != nil {
		return err
	}
	_, err := vm.monitor.do("cont", nil)
	return err
}

// copyRAM copies what is not zero of the RAM.
func (s *Snapshot) copyRAM() (*os.File, error) {
	pieces, err := s.data()
	if err != nil {
		return nil, fmt.Errorf("copy the memory of a guest: %w", err)
	}
	ram, err := newRAM(s.machine.config.MemoryMiB)
	if err != nil {
		return nil, err
	}
	buffer := make([]byte, copyBuffer)
	for _, p := range pieces {
		if err := p.copy(ram, s.ram, buffer); err != nil {
			ram.Close()
			return nil, fmt.Errorf("copy the memory of a guest: %w", err)
		}
	}
	return ram, nil
}

// data is where what is not zero of the RAM is.
func (s *Snapshot) data() (pieces []piece, err error) {
	if s.pieces != nil {
		return s.pieces, nil
	}
	for at := int64(0); ; {
		begin, end, err := nextData(s.ram, at)
		switch {
		case err == unix.ENXIO:
			return pieces, nil
		case err != nil:
			return nil, err
		}
		pieces = append(pieces, piece{At: begin, From: begin, Size: end - begin})
		at = end
	}
}

// nextData is where the next data of a sparse file are; ENXIO says that there are no more.
func nextData(f *os.File, at int64) (begin, end int64, err error) {
	if begin, err = unix.Seek(int(f.Fd()), at, unix.SEEK_DATA); err != nil {
		return 0, 0, err
	}
	end, err = unix.Seek(int(f.Fd()), begin, unix.SEEK_HOLE)
	return begin, end, err
}

// Close gives the memory back. Guests that were resumed live on.
func (s *Snapshot) Close() error {
	if s == nil {
		return nil
	}
	var err error
	if s.state != nil {
		err = s.state.Close()
	}
	if s.ram != nil {
		err = errors.Join(err, s.ram.Close())
	}
	return errors.Join(err, s.machine.Close())
}

// another is the same machine, with descriptors of its own.
func (m *machine) another() (*machine, error) {
	initrd, err := duplicate(m.initrd)
	if err != nil {
		return nil, err
	}
	same := *m
	same.initrd = initrd
	return &same, nil
}

// Close gives back what only another start would need. A nil machine has nothing.
func (m *machine) Close() error {
	if m == nil || m.initrd == nil {
		return nil
	}
	return m.initrd.Close()
}
