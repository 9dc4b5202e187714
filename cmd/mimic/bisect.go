package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mimic/evidence"
	"mimic/report"
	"mimic/suite"
	"mimic/target"
	"mimic/vmtest"
)

func runBisect(ctx context.Context, c command, args []string) (int, error) {
	f := c.flags()
	good := f.String("good", "", "version that holds: a row of kernels.txt or a release of one, as in 6.12.43;\nthe nearest of the folder's table unless given")
	bad := f.String("bad", "", "version that fails; where it was found unless given")
	tries := f.Int("tries", 0, "times to run the sequence on each version (default 1, of a race 5)")
	modeName := f.String("mode", string(target.Fast), modeHelp)
	suites := f.String("suites", suite.MoreSuites, "more suites to look for releases in, separated by commas")
	step := f.Bool("step", false, "instead, build the kernel whose source is in the current directory, run the sequence on it, and exit\nas git bisect run wants it: 0 good, 1 bad, 125 cannot be tested, 128 stop")
	config := configFlag(f, "-step")
	others, err := parse(f, args)
	if errors.Is(err, flag.ErrHelp) {
		return 0, err
	}
	if err == nil && *config != "" && !*step {
		err = usagef("-config %s: only -step builds with it", *config)
	}
	if err != nil {
		return stepped(*step, err)
	}
	path, err := one("folder of evidence, or file of a sequence or a trace", others)
	if err != nil {
		return stepped(*step, err)
	}
	mode, err := target.ParseMode(*modeName)
	if err != nil {
		return stepped(*step, usagef("%v", err))
	}
	e, q, err := evident(path)
	if err != nil {
		return stepped(*step, err)
	}
	if why := flaky(e); why != "" {
		return stepped(*step, usagef("%s is not bisected: %s", path, why))
	}
	q.Tries = *tries
	if *step {
		return takeStep(ctx, q, *config, mode)
	}
	if e != nil {
		*bad, *good = ends(*e, *bad, *good)
	}
	if *good == "" || *bad == "" {
		return 0, usagef("want -good VERSION and -bad VERSION")
	}
	b, err := (&suite.Config{Log: os.Stderr}).Bisect(ctx, q, *good, *bad, mode, strings.FieldsFunc(*suites, func(r rune) bool { return r == ',' }))
	fmt.Fprint(stdout, evidence.Table(b.Table))
	if err != nil {
		return 0, err
	}
	fmt.Fprintln(stdout, b)
	if e != nil {
		e.Bisection = &b
		return suite.ExitHeld, evidence.Write(path, *e)
	}
	return suite.ExitHeld, nil
}

// flaky says why a case is not bisected, or "".
func flaky(e *evidence.Case) string {
	if e == nil {
		return ""
	}
	return e.Flaky()
}

// stepped is what an error comes to: in a step, git must not take it for a bad commit.
func stepped(step bool, err error) (int, error) {
	if !step {
		return 0, err
	}
	fail(err)
	return suite.StepStop, nil
}

// takeStep builds the kernel here and asks it.
func takeStep(ctx context.Context, q suite.Question, path string, mode target.Mode) (int, error) {
	lines, err := suite.BuildLines(path)
	if err != nil {
		return stepped(true, err)
	}
	code, why := (&suite.Config{Log: os.Stderr}).Step(ctx, q, vmtest.TreeBuild{Tree: ".", Config: lines, Log: os.Stderr}, mode)
	fmt.Printf("mimic: %s (exit code %d)\n", why, code)
	return code, nil
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
