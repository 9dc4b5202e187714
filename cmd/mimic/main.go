// Command mimic holds kernels to what the kernel documents about map-of-maps, and
// makes evidence of what does not hold. `mimic -h` lists its subcommands. It builds
// the agent of its guests from its own source, which it finds where it was built
// from, unless it runs in another copy or MIMIC_SOURCE names one.
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
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"mimic/evidence"
	"mimic/suite"
)

// memoryLimit is from when on garbage is collected oftener: unpacking a kernel leaves much of it. GOMEMLIMIT wins.
const memoryLimit = 150 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	findSource()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(stdout.code(code))
}

// command is a subcommand. A run that answers an error fails as fail has it.
type command struct {
	name, args, says string
	examples         []string
	words            []string // that may follow the name, if files and folders may not
	run              func(ctx context.Context, c command, args []string) (code int, err error)
	seen             func(*flag.FlagSet) // asked for its flags: they are shown to this instead of to people
}

// commands are all that there are; the first is what mimic does if none is named.
func commands() []command {
	return []command{
		{name: "run", args: "[-vm KERNELS] …", says: "plan sequences, run them on kernels, judge and reduce; what mimic does without a command", run: runRun,
			examples: []string{"mimic -vm 6.12", "mimic run -vm all -missing skip -html out/mimic.html", "mimic -vm ~/linux -claims P90,C1/hash -seed 7", "mimic -vm 7.3 -json - | jq .tests"}},
		{name: "replay", args: "[-vm KERNELS] FILE…", says: "run the sequence, or that of the trace, in each file, and judge it", run: runReplay,
			examples: []string{"mimic replay -vm 6.12,7.3 findings/F2-percpu-array-overrun.seq", "mimic replay -vm 6.12 -mode det findings/H12-id-hash.seq"}},
		{name: "reduce", args: "[-vm KERNEL] [-elsewhere KERNELS] FILE", says: "make a sequence that fails as short as it gets, and a folder of evidence of it", run: runReduce,
			examples: []string{"mimic reduce -vm 6.18 findings/F5-checked-array.seq", "mimic reduce -vm 6.12 -elsewhere none -out /tmp/out some.seq"}},
		{name: "bisect", args: "FOLDER|FILE -good VERSION -bad VERSION", says: "narrow down which version broke, or mended, it", run: runBisect,
			examples: []string{"mimic bisect out/6.18/P85-array", "mimic bisect some.seq -good 6.12.43 -bad 6.12.117", "git bisect run scripts/bisect-step.sh FOLDER"}},
		{name: "report", args: "[-tree DIR] [-force] FOLDER", says: "write the mail about a folder of evidence to those who can mend it", run: runReport,
			examples: []string{"mimic report out/6.18/P85-array", "mimic report -tree ~/linux out/6.18/P85-array"}},
		{name: "judge", args: "TRACE…", says: "judge stored traces again with today's model; no kernel is needed", run: runJudge,
			examples: []string{"mimic judge findings/traces/6.12/*.trace"}},
		{name: "kernels", args: "list [-json] | fetch NAME… | prune [-unused DAYS]", says: "say which kernels there are, get some into the cache, or delete those that nobody uses", run: runKernels,
			words: []string{"list", "fetch", "prune"}, examples: []string{"mimic kernels list", "mimic kernels fetch 6.1 6.12.101", "mimic kernels prune -unused 7"}},
		{name: "completion", args: "bash | zsh | fish", says: "print what makes a shell complete mimic's commands, flags and kernels", run: runCompletion,
			words: shells(), examples: []string{"source <(mimic completion bash)", "mimic completion zsh >~/.zfunc/_mimic", "mimic completion fish >~/.config/fish/completions/mimic.fish"}},
		{name: "version", args: "[-json]", says: "say which mimic this is", run: runVersion, examples: []string{"mimic --version", "mimic version -json"}},
	}
}

// run finds the subcommand and answers its exit code.
func run(ctx context.Context, args []string) int {
	all := commands()
	switch {
	case len(args) == 0:
		return all[0].start(ctx, args)
	case args[0] == "-version" || args[0] == "--version":
		args = append([]string{"version"}, args[1:]...)
	case args[0] == completeWord:
		return printCandidates(args[1:])
	case args[0] == "help" && len(args) > 1:
		args = []string{args[1], "-h"}
	case args[0] == "help" || isHelp(args[0]):
		usageText(os.Stdout)
		return suite.ExitHeld
	case strings.HasPrefix(args[0], "-"):
		return all[0].start(ctx, args)
	}
	if c, ok := commandNamed(args[0]); ok {
		return c.start(ctx, args[1:])
	}
	usageText(os.Stderr)
	return fail(usagef("%q is not a command of mimic; kernels are named with -vm", args[0]))
}

func commandNamed(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
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

// exitText says what each exit code of mimic means.
const exitText = "exit code: 0 all that was asked ran and held, 1 violation, 2 usage, 3 harness"

// usageText is the table of subcommands.
func usageText(w io.Writer) {
	fmt.Fprintln(w, "usage: mimic [COMMAND] [FLAGS] …    (mimic COMMAND -h lists the flags, with examples)")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(tw, "  mimic %s %s\t%s\n", c.name, c.args, c.says)
	}
	tw.Flush()
	fmt.Fprintln(w, exitText)
}

// flags is a set for a subcommand, of which the usage text comes from the table. Help that was
// asked for goes to the standard output, where a pager can have it.
func (c command) flags() *flag.FlagSet {
	f := flag.NewFlagSet("mimic "+c.name, flag.ContinueOnError)
	f.Usage = func() {
		if c.seen != nil {
			c.seen(f)
			return
		}
		c.help(f)
	}
	return f
}

// help prints all about a subcommand.
func (c command) help(f *flag.FlagSet) {
	w := f.Output()
	fmt.Fprintf(w, "usage: mimic %s %s\n%s\n", c.name, c.args, c.says)
	f.PrintDefaults()
	fmt.Fprintln(w, "examples:")
	for _, e := range c.examples {
		fmt.Fprintf(w, "  %s\n", e)
	}
	fmt.Fprintln(w, exitText)
}

// flagSet is what a subcommand takes, as it defines it when it runs.
func (c command) flagSet() (set *flag.FlagSet) {
	c.seen = func(f *flag.FlagSet) { set = f }
	_, _ = c.run(context.Background(), c, []string{"-h"}) // the answer is flag.ErrHelp
	return set
}

// parse reads flags that may stand before and after other arguments, and answers
// those. Package flag alone stops at the first argument that is none.
func parse(f *flag.FlagSet, args []string) (others []string, err error) {
	if slices.ContainsFunc(args, isHelp) {
		f.SetOutput(os.Stdout)
	}
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
