package main

import (
	"context"
	"fmt"
	"os"

	"mimic/suite"
)

func runReduce(ctx context.Context, c command, args []string) (int, error) {
	f := c.flags()
	g := guestFlags(f)
	out, elsewhere := outFlag(f), elsewhereFlag(f)
	others, err := parse(f, args)
	if err != nil {
		return 0, err
	}
	path, err := one("file of a sequence or a trace", others)
	if err != nil {
		return 0, err
	}
	specs, err := g.specs(ctx)
	if err != nil {
		return 0, err
	}
	if len(specs) != 1 {
		return 0, usagef("-vm %s: want one kernel to reduce on", *g.vm)
	}
	seq, err := suite.ReadSequence(path)
	if err != nil {
		return 0, err
	}
	also, err := g.elsewhere(*elsewhere, specs)
	if err != nil {
		return 0, err
	}
	r := suite.ReduceOn(ctx, suite.Config{Log: os.Stderr, Out: suite.OutFolder(*out), Elsewhere: also, Command: typed()}, specs[0], seq)
	fmt.Fprint(stdout, r.Text())
	if r.Finding != nil && r.Fault == nil {
		return suite.ExitViolated, nil // known or not: it was to be shown
	}
	return r.ExitCode(), nil
}
