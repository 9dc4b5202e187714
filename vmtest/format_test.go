package vmtest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// flatImage is an image for arm64 or riscv64, with nothing in it.
func flatImage(magic string) []byte {
	data := make([]byte, 4096)
	binary.LittleEndian.PutUint64(data[16:], 8192)
	copy(data[0x38:], magic)
	copy(data[1024:], "Linux version 6.12.117+deb13-x (x)")
	return data
}

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// efi wraps what is packed as an EFI program that unpacks itself.
func efi(payload []byte) []byte {
	data := make([]byte, 512)
	copy(data, "MZ\x00\x00zimg")
	binary.LittleEndian.PutUint32(data[offZbootAt:], 512)
	binary.LittleEndian.PutUint32(data[offZbootLen:], uint32(len(payload)))
	return append(data, payload...)
}

func s390Image() []byte {
	data := make([]byte, 0x11000)
	copy(data[0x10008:], "S390EP")
	return data
}

func TestReadImage(t *testing.T) {
	old := emptyBzImage(100)
	old[offLoadFlags] = 0
	for name, tt := range map[string]struct {
		data []byte
		want image
	}{
		"bzImage":     {emptyBzImage(100), image{version: "7.3.0-rc2"}},
		"bzImage-386": {old, image{version: "7.3.0-rc2", arch: "386"}},
		"arm64":       {flatImage("ARM\x64"), image{arch: "arm64", version: "6.12.117"}},
		"riscv64":     {flatImage("RSC\x05"), image{arch: "riscv64", version: "6.12.117"}},
		"s390x":       {s390Image(), image{arch: "s390x"}},
		"packed":      {zipped(t, flatImage("ARM\x64")), image{arch: "arm64", version: "6.12.117", packed: true}},
		"efi":         {efi(zipped(t, flatImage("ARM\x64"))), image{arch: "arm64", version: "6.12.117", packed: true}},
	} {
		got, err := readImage(name, tt.data)
		if packed := got.code != nil; err != nil || packed != tt.want.packed {
			t.Errorf("%s: %v, unpacked %v", name, err, packed)
		}
		if got.arch != tt.want.arch || got.version != tt.want.version || got.packed != tt.want.packed || got.elf {
			t.Errorf("%s is %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestReadImageRefuses(t *testing.T) {
	whole := zipped(t, flatImage("ARM\x64"))
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"cut-arm64":   {flatImage("ARM\x64")[:1500], "image is truncated: 1,500 bytes, its header says 8,192"},
		"cut-gzip":    {whole[:len(whole)-12], "it is packed, and does not unpack: unexpected EOF"},
		"gzip-text":   {zipped(t, bytes.Repeat([]byte("text "), 1000)), "not a kernel"},
		"cut-efi":     {efi(whole)[:530], "image is truncated: 530 bytes"},
		"strange-efi": {efi([]byte("whatever is in here")), "packed in a way that is not known here"},
	} {
		if _, err := readImage("file", tt.data); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestFromFileOfABuild(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "linux")
	image := filepath.Join(tree, "arch/x86/boot/bzImage")
	for path, data := range map[string][]byte{image: emptyBzImage(100), filepath.Join(tree, ".config"): nil} {
		if err := WriteFile(path, data); err != nil {
			t.Fatal(err)
		}
	}
	k, err := FromFile(tree, t.TempDir())
	if err != nil || k.Image != image || k.ConfigPath != filepath.Join(tree, ".config") || k.Name != "linux" {
		t.Errorf("FromFile = %+v, %v", k, err)
	}
	if err := os.RemoveAll(filepath.Join(tree, "arch")); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(tree, "Kconfig"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := FromFile(tree, t.TempDir()); err == nil || !strings.Contains(err.Error(), "a folder without any of arch/x86/boot/bzImage, ") ||
		!strings.Contains(err.Error(), "build the kernel first (make)") {
		t.Errorf("FromFile of a tree that nothing was built in = %v", err)
	}
}

// debOf makes a Debian package of files.
func debOf(t *testing.T, files map[string][]byte) string {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	files["DEBIAN/control"] = []byte("Package: linux-image-mine\nVersion: 6.12.9-3\nArchitecture: all\nMaintainer: me <me@here>\nDescription: x\n")
	for name, data := range files {
		if err := WriteFile(filepath.Join(root, name), data); err != nil {
			t.Fatal(err)
		}
	}
	deb := filepath.Join(dir, "mine.deb")
	if out, err := exec.CommandContext(context.Background(), "dpkg-deb", "-b", root, deb).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return deb
}

func TestFromFileOfAPackage(t *testing.T) {
	cache := t.TempDir()
	deb := debOf(t, map[string][]byte{"boot/vmlinuz-6.12.9": emptyBzImage(100), "boot/config-6.12.9": []byte("CONFIG_BPF=y\n")})
	k, err := FromFile(deb, cache)
	if err != nil {
		t.Fatal(err)
	}
	config, _ := os.ReadFile(k.ConfigPath)
	if k.Package != "linux-image-mine 6.12.9-3" || k.Version != "6.12.9" || string(config) != "CONFIG_BPF=y\n" || k.Arch != "" || !strings.HasPrefix(k.Image, cache) {
		t.Errorf("FromFile = %+v with the configuration %q", k, config)
	}
	if k, ok := (&Source{CacheDir: cache, Progress: func(string) {}}).cached(Line{Series: "6.12", Suites: []string{"sid"}}); ok {
		t.Errorf("somebody's own package passes for Debian's kernel: %+v", k)
	}
	if _, err := FromFile(debOf(t, map[string][]byte{"boot/readme": nil}), cache); err == nil || !strings.Contains(err.Error(), "no file in it is like") {
		t.Errorf("FromFile of a package without a kernel = %v", err)
	}
	if err := os.Truncate(deb, 300); err != nil {
		t.Fatal(err)
	}
	if _, err := FromFile(deb, cache); err == nil || !strings.Contains(err.Error(), "mine.deb") {
		t.Errorf("FromFile of half a package = %v", err)
	}
}
