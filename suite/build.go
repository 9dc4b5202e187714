package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"mimic/target"
	"mimic/vmtest"
)

// needQEMU says what is missing, before a build whose kernel could not be booted.
func needQEMU() error {
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		return fmt.Errorf("%w: scripts/setup.sh installs it", err)
	}
	return nil
}

// BuildLines reads the lines that a tree's kernel is built with: those of a file, "" is
// debug.config of ConfigFolder. The error is a *UsageError.
func BuildLines(path string) (string, error) {
	if path == "" {
		root, err := target.ModuleRoot()
		if err != nil {
			return "", &UsageError{err.Error()}
		}
		path = filepath.Join(root, ConfigFolder, "debug.config")
	}
	lines, err := os.ReadFile(path)
	if err != nil {
		return "", &UsageError{"-config: " + err.Error()}
	}
	return string(lines), nil
}

// BuildSpec builds the kernel of a tree, as far as it is not built yet, with the lines of a file (see
// BuildLines) on top of the tree's configuration. What make prints goes to log. The error is a *UsageError if there is
// no source to build, and holds a *vmtest.BuildError if it does not build.
func BuildSpec(ctx context.Context, path, config string, how How, log io.Writer) (Spec, error) {
	lines, err := BuildLines(config)
	if err != nil {
		return Spec{}, err
	}
	tree, err := filepath.Abs(path)
	if err != nil {
		return Spec{}, err
	}
	if _, err := os.Stat(filepath.Join(tree, "Makefile")); err != nil {
		return Spec{}, &UsageError{fmt.Sprintf("-build %q: want the folder of a kernel's source: %v", path, err)}
	}
	b, err := newBooter(how)
	if err == nil {
		err = needQEMU()
	}
	if err != nil {
		return Spec{}, err
	}
	k, err := vmtest.BuildTree(ctx, vmtest.TreeBuild{Tree: tree, Output: filepath.Join(tree, vmtest.BuildFolder), Config: lines, Keep: true, Log: log})
	if k.Name = filepath.Base(tree); err != nil {
		return Spec{}, notBuilt(path, err)
	}
	return b.of(nameOf(path, tree), func(context.Context, func(string, ...any)) (vmtest.Kernel, error) { return k, nil }), nil
}

// nameOf is what a tree is called: as it was typed, if that has a name.
func nameOf(path, tree string) string {
	if base := filepath.Base(path); base == "." || base == ".." {
		return tree
	}
	return path
}

// notBuilt says that a tree was not built, and what to do.
func notBuilt(path string, err error) error {
	next := ""
	if errors.As(err, new(*vmtest.BuildError)) {
		next = "; all that make said is above: mend that, and run this again"
	}
	return fmt.Errorf("-build %s: %w%s", path, err, next)
}
