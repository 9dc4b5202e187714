package target

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"mimic/target/wire"
	"mimic/vmtest"
)

// maxOutput bounds what is kept of what a binary prints.
const maxOutput = 1 << 20

// Ran is what became of a binary that ran in a guest.
type Ran struct {
	ExitCode int // of the binary; counts if the guest did not die
	Output   string
	Console  string
	End      vmtest.End // of the guest
}

// Died says whether the kernel did not survive the binary, or complained of what is not allowed.
func (r Ran) Died() bool {
	switch r.End.Kind {
	case vmtest.Panicked, vmtest.Oopsed, vmtest.Splatted, vmtest.Hung:
		return true
	}
	return false
}

// RunBinary boots a kernel, runs a static binary in it as root, and ends the guest. The init of config
// is the agent: see BuildAgent. The binary is sent to the guest and kept in its memory. When ctx has a
// deadline and the guest is not done by then, it hung. The error says why the binary was not run.
func RunBinary(ctx context.Context, config vmtest.Config, path string) (r Ran, err error) {
	binary, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("run a binary in %s: %w", config.Kernel.Name, err)
	}
	config.CPUs = processors
	config.Args = []string{wire.ArgBinary}
	config.Env = append(config.Env, agentEnv...)
	config.Cmdline = append(parametersFor(config.CPUs), config.Cmdline...)
	vm, err := vmtest.Boot(ctx, config)
	if err != nil {
		return r, err
	}
	defer vm.Close()
	if err := wire.WriteBinary(paced{vm}, binary); err != nil && vm.Quiet() {
		return r, fmt.Errorf("run %s in %s: %w", path, config.Kernel.Name, err)
	}
	output, _ := io.ReadAll(io.LimitReader(vm, maxOutput)) // a guest that dies breaks off
	_, _ = io.Copy(io.Discard, vm)                         // the rest: a guest that is not read cannot end
	r.End = vm.Wait(ctx)
	r.Output, r.ExitCode, r.Console = strings.ReplaceAll(string(output), "\r\n", "\n"), r.End.ExitCode, vm.Console()
	return r, r.fault(config)
}

// fault says why the exit code is not that of the binary, and the kernel's end not its doing.
func (r Ran) fault(config vmtest.Config) error {
	if r.Died() || r.End.Kind == vmtest.Completed && r.ExitCode != wire.CodeNotRun {
		return nil
	}
	return fmt.Errorf("the binary in %s has no end: %s; it printed %q", config.Kernel.Name, r.End, r.Output)
}

// paced writes no more at once than the guest is sure to have room for.
type paced struct{ vm *vmtest.VM }

func (p paced) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = p.vm.Write(b[n:min(len(b), n+p.vm.MaxOutstanding())])
		n += m
	}
	return n, err
}
