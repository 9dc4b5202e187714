// Command mimic holds kernels to what the kernel documents about map-of-maps, and
// makes evidence of what does not hold. `mimic -h` lists its subcommands.
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
	"strings"
	"syscall"
	"text/tabwriter"

	"mimic/evidence"
	"mimic/suite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(stdout.code(code))
}

// command is a subcommand. A run that answers an error fails as fail has it.
type command struct {
	name, args, says string
	run              func(ctx context.Context, c command, args []string) (code int, err error)
}

// commands are all that there are; the first is what mimic does if none is named.
func commands() []command {
	return []command{
		{"run", "[-vm KERNELS] …", "plan sequences, run them on kernels, judge and reduce; what mimic does without a command", runRun},
		{"replay", "[-vm KERNELS] FILE…", "run the sequence, or that of the trace, in each file, and judge it", runReplay},
		{"reduce", "[-vm KERNEL] [-elsewhere KERNELS] FILE", "make a sequence that fails as short as it gets, and a folder of evidence of it", runReduce},
		{"bisect", "FOLDER|FILE -good VERSION -bad VERSION", "narrow down which version broke, or mended, it", runBisect},
		{"report", "[-tree DIR] [-force] FOLDER", "write the mail about a folder of evidence to those who can mend it", runReport},
		{"judge", "TRACE…", "judge stored traces again with today's model; no kernel is needed", runJudge},
		{"kernels", "list | fetch NAME… | prune [-unused DAYS]", "say which kernels there are, get some into the cache, or delete those that nobody uses", runKernels},
	}
}

// run finds the subcommand and answers its exit code.
func run(ctx context.Context, args []string) int {
	all := commands()
	if len(args) == 0 || strings.HasPrefix(args[0], "-") && !isHelp(args[0]) {
		return all[0].start(ctx, args)
	}
	if isHelp(args[0]) || args[0] == "help" {
		usageText(os.Stdout)
		return suite.ExitHeld
	}
	for _, c := range all {
		if c.name == args[0] {
			return c.start(ctx, args[1:])
		}
	}
	usageText(os.Stderr)
	return fail(usagef("%q is not a command of mimic; kernels are named with -vm", args[0]))
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// start runs a subcommand; an interrupted one did not hold.
func (c command) start(ctx context.Context, args []string) int {
	code, err := c.run(ctx, c, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return suite.ExitHeld
	case err != nil:
		code = fail(err)
	}
	if ctx.Err() != nil && code == suite.ExitHeld {
		return suite.ExitHarness
	}
	return code
}

// usageText is the table of subcommands.
func usageText(w io.Writer) {
	fmt.Fprintln(w, "usage: mimic [COMMAND] [FLAGS] …    (mimic COMMAND -h lists the flags)")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(tw, "  mimic %s %s\t%s\n", c.name, c.args, c.says)
	}
	tw.Flush()
	fmt.Fprintln(w, "exit code: 0 held, 1 violation, 2 usage, 3 harness")
}

// flags is a set for a subcommand, of which the usage text comes from the table.
func (c command) flags() *flag.FlagSet {
	f := flag.NewFlagSet("mimic "+c.name, flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "usage: mimic %s %s\n%s\n", c.name, c.args, c.says)
		f.PrintDefaults()
	}
	return f
}

// parse reads flags that may stand before and after other arguments, and answers
// those. Package flag alone stops at the first argument that is none.
func parse(f *flag.FlagSet, args []string) (others []string, err error) {
	for {
		if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, told{err}
		}
		if f.NArg() == 0 {
			return others, nil
		}
		others, args = append(others, f.Arg(0)), f.Args()[1:]
	}
}

// told is a usage error that package flag has printed already.
type told struct{ error }

func usagef(format string, a ...any) error {
	return &suite.UsageError{Reason: fmt.Sprintf(format, a...)}
}

// fail says what is wrong and answers the exit code.
func fail(err error) int {
	switch {
	case errors.As(err, new(told)):
		return suite.ExitUsage
	case suite.IsUsage(err), errors.As(err, new(*evidence.FileError)):
		fmt.Fprintf(os.Stderr, "mimic: usage: %v\n", err)
		return suite.ExitUsage
	}
	fmt.Fprintf(os.Stderr, "mimic: %v\n", err)
	return suite.ExitHarness
}

// one is the only argument there must be.
func one(what string, others []string) (string, error) {
	if len(others) != 1 {
		return "", usagef("want one %s, got %q", what, others)
	}
	return others[0], nil
}
