package vmtest

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOtherArchitecturesBoot: a kernel of each architecture that this machine has QEMU for boots on two processors,
// bytes go there and come back, and the guest ends as it says.
func TestOtherArchitecturesBoot(t *testing.T) {
	for _, row := range Several(wordArches, matrix(t)) {
		t.Run(row.Arch, func(t *testing.T) {
			c := configForArch(t, row)
			c.Args, c.CPUs = []string{"echo"}, 2
			vm := mustBoot(t, c)
			sent := bytes.Repeat([]byte("0123456789abcde\n"), 1<<10)
			if _, err := vm.Write(sent); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(sent))
			vm.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := io.ReadFull(vm, got); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d bytes do not come back as they were sent: %v", len(sent), err)
			}
			if a, err := archOf(row.Arch), vm.CanBeKept(); (err == nil) == (a.secret || a.timeless) {
				t.Errorf("whether it can be kept: %v", err)
			}
			vm.Close()
			c.Args = []string{"look"}
			vm = mustBoot(t, c)
			if said, err := io.ReadAll(io.LimitReader(vm, 1<<10)); err != nil || !strings.Contains(string(said), "cpus=2") {
				t.Errorf("init says %q, %v; want cpus=2", said, err)
			}
			wantEnd(t, waitFor(t, vm, time.Minute), Completed, "code 0")
		})
	}
}

// configForArch boots the kernel of a row with a testinit of its architecture, or skips with the reason.
func configForArch(t *testing.T, row Line) Config {
	t.Helper()
	a := archOf(row.Arch)
	if _, err := exec.LookPath(a.qemu); err != nil {
		t.Skipf("%v: %s installs QEMU", err, a.installs())
	}
	k, err := NewSource(func(s string) { t.Log(s) }).Fetch(t.Context(), row)
	if err != nil {
		missing(t, err.Error())
	}
	init := filepath.Join(t.TempDir(), "testinit")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", init, "./internal/testinit")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+a.name)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build internal/testinit for %s: %v\n%s", a.name, err, out)
	}
	return Config{Kernel: k, Init: init, ForceTCG: true, Progress: func(s string) { t.Log(s) }}
}

// TestNoQEMUSaysWhatInstallsIt: also of another architecture.
func TestNoQEMUSaysWhatInstallsIt(t *testing.T) {
	for name, want := range map[string]string{"": "scripts/setup.sh installs QEMU", "arm64": "scripts/setup.sh arches installs QEMU"} {
		_, err := Boot(t.Context(), Config{Kernel: Kernel{Image: "/k", Arch: name}, Init: initFor(t, name), QEMU: "qemu-system-none"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without a QEMU for %q: %v, want %q", name, err, want)
		}
	}
}

// initFor is a file that looks like an init of an architecture: what Boot reads of it before it needs QEMU.
func initFor(t *testing.T, name string) string {
	t.Helper()
	a := archOf(name)
	header := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 57)...)
	a.order.PutUint16(header[16:], 2) // an executable
	a.order.PutUint16(header[18:], uint16(a.elf))
	a.order.PutUint32(header[20:], 1)
	a.order.PutUint16(header[52:], 64)
	path := filepath.Join(t.TempDir(), "init")
	if err := os.WriteFile(path, header, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestInitOfAnotherArchitectureIsRefused: but a kernel of 64 bits may run programs of 32.
func TestInitOfAnotherArchitectureIsRefused(t *testing.T) {
	for kernel, inits := range map[string]map[string]bool{"amd64": {"amd64": true, "arm64": false}, "arm64": {"arm64": true, "amd64": false, "riscv64": false}} {
		for init, ok := range inits {
			if err := archOf(kernel).checkInit(initFor(t, init)); (err == nil) != ok {
				t.Errorf("init of %s for a kernel of %s: %v", init, kernel, err)
			}
		}
	}
}
