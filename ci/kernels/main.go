// Command kernels gets a kernel of kernels.txt into the cache, by building it if it is one with a
// configuration of ours, and prints where its image is. ci/kernels/build.sh installs what that needs.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"mimic/suite"
	"mimic/target"
	"mimic/vmtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: kernels NAME, which is a row of kernels.txt")
		os.Exit(suite.ExitUsage)
	}
	image, err := get(ctx, os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(suite.ExitHarness)
	}
	fmt.Println(image)
}

func get(ctx context.Context, name string) (image string, err error) {
	root, err := target.ModuleRoot()
	if err != nil {
		return "", err
	}
	f, err := os.Open(filepath.Join(root, suite.MatrixFile))
	if err != nil {
		return "", err
	}
	defer f.Close()
	rows, err := vmtest.ParseMatrix(suite.MatrixFile, f)
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		if row.Name() == name {
			return fetch(ctx, root, row)
		}
	}
	return "", fmt.Errorf("%s has no row %s", suite.MatrixFile, name)
}

func fetch(ctx context.Context, root string, row vmtest.Line) (image string, err error) {
	source := vmtest.NewSource(func(s string) { fmt.Fprintln(os.Stderr, s) })
	source.Configs = filepath.Join(root, suite.ConfigFolder)
	k, err := source.Fetch(ctx, row)
	return k.Image, err
}
