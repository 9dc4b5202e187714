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
	Tree   string    // the source, or a folder that was configured to build it in
	Output string    // folder for what is built; what is there already is not built again
	Config string    // lines that are set on top of allnoconfig
	Keep   bool      // set them on top of what is configured already, or else of defconfig, instead
	Make   string    // the program; make if ""
	Log    io.Writer // what it prints
}

// BuildFolder is a folder in a tree for what is built of it. A kernel's .gitignore does not show it.
const BuildFolder = ".mimic"

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
// two versions of a kernel, settings come and go. A tree that was configured in its own folder is
// built there if the configuration is to be kept, for make builds it nowhere else; its .config stays as it is.
func BuildTree(ctx context.Context, b TreeBuild) (Kernel, error) {
	setDefault(&b.Make, "make")
	if _, err := exec.LookPath(b.Make); err != nil {
		return Kernel{}, fmt.Errorf("build the kernel in %s: %w", b.Tree, err)
	}
	if err := os.MkdirAll(b.Output, 0o755); err != nil {
		return Kernel{}, err
	}
	if err := b.configure(ctx); err != nil {
		return Kernel{}, err
	}
	if err := b.run(ctx, fmt.Sprintf("-j%d", runtime.NumCPU()), "bzImage"); err != nil {
		return Kernel{}, err
	}
	built := b.Output
	if b.inPlace() {
		built = b.Tree
	}
	k, err := FromFile(filepath.Join(built, "arch/x86/boot/bzImage"), "")
	k.MemoryMiB, k.ConfigPath = builtMemory, b.config()
	if err != nil {
		return k, &BuildError{b.Make + " bzImage", err, "it left no kernel"}
	}
	return k, nil
}

// config is the path of the configuration that it is built with.
func (b TreeBuild) config() string { return filepath.Join(b.Output, ".config") }

// inPlace says whether the tree was configured in its own folder, and that counts.
func (b TreeBuild) inPlace() bool { return b.Keep && b.Configured() }

// Configured says whether the tree was configured in its own folder.
func (b TreeBuild) Configured() bool { return exists(filepath.Join(b.Tree, ".config")) }

// configure makes the configuration.
func (b TreeBuild) configure(ctx context.Context) error {
	first := b.fromNothing
	if b.Keep {
		first = b.onTop
	}
	if err := first(ctx); err != nil {
		return err
	}
	if err := b.run(ctx, "olddefconfig"); err != nil {
		return err
	}
	b.tellLost()
	return nil
}

// fromNothing sets the lines on top of allnoconfig.
func (b TreeBuild) fromNothing(ctx context.Context) error {
	lines := filepath.Join(b.Output, "mimic.lines")
	if err := os.WriteFile(lines, []byte(b.Config), 0o644); err != nil {
		return err
	}
	return b.run(ctx, "KCONFIG_ALLCONFIG="+lines, "allnoconfig")
}

// onTop sets the lines on top of what was configured: in the tree, or by an earlier build.
func (b TreeBuild) onTop(ctx context.Context) error {
	from := b.config()
	if b.inPlace() {
		from = filepath.Join(b.Tree, ".config")
	} else if !exists(from) {
		if err := b.run(ctx, "defconfig"); err != nil {
			return err
		}
	}
	old, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("the configuration of %s: %w", b.Tree, err)
	}
	return os.WriteFile(b.config(), append(withoutLines(old, b.Config), b.Config...), 0o644)
}

// tellLost names the lines that did not come through.
func (b TreeBuild) tellLost() {
	got, err := os.ReadFile(b.config())
	if lost := lostLines(b.Config, string(got)); err == nil && len(lost) > 0 {
		fmt.Fprintf(b.Log, "this tree does not keep %s\n", strings.Join(lost, ", "))
	}
}

// run runs make; it and all that it started end with ctx.
func (b TreeBuild) run(ctx context.Context, goal ...string) error {
	where := "O=" + b.Output
	if b.inPlace() {
		where = "KCONFIG_CONFIG=" + b.config()
	}
	cmd := exec.CommandContext(ctx, b.Make, append([]string{"-C", b.Tree, where}, goal...)...)
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
