// Command mimic holds kernels to what the kernel documents about map-of-maps.
//
//	mimic [-vm KERNELS] [-mode fast|stock|det] [-seed N] [-sequences N] [-missing fail|skip] [-replay FILE] [-v]
//
// It exits 0 if everything asked for ran and held, 1 on a violation, 2 on usage,
// 3 if the harness is at fault.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"mimic/report"
	"mimic/suite"
	"mimic/target"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

const modeHelp = `how the time of guests passes:
fast   grace periods are expedited, two processors race
stock  grace periods are as long as the kernel has them
det    one processor whose instructions are the clock: the same race goes the same way each time`

func run(ctx context.Context, args []string) int {
	f := flag.NewFlagSet("mimic", flag.ContinueOnError)
	vm := f.String("vm", "", "kernels: names of kernels.txt, all, host, or paths of images, separated by commas; none: the in-memory kernel")
	seed := f.Uint64("seed", 1, "seed that names every sequence of the run")
	modeName := f.String("mode", string(target.Fast), modeHelp)
	sequences := f.Int("sequences", suite.DefaultSequences, "sequences planned for each row of the table of claims")
	missing := f.String("missing", "fail", "what a kernel is that cannot be had: fail or skip")
	replay := f.String("replay", "", "run the one sequence or trace in this file instead")
	claims := f.String("claims", "", "claims to ask, as in P90 or P90/hash, separated by commas; all unless given")
	out := f.String("out", "", "folder for reduced sequences (default out at the top of the module)")
	verbose := f.Bool("v", false, "also say what each map type is answered, what was asked how often, and where the documentation is wrong")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return suite.ExitHeld
	case err != nil:
		return suite.ExitUsage
	case f.NArg() > 0:
		return usage(fmt.Errorf("%q is not a flag", f.Arg(0)))
	case *missing != "fail" && *missing != "skip":
		return usage(fmt.Errorf("-missing %q: want fail or skip", *missing))
	case *sequences < 1:
		return usage(fmt.Errorf("-sequences %d: want at least 1", *sequences))
	}
	mode, err := target.ParseMode(*modeName)
	if err != nil {
		return usage(err)
	}
	specs, err := suite.ParseSpecs(*vm, mode)
	if err != nil {
		return usage(err)
	}
	rows, err := suite.ParseRows(*claims)
	if err != nil {
		return usage(err)
	}
	c := suite.Config{Kernels: specs, Rows: rows, Seed: *seed, Sequences: *sequences,
		Out: suite.OutFolder(*out), Log: os.Stderr, Live: terminal(os.Stderr)}
	if *replay != "" {
		return replayAll(ctx, c, *replay)
	}
	kernels := suite.Run(ctx, c)
	if *verbose {
		report.Verbose(os.Stdout, kernels)
	}
	if err := suite.SaveTypes(c.Out, kernels); err != nil {
		fmt.Fprintf(os.Stderr, "mimic: %v\n", err)
	}
	report.All(os.Stdout, kernels)
	return ended(ctx, suite.ExitCode(kernels, *missing == "skip"))
}

func usage(err error) int {
	fmt.Fprintf(os.Stderr, "mimic: usage: %v\n", err)
	return suite.ExitUsage
}

// ended makes a run that was interrupted one that did not hold.
func ended(ctx context.Context, code int) int {
	if ctx.Err() != nil && code == suite.ExitHeld {
		return suite.ExitHarness
	}
	return code
}

func replayAll(ctx context.Context, c suite.Config, path string) int {
	seq, err := suite.ReadSequence(path)
	if err != nil {
		return usage(err)
	}
	code := suite.ExitHeld
	for _, spec := range c.Kernels {
		r := suite.Replay(ctx, c, spec, seq)
		fmt.Print(r.Text())
		code = max(code, r.ExitCode())
	}
	return ended(ctx, code)
}

// terminal is f if a person watches it, else nil.
func terminal(f *os.File) io.Writer {
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return f
}
