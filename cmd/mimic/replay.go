package main

import (
	"context"
	"fmt"
	"os"

	"mimic/suite"
)

func runReplay(ctx context.Context, c command, args []string) (int, error) {
	f := c.flags()
	g := guestFlags(f)
	others, err := parse(f, args)
	if err != nil {
		return 0, err
	}
	path, err := one("file of a sequence or a trace", others)
	if err != nil {
		return 0, err
	}
	specs, err := g.specs()
	if err != nil {
		return 0, err
	}
	return replayAll(ctx, suite.Config{Kernels: specs, Log: os.Stderr}, path)
}

// replayAll runs a sequence on each kernel; the worst that it did is the exit code.
func replayAll(ctx context.Context, config suite.Config, path string) (int, error) {
	seq, err := suite.ReadSequence(path)
	if err != nil {
		return 0, err
	}
	code := suite.ExitHeld
	for _, spec := range config.Kernels {
		r := suite.Replay(ctx, config, spec, seq)
		fmt.Print(r.Text())
		code = max(code, r.ExitCode())
	}
	return code, nil
}
