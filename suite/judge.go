package suite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/target"
)

// Runner runs sequences: a target, or a fake.
type Runner interface {
	Run(ctx context.Context, jobs []target.Job, each func(int, ops.Trace)) error
}

// A kernel that dies costs a boot each time. maxDeaths unexplained ones end the
// asking, and of sequences that known.txt says may kill only maxKillers are asked.
const maxDeaths, maxKillers = 6, 4

// shown is a row of known.txt with the sequence that shows it.
type shown struct {
	properties.Known
	seq ops.Sequence
}

// examination is the judging of one kernel.
type examination struct {
	ctx      context.Context
	runner   Runner
	kernel   properties.Kernel
	seed     uint64
	progress func(done, of int)
	phase    func(what string) // nil if nobody watches
	known    []shown
	mode     target.Mode // of the guest
	first    bool        // a violation is enough
	brief    bool        // nothing is reduced
	quick    bool        // every row is asked as little as it takes
	whole    bool        // what chance leaves out is asked, too
	from     int         // number of the first sequence of each row
	cache    string      // folder that remembers what that is; "" is none

	rows     []properties.Key // that are asked
	asked    properties.Asked
	tally    *properties.Tally
	proofs   map[properties.Ref]*properties.Violation // of defects of the documentation
	seen     map[string]*report.Finding               // by signature
	order    []string                                 // signatures in order of appearance
	refused  []string                                 // what the agent could not run
	sequence int
	answered int
	brisk    report.Pace
	stale    []shown // known deviations that did not happen
	slow     int     // waits that were too long, and then were not
	late     int     // of them, sequences that did not end in time
	deaths   int     // of the kernel, unexplained
	killers  int     // sequences asked that may kill
	planned  int     // sequences
	enough   bool    // was seen: no more is asked
	stop     context.CancelFunc
}

// examine plans sequences for every row, runs and judges them, reduces what
// was violated, and fills in what it found.
func (x *examination) examine(rows []properties.Key, perRow int, out *report.Kernel) error {
	x.rows, x.asked, x.seen, x.tally = rows, properties.Asked{}, map[string]*report.Finding{}, properties.NewTally()
	start := time.Now()
	err := x.ask(rows, perRow)
	out.Took = time.Since(start)
	if err == nil {
		err = x.reduceAll()
	}
	if err == nil && !x.enough {
		err = x.showKnown()
	}
	if err == nil && !x.enough {
		err = x.prove(out)
	}
	out.Tally, out.Slow = x.tally, x.slow
	out.Brisk = x.brisk
	out.Sequences, out.Operations = x.sequence, x.answered
	for _, signature := range x.order {
		out.Findings = append(out.Findings, *x.seen[signature])
	}
	if err == nil && len(x.refused) > 0 {
		err = fmt.Errorf("%d sequences could not be run, the first: %s", len(x.refused), x.refused[0])
	}
	x.verdicts(rows, out)
	if err == nil && perRow >= DefaultSequences && x.asksAll() && out.Count(report.Violated) == 0 {
		out.Absent = x.tally.Absent(x.kernel)
	}
	if err != nil {
		cutShort(out)
	}
	return err
}

// cutShort takes back what holds: the run did not ask, or reduce, all that it
// was to.
func cutShort(out *report.Kernel) {
	for i, row := range out.Rows {
		if slices.Contains([]report.Verdict{report.Holds, report.Deviates, report.Defect}, row.Verdict) {
			out.Rows[i].Verdict, out.Rows[i].Reason = report.Undecided, "the run was cut short"
		}
	}
}

// judge takes one trace. A sequence that the agent could not run is nobody's
// answer.
func (x *examination) judge(seq ops.Sequence, t ops.Trace) {
	x.sequence++
	if t.End == ops.Refused {
		x.refused = append(x.refused, t.Detail)
		return
	}
	v := properties.JudgeAndTally(x.kernel, t, x.asked, x.tally)
	x.contradicted(t)
	if v == nil {
		x.answered += len(t.Steps)
		x.measure(t)
		return
	}
	x.answered += v.Step + 1
	if t.End != ops.Completed && x.explain(v) == "" {
		x.died(t.End)
	}
	signature := v.Signature()
	if x.seen[signature] == nil {
		x.add(&report.Finding{Reduced: v, Original: seq})
	}
	x.seen[signature].Times++
	x.stopAtFirst(x.seen[signature])
}

// stopAtFirst ends the asking if the first violation is to: one that nothing
// explains, and if it was waited for, not one for which chance may be to blame.
func (x *examination) stopAtFirst(f *report.Finding) {
	if !x.first || x.enough || x.explain(f.Reduced) != "" || waited(f.Reduced) && f.Times < 2 {
		return
	}
	x.enough = true
	x.stop()
}

// died counts a death; a kernel that hangs costs the time limit each time, and
// fewer such deaths are enough.
func (x *examination) died(how ops.Ending) {
	if x.deaths >= maxDeaths {
		return
	}
	x.deaths++
	if how == ops.Hung {
		x.deaths = min(maxDeaths, x.deaths+maxDeaths/3)
	}
	if x.deaths == maxDeaths {
		x.stop()
	}
}

// measure adds the time of a trace in which nothing waited.
func (x *examination) measure(t ops.Trace) {
	if n := properties.Unwaited(x.kernel, t); n > 0 && t.Took > 0 {
		x.brisk.Operations += n
		x.brisk.Took += t.Took
	}
}

func (x *examination) add(f *report.Finding) {
	signature := f.Reduced.Signature()
	f.Known = x.explain(f.Reduced) // a run that is cut short blames nobody for it either
	x.seen[signature] = f
	x.order = append(x.order, signature)
}

// reduceAll reduces one violation of each kind. A kind that may be what a
// reduced one turned out to be is taken for the same: a fault of its own shows
// in sequences that nothing else explains. What was not reduced blames nobody.
func (x *examination) reduceAll() error {
	var kept []string
	defer func() { x.order = kept }()
	for i, signature := range x.order {
		x.say("reducing violation %d of %d", i+1, len(x.order))
		f := x.seen[signature]
		f.Known = x.explain(f.Reduced)
		if same := x.sameAs(f, kept); same != nil {
			same.Times += f.Times
			continue
		}
		if f.Known == "" {
			stays, err := x.shownAgain(f)
			if err != nil {
				return err
			}
			if !stays {
				continue
			}
			if err := x.reduceOne(f); err != nil {
				return err
			}
		}
		kept = append(kept, signature)
	}
	return nil
}

// sameAs is a reduced violation that breaks what f may break, or nil.
func (x *examination) sameAs(f *report.Finding, kept []string) *report.Finding {
	for _, signature := range kept {
		other := x.seen[signature]
		if by := other.Reduced.By; len(by) > 0 && slices.Contains(f.Reduced.By, by[0]) && other.Known == f.Known {
			return other
		}
	}
	return nil
}

// explain is the reason of the row of known.txt that a violation falls under, or "".
func (x *examination) explain(v *properties.Violation) string {
	for _, d := range x.known {
		if d.Explains(v, x.kernel) {
			return d.Reason
		}
	}
	return ""
}

// raceTries is how often a race is run that is to show something: what happens at
// the same time happens by chance. knownTries is how often if it is known to show it, staleTries
// if known.txt is wrong when it does not: what shows in a second here took 20 of them where CI ran.
const raceTries, knownTries, staleTries = 6, 20, 150

// try runs one sequence and judges it; a race until something is wrong with it,
// but not for ever.
func (x *examination) try(seq ops.Sequence) (v *properties.Violation, err error) {
	return x.tryOften(seq, raceTries)
}

func (x *examination) tryOften(seq ops.Sequence, tries int) (v *properties.Violation, err error) {
	if !ops.Races(seq) || x.mode == target.Det {
		tries = 1
	}
	for ; tries > 0 && v == nil && err == nil; tries-- {
		v, err = x.tryJob(x.job(seq))
	}
	return v, err
}

// tryJob runs a sequence once.
func (x *examination) tryJob(job target.Job) (*properties.Violation, error) {
	found, err := x.tryJobs([]target.Job{job})
	return found[0], err
}

// tryJobs runs sequences once and judges each. The error is a refusedError if the agent could not run one: of that nothing
// is known.
func (x *examination) tryJobs(jobs []target.Job) ([]*properties.Violation, error) {
	var refused error
	found := make([]*properties.Violation, len(jobs))
	err := x.runner.Run(x.ctx, jobs, func(i int, t ops.Trace) {
		if t.End == ops.Refused {
			refused = refusedError(t.Detail)
			return
		}
		found[i] = properties.Judge(x.kernel, t, x.asked)
	})
	return found, cmp.Or(err, refused)
}

// refusedError is why the agent could not run a sequence.
type refusedError string

func (e refusedError) Error() string { return "the agent could not run a sequence: " + string(e) }

// showKnown runs the sequence of each known deviation: it must fail where the
// row says so and hold elsewhere, else the row is out of date. Of a row without a
// sequence nobody can tell.
func (x *examination) showKnown() error {
	rows := slices.DeleteFunc(slices.Clone(x.known), x.untold)
	x.say("running %d known deviations", len(rows))
	seqs := make([]ops.Sequence, len(rows))
	for i, d := range rows {
		seqs[i] = d.seq
	}
	jobs, order := x.jobs(seqs)
	once, err := x.tryJobs(jobs)
	for i, v := range once {
		d := rows[order[i]]
		if v == nil && err == nil && d.On(x.kernel) { // what happens at the same time happens by chance
			v, err = x.tryOften(d.seq, staleTries-1)
		}
		switch {
		case err != nil:
			return err
		case v == nil && d.On(x.kernel) && x.mode == target.Det && ops.Races(d.seq): // one of many ways that it can go
		case v == nil && !x.kernel.Has(d.seq): // another configuration, in which it cannot show
		case v == nil && d.On(x.kernel):
			x.stale = append(x.stale, d)
		case v != nil && x.explain(v) != "": // by this row, or by one for other kernels
			x.asked[d.Ref]++
		case v != nil:
			x.add(&report.Finding{Reduced: v, Original: d.seq, Times: 1})
		}
	}
	return err
}

// untold says whether a row cannot be shown: thousands of grace periods take minutes.
func (x *examination) untold(d shown) bool {
	return d.seq == nil || x.mode == target.Stock && ops.Races(d.seq)
}
