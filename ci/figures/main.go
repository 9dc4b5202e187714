// Command figures measures how fast mimic is, as ratios of two things done one after the other on the same
// machine, and how what it takes grows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"mimic/suite"
	"mimic/target"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	kernels := flag.String("kernels", "all", "kernels, as for mimic -vm")
	one := flag.String("one", "6.12", "the kernel for what needs one")
	plot := flag.String("plot", "", "file for the picture of how it grows, .svg; none unless given")
	only := flag.String("only", "starts,quick,host,growth", "what to measure; also matrix: the usual run on all of -kernels")
	sequences := flag.Int("sequences", 0, "for host and matrix: "+suite.SequencesHelp)
	check := flag.Bool("check", false, "exit with 1 if a ratio that is not the machine's is worse than docs/speed.md promises, with slack")
	flag.Parse()
	m := measurement{ctx: ctx, kernels: *kernels, one: *one, plot: *plot, sequences: *sequences}
	if err := m.all(strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(exitCode(err))
	}
	if *check && len(m.worse) > 0 {
		fmt.Fprintf(os.Stderr, "figures: %s\n", strings.Join(m.worse, "; "))
		os.Exit(suite.ExitViolated)
	}
}

func exitCode(err error) int {
	var usage *suite.UsageError
	if errors.As(err, &usage) {
		return suite.ExitUsage
	}
	return suite.ExitHarness
}

// measurement is one run of this command.
type measurement struct {
	ctx                context.Context
	kernels, one, plot string
	sequences          int
	worse              []string // than promised
}

// slack is what a ratio may be worse than promised: machines that do other things are noisy.
const slack = 1.5

// holds notes a ratio that is worse than promised.
func (m *measurement) holds(what string, ratio, promised float64) {
	if !(ratio <= slack*promised) {
		m.worse = append(m.worse, fmt.Sprintf("%s is %.2f, promised is %.2f", what, ratio, promised))
	}
}

func (m *measurement) all(names []string) error {
	steps := map[string]func() error{"starts": m.starts, "quick": m.quick, "host": m.host, "matrix": m.matrix, "growth": m.growth}
	for _, name := range names {
		step, ok := steps[name]
		if !ok {
			return &suite.UsageError{Reason: fmt.Sprintf("-only %s: want some of starts, quick, host, matrix, growth", name)}
		}
		if err := step(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// specs are the kernels of a list.
func specs(list string, cold bool) ([]suite.Spec, error) {
	return suite.ParseSpecs(list, suite.How{Mode: target.Fast, Cold: cold})
}

func header(format string, a ...any) { fmt.Printf("\n"+format+"\n", a...) }
