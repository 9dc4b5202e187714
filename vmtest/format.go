package vmtest

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// image is what the file of a kernel turned out to be.
type image struct {
	arch    string // as a Kernel has it
	version string // the upstream release; "" if it does not say
	elf     bool   // the file, or what was packed in it, is an ELF kernel
	packed  bool   // QEMU does not take the file as it is
	code    []byte // what was unpacked, and is better to boot, or all that boots
}

// readImage finds out what a file is. If it is nothing to boot, the error is an *ImageError.
func readImage(path string, data []byte) (image, error) {
	plain, packed, err := unwrap(path, data)
	if err != nil {
		return image{}, err
	}
	i, err := readPlain(path, plain)
	if i.packed = packed; packed {
		i.code = plain
	}
	return i, err
}

// readPlain is readImage for a file that is not packed as a whole.
func readPlain(path string, data []byte) (image, error) {
	if bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
		if err := checkELF(path, data); err != nil {
			return image{}, err
		}
		f, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			return image{}, err
		}
		return image{arch: elfArch(f).field(), version: elfVersion(data), elf: true}, nil
	}
	for _, m := range magics {
		if end := m.at + len(m.text); len(data) >= end && string(data[m.at:end]) == m.text {
			return image{arch: m.arch, version: elfVersion(data)}, m.check(path, data)
		}
	}
	if err := checkBzImage(path, data); err != nil {
		return image{}, err
	}
	i := image{version: bzImageVersion(data)}
	if data[offLoadFlags]&is64Bit == 0 {
		i.arch = "386"
	}
	code, err := unpackBzImage(data)
	if err == nil && checkELF(path, code) == nil {
		i.code = code
	}
	return i, corrupt(path, err)
}

// Of a bzImage: byte and bit that say that its kernel is one of 64 bits.
const (
	offLoadFlags = 0x236
	is64Bit      = 1
)

// magics are the marks of images that are neither ELF nor bzImage.
var magics = []struct {
	arch  string
	at    int
	text  string
	check func(path string, data []byte) error
}{
	{"arm64", 0x38, "ARM\x64", flatLen},
	{"riscv64", 0x38, "RSC\x05", flatLen},
	{"s390x", 0x10008, "S390EP", func(string, []byte) error { return nil }},
}

// flatLen finds out whether an image for arm64 or riscv64 was cut off: with what the kernel clears when
// it starts it takes the size in its header, and that is more than the file by an amount that nobody says.
// A file of a quarter of it is no kernel.
func flatLen(path string, data []byte) error {
	if want := int(binary.LittleEndian.Uint64(data[16:])); len(data) < want/4 {
		return truncated(path, len(data), want)
	}
	return nil
}

// Of an EFI image that unpacks itself, which QEMU does not start.
const (
	zbootMagic   = "zimg" // at byte 4
	offZbootAt   = 8
	offZbootLen  = 12
	offZbootKind = 24
)

// unwrap unpacks an image that is packed as a whole.
func unwrap(path string, data []byte) (plain []byte, packed bool, err error) {
	if len(data) > offZbootKind+8 && string(data[4:8]) == zbootMagic {
		at, size := int(binary.LittleEndian.Uint32(data[offZbootAt:])), int(binary.LittleEndian.Uint32(data[offZbootLen:]))
		if at+size > len(data) {
			return nil, false, truncated(path, len(data), at+size)
		}
		data, packed = data[at:at+size], true
	}
	var r io.Reader
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		r, err = gzip.NewReader(bytes.NewReader(data))
	case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		r, err = zstd.NewReader(bytes.NewReader(data))
	case packed:
		return nil, false, &ImageError{path, "it is packed in a way that is not known here, so give the unpacked image (Image)"}
	default:
		return data, false, nil
	}
	if err == nil {
		plain, err = io.ReadAll(r)
	}
	if err != nil {
		return nil, false, &ImageError{path, fmt.Sprintf("it is packed, and does not unpack: %v", err)}
	}
	return plain, true, nil
}

// place says in a Kernel where an image is: the file itself, and what was unpacked of it.
func (i image) place(k *Kernel, path, unpacked string) {
	setDefault(&k.Version, i.version)
	switch {
	case i.packed && i.elf:
		k.Vmlinux = unpacked
	case i.packed:
		k.Image = unpacked
	case i.elf:
		k.Vmlinux = path
	default:
		k.Image = path
		if i.code != nil {
			k.Vmlinux = unpacked
		}
	}
}
