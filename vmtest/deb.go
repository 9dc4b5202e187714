package vmtest

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

// Where a Debian package has the image and its configuration; from 7.2 on the image is with the
// modules.
var (
	imagePatterns  = []string{"boot/vmlinuz-*", "boot/vmlinux-*", "usr/lib/modules/*/vmlinuz", "lib/modules/*/vmlinuz"}
	configPatterns = []string{"boot/config-*", "usr/lib/modules/*/config", "lib/modules/*/config"}
)

// contents is what a package turned out to have.
type contents struct{ image, config bool }

// unpackDeb writes the kernel image in a package to dir/vmlinuz, and the configuration to
// dir/config, and says which of them there were.
func unpackDeb(ctx context.Context, deb, dir string) (contents, error) {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return contents{}, err
	}
	if err := cmd.Start(); err != nil {
		return contents{}, fmt.Errorf("unpack %s: %w", deb, err)
	}
	found, err := extract(tar.NewReader(out), dir)
	_, drained := io.Copy(io.Discard, out) // tar stops before the padding
	if err := errors.Join(err, drained, cmd.Wait()); err != nil {
		return contents{}, fmt.Errorf("unpack %s: %w", deb, err)
	}
	return found, nil
}

// extract writes the two files of interest.
func extract(archive *tar.Reader, dir string) (found contents, err error) {
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		name := path.Clean(h.Name)
		switch {
		case h.Typeflag != tar.TypeReg:
			continue
		case matches(imagePatterns, name):
			found.image = true
			err = save(filepath.Join(dir, "vmlinuz"), archive)
		case matches(configPatterns, name):
			found.config = true
			err = save(filepath.Join(dir, "config"), archive)
		}
		if err != nil {
			return found, err
		}
	}
}

func matches(patterns []string, name string) bool {
	for _, p := range patterns {
		if ok, _ := path.Match(p, name); ok {
			return true
		}
	}
	return false
}

func save(path string, r io.Reader) error {
	return writeWith(path, func(f *os.File) error {
		_, err := io.Copy(f, r)
		return err
	})
}
