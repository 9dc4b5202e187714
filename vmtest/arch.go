package vmtest

import (
	"debug/elf"
	"encoding/binary"
	"regexp"
	"runtime"
	"strings"
	"time"

	"mimic/vmtest/internal/wire"
)

// usualArch is the architecture of whatever names none.
const usualArch = "amd64"

// anyArch is what the image says.
const anyArch = "any"

// arch is what differs between the architectures that kernels are for, and between QEMU's machines for them.
type arch struct {
	name    string         // as Go has it
	debian  string         // as Debian's archive has it
	flavour *regexp.Regexp // of Debian's kernels the one that is taken: the names of its packages
	elf     elf.Machine    // of its kernels
	order   binary.ByteOrder
	pvh     bool     // QEMU finds the entry of an ELF kernel in a note
	runs32  string   // the architecture of 32 bits whose programs its kernels run as well, as Go has it
	qemu    string   // the program
	setup   string   // what scripts/setup.sh is to be told to install it
	boards  []string // that its kernels boot on, fastest first
	cpu     string   // that is emulated
	console string   // the kernel's name of the first serial port

	ports      bool     // there are I/O ports, and what we have behind them: words to us, and the end
	channel    []string // the device that bytes travel on where a guest shares no memory; none: it must share it
	secret     bool     // its kernels let nobody map memory
	timeless   bool     // QEMU (7.2) does not restore its timers: its guests are not kept, as a restored one idles for ever
	ram        int64    // the address at which memory begins
	memoryMiB  int      // a guest has at least
	aside      string   // the parameter that keeps a kernel out of memory: of its size and address
	parameters []string // of its kernels
}

// flavour matches the names of the packages with the kernels of a flavour.
func flavour(name string) *regexp.Regexp {
	return regexp.MustCompile(`^linux-(image|binary)-(unsigned-)?\d[\w.+~]*(-rc\d+)?(-\d[\w.+~]*)?-` + name + `(-unsigned)?$`)
}

// Parameters of kernels for x86. Without reboot=t a kernel without ACPI tries other ways to restart for three seconds;
// some configurations look for one serial port if they are not told to look for more.
var x86Parameters = []string{"reboot=t", "no_timer_check", "8250.nr_uarts=4"}

// How kernels are kept out of memory that we use: of x86 out of a piece, the others out of all that is behind.
const (
	asidePiece = "memmap=%#[1]x$%#[2]x"
	asideRest  = "mem=%[3]d"
)

// uart is a second serial port.
var uart = []string{"-device", "isa-serial,chardev=channel,index=1,baudbase=" + channelBaud}

// arches lists them, the usual one first.
var arches = []arch{
	{name: usualArch, debian: "amd64", flavour: flavour("cloud-amd64"), elf: elf.EM_X86_64, order: binary.LittleEndian, pvh: true, runs32: "386",
		qemu: "qemu-system-x86_64", boards: []string{MicroVM, PC}, cpu: "qemu64,+rdrand", console: "ttyS0",
		ports: true, channel: uart, aside: asidePiece, parameters: x86Parameters},
	{name: "arm64", debian: "arm64", flavour: flavour("cloud-arm64"), elf: elf.EM_AARCH64, order: binary.LittleEndian,
		qemu: "qemu-system-aarch64", setup: "arches", boards: []string{"virt"}, cpu: "neoverse-n1", console: "ttyAMA0",
		ram: 1 << 30, aside: asideRest},
	{name: "s390x", debian: "s390x", flavour: flavour("s390x"), elf: elf.EM_S390, order: binary.BigEndian,
		qemu: "qemu-system-s390x", setup: "arches", boards: []string{"s390-ccw-virtio"}, cpu: "max", console: "ttysclp0",
		channel: []string{"-device", "virtio-serial-ccw", "-device", "virtserialport,chardev=channel,name=" + wire.PortName}, secret: true},
	{name: "riscv64", debian: "riscv64", flavour: flavour("riscv64"), elf: elf.EM_RISCV, order: binary.LittleEndian,
		qemu: "qemu-system-riscv64", setup: "arches", boards: []string{"virt"}, cpu: "rv64", console: "ttyS0",
		timeless: true, ram: 2 << 30, aside: asideRest},
	{name: "ppc64le", debian: "ppc64el", flavour: flavour("powerpc64le"), elf: elf.EM_PPC64, order: binary.LittleEndian,
		qemu: "qemu-system-ppc64", setup: "arches", boards: []string{"pseries"}, cpu: "power9", console: "hvc0",
		memoryMiB: 512, aside: asideRest},
	{name: "386", debian: "i386", flavour: flavour("686-pae"), elf: elf.EM_386, order: binary.LittleEndian, pvh: true,
		qemu: "qemu-system-x86_64", boards: []string{MicroVM, PC}, cpu: "qemu64,+rdrand", console: "ttyS0",
		ports: true, channel: uart, aside: asidePiece, parameters: x86Parameters},
}

// archOf is the architecture of a name; "" is the usual one. There is one for every name that knownArch knows.
func archOf(name string) arch {
	for _, a := range arches {
		if a.name == name {
			return a
		}
	}
	return arches[0]
}

// elfArch is the architecture of an ELF file; nil if it is none of ours.
func elfArch(f *elf.File) *arch {
	for i, a := range arches {
		if a.elf == f.Machine && a.order == f.ByteOrder {
			return &arches[i]
		}
	}
	return nil
}

// field is how a Kernel has it.
func (a arch) field() string {
	if a.name == usualArch {
		return ""
	}
	return a.name
}

func knownArch(name string) bool { return archOf(name).name == name }

// archNames is what people can write, for messages.
func archNames() string {
	var names []string
	for _, a := range arches {
		names = append(names, a.name)
	}
	return strings.Join(names, ", ")
}

// runs says whether its kernels run the programs of an ELF file.
func (a arch) runs(f *elf.File) bool {
	of := elfArch(f)
	return of != nil && (of.name == a.name || of.name == a.runs32)
}

// native says whether KVM may run its kernels here.
func (a arch) native() bool { return a.name == usualArch && runtime.GOARCH == usualArch }

// readyTimeout is the time that its guests have to become ready.
func (a arch) readyTimeout() time.Duration {
	if a.ports {
		return DefaultReadyTimeout
	}
	return otherReadyTimeout
}

// installs is the command that installs its QEMU.
func (a arch) installs() string { return strings.TrimSpace("scripts/setup.sh " + a.setup) }
