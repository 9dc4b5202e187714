package vmtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// emptyBzImage has a header for a kernel of the given number of 16-byte units, and no code.
func emptyBzImage(units uint32) []byte {
	data := make([]byte, 5*sectorLen+int(units)*sysSizeUnit)
	copy(data[offMagic:], headerMagic)
	binary.LittleEndian.PutUint32(data[offSysSize:], units)
	binary.LittleEndian.PutUint16(data[offVersion:], 0x300-0x200)
	data[offLoadFlags] = is64Bit
	copy(data[0x300:], "7.3.0-rc2-custom+ (me@here) #1\x00")
	return data
}

func TestFromFileRefuses(t *testing.T) {
	whole := emptyBzImage(1000)
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":     {nil, "not a kernel: it has only 0 bytes"},
		"text":      {bytes.Repeat([]byte("text "), 1000), `it has " tex"`},
		"truncated": {whole[:4096], "image is truncated: 4,096 bytes, its header says 18,560"},
		"half-elf": {append([]byte("\x7fELF\x09"), make([]byte, 99)...),
			"it starts like an ELF file but is none"},
	} {
		t.Run(name, func(t *testing.T) { wantImageError(t, tt.data, tt.want) })
	}
}

func TestFromFileRefusesOtherELF(t *testing.T) {
	program, err := os.ReadFile(testInit)
	if err != nil {
		t.Fatal(err)
	}
	wantImageError(t, program, "no PVH entry")
	wantImageError(t, program[:len(program)/3], "image is truncated")
}

func wantImageError(t *testing.T, data []byte, want string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := FromFile(path, t.TempDir())
	var wrong *ImageError
	if !errors.As(err, &wrong) || wrong.Path != path || !strings.Contains(wrong.Reason, want) {
		t.Errorf("FromFile = %v, want an *ImageError with %q", err, want)
	}
}

// An image that nobody can unpack may still boot: QEMU gets it as it is.
func TestFromFileWithoutELFInside(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "vmlinuz-custom")
	if err := os.WriteFile(path, emptyBzImage(1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config-custom"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := FromFile(path, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if k.Version != "7.3.0-rc2" || k.Image != path || k.Vmlinux != "" ||
		k.ConfigPath != filepath.Join(dir, "config-custom") || k.Name != "vmlinuz-custom" {
		t.Errorf("FromFile = %+v", k)
	}
}

func TestFromFileOfRealKernels(t *testing.T) {
	packaged := needKernel(t, testSeries)
	for _, path := range []string{packaged.Image, packaged.Vmlinux} {
		k, err := FromFile(path, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if k.Version != packaged.Version {
			t.Errorf("version of %s is %q, want %q", path, k.Version, packaged.Version)
		}
		if !sameFile(t, k.Vmlinux, packaged.Vmlinux) {
			t.Errorf("the kernel unpacked from %s is another one", path)
		}
	}
	whole, err := os.ReadFile(packaged.Image)
	if err != nil {
		t.Fatal(err)
	}
	wantImageError(t, whole[:1<<20], "image is truncated: 1,048,576 bytes, its header says ")
	whole[len(whole)/2] ^= 1
	wantImageError(t, whole, "image is corrupt: the compressed kernel in it cannot be unpacked: ")
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	left, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	right, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(left, right)
}
