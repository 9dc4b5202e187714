package vmtest

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// TreeBuild is a kernel to be built from somebody's source.
type TreeBuild struct {
	Tree   string    // the source, which is left as it is
	Output string    // folder for what is built; what is there already is not built again
	Config string    // lines that are set on top of allnoconfig
	Make   string    // the program; make if ""
	Log    io.Writer // what it prints
}

// BuildError says that a tree cannot be built.
type BuildError struct {
	Command string
	Err     error
	Reason  string // what the compiler said first
}

func (e *BuildError) Error() string { return fmt.Sprintf("%s: %v: %s", e.Command, e.Err, e.Reason) }

func (e *BuildError) Unwrap() error { return e.Err }

// BuildTree builds the kernel of a tree. The error is a *BuildError if the tree is to blame. A
// line of the configuration that the tree does not know is told to Log, and no error: between
// two versions of a kernel, settings come and go.
func BuildTree(ctx context.Context, b TreeBuild) (Kernel, error) {
	setDefault(&b.Make, "make")
	if _, err := exec.LookPath(b.Make); err != nil {
		return Kernel{}, fmt.Errorf("build the kernel in %s: %w", b.Tree, err)
	}
	if err := os.MkdirAll(b.Output, 0o755); err != nil {
		return Kernel{}, err
	}
	lines := filepath.Join(b.Output, "mimic.lines")
	if err := os.WriteFile(lines, []byte(b.Config), 0o644); err != nil {
		return Kernel{}, err
	}
	for _, goal := range [][]string{{"KCONFIG_ALLCONFIG=" + lines, "allnoconfig"}, {"olddefconfig"}, {fmt.Sprintf("-j%d", runtime.NumCPU()), "bzImage"}} {
		if err := b.run(ctx, goal...); err != nil {
			return Kernel{}, err
		}
		b.tellLost()
	}
	k, err := FromFile(filepath.Join(b.Output, "arch/x86/boot/bzImage"), "")
	k.MemoryMiB = builtMemory
	if err != nil {
		return k, &BuildError{b.Make + " bzImage", err, "it left no kernel"}
	}
	return k, nil
}

// tellLost names the lines that did not come through.
func (b TreeBuild) tellLost() {
	got, err := os.ReadFile(filepath.Join(b.Output, ".config"))
	if lost := lostLines(b.Config, string(got)); err == nil && len(lost) > 0 {
		fmt.Fprintf(b.Log, "this tree does not keep %s\n", strings.Join(lost, ", "))
	}
}

// run runs make; it and all that it started end with ctx.
func (b TreeBuild) run(ctx context.Context, goal ...string) error {
	args := append([]string{"-C", b.Tree, "O=" + b.Output}, goal...)
	cmd := exec.CommandContext(ctx, b.Make, args...)
	var last tail
	cmd.Stdout, cmd.Stderr = b.Log, io.MultiWriter(b.Log, &last)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := startTied(cmd, false)
	if err == nil {
		err = cmd.Wait()
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &BuildError{strings.Join(append([]string{b.Make}, goal...), " "), err, firstComplaint(last.String())}
	}
	return nil
}
