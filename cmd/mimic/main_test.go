package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestExitCodes runs the command against the in-memory kernel.
// opaque is the answer of a kernel without BTF of its own.
const opaque = "i0 = map(hash, key=4, value=4, max=4)  ok\no0 = outer(array, max=4, template=i0)  ok\n" +
	"p0 = prog(xdp, o0, find:0 check write:0:1:0)  ENOTSUPP = opaque\nended: completed\n"

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("GITHUB_ACTIONS", "") // what fails on purpose here is no news
	good := file("good.seq", "i0 = map(hash, key=4, value=8, max=2)\nend()\n")
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"all holds", []string{"-out", dir}, 0},
		{"help", []string{"-h"}, 0},
		{"replay holds", []string{"-replay", good}, 0},
		{"too few sequences to tell", []string{"-sequences", "1", "-out", dir}, 3},
		{"written", []string{"-claims", "P20", "-out", dir, "-ktap", filepath.Join(dir, "k"), "-html", filepath.Join(dir, "h")}, 0},
		{"disk full", []string{"-claims", "P20", "-out", dir, "-junit", "/dev/full"}, 3},
		{"no such folder", []string{"-claims", "P20", "-out", dir, "-json", filepath.Join(dir, "none", "j")}, 3},
		{"two to the standard output", []string{"-json", "-", "-html", "-"}, 2},
		{"a file of a replay", []string{"-replay", good, "-html", filepath.Join(dir, "h")}, 2},
		{"unknown flag", []string{"-frob"}, 2},
		{"no flag", []string{"6.12"}, 2},
		{"no sequences", []string{"-sequences", "0"}, 2},
		{"fewer than no sequences", []string{"-sequences", "-1"}, 2},
		{"no budget", []string{"-budget", "-1"}, 2},
		{"no number of a budget", []string{"-budget", "NaN"}, 2},
		{"too little of a budget", []string{"-budget", "0.01"}, 2},
		{"a budget and sequences", []string{"-budget", "2", "-sequences", "3"}, 2},
		{"a budget, quickly", []string{"-budget", "2", "-quick"}, 2},
		{"a budget too small to tell", []string{"-budget", "0.04", "-out", dir}, 3},
		{"unknown kernel", []string{"-vm", "1.2"}, 2},
		{"neither fail nor skip", []string{"-missing", "maybe"}, 2},
		{"no such mode", []string{"-mode", "slow"}, 2},
		{"det on this machine", []string{"-mode", "det", "-vm", "host"}, 2},
		{"stock in memory", []string{"-mode", "stock"}, 2},
		{"no such backend", []string{"-backend", "xen"}, 2},
		{"vng in memory", []string{"-backend", "vng"}, 2},
		{"vng on this machine", []string{"-backend", "vng", "-vm", "host"}, 2},
		{"det by vng", []string{"-backend", "vng", "-mode", "det", "-vm", "6.12"}, 2},
		{"no such file to replay", []string{"-replay", filepath.Join(dir, "none")}, 2},
		{"not of the language", []string{"-replay", file("bad.seq", "frob()\n")}, 2},
		{"not an image", []string{"-vm", file("image", "hello")}, 2},
		{"cancelled", []string{"-out", dir}, 3},
		{"named", []string{"run", "-claims", "C1", "-out", dir}, 0},
		{"no such command", []string{"frob"}, 2},
		{"flags of a command", []string{"replay", "-h"}, 0},
		{"a flag after what it is about", []string{"replay", good, "-mode", "fast"}, 0},
		{"an unknown flag after it", []string{"replay", good, "-frob"}, 2},
		{"nothing to replay", []string{"replay"}, 2},
		{"two to replay", []string{"replay", good, good, "-traces", dir}, 0},
		{"nothing to reduce it on", []string{"reduce", "-vm", "6.1,6.12", good}, 2},
		{"reduce what holds", []string{"reduce", good}, 0},
		{"judge what holds", []string{"judge", file("good.trace", "kernel: 6.12.1\ni0 = map(hash, key=4, value=8, max=2)  ok\nended: completed\n")}, 0},
		{"judge what does not", []string{"judge", file("wrong.trace", "kernel: 6.12.1\ni0 = map(hash, key=4, value=8, max=2)  EBUSY\nended: completed\n")}, 1},
		{"judge what is known", []string{"judge", file("known.trace", "kernel: 6.1.1\ni0 = map(hash, key=4, value=64, max=4)  ok\no0 = outer(array, max=4, template=i0)  ok\nb0 = btf(plain)  ok\n"+
			"i1 = map(hash, key=4, value=64, max=4, btf=b0)  ok\no0.update(0, i1)  EINVAL\nended: completed\n")}, 0},
		{"judge a kernel that cannot read what it describes", []string{"judge", file("opaque.trace", "kernel: 6.12.1\n"+opaque)}, 1},
		{"judge one that describes nothing", []string{"judge", file("plain.trace", "kernel: 6.12.1\nlacks: kernel_btf: none\n"+opaque)}, 0},
		{"judge nothing", []string{"judge"}, 2},
		{"judge a sequence", []string{"judge", good}, 2},
		{"judge no kernel's", []string{"judge", file("none.trace", "kernel: frob\nended: completed\n")}, 2},
		{"list kernels", []string{"kernels", "list"}, 0},
		{"list kernels for machines", []string{"kernels", "list", "-json"}, 0},
		{"help on a command", []string{"help", "judge"}, 0},
		{"help on no command", []string{"help", "frob"}, 2},
		{"version", []string{"--version"}, 0},
		{"version of something", []string{"version", "6.12"}, 2},
		{"complete", []string{"completion", "bash"}, 0},
		{"complete in no shell", []string{"completion", "csh"}, 2},
		{"complete nothing", []string{"completion"}, 2},
		{"fetch no kernels", []string{"kernels", "fetch"}, 2},
		{"fetch an unknown kernel", []string{"kernels", "fetch", "1.2"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.name == "cancelled" {
				cancel()
			}
			if got := run(ctx, c.args); got != c.want {
				t.Errorf("mimic %q exits %d, want %d", c.args, got, c.want)
			}
		})
	}
}
