package properties

import (
	"testing"

	"mimic/ops"
)

func TestUnwaited(t *testing.T) {
	const maps = "i0 = map(hash, key=4, value=8, max=4)  ok\no0 = outer(array, max=4, template=i0)  ok\n"
	old, recent := Kernel{Version: Version{6, 1}}, Kernel{Version: Version{6, 12}}
	for _, tt := range []struct {
		steps  string
		kernel Kernel
		want   int
	}{
		{maps + "i0.update(1, 2)  ok\nend()  ok\n", old, 3},
		{maps + "o0.update(9, i0)  E2BIG\nend()  ok\n", recent, 3},
		{maps + "o0.update(9, i0)  E2BIG\nend()  ok\n", old, 0},
		{maps + "o0.update(1, i0)  ok\nend()  ok\n", recent, 0},
		{maps + "o0.lookup(1)  ENOENT\n", recent, 3},
		{maps + "o0.lookup(1)  ENOENT\n", old, 0},
		{maps + "o1 = reopen(o0)  ok\no1.lookup(1)  ENOENT\n", old, 0},
		{maps + "end()  ok\ni0.info()  EBADF\n", recent, 0},
		{maps + "p0 = prog(xdp, o0, find:in check get:in check read)  EINVAL\n", recent, 0},
	} {
		trace, err := ops.ParseTrace("kernel: x\n" + tt.steps + "ended: completed\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := Unwaited(tt.kernel, trace); got != tt.want {
			t.Errorf("on %v: %d, want %d:\n%s", tt.kernel.Version, got, tt.want, tt.steps)
		}
	}
}
