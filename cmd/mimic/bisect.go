package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mimic/evidence"
	"mimic/report"
	"mimic/suite"
	"mimic/target"
)

func runBisect(ctx context.Context, c command, args []string) (int, error) {
	f := c.flags()
	good := f.String("good", "", "version that holds: a row of kernels.txt or a release of one, as in 6.12.43;\nthe nearest of the folder's table unless given")
	bad := f.String("bad", "", "version that fails; where it was found unless given")
	tries := f.Int("tries", 0, "times to run the sequence on each version (default 1, of a race 5)")
	modeName := f.String("mode", string(target.Fast), modeHelp)
	suites := f.String("suites", suite.MoreSuites, "more suites to look for releases in, separated by commas")
	others, err := parse(f, args)
	if err != nil {
		return 0, err
	}
	path, err := one("folder of evidence, or file of a sequence or a trace", others)
	if err != nil {
		return 0, err
	}
	mode, err := target.ParseMode(*modeName)
	if err != nil {
		return 0, usagef("%v", err)
	}
	e, q, err := evident(path)
	if err != nil {
		return 0, err
	}
	if e != nil {
		if why := e.Flaky(); why != "" {
			return 0, usagef("%s is not bisected: %s", path, why)
		}
		*bad, *good = ends(*e, *bad, *good)
	}
	if *good == "" || *bad == "" {
		return 0, usagef("want -good VERSION and -bad VERSION")
	}
	q.Tries = *tries
	config := suite.Config{Log: os.Stderr}
	b, err := config.Bisect(ctx, q, *good, *bad, mode, strings.FieldsFunc(*suites, func(r rune) bool { return r == ',' }))
	fmt.Print(evidence.Table(b.Table))
	if err != nil {
		return 0, err
	}
	fmt.Println(b)
	if e != nil {
		e.Bisection = &b
		return suite.ExitHeld, evidence.Write(path, *e)
	}
	return suite.ExitHeld, nil
}

// evident reads a folder, or the file of a sequence: then there is no case.
func evident(path string) (*evidence.Case, suite.Question, error) {
	path = filepath.Clean(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		e, err := evidence.Read(path)
		if err != nil {
			return nil, suite.Question{}, err
		}
		return &e, suite.QuestionOf(e), nil
	}
	seq, err := suite.ReadSequence(path)
	return nil, suite.Question{Sequence: seq}, err
}

// ends are the versions to begin with: where it was found, and the nearest that holds.
func ends(e evidence.Case, bad, good string) (string, string) {
	if bad == "" {
		bad = e.Kernel.Name
	}
	at := -1
	for i, t := range e.Elsewhere {
		if t.Kernel == e.Kernel.Name {
			at = i
		}
	}
	for away := 1; good == "" && at >= 0 && away < len(e.Elsewhere); away++ {
		for _, i := range []int{at - away, at + away} { // what broke it before what mended it
			if good == "" && i >= 0 && i < len(e.Elsewhere) && e.Elsewhere[i].Outcome == report.HoldsThere {
				good = e.Elsewhere[i].Kernel
			}
		}
	}
	return bad, good
}
