package suite

import (
	"context"
	"fmt"
	"path/filepath"

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

// Fetch gets the kernel of a row into the cache, building it if it has a
// configuration of ours.
func Fetch(ctx context.Context, name string, progress func(string)) (vmtest.Kernel, error) {
	rows, err := Matrix()
	if err != nil {
		return vmtest.Kernel{}, err
	}
	for _, row := range rows {
		if row.Name() == name {
			return source(progress).Fetch(ctx, row)
		}
	}
	return vmtest.Kernel{}, &UsageError{fmt.Sprintf("%s has no row %q; want one of %s", MatrixFile, name, series(rows))}
}

// source gets kernels as -vm does.
func source(progress func(string)) *vmtest.Source {
	s := vmtest.NewSource(progress)
	if root, err := target.ModuleRoot(); err == nil {
		s.Configs = filepath.Join(root, ConfigFolder)
	}
	return s
}
