package main

import (
	"context"

	"mimic/suite"
)

func runJudge(_ context.Context, c command, args []string) (int, error) {
	f := c.flags()
	asJSON := jsonFlag(f)
	paths, err := parse(f, args)
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
		if err := show(*asJSON, path, path+": "+r.Text(), r); err != nil {
			return 0, err
		}
		code = max(code, r.ExitCode())
	}
	return code, nil
}
