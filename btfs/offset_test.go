package btfs

import "testing"

func TestOffset(t *testing.T) {
	for _, c := range []struct {
		kind  Kind
		field string
		want  uint32
	}{
		{Lock, "bpf_spin_lock", 0}, {Lock16, "bpf_spin_lock", 16}, {LockTimer, "bpf_timer", 16}, {Timer16, "bpf_timer", 16},
		{List, "bpf_list_head", 16}, {Plain, "bpf_timer", 0}, {Int, "bpf_timer", 0}, {"", "bpf_timer", 0},
	} {
		if got := c.kind.Offset(c.field); got != c.want {
			t.Errorf("%s in %q: byte %d, want %d", c.field, c.kind, got, c.want)
		}
	}
}
