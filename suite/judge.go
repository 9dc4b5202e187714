package suite

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/target"
)

// Runner runs sequences: a target, or a fake.
type Runner interface {
	Run(ctx context.Context, jobs []target.Job, each func(int, ops.Trace)) error
}

// batch is how many sequences of each row are planned at once. The kernel has
// nothing to do meanwhile, and while the last of a batch wait for it.
const batch = 2 * DefaultSequences

// firstBatch is the same where the first violation ends the asking.
const firstBatch = 5

// A kernel that dies costs a boot each time. maxDeaths unexplained ones end the
// asking, and of sequences that known.txt says may kill only maxKillers are asked.
const maxDeaths, maxKillers = 6, 4

// leastAsked is how often a row must have been asked before it is said to hold.
const leastAsked = 5

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
	quick    bool        // every row is asked as little as it takes
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
	if err == nil && len(rows) == len(properties.Keys()) && perRow >= DefaultSequences && !x.quick && out.Count(report.Violated) == 0 {
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

// ask spends nothing on rows that this kernel does not promise.
func (x *examination) ask(rows []properties.Key, perRow int) error {
	rows = slices.DeleteFunc(slices.Clone(rows), func(key properties.Key) bool {
		return properties.ClaimByID(key.Claim).NotClaimed(x.kernel) != ""
	})
	if x.quick {
		return x.askQuickly(rows)
	}
	err := x.runAll(rows, perRow)
	if err == nil && perRow >= DefaultSequences {
		err = x.askMore(rows, perRow, DefaultSequences)
	}
	return err
}

func (x *examination) runAll(rows []properties.Key, perRow int) error {
	x.planned = len(rows) * perRow
	step := batch
	if x.first {
		step = firstBatch
	}
	for first := 0; first < perRow && !x.ended(); first += step {
		if err := x.runSome(rows, first, min(first+step, perRow)); err != nil {
			return err
		}
	}
	return nil
}

// runSome runs the sequences of rows from one number to before another.
func (x *examination) runSome(rows []properties.Key, from, to int) error {
	return x.runJobs(x.plan(rows, from, to))
}

func (x *examination) runJobs(jobs []target.Job) error {
	ctx, stop := context.WithCancel(x.ctx)
	defer stop()
	x.stop = stop
	jobs = x.choose(jobs)
	return x.orEnough(x.runner.Run(ctx, jobs, func(i int, t ops.Trace) {
		x.judge(jobs[i].Sequence, t)
		x.progress(x.sequence, x.planned)
	}))
}

// orEnough is err, unless the run ended because the kernel died often enough.
func (x *examination) orEnough(err error) error {
	if x.ended() {
		return nil
	}
	return err
}

// ended says whether no more is to be asked.
func (x *examination) ended() bool { return x.deaths >= maxDeaths || x.enough }

// plan makes jobs of the sequences of every row from one number to before another.
func (x *examination) plan(rows []properties.Key, from, to int) []target.Job {
	var chosen []numbered
	for n := from; n < to; n++ {
		for _, row := range rows {
			chosen = append(chosen, numbered{row, n})
		}
	}
	return x.planOf(chosen)
}

func (x *examination) planOf(chosen []numbered) []target.Job {
	seqs := make([]ops.Sequence, len(chosen))
	inParallel(len(chosen), func(i int) { seqs[i] = properties.Plan(x.kernel, chosen[i].Row, x.seed, chosen[i].N) })
	return x.jobs(seqs)
}

// inParallel does something for each of n numbers, on all processors.
func inParallel(n int, do func(i int)) {
	var work errgroup.Group
	work.SetLimit(runtime.NumCPU())
	for i := range n {
		work.Go(func() error {
			do(i)
			return nil
		})
	}
	work.Wait() // it has no errors
}

// jobs puts those that ask for care last: each waits until all before it are answered.
func (x *examination) jobs(seqs []ops.Sequence) (jobs []target.Job) {
	for _, seq := range seqs {
		jobs = append(jobs, x.job(seq))
	}
	isCareful := func(job target.Job) bool { return job.Carefully }
	isPlain := func(job target.Job) bool { return !job.Carefully }
	careful := slices.DeleteFunc(slices.Clone(jobs), isPlain)
	return append(slices.DeleteFunc(jobs, isCareful), careful...)
}

// choose leaves out those jobs that kill a kernel which is known to die of them,
// more often than it takes to see that.
func (x *examination) choose(jobs []target.Job) []target.Job {
	known := slices.ContainsFunc(x.known, func(d shown) bool { return d.On(x.kernel) && d.Kills() })
	return slices.DeleteFunc(jobs, func(job target.Job) bool {
		if job.Carefully {
			x.killers++
		}
		return job.Carefully && known && x.killers > maxKillers
	})
}

// job asks for care where a kernel is known to die.
func (x *examination) job(seq ops.Sequence) target.Job {
	return target.Job{Sequence: seq, Carefully: properties.MayKill(x.kernel, seq)}
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
// the same time happens by chance. knownTries is how often if it is known to show it.
const raceTries, knownTries = 6, 20

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

func (x *examination) tryJob(job target.Job) (v *properties.Violation, err error) {
	err = x.runner.Run(x.ctx, []target.Job{job}, func(_ int, t ops.Trace) {
		v = properties.Judge(x.kernel, t, x.asked)
	})
	return v, err
}

// showKnown runs the sequence of each known deviation: it must fail where the
// row says so and hold elsewhere, else the row is out of date. Of a row without a
// sequence nobody can tell.
func (x *examination) showKnown() error {
	for _, d := range x.known {
		if d.seq == nil || x.mode == target.Stock && ops.Races(d.seq) { // thousands of grace periods take minutes
			continue
		}
		x.say("running the known deviation %s", d.Sequence)
		tries := 1
		if d.On(x.kernel) {
			tries = knownTries
		}
		v, err := x.tryOften(d.seq, tries)
		switch {
		case err != nil:
			return err
		case v == nil && d.On(x.kernel) && x.mode == target.Det && ops.Races(d.seq): // one of many ways that it can go
		case v == nil && d.On(x.kernel):
			x.stale = append(x.stale, d)
		case v != nil && x.explain(v) != "": // by this row, or by one for other kernels
			x.asked[d.Ref]++
		case v != nil:
			x.add(&report.Finding{Reduced: v, Original: d.seq, Times: 1})
		}
	}
	return nil
}

func (x *examination) verdicts(rows []properties.Key, out *report.Kernel) {
	broken := map[properties.Key]*report.Finding{}
	for i := range out.Findings {
		f := &out.Findings[i]
		for _, key := range f.Reduced.Broken() {
			if broken[key] == nil || broken[key].Known != "" {
				broken[key] = f
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
	row.Verdict, row.Reason = x.decide(row, broken)
	row.Stale = row.Verdict == report.Violated && (broken == nil || broken.Known != "")
	return row
}

func (x *examination) decide(row report.Row, broken *report.Finding) (report.Verdict, string) {
	if broken != nil && broken.Known == "" {
		return report.Violated, broken.Reduced.By[0].Rule.Says
	}
	if why := properties.ClaimByID(row.Key.Claim).NotClaimed(x.kernel); why != "" {
		return report.NotClaimed, why
	}
	if d := x.staleOf(row.Key); d != nil {
		return report.Violated, "known.txt lists a deviation that " + d.Sequence + " no longer shows: " + d.Reason
	}
	if broken == nil && row.Asked < leastAsked {
		return report.Inconclusive, fmt.Sprintf("asked %d times, want %d", row.Asked, leastAsked)
	}
	if row.Key.Claim == "P00" && x.late > 0 {
		return report.Inconclusive, fmt.Sprintf("%d sequences did not end in time, or QEMU did before, or the kernel died of a breakpoint, and ended when they were run %d more times: a machine under load, its emulator, or what is rare", x.late, againOnce)
	}
	if undecided := x.undecided(row.Key); undecided != "" {
		return report.Inconclusive, undecided
	}
	shown := func(ref properties.Ref) bool { return broken != nil && broken.Reduced.By[0] == ref }
	if unasked := x.unasked(row.Key, shown); unasked != "" {
		return report.Inconclusive, "never asked: " + unasked
	}
	for _, d := range x.known {
		if d.On(x.kernel) && slices.Contains(d.Ref.Keys(), row.Key) {
			return report.Deviates, d.Reason
		}
	}
	for ref := range x.proofs {
		if slices.Contains(ref.Keys(), row.Key) {
			return report.Defect, "kernels do otherwise than it says: " + ref.Rule.Says
		}
	}
	return report.Holds, ""
}

func (x *examination) staleOf(key properties.Key) *shown {
	for i := range x.stale {
		if slices.Contains(x.stale[i].Ref.Keys(), key) {
			return &x.stale[i]
		}
	}
	return nil
}

// undecided says that there was no time to find out whether what was asked of a row
// has an explanation, or "".
func (x *examination) undecided(key properties.Key) string {
	for ref, times := range x.tally.Unknown {
		if slices.Contains(ref.Keys(), key) {
			return fmt.Sprintf("%d histories could not be decided (%s)", times, ref.Rule.ID)
		}
	}
	return ""
}

// unasked is a rule of the row that no answer was judged under and that has no
// excuse, or "".
func (x *examination) unasked(key properties.Key, excused func(properties.Ref) bool) string {
	for _, ref := range properties.RulesOf(key, x.kernel) {
		if ref.Rule.Demanded() && x.asked[ref] == 0 && !excused(ref) {
			return fmt.Sprintf("%s (%s)", ref.Rule.ID, ref.Rule.Says)
		}
	}
	return ""
}
