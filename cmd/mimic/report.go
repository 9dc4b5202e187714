package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"mimic/evidence"
	"mimic/suite"
)

func runReport(ctx context.Context, c command, args []string) (int, error) {
	f := c.flags()
	tree := f.String("tree", "", "source of the tested kernel, whose get_maintainer.pl says whom to write to;\na table of the maintainers of kernel/bpf unless given")
	force := f.Bool("force", false, "also write a mail about what is flaky or has no verified reproducer; it says so")
	others, err := parse(f, args)
	if err != nil {
		return 0, err
	}
	dir, err := one("folder of evidence", others)
	if err != nil {
		return 0, err
	}
	e, err := evidence.Read(filepath.Clean(dir))
	if err != nil {
		return 0, err
	}
	warning := e.NotReady()
	if warning != "" && !*force {
		return 0, usagef("no mail about %s: %s; -force writes one that says so", dir, warning)
	}
	to := evidence.Maintainers
	if *tree != "" {
		if to, err = evidence.MaintainersOf(ctx, *tree, e); err != nil {
			return 0, err
		}
	}
	fmt.Fprint(stdout, evidence.Mail(e, to, warning))
	fmt.Fprintln(os.Stderr, "mimic: a human reads this, tries it on a vanilla mainline kernel, says what helped to write it, and sends it")
	return suite.ExitHeld, nil
}
