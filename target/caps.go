package target

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// needed are the capabilities without which the agent can not ask all of the kernel it runs on, and what
// for. The last stands for all of them.
var needed = []struct {
	bit  uint
	name string
	what string
}{
	{unix.CAP_BPF, "CAP_BPF", "to create maps of maps and load programs"},
	{unix.CAP_PERFMON, "CAP_PERFMON", "for programs that trace, and to read kernel pointers"},
	{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN", "for programs of the network"},
	{unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "to open and walk maps by id; it stands for the others"},
}

// lacking says which of them a set does not have; "" if it has all that it takes.
func lacking(effective uint64) string {
	if effective&(1<<unix.CAP_SYS_ADMIN) != 0 {
		return ""
	}
	var all []string
	for _, c := range needed {
		if effective&(1<<c.bit) == 0 {
			all = append(all, c.name+" ("+c.what+")")
		}
	}
	return strings.Join(all, ", ")
}

// privileged errs if this process may not do what the agent does.
func privileged() error {
	var data [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("ask for the capabilities of this process: %w", err)
	}
	if missing := lacking(uint64(data[1].Effective)<<32 | uint64(data[0].Effective)); missing != "" {
		return fmt.Errorf("this process lacks %s: run it as root, or in a guest, which needs no privileges (-vm 6.12)", missing)
	}
	return nil
}
