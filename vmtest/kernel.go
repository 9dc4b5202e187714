package vmtest

import (
	"crypto/sha256"
	"encoding/hex"
)

// Kernel is something to boot. Image or Vmlinux may be empty, not both.
type Kernel struct {
	Name       string // for people: the series, or the name of a file
	Version    string // the upstream release, 6.12.117 or 7.3-rc7
	Package    string // the Debian package and its version, or oci: and the image; empty for a file
	SHA256     string // of the package, the image or the file, hex
	Arch       string // the architecture as Go names it; "" is amd64
	Image      string // path of a bzImage, or of what other architectures have in its place
	Vmlinux    string // path of the ELF kernel that was in it
	Modules    string // path of a cpio archive with lib/modules, for the guest; "" if it needs none
	Config     string // the configuration of ours that it was built with; "" if it is somebody else's
	MemoryMiB  int    `json:"-"` // what a guest needs at least; 0 is no more than usual
	CPUs       int    `json:"-"` // the same of processors
	Notes      string // path of a tar archive with what gcov needs beside what it counts; "" if it does not count
	ConfigPath string // path of its configuration; "" if none came with it, as for 6.19 to 7.1
}

// GOARCH is the architecture as Go names it, of any kernel.
func (k Kernel) GOARCH() string { return archOf(k.Arch).name }

// id names a kernel in file names.
func (k Kernel) id() string {
	if k.SHA256 != "" {
		return k.SHA256
	}
	sum := sha256.Sum256([]byte(k.Image + "\x00" + k.Vmlinux))
	return hex.EncodeToString(sum[:])
}
