package suite

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"mimic/ops"
	"mimic/report"
	"mimic/target"
	"mimic/vmtest"
)

// What git bisect run takes from a command. It takes the codes of other commands, for usage and
// the harness, for a bad commit, so those become StepStop, which ends the bisection.
const (
	StepGood = 0
	StepBad  = 1
	StepSkip = 125
	StepStop = 128
)

// Step builds the kernel of a tree, puts a question to it, and answers what git bisect run is to
// be told, and why. What is built is kept in the tree's .git, so that the next step builds less, and
// goes away with it; but a tree that was configured in its own folder is built there, for make builds it nowhere else.
func (c *Config) Step(ctx context.Context, q Question, b vmtest.TreeBuild, mode target.Mode) (code int, why string) {
	if err := needQEMU(); err != nil {
		return StepStop, err.Error()
	}
	if err := c.place(ctx, &b); err != nil {
		return StepStop, err.Error()
	}
	b.Keep = b.Configured()
	k, err := vmtest.BuildTree(ctx, b)
	switch {
	case ctx.Err() != nil:
		return StepStop, "interrupted"
	case errors.As(err, new(*vmtest.BuildError)):
		return StepSkip, err.Error()
	case err != nil:
		return StepStop, err.Error()
	}
	booter, err := newBooter(How{Mode: mode, Cold: true})
	if err != nil {
		return StepStop, err.Error()
	}
	spec := booter.of("tree", func(context.Context, func(string, ...any)) (vmtest.Kernel, error) { return k, nil })
	if ops.Races(q.Sequence) {
		q.Tries = max(q.Tries, bisectTries)
	}
	t := c.askTwice(ctx, spec, q)
	if ctx.Err() != nil {
		return StepStop, "interrupted"
	}
	return stepCode(t), fmt.Sprintf("%s: %s, failed %d of %d. %s", t.Version(), t.Outcome, t.Shown, t.Runs, t.Detail)
}

func stepCode(t report.Tested) int {
	switch {
	case t.Outcome.Bad():
		return StepBad
	case t.Outcome == report.HoldsThere, t.Outcome == report.Unclear:
		return StepGood
	}
	return StepSkip
}

// place chooses the folder for what is built, if none is given.
func (c *Config) place(ctx context.Context, b *vmtest.TreeBuild) (err error) {
	if b.Tree, err = filepath.Abs(b.Tree); err != nil || b.Output != "" {
		return err
	}
	out, err := exec.CommandContext(ctx, "git", "-C", b.Tree, "rev-parse", "--git-path", "mimic-bisect").Output()
	if err != nil {
		return fmt.Errorf("%s is no git tree: %w", b.Tree, err)
	}
	b.Output = strings.TrimSpace(string(out))
	if !filepath.IsAbs(b.Output) {
		b.Output = filepath.Join(b.Tree, b.Output)
	}
	return nil
}
