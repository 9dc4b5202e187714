package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"mimic/report"
	"mimic/suite"
	"mimic/target"
	"mimic/vmtest"
)

const modeHelp = `how the time of guests passes:
fast   grace periods are expedited, two processors race
stock  grace periods are as long as the kernel has them
det    one processor whose instructions are the clock: the same race goes the same way each time`

// guests are the flags that say which kernels, and how.
type guests struct {
	vm, mode, backend, build, config *string
	cold                             *bool
}

func guestFlags(f *flag.FlagSet) guests {
	return guests{
		f.String("vm", "", "kernels: names of kernels.txt, all, host, or paths of images, separated by commas; none: the in-memory kernel"),
		f.String("mode", string(target.Fast), modeHelp),
		f.String("backend", vmtest.QEMU, "what starts guests: "+vmtest.BackendNames()),
		f.String("build", "", "build the kernel whose source is in this folder, as far as it has changed, and run on it, too"),
		configFlag(f, "-build"),
		f.Bool("cold", false, "boot each kernel, also if an earlier run kept one that had booted"),
	}
}

// configFlag says what a kernel is built with, where a flag has one built.
func configFlag(f *flag.FlagSet, with string) *string {
	return f.String("config", "", "with "+with+": file of lines of a kernel's configuration (default "+suite.ConfigFolder+"/debug.config)")
}

// specs are the kernels that were asked for. What is to be built is built here: before anything runs.
func (g guests) specs(ctx context.Context) ([]suite.Spec, error) {
	how, err := suite.ParseHow(*g.mode, *g.backend)
	how.Cold = *g.cold
	switch {
	case err != nil:
		return nil, err
	case *g.build == "" && *g.config != "":
		return nil, usagef("-config %s: say what is to be built with it (-build PATH)", *g.config)
	case *g.build == "":
		return suite.ParseSpecs(*g.vm, how)
	}
	var all []suite.Spec
	if *g.vm != "" {
		if all, err = suite.ParseSpecs(*g.vm, how); err != nil {
			return nil, err
		}
	}
	built, err := suite.BuildSpec(ctx, *g.build, *g.config, how, os.Stderr)
	return append(all, built), err
}

// elsewhereFlag says on which other kernels what fails is run, too.
func elsewhereFlag(f *flag.FlagSet) *string {
	return f.String("elsewhere", "", "kernels to run the sequence of each violation on, too: all, none, or a list as for -vm;\nnothing is every kernel of kernels.txt that the cache has, if -vm names real kernels")
}

func (g guests) elsewhere(text string, of []suite.Spec) ([]suite.Spec, error) {
	return suite.ElsewhereSpecs(text, of, suite.How{Mode: target.Mode(*g.mode), Backend: *g.backend, Cold: *g.cold})
}

// typed is the command as somebody can type it again.
func typed() string { return strings.Join(append([]string{"mimic"}, os.Args[1:]...), " ") }

// outFlag is the folder for what is found.
func outFlag(f *flag.FlagSet) *string {
	return f.String("out", "", "folder for what is found (default out at the top of the module)")
}

func runRun(ctx context.Context, c command, args []string) (int, error) {
	f := c.flags()
	g, out, elsewhere := guestFlags(f), outFlag(f), elsewhereFlag(f)
	seed := f.Uint64("seed", 1, "seed that names every sequence of the run")
	sequences := f.Int("sequences", 0, suite.SequencesHelp)
	budget := f.Float64("budget", 0, "instead of -sequences: operations to spend on each kernel, by how many times those of the usual run of one; 10 is for a night")
	quick := f.Bool("quick", false, "instead of -sequences: ask each row as little as it takes to say that it holds")
	jobs := f.Int("jobs", 0, "kernels examined at the same time; 0 is as many as there is room for")
	missing := f.String("missing", "fail", "what a kernel is that cannot be had: fail or skip")
	replay := f.String("replay", "", "run the one sequence or trace in this file instead, as mimic replay does")
	claims := f.String("claims", "", "claims to ask, as in P90 or P90/hash, separated by commas; all unless given")
	verbose := f.Bool("v", false, "also say what each map type is answered, what was asked how often, and where the documentation is wrong")
	var outputs suite.Outputs
	outputs.Flags(f)
	others, err := parse(f, args)
	switch {
	case err != nil:
		return 0, err
	case len(others) > 0:
		return 0, usagef("%q is not a flag", others[0])
	case *replay != "" && outputs.Asked():
		return 0, usagef("-replay judges one sequence: there is no table to write to a file")
	case *missing != "fail" && *missing != "skip":
		return 0, usagef("-missing %q: want fail or skip", *missing)
	case *sequences < 1 && isSet(f, "sequences"):
		return 0, usagef("-sequences %d: want at least 1", *sequences)
	case *jobs < 0:
		return 0, usagef("-jobs %d: want at least 1, or 0 for as many as there is room for", *jobs)
	}
	perRow, err := perRow(*sequences, *budget, *quick)
	if err != nil {
		return 0, err
	}
	rows, err := suite.ParseRows(*claims)
	if err != nil {
		return 0, err
	}
	specs, err := g.specs(ctx)
	if err != nil {
		return 0, err
	}
	also, err := g.elsewhere(*elsewhere, specs)
	if err != nil {
		return 0, err
	}
	config := suite.Config{Kernels: specs, Rows: rows, Seed: *seed, Sequences: perRow, Quick: *quick, Jobs: *jobs,
		Out: suite.OutFolder(*out), Log: os.Stderr, Live: terminal(os.Stderr), Elsewhere: also, Command: typed()}
	if *replay != "" {
		return replayAll(ctx, config, []string{*replay}, "", 1, false)
	}
	return examine(ctx, config, &outputs, *missing == "skip", *verbose)
}

// isSet says whether somebody gave a flag.
func isSet(f *flag.FlagSet, name string) (set bool) {
	f.Visit(func(one *flag.Flag) { set = set || one.Name == name })
	return set
}

// perRow is how many sequences are planned for each row; 0 if nobody says.
func perRow(sequences int, budget float64, quick bool) (int, error) {
	const most = 1000
	n := int(math.Round(budget * suite.DefaultSequences))
	switch {
	case budget == 0:
		return sequences, nil
	case quick || sequences != 0:
		return 0, usagef("-budget says how many sequences: leave out -sequences and -quick")
	case n < 1 || !(budget <= most):
		return 0, usagef("-budget %v: want a number from %v to %d", budget, 1.0/suite.DefaultSequences, most)
	}
	return n, nil
}

// examine runs the suite and reports. A violation stands, whatever could not be
// written.
func examine(ctx context.Context, config suite.Config, outputs *suite.Outputs, skip, verbose bool) (int, error) {
	outputs.Stdout = stdout
	kernels, err := outputs.Run(ctx, config, skip)
	if kernels == nil {
		return 0, err
	}
	text := outputs.Text()
	if verbose {
		report.Verbose(text, kernels)
	}
	if err := suite.SaveTypes(config.Out, kernels); err != nil {
		fmt.Fprintf(os.Stderr, "mimic: %v\n", err)
	}
	report.All(text, kernels)
	code := suite.ExitCode(kernels, skip)
	if code != suite.ExitHeld && err != nil {
		fmt.Fprintf(os.Stderr, "mimic: %v\n", err)
		err = nil
	}
	return code, err
}

// terminal is f if a person watches it, else nil.
func terminal(f *os.File) io.Writer {
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return f
}
