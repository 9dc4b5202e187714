package vmtest

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// vngConfig boots testinit with virtme-ng, where that is installed.
func vngConfig(tb testing.TB, behaviour string) Config {
	tb.Helper()
	if _, err := exec.LookPath("vng"); err != nil {
		tb.Skip("no vng: scripts/setup.sh vng installs it")
	}
	c := configFor(tb, behaviour)
	c.Backend = VNG
	return c
}

func TestVNG(t *testing.T) {
	c := vngConfig(t, "look")
	c.Args, c.CPUs = append(c.Args, "two words"), 2
	vm := mustBoot(t, c)
	got, err := io.ReadAll(vm)
	if want := `args=["/init" "look" "two words"]`; err != nil || !strings.HasPrefix(string(got), want) || !strings.Contains(string(got), "cpus=2") {
		t.Errorf("init says %q (%v), want %s and two processors", got, err, want)
	}
	wantEnd(t, waitFor(t, vm, 20*time.Second), Completed, "code 0")
	if vm.Recipe() != (Recipe{TCG, VNGQ35}) {
		t.Errorf("booted with %v", vm.Recipe())
	}
	if err := vm.CanBeKept(); err == nil || !strings.Contains(err.Error(), "vng") {
		t.Errorf("can be kept: %v", err)
	}
}

// TestVNGDies reads of an oops and a panic what they are, on the console that vng hands on.
func TestVNGDies(t *testing.T) {
	for behaviour, want := range map[string]EndKind{"panic": Panicked, "die": InitDied} {
		wantEnd(t, waitFor(t, mustBoot(t, vngConfig(t, behaviour)), 30*time.Second), want, "")
	}
}

// TestNoVNG boots where there is QEMU, and nothing else.
func TestNoVNG(t *testing.T) {
	c := configFor(t, "look")
	qemu, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		t.Skip(err)
	}
	path := t.TempDir()
	if err := os.Symlink(qemu, filepath.Join(path, "qemu-system-x86_64")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", path)
	c.Backend = VNG
	var failed *BootError
	if _, err := Boot(t.Context(), c); !errors.As(err, &failed) || failed.Kind != Unstarted || !strings.Contains(err.Error(), "scripts/setup.sh vng") {
		t.Errorf("without vng: %v", err)
	}
	if c.Backend = "xen"; ParseBackend(c.Backend) == nil {
		t.Error("xen is a backend")
	}
	if _, err := Boot(t.Context(), c); err == nil || !strings.Contains(err.Error(), "qemu, vng") {
		t.Errorf("with xen: %v", err)
	}
}

// TestNoOrphanOfVNG kills this side: vng starts QEMU through a shell, which would live on.
func TestNoOrphanOfVNG(t *testing.T) { noOrphan(t, vngConfig(t, "hang").Kernel, VNG) }

// TestVNGFails boots what vng cannot: what it says is in the error.
func TestVNGFails(t *testing.T) {
	c := vngConfig(t, "look")
	c.Kernel = Kernel{Image: filepath.Join(t.TempDir(), "none")}
	start := time.Now()
	if _, err := Boot(t.Context(), c); err == nil || !strings.Contains(err.Error(), "none does not exist") {
		t.Errorf("no kernel: %v", err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("that took %v", took)
	}
}

// BenchmarkBackends boots the same with each backend in turn. qemu-ns/op and vng-ns/op are the times up
// to readiness, ratio the second divided by the first.
func BenchmarkBackends(b *testing.B) {
	c := vngConfig(b, "exit")
	c.ReadyTimeout = 10 * time.Minute // what is measured may be slow
	took := map[string]time.Duration{}
	for b.Loop() {
		for _, row := range backends {
			c.Backend = row.name
			start := time.Now()
			vm, err := Boot(context.Background(), c)
			if err != nil {
				b.Fatal(err)
			}
			took[row.name] += time.Since(start)
			vm.Close()
		}
	}
	for name, d := range took {
		b.ReportMetric(float64(d)/float64(b.N), name+"-ns/op")
	}
	b.ReportMetric(float64(took[VNG])/float64(took[QEMU]), "ratio")
}
