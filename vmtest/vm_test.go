package vmtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestArgumentsReachInit(t *testing.T) {
	t.Parallel()
	c := configFor(t, "look")
	c.Args = append(c.Args, "two words", "")
	c.Env = []string{"KEY=a \"b\"\n"}
	vm := mustBoot(t, c)
	got, err := io.ReadAll(vm)
	if err != nil {
		t.Fatal(err)
	}
	want := `args=["/init" "look" "two words" ""] env=["KEY=a \"b\"\n"]` +
		" proc=true bpf=true cpus=1\n"
	if string(got) != want {
		t.Errorf("init says\n%swant\n%s", got, want)
	}
	wantEnd(t, waitFor(t, vm, 5*time.Second), Completed, "code 0")
	if vm.Mode() != TCG || vm.Recipe().Board != MicroVM {
		t.Errorf("booted with %v", vm.Recipe())
	}
}

func TestTwoProcessors(t *testing.T) {
	t.Parallel()
	c := configFor(t, "look")
	c.CPUs = 2
	got, err := io.ReadAll(mustBoot(t, c))
	if err != nil || !strings.Contains(string(got), "cpus=2") {
		t.Errorf("init says %q, %v; want cpus=2", got, err)
	}
}

func TestEcho(t *testing.T) {
	for _, tt := range []struct {
		behaviour string
		cpus      int
		size      int
		serial    bool
	}{
		{"echo", 1, 8 << 20, false},
		{"echo", 2, 1 << 20, false},
		{"busy", 1, 1 << 20, false},
		{"echo", 1, 1 << 20, true},
		{"echo", 2, 64 << 10, true},
		{"busy", 1, 256 << 10, true},
	} {
		t.Run(fmt.Sprintf("%s%d/serial=%v", tt.behaviour, tt.cpus, tt.serial), func(t *testing.T) {
			t.Parallel()
			c := configFor(t, tt.behaviour)
			c.CPUs, c.serial = tt.cpus, tt.serial
			// A busy machine makes the kernel give up the counter, which changes its code under the other processor: EmulatorOops.
			c.Cmdline = append(c.Cmdline, "tsc=reliable")
			vm := mustBoot(t, c)
			if _, serial := vm.channel.(net.Conn); serial != tt.serial {
				t.Errorf("the channel is a %T", vm.channel)
			}
			echo(t, vm, allValues(tt.size))
		})
	}
}

// allValues are bytes in which every value follows every other sooner or later.
func allValues(n int) []byte {
	random := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = random.Read(b)
	for i := range min(n, 256) {
		b[i] = byte(i)
	}
	return b
}

// echo sends bytes and wants them back, unchanged.
func echo(t *testing.T, vm *VM, sent []byte) {
	t.Helper()
	if err := vm.SetDeadline(time.Now().Add(3 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		_, err := vm.Write(sent)
		written <- err
	}()
	got := make([]byte, len(sent))
	if n, err := io.ReadFull(vm, got); err != nil {
		t.Fatalf("%d of %d bytes came back: %v; the guest: %v; its console:\n%s", n, len(sent), err, waitFor(t, vm, 5*time.Second), vm.Console())
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	if !bytes.Equal(got, sent) {
		t.Error("the bytes that came back are not those that were sent")
	}
}

// A host that does not read stops the guest from writing, and nothing is lost.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	vm := mustBoot(t, configFor(t, "spew"))
	<-time.After(5 * time.Second)
	got, err := io.ReadAll(vm)
	if want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes arrived, %v; want %d, unchanged", len(got), err, len(want))
	}
	wantEnd(t, waitFor(t, vm, 5*time.Second), Completed, "code 0")
}

// While nothing but an interrupt can run in the guest, MaxOutstanding bytes are not lost.
func TestDeafGuestKeepsMaxOutstanding(t *testing.T) {
	t.Parallel()
	c := configFor(t, "deaf")
	c.serial = true
	vm := mustBoot(t, c)
	if _, err := vm.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	echo(t, vm, allValues(vm.MaxOutstanding()))
}

func TestConsoleFlood(t *testing.T) {
	t.Parallel()
	vm := mustBoot(t, configFor(t, "flood"))
	echo(t, vm, allValues(1000))
	for len(vm.Console()) < consoleHead+consoleTail/4 {
		select {
		case <-vm.Done():
			t.Fatal(vm.Wait(context.Background()))
		case <-time.After(50 * time.Millisecond):
		}
	}
	echo(t, vm, allValues(1000))
	vm.Close()
	if n := len(vm.Console()); n > consoleHead+consoleTail+100 {
		t.Errorf("the console keeps %d bytes", n)
	}
}

// A kernel that does not start on the microvm gets a pc, and that is remembered.
func TestFallsBackToPC(t *testing.T) {
	t.Parallel()
	c := configFor(t, "look")
	c.Cache = t.TempDir()
	broken := filepath.Join(t.TempDir(), "vmlinux")
	if err := os.WriteFile(broken, []byte("not a kernel"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Kernel.Vmlinux = broken
	var said []string
	c.Progress = func(s string) { said = append(said, s) }
	for range 2 {
		if vm := mustBoot(t, c); vm.Recipe() != (Recipe{TCG, PC}) {
			t.Errorf("booted with %v", vm.Recipe())
		}
	}
	if len(said) != 1 || !strings.Contains(said[0], "trying a pc") {
		t.Errorf("progress says %q, want one sentence about the pc", said)
	}
}

func TestNoQEMU(t *testing.T) {
	c := Config{Kernel: Kernel{Image: "vmlinuz"}, Init: testInit, QEMU: "qemu-of-nobody",
		Recipe: Recipe{TCG, PC}}
	_, err := Boot(context.Background(), c)
	var failed *BootError
	if !errors.As(err, &failed) || failed.Kind != Unstarted ||
		!strings.Contains(err.Error(), "scripts/setup.sh installs QEMU") {
		t.Errorf("Boot = %v, want unstarted and how to install QEMU", err)
	}
}

func TestBadConfigurations(t *testing.T) {
	kernel := Kernel{Image: "vmlinuz"}
	script := filepath.Join(t.TempDir(), "init")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		config Config
		want   string
	}{
		"no-kernel":  {Config{Init: testInit}, "no kernel to boot"},
		"no-init":    {Config{Kernel: kernel, Init: "/nowhere"}, "init binary: open /nowhere"},
		"script":     {Config{Kernel: kernel, Init: script}, "not an ELF executable for amd64"},
		"dynamic":    {Config{Kernel: kernel, Init: "/bin/true"}, "CGO_ENABLED=0"},
		"nul-in-arg": {Config{Kernel: kernel, Init: testInit, Args: []string{"a\x00"}}, "NUL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Boot(context.Background(), tt.config)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Boot = %v, want %q", err, tt.want)
			}
		})
	}
}

// A process that boots a guest is killed without warning; QEMU must not outlive it.
func TestNoOrphan(t *testing.T) {
	t.Parallel()
	noOrphan(t, needKernel(t, testSeries), QEMU)
}

// noOrphan kills a process that has a guest, and waits for the end of all that it had started.
func noOrphan(t *testing.T, k Kernel, backend string) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "VMTEST_HELPER="+k.Vmlinux, "VMTEST_INIT="+testInit, "VMTEST_BACKEND="+backend)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 32)
	n, err := out.Read(said)
	if err != nil {
		t.Fatal(err)
	}
	started := withChildren(strings.TrimSpace(string(said[:n])))
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if backend == VNG && len(started) < 3 {
		t.Errorf("vng and what it started are the processes %q", started)
	}
	for start := time.Now(); slices.ContainsFunc(started, alive); {
		if time.Since(start) > 2*time.Second {
			t.Fatalf("of QEMU, processes %q, some live two seconds after their parent", started)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// withChildren is a process and all that it started.
func withChildren(pid string) []string {
	all := []string{pid}
	lists, _ := filepath.Glob("/proc/" + pid + "/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, child := range strings.Fields(string(text)) {
			all = append(all, withChildren(child)...)
		}
	}
	return all
}

// helper is the process that TestNoOrphan kills.
func helper() {
	vm, err := Boot(context.Background(), Config{
		Kernel: Kernel{Vmlinux: os.Getenv("VMTEST_HELPER")}, Init: os.Getenv("VMTEST_INIT"),
		Args: []string{"hang"}, Backend: os.Getenv("VMTEST_BACKEND"), ForceTCG: true,
	})
	if err != nil {
		os.Stdout.WriteString(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString(strconv.Itoa(vm.PID()))
	select {}
}

// alive says whether a process runs; one that nobody has reaped yet does not.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	_, after, _ := bytes.Cut(stat, []byte(") "))
	return err == nil && !bytes.HasPrefix(after, []byte("Z"))
}
