package main

import (
	"context"
	"fmt"

	"mimic/suite"
)

func runJudge(_ context.Context, c command, args []string) (int, error) {
	paths, err := parse(c.flags(), args)
	if err != nil {
		return 0, err
	}
	if len(paths) == 0 {
		return 0, usagef("want at least one trace")
	}
	code := suite.ExitHeld
	for _, path := range paths {
		r, err := suite.Rejudge(path)
		if err != nil {
			return 0, err
		}
		fmt.Fprintf(stdout, "%s: %s", path, r.Text())
		code = max(code, r.ExitCode())
	}
	return code, nil
}
