package target

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLacking(t *testing.T) {
	for set, want := range map[uint64][]string{
		0:                       {"CAP_BPF (", "CAP_PERFMON (", "CAP_NET_ADMIN (", "CAP_SYS_ADMIN ("},
		1 << unix.CAP_BPF:       {"CAP_PERFMON (", "CAP_NET_ADMIN (", "CAP_SYS_ADMIN ("},
		1 << unix.CAP_SYS_ADMIN: nil,
		1<<unix.CAP_BPF | 1<<unix.CAP_PERFMON | 1<<unix.CAP_NET_ADMIN: {"CAP_SYS_ADMIN ("},
	} {
		got := lacking(set)
		if (got == "") != (len(want) == 0) || strings.Count(got, "CAP_") != len(want) {
			t.Errorf("%#x lacks %q, want %q", set, got, want)
		}
		for _, name := range want {
			if !strings.Contains(got, name) {
				t.Errorf("%#x lacks %q, want %s in it", set, got, name)
			}
		}
	}
}
