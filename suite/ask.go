package suite

import (
	"context"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"mimic/ops"
	"mimic/properties"
	"mimic/target"
)

// batch is how many sequences of each row are planned at once. The kernel has
// nothing to do meanwhile, and while the last of a batch wait for it.
const batch = 2 * DefaultSequences

// firstBatch is the same where the first violation ends the asking.
const firstBatch = 5

// ask spends nothing on rows that this kernel does not promise.
func (x *examination) ask(rows []properties.Key, perRow int) error {
	rows = slices.DeleteFunc(slices.Clone(rows), func(key properties.Key) bool { return !x.promised(key) })
	if x.quick {
		return x.askQuickly(rows)
	}
	err := x.runAll(rows, perRow)
	if err == nil && x.whole {
		err = x.askMore(rows, x.from+perRow, perRow)
	}
	return err
}

func (x *examination) runAll(rows []properties.Key, perRow int) error {
	x.planned = len(numbersOf(rows, x.from, x.from+perRow))
	step := batch
	if x.first {
		step = firstBatch
	}
	end := x.from + perRow
	for first := x.from; first < end && !x.ended(); first += step {
		if err := x.runSome(rows, first, min(first+step, end)); err != nil {
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
	return x.planOf(numbersOf(rows, from, to))
}

// numbersOf names the sequences of every row from one number to before another, in the order in which they are asked.
func numbersOf(rows []properties.Key, from, to int) (all []numbered) {
	for n := from; n < to; n++ {
		for _, row := range rows {
			claim := properties.ClaimByID(row.Claim)
			for i := claim.Upto(n); i < claim.Upto(n+1); i++ {
				all = append(all, numbered{row, i})
			}
		}
	}
	return all
}

func (x *examination) planOf(chosen []numbered) []target.Job {
	seqs := make([]ops.Sequence, len(chosen))
	inParallel(len(chosen), func(i int) { seqs[i] = properties.Plan(x.kernel, chosen[i].Row, x.seed, chosen[i].N) })
	jobs, _ := x.jobs(seqs)
	return jobs
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

// jobs puts those that ask for care last: each waits until all before it are answered. order has the number of the
// sequence of each.
func (x *examination) jobs(seqs []ops.Sequence) (jobs []target.Job, order []int) {
	var careful []target.Job
	var last []int
	for i, seq := range seqs {
		if job := x.job(seq); job.Carefully {
			careful, last = append(careful, job), append(last, i)
		} else {
			jobs, order = append(jobs, job), append(order, i)
		}
	}
	return append(jobs, careful...), append(order, last...)
}

// choose leaves out those jobs that kill a kernel which is known to die of them,
// more often than it takes to see that.
func (x *examination) choose(jobs []target.Job) []target.Job {
	return slices.DeleteFunc(jobs, func(job target.Job) bool {
		if job.Carefully {
			x.killers++
		}
		return job.Carefully && x.killers > maxKillers
	})
}

// dies says whether the kernel is known to die of something.
func (x *examination) dies() bool {
	return slices.ContainsFunc(x.known, func(d shown) bool { return d.On(x.kernel) && d.Kills() })
}

// job asks for care where the kernel is known to die, and for less of it where all is to be quick: a late complaint is then
// one about what comes next. Care costs half a second; a kernel that nobody knows to die is asked without, and again with it
// when it has died.
func (x *examination) job(seq ops.Sequence) target.Job {
	job := target.Job{Sequence: seq, Carefully: x.dies() && properties.MayKill(x.kernel, seq)}
	if x.quick {
		job.Moment = crashMoment
	}
	return job
}

// moreTimes as many sequences as usual are asked in addition at most of a row that was asked too little.
const moreTimes = 3

// askMore plans more sequences for rows of which a rule was never asked, or all
// too seldom: chance leaves one out now and then. What is still not asked then is
// not by chance. The first of them has the number from, and step of a row are run at a time.
func (x *examination) askMore(rows []properties.Key, from, step int) error {
	for first := from; first < from+moreTimes*DefaultSequences && !x.ended(); first += step {
		open := x.stillOpen(rows)
		if len(open) == 0 {
			return nil
		}
		x.planned += len(numbersOf(open, first, first+step))
		if err := x.runSome(open, first, first+step); err != nil {
			return err
		}
	}
	return nil
}

// asksAll says whether every row is asked, and not as little as it takes.
func (x *examination) asksAll() bool { return len(x.rows) == len(properties.Keys()) && !x.quick }

// open says whether a row would be inconclusive now. What a known sequence asks is
// asked later.
func (x *examination) open(key properties.Key) bool {
	if !x.promised(key) {
		return false
	}
	return x.asked.Of(key) < leastAsked && !x.deviates(key) || x.unasked(key, x.knownHere) != ""
}

// knownHere says whether a rule is broken on this kernel by a known deviation.
func (x *examination) knownHere(ref properties.Ref) bool {
	return slices.ContainsFunc(x.known, func(d shown) bool { return d.Ref == ref && d.On(x.kernel) })
}

// promised says whether the kernel promises what a row says.
func (x *examination) promised(key properties.Key) bool {
	return properties.ClaimByID(key.Claim).NotClaimed(x.kernel) == ""
}

// deviates says whether something was seen that the row does as known.txt has it, of which no question counts.
func (x *examination) deviates(key properties.Key) bool {
	for _, f := range x.seen {
		if f.Known != "" && slices.Contains(f.Reduced.Broken(), key) {
			return true
		}
	}
	return false
}

// stillOpen are those of rows that would be inconclusive now.
func (x *examination) stillOpen(rows []properties.Key) []properties.Key {
	return slices.DeleteFunc(slices.Clone(rows), func(key properties.Key) bool { return !x.open(key) })
}
