// Package suite holds kernels to the claims of package properties: it opens
// each kernel that was asked for, has sequences planned, run and judged, reduces
// what was violated and reports.
//
// Its test is the suite that people run:
//
//	go test ./suite -vm 6.12 -count=1
package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/target"
	"mimic/vmtest"
)

// DefaultSequences is how many sequences are planned for each row of the table
// of verdicts: enough to catch every lie of properties.Lies on 20 seeds of 20.
const DefaultSequences = 40

// Config says what to run. The zero value of every field but Kernels is a
// sensible default.
type Config struct {
	Kernels     []Spec           // see ParseSpecs
	Seed        uint64           // names every sequence of the run
	Sequences   int              // for each row; DefaultSequences if 0
	Rows        []properties.Key // all if none
	SkipMissing bool             // a kernel that cannot be had is no failure
	Out         string           // folder for reduced sequences and traces; none if ""
	Log         io.Writer        // lines of progress; none if nil
	Live        io.Writer        // a terminal for a moving line; none if nil
}

func (c *Config) logf(format string, a ...any) {
	if c.Log != nil {
		fmt.Fprintf(c.Log, format+"\n", a...)
	}
}

func (c *Config) sequences() int {
	if c.Sequences > 0 {
		return c.Sequences
	}
	return DefaultSequences
}

// Run examines each kernel in turn. It always answers one entry a kernel, in
// order; what went wrong with one stands in its Fault.
func Run(ctx context.Context, c Config) []*report.Kernel {
	var all []*report.Kernel
	for _, spec := range c.Kernels {
		k := &report.Kernel{Name: spec.Name, Seed: c.Seed}
		all = append(all, k)
		k.Fault = c.one(ctx, spec, k)
		var missing *vmtest.UnavailableError
		k.Missing = errors.As(k.Fault, &missing)
		c.logf("%s: %s", k.Title(), Outcome(k))
	}
	return all
}

// Outcome is what became of a kernel, in one line.
func Outcome(k *report.Kernel) string {
	switch {
	case k.Missing:
		return "could not be had"
	case k.Fault != nil:
		return "harness broken: " + strings.SplitN(k.Fault.Error(), "\n", 2)[0]
	}
	var parts []string
	for _, v := range []report.Verdict{report.Holds, report.Violated, report.Deviates, report.NotClaimed, report.Inconclusive, report.Undecided} {
		if n := k.Count(v); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(parts, ", ")
}

func (c *Config) one(ctx context.Context, spec Spec, k *report.Kernel) error {
	start := time.Now()
	t, kernel, err := c.open(ctx, spec, k)
	if err != nil {
		return err
	}
	defer t.Close()
	k.Boot = time.Since(start)
	live := newLive(c.Live, spec.Name)
	defer live.clear()
	known, err := knownOn(kernel)
	if err != nil {
		return err
	}
	x := &examination{ctx: ctx, runner: t, kernel: kernel, seed: c.Seed, progress: live.show, known: known}
	err = x.examine(c.rows(), c.sequences(), k)
	if spec.matrix {
		demandFeatures(k, kernel)
	}
	for i := range k.Findings {
		c.save(k, &k.Findings[i])
	}
	return err
}

func (c *Config) rows() []properties.Key {
	if len(c.Rows) > 0 {
		return c.Rows
	}
	return properties.Keys()
}

// open gets a kernel going and asks what it is.
func (c *Config) open(ctx context.Context, spec Spec, k *report.Kernel) (target.Target, properties.Kernel, error) {
	t, err := spec.open(ctx, c.logf)
	if err != nil {
		return nil, properties.Kernel{}, err
	}
	about, hello := t.About(), t.Hello()
	k.Release, k.Package, k.SHA256, k.Mode = hello.Release, about.Package, about.SHA256, about.Mode
	c.logf("%s: %s from %s, mode %s, seed %d", spec.Name, k.Release, k.Package, k.Mode, c.Seed)
	kernel, err := properties.NewKernel(hello.Release, hello.Lacks)
	if err != nil {
		t.Close()
	}
	return t, kernel, err
}

// demandFeatures turns what a distribution's kernel cannot be asked into a
// failure: kernels of the matrix have every feature, and one that lost it must
// not look green.
func demandFeatures(k *report.Kernel, kernel properties.Kernel) {
	for i, row := range k.Rows {
		if row.Verdict == report.NotClaimed && len(kernel.Lacks) > 0 {
			k.Rows[i].Verdict = report.Inconclusive
			k.Rows[i].Reason = "a kernel of kernels.txt should have it: " + row.Reason
		}
	}
}

// KnownFile lists the known deviations, at the top of the module.
const KnownFile = "known.txt"

// knownOn reads the known deviations, but for those that must not be shown on
// this kernel.
func knownOn(k properties.Kernel) ([]shown, error) {
	if k.Lacks[ops.FeatureLeak] != "" {
		return nil, nil
	}
	return readKnown()
}

func readKnown() (all []shown, err error) {
	root, err := target.ModuleRoot()
	if err != nil {
		return nil, &UsageError{err.Error()}
	}
	f, err := os.Open(filepath.Join(root, KnownFile))
	if err != nil {
		return nil, &UsageError{err.Error()}
	}
	defer f.Close()
	rows, err := properties.ParseKnown(KnownFile, f)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		seq, err := ReadSequence(filepath.Join(root, row.Sequence))
		if err != nil {
			return nil, err
		}
		all = append(all, shown{row, seq})
	}
	return all, nil
}

// ReadSequence reads a file of operations, or a trace: then the operations of it.
func ReadSequence(path string) (ops.Sequence, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &UsageError{err.Error()}
	}
	seq, err := ops.Parse(string(text))
	if err != nil {
		if trace, traceErr := ops.ParseTrace(string(text)); traceErr == nil {
			return trace.Sequence(), nil
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return seq, nil
}

// save writes a finding's sequences and trace below Out.
func (c *Config) save(k *report.Kernel, f *report.Finding) {
	if c.Out == "" {
		return
	}
	name := "unknown"
	if broken := f.Reduced.Broken(); len(broken) > 0 {
		name = strings.ReplaceAll(broken[0].String(), "/", "-")
	}
	dir := filepath.Join(c.Out, filepath.Base(k.Name), name)
	trace := f.Reduced.Trace
	err := errors.Join(
		os.MkdirAll(dir, 0o755),
		os.WriteFile(filepath.Join(dir, "reduced.seq"), []byte(trace.Sequence().String()), 0o644),
		os.WriteFile(filepath.Join(dir, "reduced.trace"), []byte(trace.String()), 0o644),
		os.WriteFile(filepath.Join(dir, "original.seq"), []byte(f.Original.String()), 0o644),
	)
	if err != nil {
		c.logf("%s: the sequences of %s were not saved: %v", k.Name, name, err)
		return
	}
	f.File = filepath.Join(dir, "reduced.seq")
}

// Replay runs one sequence on a kernel and judges it.
func Replay(ctx context.Context, c Config, spec Spec, seq ops.Sequence) (ops.Trace, *properties.Violation, error) {
	k := &report.Kernel{Name: spec.Name}
	t, kernel, err := c.open(ctx, spec, k)
	if err != nil {
		return ops.Trace{}, nil, err
	}
	defer t.Close()
	var trace ops.Trace
	if err := t.Run(ctx, []ops.Sequence{seq}, func(_ int, t ops.Trace) { trace = t }); err != nil {
		return trace, nil, err
	}
	if trace.End == ops.Refused {
		return trace, nil, errors.New(trace.Detail)
	}
	return trace, properties.Judge(kernel, trace, properties.Asked{}), nil
}
