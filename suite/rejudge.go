package suite

import (
	"context"
	"errors"
	"fmt"
	"os"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
)

// Rejudge judges a stored trace with today's model. Kernels' known deviations are known.
func Rejudge(path string) (r Replayed, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return r, &UsageError{err.Error()}
	}
	if r.Trace, err = ops.ParseTrace(string(text)); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	release := r.Trace.Kernel
	kernel, err := properties.NewKernel(release, r.Trace.Lacks)
	if err != nil {
		return r, &UsageError{fmt.Sprintf("%s:1:1: %v", path, err)}
	}
	known, err := readKnown()
	if err != nil {
		return r, err
	}
	r.Kernel = report.Kernel{Name: release, Release: release, Lacks: r.Trace.Lacks, Sequences: 1}
	r.judge(kernel, known)
	return r, nil
}

// judge fills in what is wrong with the trace.
func (r *Replayed) judge(kernel properties.Kernel, known []shown) {
	r.Trace.Lacks = kernel.Lacks
	if r.Trace.End == ops.Refused {
		r.Fault = errors.New(r.Trace.Detail)
		return
	}
	if v := properties.Judge(kernel, r.Trace, properties.Asked{}); v != nil {
		x := &examination{kernel: kernel, known: known}
		r.Finding = &report.Finding{Reduced: v, Original: r.Trace.Sequence(), Times: 1, Known: x.explain(v)}
	}
}

// ReduceOn runs a sequence on a kernel, reduces what it shows, also if that is known, and
// makes a folder of it. A race is tried as often as one that is known to show it.
func ReduceOn(ctx context.Context, c Config, spec Spec, seq ops.Sequence) (r Replayed) {
	r.Kernel = report.Kernel{Name: spec.Name, Seed: c.Seed, Sequences: 1}
	if r.Fault = c.reduceOn(ctx, spec, seq, &r); r.Finding != nil {
		c.tryElsewhere(ctx)
	}
	return r
}

func (c *Config) reduceOn(ctx context.Context, spec Spec, seq ops.Sequence, r *Replayed) (err error) {
	t, kernel, err := c.open(ctx, spec, &r.Kernel)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	known, err := knownOn(t, kernel)
	if err != nil {
		return err
	}
	x := &examination{ctx: ctx, runner: t, kernel: kernel, known: known, mode: t.About().Kind, asked: properties.Asked{}}
	v, err := x.tryOften(seq, knownTries)
	if err != nil || v == nil {
		return err
	}
	f := &report.Finding{Reduced: v, Original: seq, Times: 1}
	r.Finding = f
	err = x.reduceOne(f)
	r.Trace = f.Reduced.Trace
	if err == nil && f.Runs == 0 { // it is known
		err = x.showAgain(f)
	}
	c.save(spec, &r.Kernel, f, t.About())
	return err
}
