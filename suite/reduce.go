package suite

import (
	"errors"
	"strings"
	"time"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/target"
	"mimic/vmtest"
)

// reduceLimit bounds the executions of one reduction, and reduceTime how long they go on: each may take as long as a guest
// that hangs, or that is waited for in vain. What it came to by then is shorter than what was found.
const (
	reduceLimit = 200
	reduceTime  = 3 * time.Minute
)

// reduceOne reduces a finding, says whether it is a known one then, and if it is not, what of it does not matter
// and how often it shows.
func (x *examination) reduceOne(f *report.Finding) error {
	if x.brief {
		return nil
	}
	limit := max(0, x.tries(f.Reduced)-f.Tries)
	late := time.Now().Add(reduceTime)
	err := x.with(f, hurry, func(try tryer) { f.Reduced = properties.Reduce(f.Reduced, try.until(late), limit) })
	if err != nil {
		return err
	}
	if f.Known = x.explain(f.Reduced); f.Known != "" {
		return nil
	}
	err = x.with(f, calmly, func(try tryer) { f.Irrelevant = properties.Explain(f.Reduced, try.until(late), explainTries(f)) })
	if err != nil {
		return err
	}
	return x.showAgain(f)
}

// tryer runs a sequence and judges it.
type tryer func(ops.Sequence) *properties.Violation

// until runs nothing after some time: then no sequence shows anything.
func (t tryer) until(late time.Time) tryer {
	return func(seq ops.Sequence) *properties.Violation {
		if time.Now().After(late) {
			return nil
		}
		return t(seq)
	}
}

// with has a finding worked on by what runs sequences, and counts them. After an error nothing runs.
func (x *examination) with(f *report.Finding, pace func(target.Job, ops.Trace) target.Job, work func(tryer)) (err error) {
	died := f.Reduced.Trace.End != ops.Completed // what a kernel says of a sequence may come late
	work(func(seq ops.Sequence) *properties.Violation {
		if err != nil {
			return nil
		}
		f.Tries++
		var v *properties.Violation
		job := x.job(seq)
		job.Carefully = job.Carefully || died
		v, err = x.tryJob(pace(job, f.Reduced.Trace))
		if errors.As(err, new(refusedError)) {
			err = nil // it is no shorter sequence of the same
		}
		return v
	})
	return err
}

// hangPatience is how long a guest may take for a sequence that another did not end in the time that any has: far
// longer than one takes that does not hang, for a hang costs it each time. crashMoment is how long after one a kernel
// is listened to that crashed: what it only complains of may come later.
const hangPatience, crashMoment = 5 * time.Second, 100 * time.Millisecond

// hurry makes a job of a reduction cost no more than it must, given how the kernel died.
func hurry(job target.Job, of ops.Trace) target.Job {
	if of.End == ops.Hung {
		job.Patience = hangPatience
	}
	if !strings.HasPrefix(of.Detail, vmtest.Splatted.String()) {
		job.Moment = crashMoment
	}
	return job
}

func calmly(job target.Job, _ ops.Trace) target.Job { return job }

// tries is how many executions a reduction is worth: none where nobody knows which operation it was, few where each
// waits for thousands of grace periods.
func (x *examination) tries(v *properties.Violation) int {
	switch {
	case x.mode == target.Stock && ops.Races(v.Trace.Sequence()):
		return reduceLimit / 4
	case v.Trace.End != ops.Completed && len(v.Trace.Steps) > 1 && !v.Trace.Steps[0].Returned:
		return 0
	}
	return reduceLimit
}

// explainLimit bounds the executions that go into finding out which operands do not matter.
const explainLimit = 40

// explainTries is how many are left for that; where the kernel dies of each there are none.
func explainTries(f *report.Finding) int {
	if f.Reduced.Trace.End != ops.Completed {
		return 0
	}
	return max(0, min(explainLimit, reduceLimit-f.Tries))
}

// showAgain runs what a finding was reduced to some more times, and notes how often it fails alike.
func (x *examination) showAgain(f *report.Finding) error {
	tries := f.Tries
	defer func() { f.Tries = tries }() // not of the reduction
	return x.with(f, calmly, func(try tryer) {
		for range x.runsOf(f.Reduced) {
			f.Runs++
			if try(f.Reduced.Trace.Sequence()).Like(f.Reduced) {
				f.Shown++
			}
		}
	})
}

// runsOf is how often a violation is shown again: what happens at the same time happens by chance, and what
// hangs takes long each time.
func (x *examination) runsOf(v *properties.Violation) int {
	switch {
	case v.Trace.End == ops.Hung:
		return 2
	case v.Trace.End != ops.Completed:
		return 3
	case ops.Races(v.Trace.Sequence()) && x.mode != target.Det:
		return 20
	}
	return 5
}
