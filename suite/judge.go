package suite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
)

// Runner runs sequences: a target, or a fake.
type Runner interface {
	Run(ctx context.Context, seqs []ops.Sequence, each func(int, ops.Trace)) error
}

// batch is how many sequences of each row are asked before the next row's turn.
const batch = 8

// reduceLimit bounds the executions of one reduction.
const reduceLimit = 200

// leastAsked is how often a row must have been asked before it is said to hold.
const leastAsked = 10

// examination is the judging of one kernel.
type examination struct {
	ctx      context.Context
	runner   Runner
	kernel   properties.Kernel
	seed     uint64
	progress func(done, of int)

	asked    properties.Asked
	seen     map[string]*report.Finding // by signature
	order    []string                   // signatures in order of appearance
	refused  []string                   // what the agent could not run
	sequence int
	answered int
}

// examine plans sequences for every row, runs and judges them, reduces what
// was violated, and fills in what it found.
func examine(ctx context.Context, runner Runner, k properties.Kernel, rows []properties.Key, seed uint64, perRow int, progress func(done, of int), out *report.Kernel) error {
	x := &examination{ctx: ctx, runner: runner, kernel: k, seed: seed, progress: progress, asked: properties.Asked{}, seen: map[string]*report.Finding{}}
	start := time.Now()
	err := x.runAll(rows, perRow)
	out.Took = time.Since(start)
	if err == nil {
		err = x.reduceAll()
	}
	out.Sequences, out.Operations = x.sequence, x.answered
	for _, signature := range x.order {
		out.Findings = append(out.Findings, *x.seen[signature])
	}
	if err == nil && len(x.refused) > 0 {
		err = fmt.Errorf("%d sequences could not be run, the first: %s", len(x.refused), x.refused[0])
	}
	x.verdicts(rows, out)
	return err
}

func (x *examination) runAll(rows []properties.Key, perRow int) error {
	total := len(rows) * perRow
	for first := 0; first < perRow; first += batch {
		for _, row := range rows {
			var seqs []ops.Sequence
			for n := first; n < min(first+batch, perRow); n++ {
				seqs = append(seqs, properties.Plan(x.kernel, row, x.seed, n))
			}
			if err := x.runner.Run(x.ctx, seqs, func(i int, t ops.Trace) { x.judge(seqs[i], t) }); err != nil {
				return err
			}
			x.progress(x.sequence, total)
		}
	}
	return nil
}

// judge takes one trace. A sequence that the agent could not run is nobody's
// answer.
func (x *examination) judge(seq ops.Sequence, t ops.Trace) {
	x.sequence++
	if t.End == ops.Refused {
		x.refused = append(x.refused, t.Detail)
		return
	}
	v := properties.Judge(x.kernel, t, x.asked)
	if v == nil {
		x.answered += len(t.Steps)
		return
	}
	x.answered += v.Step + 1
	signature := v.Signature()
	f := x.seen[signature]
	if f == nil {
		f = &report.Finding{Reduced: v, Original: seq}
		x.seen[signature] = f
		x.order = append(x.order, signature)
	}
	f.Times++
}

// reduceAll reduces one violation of each kind, and merges those that turn out
// to be the same.
func (x *examination) reduceAll() error {
	var kept []string
	reduced := map[string]*report.Finding{}
	for _, signature := range x.order {
		f := x.seen[signature]
		if err := x.reduce(f); err != nil {
			return err
		}
		text := f.Reduced.Trace.Sequence().String() + f.Reduced.Signature()
		if same := reduced[text]; same != nil {
			same.Times += f.Times
			continue
		}
		reduced[text] = f
		kept = append(kept, signature)
	}
	x.order = kept
	return nil
}

func (x *examination) reduce(f *report.Finding) (err error) {
	f.Reduced = properties.Reduce(f.Reduced, func(seq ops.Sequence) *properties.Violation {
		if err != nil {
			return nil
		}
		f.Tries++
		var v *properties.Violation
		err = x.runner.Run(x.ctx, []ops.Sequence{seq}, func(_ int, t ops.Trace) {
			v = properties.Judge(x.kernel, t, properties.Asked{})
		})
		return v
	}, reduceLimit)
	return err
}

func (x *examination) verdicts(rows []properties.Key, out *report.Kernel) {
	broken := map[properties.Key]*report.Finding{}
	for i := range out.Findings {
		for _, key := range out.Findings[i].Reduced.Broken() {
			if broken[key] == nil {
				broken[key] = &out.Findings[i]
			}
		}
	}
	for _, key := range properties.Keys() {
		if slices.Contains(rows, key) || broken[key] != nil {
			out.Rows = append(out.Rows, x.verdict(key, broken[key]))
		}
	}
}

func (x *examination) verdict(key properties.Key, broken *report.Finding) report.Row {
	row := report.Row{Key: key, Asked: x.asked.Of(key)}
	why := properties.ClaimByID(key.Claim).NotClaimed(x.kernel)
	unasked := x.unasked(key)
	switch {
	case broken != nil:
		row.Verdict, row.Reason = report.Violated, broken.Reduced.By[0].Rule.Says
	case why != "":
		row.Verdict, row.Reason = report.NotClaimed, why
	case row.Asked < leastAsked:
		row.Verdict, row.Reason = report.Inconclusive, fmt.Sprintf("asked %d times, want %d", row.Asked, leastAsked)
	case unasked != "":
		row.Verdict, row.Reason = report.Inconclusive, "never asked: "+unasked
	default:
		row.Verdict = report.Holds
	}
	return row
}

// unasked is a rule of the row that no answer was judged under, or "".
func (x *examination) unasked(key properties.Key) string {
	for _, ref := range properties.RulesOf(key, x.kernel) {
		if x.asked[ref] == 0 {
			return fmt.Sprintf("%s (%s)", ref.Rule.ID, ref.Rule.Says)
		}
	}
	return ""
}
