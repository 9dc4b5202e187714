package vmtest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// The whole command line of each recipe, one argument a line.
func TestCommandLines(t *testing.T) {
	kernel := Kernel{Image: "/k/vmlinuz", Vmlinux: "/k/vmlinux"}
	for name, tt := range map[string]struct {
		config Config
		recipe Recipe
	}{
		"tcg-microvm":   {Config{Kernel: kernel, CPUs: 1, MemoryMiB: 256}, Recipe{TCG, MicroVM}},
		"tcg-microvm-2": {Config{Kernel: kernel, CPUs: 2, MemoryMiB: 512}, Recipe{TCG, MicroVM}},
		"kvm-microvm":   {Config{Kernel: kernel, CPUs: 1, MemoryMiB: 256}, Recipe{KVM, MicroVM}},
		"tcg-pc":        {Config{Kernel: kernel, CPUs: 1, MemoryMiB: 256}, Recipe{TCG, PC}},
		"counted":       {Config{Kernel: kernel, CPUs: 1, MemoryMiB: 256, Counted: true, OwnGracePeriods: true}, Recipe{TCG, MicroVM}},
		"no-vmlinux": {Config{Kernel: Kernel{Image: "/k/bzImage"}, CPUs: 1, MemoryMiB: 256,
			Cmdline: []string{"rcupdate.rcu_expedited=0"}}, Recipe{TCG, MicroVM}},
		"arm64":   {otherArch("arm64"), Recipe{TCG, "virt"}},
		"s390x":   {otherArch("s390x"), Recipe{TCG, "s390-ccw-virtio"}},
		"riscv64": {otherArch("riscv64"), Recipe{TCG, "virt"}},
		"ppc64le": {otherArch("ppc64le"), Recipe{TCG, "pseries"}},
		"386":     {otherArch("386"), Recipe{TCG, MicroVM}},
	} {
		t.Run(name, func(t *testing.T) {
			c := commandFor(tt.config, tt.recipe)
			c.KernelCommandLine = kernelCommandLine(tt.config, tt.recipe, 2300000)
			golden(t, filepath.Join("testdata", name+".args"), strings.Join(c.args(), "\n")+"\n")
		})
	}
}

// The whole command line of vng, which is a shell's in part.
func TestVNGCommandLines(t *testing.T) {
	config := Config{Kernel: Kernel{Image: "/k/vmlinuz", Vmlinux: "/k/vmlinux"}, CPUs: 2, MemoryMiB: 256, Backend: VNG}
	for name, recipe := range map[string]Recipe{"vng-tcg": {TCG, VNGQ35}, "vng-kvm": {KVM, VNGQ35}} {
		c := commandFor(config, recipe)
		c.Files, c.Meet = "/proc/1/fd", "vmtest-A-"
		c.KernelCommandLine = kernelCommandLine(config, recipe, 2300000)
		golden(t, filepath.Join("testdata", name+".args"), strings.Join(c.vng("/q/qemu", []string{"-extra"}), "\n")+"\n")
	}
}

// otherArch is what a guest of an architecture is booted with.
func otherArch(name string) Config {
	return Config{Kernel: Kernel{Image: "/k/vmlinuz", Arch: name}, CPUs: 2, MemoryMiB: 256, serial: archOf(name).secret}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it)\ngot\n%swant\n%s", path, got, want)
	}
}

func TestPlan(t *testing.T) {
	both := Kernel{Image: "vmlinuz", Vmlinux: "vmlinux"}
	for name, tt := range map[string]struct {
		config Config
		memory memory
		want   string
	}{
		"new": {Config{Kernel: both}, memory{kvm: true},
			"kvm microvm 6s, tcg microvm 30s, tcg pc 1m0s"},
		"known":  {Config{Kernel: both}, memory{kvm: true, board: PC}, "kvm pc 6s, tcg pc 1m0s"},
		"no-kvm": {Config{Kernel: both}, memory{board: MicroVM}, "tcg microvm 1m0s"},
		"forced-tcg": {Config{Kernel: both, ForceTCG: true}, memory{kvm: true, board: PC},
			"tcg pc 1m0s"},
		"elf-only":   {Config{Kernel: Kernel{Vmlinux: "v"}}, memory{}, "tcg microvm 1m0s"},
		"vng":        {Config{Kernel: both, Backend: VNG}, memory{kvm: true, board: PC}, "kvm vng q35 6s, tcg vng q35 1m0s"},
		"one-recipe": {Config{Kernel: both, Recipe: Recipe{KVM, PC}}, memory{}, "kvm pc 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.config.ReadyTimeout = DefaultReadyTimeout
			var got []string
			for _, a := range plan(tt.config, &tt.memory) {
				got = append(got, a.recipe.String()+" "+a.patience.String())
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("plan is %s, want %s", s, tt.want)
			}
		})
	}
}
