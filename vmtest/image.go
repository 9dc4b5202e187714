package vmtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/u-root/u-root/pkg/boot/bzimage"
)

// ImageError says why a file cannot be booted.
type ImageError struct{ Path, Reason string }

func (e *ImageError) Error() string { return "kernel image " + e.Path + ": " + e.Reason }

// FromFile makes a Kernel of a bzImage or of an ELF vmlinux that has a PVH entry. What is
// unpacked goes to the cache directory; "" is CacheDir(). If the file is not something to boot,
// the error is an *ImageError.
func FromFile(path, cache string) (Kernel, error) {
	setDefault(&cache, CacheDir())
	data, err := os.ReadFile(path)
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel image: %w", err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return Kernel{}, err
	}
	k := Kernel{Name: filepath.Base(path), SHA256: digest(data), ConfigPath: configBeside(path)}
	if bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
		k.Vmlinux, k.Version = path, elfVersion(data)
		return k, checkELF(path, data)
	}
	if err := checkBzImage(path, data); err != nil {
		return Kernel{}, err
	}
	k.Image, k.Version = path, bzImageVersion(data)
	k.Vmlinux, err = unpackImage(path, data, cache, k.SHA256)
	return k, err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// configBeside is the config-* that belongs to a vmlinuz-* as /boot names them, or .config in the
// top of the build tree that an image is in.
func configBeside(path string) string {
	dir, name := filepath.Split(path)
	places := []string{filepath.Join(dir, ".config"), filepath.Join(dir, "../../../.config")}
	if version, ok := strings.CutPrefix(name, "vmlinuz-"); ok {
		places = []string{filepath.Join(dir, "config-"+version)}
	}
	for _, p := range places {
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			return p
		}
	}
	return ""
}

// Offsets in the header of a bzImage; Documentation/arch/x86/boot.rst names them.
const (
	offSetupSects = 0x1f1 // sectors of real-mode code, without the first
	offSysSize    = 0x1f4 // size of the protected-mode code, in units of 16 bytes
	offMagic      = 0x202
	offVersion    = 0x20e // offset of the version's text - 0x200
	offPayload    = 0x248 // offset of the compressed kernel in the protected-mode code
	offPayloadLen = 0x24c
	headerLen     = 0x268
	headerMagic   = "HdrS"
	sectorLen     = 512
	sysSizeUnit   = 16
)

// checkBzImage reads the header, so that a wrong or cut file is found before QEMU hangs on it.
func checkBzImage(path string, data []byte) error {
	if len(data) < headerLen {
		return &ImageError{path, fmt.Sprintf("not a kernel: it has only %s bytes", group(len(data)))}
	}
	if magic := string(data[offMagic : offMagic+4]); magic != headerMagic {
		return &ImageError{path, fmt.Sprintf("not a kernel: it does not start like an ELF file, and at "+
			"byte %#x, where a bzImage has %s, it has %q", offMagic, headerMagic, magic)}
	}
	if want := bzImageLen(data); len(data) < want {
		return truncated(path, len(data), want)
	}
	return nil
}

func truncated(path string, got, want int) error {
	return &ImageError{path, fmt.Sprintf("image is truncated: %s bytes, its header says %s",
		group(got), group(want))}
}

// bzImageLen is the size that the header gives: real-mode sectors and protected-mode code.
func bzImageLen(data []byte) int {
	le := binary.LittleEndian
	setup := int(data[offSetupSects])
	if setup == 0 {
		setup = 4 // says the boot protocol
	}
	code := (1 + setup) * sectorLen
	size := code + int(le.Uint32(data[offSysSize:]))*sysSizeUnit
	start := code + int(le.Uint32(data[offPayload:]))
	return max(size, start+int(le.Uint32(data[offPayloadLen:])))
}

// bzImageVersion reads the text that file(1) shows.
func bzImageVersion(data []byte) string {
	at := int(binary.LittleEndian.Uint16(data[offVersion:])) + 0x200
	if at == 0x200 || at >= len(data) {
		return ""
	}
	text, _, _ := bytes.Cut(data[at:min(len(data), at+256)], []byte{0})
	return bannerVersion(text)
}

var banner = regexp.MustCompile(`Linux version (\d[^\x00\n]+)`)

// elfVersion finds the banner that the kernel prints first.
func elfVersion(data []byte) string {
	if m := banner.FindSubmatch(data); m != nil {
		return bannerVersion(m[1])
	}
	return ""
}

var (
	release       = regexp.MustCompile(`^\d+\.\d+(\.\d+)?(-rc\d+)?`)
	debianRelease = regexp.MustCompile(` Debian (\d\S+)`)
)

// bannerVersion is the upstream release in a banner, without what a distributor or a developer
// adds to it. Debian's release is that of the module interface, 5.10.0-46; the version of the
// package follows later.
func bannerVersion(banner []byte) string {
	if m := debianRelease.FindSubmatch(banner); m != nil {
		return upstreamVersion(string(m[1]))
	}
	return string(release.Find(banner))
}

// group writes a number with commas between its thousands.
func group(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// checkELF finds out whether QEMU can start an ELF kernel: it needs its end, and a PVH entry.
func checkELF(path string, data []byte) error {
	f, err := elf.NewFile(bytes.NewReader(data))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &ImageError{path, fmt.Sprintf("image is truncated: its tables lie beyond its %s bytes",
			group(len(data)))}
	}
	if err != nil {
		return &ImageError{path, "it starts like an ELF file but is none: " + err.Error()}
	}
	if f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN || f.Machine != elf.EM_X86_64 {
		return &ImageError{path, fmt.Sprintf("not a kernel for this machine: ELF %s for %s",
			f.Type, f.Machine)}
	}
	for _, p := range f.Progs {
		if end := int(p.Off + p.Filesz); p.Type == elf.PT_LOAD && end > len(data) {
			return truncated(path, len(data), end)
		}
	}
	if !hasPVH(f) {
		return &ImageError{path, "no PVH entry, so QEMU cannot start it: " +
			"give the bzImage, or build the kernel with CONFIG_PVH=y"}
	}
	return nil
}

// hasPVH looks for the note that gives QEMU the entry point: owner Xen, type 18.
func hasPVH(f *elf.File) bool {
	note := []byte{4, 0, 0, 0, 0, 0, 0, 0, 18, 0, 0, 0, 'X', 'e', 'n', 0}
	const sizeAt = 4 // the size of the entry is 4 or 8
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE {
			continue
		}
		text, _ := io.ReadAll(p.Open())
		for i := 0; i+len(note) <= len(text); i += 4 {
			if bytes.Equal(text[i:i+sizeAt], note[:sizeAt]) &&
				bytes.Equal(text[i+8:i+len(note)], note[8:]) {
				return true
			}
		}
	}
	return false
}

// unpackImage writes the ELF kernel inside a bzImage to the cache and returns its path; "" if
// there is none that QEMU could start, for then the bzImage has to do.
func unpackImage(image string, data []byte, cache, id string) (string, error) {
	path := filepath.Join(cache, "vmlinux", id)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	code, err := unpackBzImage(data)
	if err != nil || checkELF(path, code) != nil {
		return "", corrupt(image, err)
	}
	unlock, err := lock(context.Background(), path+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	return path, writeFile(path, code)
}

// unpackBzImage also turns a panic of the unpacker on an odd image into an error.
func unpackBzImage(data []byte) (code []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("unpack the kernel: %v", r)
		}
	}()
	data = bytes.Clone(data)
	copy(data, "\x00\x00") // without the mark of an EFI program, nothing is logged about signatures
	var image bzimage.BzImage
	if err := image.UnmarshalBinary(data); err != nil {
		return nil, err
	}
	if len(image.KernelCode) == 0 {
		return nil, errors.New("no code in the image")
	}
	return image.KernelCode, nil
}
