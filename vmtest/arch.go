package vmtest

import (
	"debug/elf"
	"encoding/binary"
	"regexp"
	"strings"
)

// usualArch is the architecture of whatever names none.
const usualArch = "amd64"

// anyArch is what the image says.
const anyArch = "any"

// arch is what differs between the architectures that kernels are for, and where QEMU has machines for them.
type arch struct {
	name    string         // as Go has it
	debian  string         // as Debian's archive has it
	flavour *regexp.Regexp // of Debian's kernels the one that is taken: the names of its packages
	elf     elf.Machine    // of its kernels
	order   binary.ByteOrder
	pvh     bool // QEMU finds the entry of an ELF kernel in a note
}

// flavour matches the names of the packages with the kernels of a flavour.
func flavour(name string) *regexp.Regexp {
	return regexp.MustCompile(`^linux-(image|binary)-(unsigned-)?\d[\w.+~]*(-rc\d+)?(-\d[\w.+~]*)?-` + name + `(-unsigned)?$`)
}

// arches lists them, the usual one first.
var arches = []arch{
	{name: usualArch, debian: "amd64", flavour: flavour("cloud-amd64"),
		elf: elf.EM_X86_64, order: binary.LittleEndian, pvh: true},
	{name: "arm64", debian: "arm64", flavour: flavour("cloud-arm64"),
		elf: elf.EM_AARCH64, order: binary.LittleEndian},
	{name: "s390x", debian: "s390x", flavour: flavour("s390x"),
		elf: elf.EM_S390, order: binary.BigEndian},
	{name: "riscv64", debian: "riscv64", flavour: flavour("riscv64"),
		elf: elf.EM_RISCV, order: binary.LittleEndian},
	{name: "ppc64le", debian: "ppc64el", flavour: flavour("powerpc64le"),
		elf: elf.EM_PPC64, order: binary.LittleEndian},
	{name: "386", debian: "i386", flavour: flavour("686-pae"),
		elf: elf.EM_386, order: binary.LittleEndian, pvh: true},
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
