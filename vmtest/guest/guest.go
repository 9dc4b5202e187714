// Package guest is the inside of a virtual machine that package vmtest booted: what a static
// binary needs to be its init.
//
// The order is Setup, Open, the work, Exit:
//
//	if guest.IsInit() {
//		err := guest.Setup() // returns in a fresh process that sees /proc and /sys mounted
//		channel, err := guest.Open()
//		...
//		guest.Exit(0)
//	}
//
// Words to the host about the guest itself (it is ready, it is done) do not travel on the
// channel. They carry a secret that only this boot's init knows, so the bytes of a payload can
// never be mistaken for them.
package guest

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"mimic/vmtest/internal/wire"

	"golang.org/x/sys/unix"
)

// marker is in the environment of the process that Setup started anew.
const marker = "VMTEST_SET_UP=1"

// IsInit says whether this process is the init of a guest that package vmtest booted.
func IsInit() bool {
	_, err := os.Stat(wire.TokenPath)
	return os.Getpid() == 1 && err == nil
}

// Setup mounts the kernel's file systems and then executes this binary once more, because the
// init functions of the packages it is linked with have already run and may have looked for
// /proc in vain. It returns in that second process. The error says which of /proc and /sys is
// not there; bpffs, tracefs, debugfs and cgroup2 are mounted where the kernel has them.
func Setup() error {
	if os.Getenv("VMTEST_SET_UP") != "" {
		return os.Unsetenv("VMTEST_SET_UP")
	}
	if err := mountAll(); err != nil {
		return err
	}
	// What follows the first line of some complaints is of a low level. While the kernel boots that
	// would be too much to print.
	_ = os.WriteFile("/proc/sys/kernel/printk", []byte("7"), 0)
	expedite()
	args := append([]string{"/init"}, readList(wire.ArgsPath)...)
	env := append(readList(wire.EnvPath), marker)
	return fmt.Errorf("execute /init again: %w", unix.Exec("/init", args, env))
}

// expedite clears what real-time kernels set when they have booted, and what wins over the parameter
// that makes grace periods short.
func expedite() {
	if expedited, _ := os.ReadFile("/sys/kernel/rcu_expedited"); strings.TrimSpace(string(expedited)) == "1" {
		_ = os.WriteFile("/sys/kernel/rcu_normal", []byte("0"), 0)
	}
}

// mounts lists what is mounted where; only the needed ones can fail Setup.
var mounts = []struct {
	kind, at string
	needed   bool
}{
	{"proc", "/proc", true},
	{"sysfs", "/sys", true},
	{"bpf", "/sys/fs/bpf", false},
	{"debugfs", "/sys/kernel/debug", false},
	{"tracefs", "/sys/kernel/tracing", false},
	{"cgroup2", "/sys/fs/cgroup", false},
}

func mountAll() error {
	var errs []error
	for _, m := range mounts {
		err := unix.Mount(m.kind, m.at, m.kind, 0, "")
		if err != nil && m.needed {
			errs = append(errs, fmt.Errorf("mount %s on %s: %w", m.kind, m.at, err))
		}
	}
	return errors.Join(errs...)
}

// readList reads a list that the host packed; a file that is not there is an empty list.
func readList(path string) []string {
	b, _ := os.ReadFile(path)
	return wire.UnpackList(b)
}
