package vmtest

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Backends: what starts a guest.
const (
	QEMU = "qemu" // we do, on the smallest machine that will do
	VNG  = "vng"  // virtme-ng does, on the machine that its users have
)

// backend is a row of the table of backends.
type backend struct {
	name      string
	program   string   // needed besides QEMU; "" is none
	boards    []string // of its recipes; none: those of the kernel's architecture
	monitored bool     // QEMU takes commands of ours, so that guests can be kept
	command   func(m *machine, l *lines, shared *sharedLine, more []string) (*exec.Cmd, error)
}

var backends = []backend{
	{name: QEMU, monitored: true, command: (*machine).commandOf},
	{name: VNG, program: "vng", boards: []string{VNGQ35}, command: (*machine).commandOfVNG},
}

// backendOf is the row of a name; there is one for every name that ParseBackend takes, and "" is QEMU.
func backendOf(name string) backend {
	for _, b := range backends {
		if b.name == name {
			return b
		}
	}
	return backends[0]
}

// boardsFor are the boards for kernels of an architecture, the fastest first.
func (b backend) boardsFor(a arch) []string {
	if b.boards != nil {
		return b.boards
	}
	return a.boards
}

// BackendNames is what people can write, for messages.
func BackendNames() string {
	var names []string
	for _, b := range backends {
		names = append(names, b.name)
	}
	return strings.Join(names, ", ")
}

// ParseBackend says what is wrong with the name of a backend. The error lists what there is.
func ParseBackend(name string) error {
	if backendOf(name).name != name {
		return fmt.Errorf("-backend %q: want one of %s", name, BackendNames())
	}
	return nil
}

// commandOfVNG has virtme-ng start QEMU. It hands on no descriptors but the first three: the console is its
// standard output, files are opened in this process's folder, and sockets have names.
func (m *machine) commandOfVNG(l *lines, shared *sharedLine, _ []string) (*exec.Cmd, error) {
	c := commandFor(m.config, m.recipe)
	c.Files, c.Meet = fmt.Sprintf("/proc/%d/fd", os.Getpid()), "vmtest-"+rand.Text()+"-"
	if c.Initrd = int(m.initrd.Fd()); shared != nil {
		c.RAM = int(shared.ram.Fd())
	}
	for id, theirs := range map[string]*os.File{"channel": l.theirs[1], "control": l.theirs[2]} {
		if err := l.meet(c.Meet+id, theirs); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(VNG, c.vng(m.config.QEMU, m.config.extra)...)
	cmd.Stdout, cmd.SysProcAttr = l.theirs[0], ownProcesses()
	return cmd, nil
}

// vng is virtme-ng's command line without argv[0]. It offers the guest this host's root as a file system, which
// ours does not look at: few of the kernels that we ask could mount it, see docs/kernels.md.
func (c command) vng(qemu string, extra []string) []string {
	args := []string{"--run", c.Kernel, "--qemu", qemu, "--name", "vmtest",
		"--cpus", fmt.Sprint(c.CPUs), "--memory", fmt.Sprintf("%dM", c.MemoryMiB),
		"--disable-microvm", "--disable-monitor", "--force-9p", "--skip-modules", "--append", c.KernelCommandLine}
	more := append([]string{"-no-reboot"}, c.devices()...)
	if c.Recipe.Accel != KVM {
		args = append(args, "--disable-kvm")
		more = append(more, "-accel", c.Recipe.Accel, "-cpu", c.cpu())
	}
	if c.RAM != 0 {
		more = append(append(more, "-machine", "memory-backend=ram"), c.ram()...)
	}
	return append(args, "--qemu-opts="+strings.Join(append(more, extra...), " "))
}
