package vmtest

import (
	"fmt"
	"strconv"
	"strings"

	"mimic/vmtest/internal/ring"
	"mimic/vmtest/internal/wire"
)

// Accelerators and boards that a Recipe combines.
const (
	KVM     = "kvm"     // the host's processor
	TCG     = "tcg"     // emulated processor
	MicroVM = "microvm" // no PCI, no ACPI: boots fastest, Debian's cloud kernels all do
	PC      = "pc"      // what every x86 kernel knows
	VNGQ35  = "vng q35" // what virtme-ng makes of QEMU's q35; only of the backend VNG
)

// Recipe is one way to boot: an accelerator and a board.
type Recipe struct{ Accel, Board string }

func (r Recipe) String() string { return r.Accel + " " + r.Board }

// channelBaud is a hundred times the speed that the guest thinks it has: the port hands over fewer
// bytes than fill its buffer after the time of four, which halves a round trip.
const channelBaud = "11520000"

// command is everything the command line of QEMU depends on. Files are descriptors, numbered as
// QEMU sees them, so nothing has to be cleaned up when a process is killed.
type command struct {
	arch              arch
	Recipe            Recipe
	CPUs, MemoryMiB   int
	Kernel            string // path of a bzImage or an ELF vmlinux
	Initrd            int
	Console, Channel  int
	Control           int
	RAM               int // 0 if nobody else sees it
	Monitor           int // 0 if nobody talks to QEMU
	Counted           bool
	KernelCommandLine string

	Files string // folder of the descriptors
	Meet  string // what names of sockets begin with where descriptors of sockets do not get to QEMU; "" if they do
}

// args is QEMU's command line without argv[0].
func (c command) args() []string {
	args := []string{
		"-M", c.machine(),
		"-accel", c.Recipe.Accel,
		"-cpu", c.cpu(),
		"-smp", strconv.Itoa(c.CPUs),
		"-m", strconv.Itoa(c.MemoryMiB),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
	}
	if c.RAM != 0 {
		args[1] += ",memory-backend=ram"
		args = append(args, c.ram()...)
	}
	if c.Monitor != 0 {
		args = append(append(args, c.socket("monitor", c.Monitor)...), "-mon", "chardev=monitor,mode=control")
	}
	if c.Counted {
		args = append(args, counted()...)
	}
	args = append(append(args, c.socket("console", c.Console)...), "-serial", "chardev:console")
	return append(append(args, c.devices()...), "-kernel", c.Kernel, "-append", c.KernelCommandLine)
}

// devices are the arguments for what every backend has: the lines to the guest, and its root file system.
func (c command) devices() []string {
	args := append(c.socket("channel", c.Channel), c.socket("control", c.Control)...)
	args = append(args, c.arch.channel...)
	if c.arch.ports {
		args = append(args, ports()...)
	}
	return append(args, "-initrd", c.file(c.Initrd))
}

// ports are the devices behind I/O ports.
func ports() []string {
	return []string{
		"-device", fmt.Sprintf("isa-debugcon,chardev=control,iobase=%#x", wire.ControlPort),
		"-device", fmt.Sprintf("isa-debug-exit,iobase=%#x,iosize=4", wire.ExitPort),
	}
}

// ram is the memory of the guest as a file that others map, too.
func (c command) ram() []string {
	return []string{"-object", fmt.Sprintf("memory-backend-file,id=ram,size=%dM,share=on,mem-path=%s", c.MemoryMiB, c.file(c.RAM))}
}

// file is the path of a descriptor.
func (c command) file(fd int) string { return fmt.Sprintf("%s/%d", c.Files, fd) }

// machine chooses the smallest board that will do. Without ACPI the microvm boots a tenth faster,
// but Debian's kernels then find one processor and tick with the PIT.
func (c command) machine() string {
	switch {
	case c.Recipe.Board != MicroVM:
		return c.Recipe.Board
	case c.Recipe.Accel == KVM || c.CPUs > 1:
		return "microvm,isa-serial=on,rtc=on"
	}
	return "microvm,pit=on,pic=on,isa-serial=on,rtc=on,acpi=off"
}

func (c command) cpu() string {
	if c.Recipe.Accel == KVM {
		return "host"
	}
	return c.arch.cpu
}

func (c command) socket(id string, fd int) []string {
	if c.Meet != "" {
		return []string{"-chardev", "socket,id=" + id + ",abstract=on,path=" + c.Meet + id}
	}
	return []string{"-chardev", fmt.Sprintf("socket,id=%s,fd=%d", id, fd)}
}

// kernelCommandLine joins what a recipe needs with what the caller wants; the caller's parameters
// come last, so they win. tscKHz is the rate of the host's time stamp counter, 0 if unknown: an
// emulated processor counts with it, and measuring it in there takes a third of a second.
func kernelCommandLine(c Config, r Recipe, tscKHz int) string {
	a := archOf(c.Kernel.Arch)
	words := append([]string{"console=" + a.console, "panic=-1", "oops=panic"}, a.parameters...)
	if c.Counted {
		tscKHz = countedKHz
	}
	if r.Board != PC { // Warnings are of level 4, and quiet would hide them.
		words = append(words, "loglevel=5", "cryptomgr.notests")
	}
	if r.Board == MicroVM && r.Accel == TCG && tscKHz > 0 {
		words = append(words, fmt.Sprintf("tsc_early_khz=%d", tscKHz))
	}
	if shared := c.sharedAt(); shared != 0 {
		words = append(words, fmt.Sprintf(a.aside, ring.Size, shared, sharedOffset(c.MemoryMiB)))
	}
	if !c.OwnGracePeriods {
		words = append(words, "rcupdate.rcu_expedited=1")
	}
	if c.Counted {
		words = append(words, countedParameters...)
	}
	return strings.Join(append(words, c.Cmdline...), " ")
}
