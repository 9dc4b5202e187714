package vmtest

import (
	"debug/elf"
	"fmt"
	"os"
	"strings"
	"time"
)

// DefaultReadyTimeout is the time an emulated guest has to become ready; 2 s are usual.
const DefaultReadyTimeout = 60 * time.Second

// otherReadyTimeout is that of other architectures: they boot from a packed image, and every instruction is translated into several.
const otherReadyTimeout = 3 * time.Minute

// Config says what to boot. Kernel and Init are needed; the zero value of every other field is a
// sensible default.
type Config struct {
	Kernel Kernel
	Init   string   // path of a statically linked binary that uses package guest
	Args   []string // its arguments, without argv[0]
	Env    []string // its environment, KEY=VALUE

	CPUs         int           // 1, or what Kernel.CPUs says
	MemoryMiB    int           // 256, or what Kernel.MemoryMiB says
	Cmdline      []string      // more kernel parameters; they win over ours
	ReadyTimeout time.Duration // DefaultReadyTimeout, or three times that where another architecture is emulated

	// OwnGracePeriods leaves RCU's grace periods as long as the kernel has them; else they are expedited.
	OwnGracePeriods bool
	// Counted makes the time of the guest the number of instructions that it did, so that the same
	// boot does the same each time, and the guest can be kept: see VM.Snapshot. It needs emulation and
	// one processor.
	Counted bool

	// Allowed says which complaints of the kernel do not end the guest; nil allows none. It is called
	// with the first line of a report, and again when the function is known.
	Allowed func(Splat) bool

	Cache    string       // directory that remembers which recipe works; default CacheDir()
	Backend  string       // QEMU or VNG; "" is QEMU
	Recipe   Recipe       // boot this way and no other; the zero Recipe finds one
	ForceTCG bool         // do not try /dev/kvm
	Cold     bool         // boot, also if the cache has a Start
	QEMU     string       // that for the kernel's architecture, looked up in PATH
	Progress func(string) // told, in a sentence, about what takes long or goes another way

	extra  []string // more arguments for QEMU, for tests
	serial bool     // share no memory with the guest: it cannot, or for tests
}

// complete checks the configuration and fills in defaults.
func (c Config) complete() (Config, error) {
	setDefault(&c.CPUs, max(1, c.Kernel.CPUs))
	a := archOf(c.Kernel.Arch)
	setDefault(&c.MemoryMiB, max(256, c.Kernel.MemoryMiB, a.memoryMiB))
	setDefault(&c.ReadyTimeout, a.readyTimeout())
	setDefault(&c.Backend, QEMU)
	setDefault(&c.QEMU, a.qemu)
	setDefault(&c.Cache, CacheDir())
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if err := ParseBackend(c.Backend); err != nil {
		return c, err
	}
	if c.Counted && !backendOf(c.Backend).monitored {
		return c, fmt.Errorf("a guest whose instructions are counted cannot be started with %s, which hands on no monitor", c.Backend)
	}
	if c.Counted && (c.CPUs != 1 || !c.ForceTCG || c.serial) {
		return c, fmt.Errorf("a guest whose instructions are counted has one emulated processor and shares memory: set CPUs to 1 and ForceTCG, not CPUs %d and ForceTCG %v", c.CPUs, c.ForceTCG)
	}
	if c.Kernel.Image == "" && c.Kernel.Vmlinux == "" {
		return c, fmt.Errorf("no kernel to boot: take one from Source.Fetch or FromFile")
	}
	if !a.ports && backendOf(c.Backend).boards != nil {
		return c, fmt.Errorf("%s starts no guests for %s: leave -backend out", c.Backend, a.name)
	}
	if a.name != usualArch && c.Counted { // package guest writes to ports on amd64 only
		return c, fmt.Errorf("a guest for %s cannot stop itself, so its instructions are not counted (-mode det)", a.name)
	}
	if c.serial = c.serial || a.secret; c.serial && a.channel == nil {
		return c, fmt.Errorf("a guest for %s has nothing but shared memory to speak through", a.name)
	}
	for _, s := range append(append([]string{}, c.Args...), c.Env...) {
		if strings.ContainsRune(s, 0) {
			return c, fmt.Errorf("argument or environment %q for init contains a NUL", s)
		}
	}
	return c, a.checkInit(c.Init)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// checkInit finds out on the host what would otherwise be a panic of the guest.
func (a arch) checkInit(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("init binary: %w", err)
	}
	defer f.Close()
	bin, err := elf.NewFile(f)
	if err != nil || !a.runs(bin) {
		return fmt.Errorf("init binary %s is not an ELF executable for %s", path, a.name)
	}
	for _, p := range bin.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("init binary %s is dynamically linked, and the guest has no "+
				"libraries: build it with CGO_ENABLED=0", path)
		}
	}
	return nil
}
