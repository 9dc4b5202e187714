package vmtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkBoot compares Boot, up to readiness, with QEMU run by hand on the fastest recipe known,
// up to the same point: there init finds no channel and leaves. bare-ns/op is the time by hand,
// ratio is ours divided by it.
func BenchmarkBoot(b *testing.B) {
	c := configFor(b, "exit")
	bare := bareCommand(b, c)
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		vm, err := Boot(context.Background(), c)
		if err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		b.StopTimer()
		vm.Close()
		start = time.Now()
		cmd := exec.Command(bare[0], bare[1:]...)
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), "ttyS1") {
			b.Fatalf("%v\n%s", cmd, out)
		}
		theirs += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(theirs.Seconds()*1e9/float64(b.N), "bare-ns/op")
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
}

// bareCommand is the recipe, with the root file system in a file.
func bareCommand(b *testing.B, c Config) []string {
	b.Helper()
	root, err := os.Create(filepath.Join(b.TempDir(), "agent.cpio"))
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	if err := writeInitramfs(root, c.Init, c.Args, nil, "token", 0); err != nil {
		b.Fatal(err)
	}
	return append(strings.Fields("qemu-system-x86_64 "+
		"-M microvm,pit=on,pic=on,isa-serial=on,rtc=on,acpi=off -cpu qemu64,+rdrand -m 256 "+
		"-nodefaults -no-user-config -display none -serial stdio -no-reboot "+
		"-device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "+c.Kernel.Vmlinux+" -initrd "+root.Name()),
		"-append", "console=ttyS0 panic=-1 quiet cryptomgr.notests tsc_early_khz=2300000 "+
			"rcupdate.rcu_expedited=1")
}
