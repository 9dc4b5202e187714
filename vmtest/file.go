package vmtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// FromFile makes a Kernel of a path: an image (bzImage, vmlinuz, an ELF vmlinux with a PVH entry, Image,
// any of them packed with gzip or zstd), a folder that a kernel was built in, or a Debian package. What is
// unpacked goes to the cache directory; "" is CacheDir(). If the file is not something to boot,
// the error is an *ImageError.
func FromFile(path, cache string) (Kernel, error) {
	setDefault(&cache, CacheDir())
	path, err := filepath.Abs(path)
	if err != nil {
		return Kernel{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel image: %w", err)
	}
	name := filepath.Base(path)
	if info.IsDir() {
		if path, err = imageIn(path); err != nil {
			return Kernel{}, err
		}
	}
	s := &Source{CacheDir: cache, Progress: func(string) {}}
	if filepath.Ext(path) == ".deb" {
		return s.fromDeb(path)
	}
	return s.fromPath(path, name)
}

// builtImages are where a build leaves what boots, and where a kernel is in an unpacked image.
var builtImages = []string{
	"arch/x86/boot/bzImage", "arch/arm64/boot/Image", "arch/arm64/boot/Image.gz", "arch/s390/boot/bzImage",
	"arch/riscv/boot/Image", "arch/riscv/boot/Image.gz", "vmlinux", "boot/vmlinuz",
}

// imageIn finds what boots in a folder, or in the one in it that BuildTree was told to use.
func imageIn(dir string) (string, error) {
	for _, top := range []string{dir, filepath.Join(dir, BuildFolder)} {
		for _, name := range builtImages {
			if path := filepath.Join(top, name); exists(path) {
				return path, nil
			}
		}
	}
	reason := "a folder without any of " + strings.Join(builtImages, ", ")
	if exists(filepath.Join(dir, "Kconfig")) {
		reason += ": build the kernel first (make)"
	}
	return "", &ImageError{dir, reason}
}

// fromPath makes a Kernel of the file of an image, which stays where it is.
func (s *Source) fromPath(path, name string) (Kernel, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel image: %w", err)
	}
	i, err := readImage(path, data)
	if err != nil {
		return Kernel{}, err
	}
	k := Kernel{Name: name, SHA256: digest(data), ConfigPath: configBeside(path), Arch: i.arch}
	var unpacked string
	if i.code != nil {
		if unpacked, err = s.unpacked(k.SHA256, i.code); err != nil {
			return Kernel{}, err
		}
	}
	i.place(&k, path, unpacked)
	return k, nil
}

// unpacked puts what was unpacked of an image into the cache, and answers where it is.
func (s *Source) unpacked(id string, code []byte) (string, error) {
	k, err := s.once(context.Background(), "image-"+id, func(part string) (Kernel, error) {
		path := filepath.Join(part, "vmlinux")
		return Kernel{Name: id, Vmlinux: path}, WriteFile(path, code)
	})
	return k.Vmlinux, err
}

// ownPackage is what the names of records of packages begin with that no archive has signed.
const ownPackage = "file-"

// fromDeb makes a Kernel of a file that is a Debian package.
func (s *Source) fromDeb(path string) (Kernel, error) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		return Kernel{}, &ImageError{path, "this machine has no dpkg-deb to unpack a Debian package with: unpack it, and give the boot/vmlinuz-* in it"}
	}
	sum, err := HashFile(path)
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel package: %w", err)
	}
	ctx := context.Background()
	return s.once(ctx, ownPackage+sum, func(part string) (Kernel, error) {
		found, err := unpackDeb(ctx, path, part)
		if err != nil {
			return Kernel{}, &ImageError{path, err.Error()}
		}
		says, err := exec.CommandContext(ctx, "dpkg-deb", "--show", "--showformat", "${Package} ${Version}", path).Output()
		if err != nil {
			return Kernel{}, &ImageError{path, "dpkg-deb cannot say what it is: " + err.Error()}
		}
		if !found.image {
			return Kernel{}, &ImageError{path, fmt.Sprintf("no file in it is like %q", imagePatterns)}
		}
		_, version, _ := strings.Cut(string(says), " ")
		return describe(part, Kernel{Name: filepath.Base(path), SHA256: sum, Arch: anyArch, Package: string(says), Version: upstreamVersion(version)})
	})
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
