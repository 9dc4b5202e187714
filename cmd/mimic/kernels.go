package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"mimic/suite"
)

func runKernels(ctx context.Context, c command, args []string) (int, error) {
	words, err := parse(c.flags(), args)
	switch {
	case err != nil:
		return 0, err
	case len(words) == 1 && words[0] == "list":
		return 0, listKernels()
	case len(words) > 1 && words[0] == "fetch":
		return 0, fetchKernels(ctx, words[1:])
	}
	return 0, usagef("mimic kernels %s: want list, or fetch and names", strings.Join(words, " "))
}

func listKernels() error {
	rows, err := suite.Matrix()
	for _, row := range rows {
		fmt.Printf("%-11s %s\n", row.Name(), strings.Join(row.Suites, " "))
	}
	return err
}

// fetchKernels prints where the image of each is.
func fetchKernels(ctx context.Context, names []string) error {
	for _, name := range names {
		k, err := suite.Fetch(ctx, name, func(s string) { fmt.Fprintln(os.Stderr, s) })
		if err != nil {
			return err
		}
		fmt.Println(k.Image)
	}
	return nil
}
