package suite

import (
	"context"
	"path/filepath"
	"time"

	"mimic/target"
	"mimic/vmtest"
)

// Matrix is the rows of kernels.txt.
func Matrix() ([]vmtest.Line, error) {
	root, err := target.ModuleRoot()
	if err != nil {
		return nil, &UsageError{err.Error()}
	}
	return readTable(filepath.Join(root, MatrixFile), vmtest.ParseMatrix)
}

// Fetch gets a kernel that vmtest.Want knows into the cache, building it if it has a
// configuration of ours.
func Fetch(ctx context.Context, name string, progress func(string)) (vmtest.Kernel, error) {
	rows, err := Matrix()
	if err != nil {
		return vmtest.Kernel{}, err
	}
	row, ok, err := vmtest.Want(name, rows)
	switch {
	case err != nil:
		return vmtest.Kernel{}, &UsageError{err.Error()}
	case ok:
		return source(progress).Fetch(ctx, row)
	}
	return vmtest.Kernel{}, &UsageError{unknown(name, rows)}
}

// Kept lists the kernels of the cache.
func Kept() []vmtest.Kept { return source(nil).Kept() }

// Prune deletes the kernels of the cache that nobody used for some time, and what belongs to none.
func Prune(ctx context.Context, unused time.Duration) (vmtest.Pruned, error) {
	return source(nil).Prune(ctx, unused)
}

// source gets kernels as -vm does.
func source(progress func(string)) *vmtest.Source {
	s := vmtest.NewSource(progress)
	if root, err := target.ModuleRoot(); err == nil {
		s.Configs = filepath.Join(root, ConfigFolder)
	}
	return s
}
