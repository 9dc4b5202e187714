package suite

import (
	"container/heap"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"mimic/ops"
	"mimic/progs"
	"mimic/properties"
	"mimic/vmtest"
)

// quickRounds is how many sequences of a row are looked at before it is left as open as it is; after quickOwn of them
// those of all other rows are, too: what is asked of one is also asked by others, now and then.
const quickRounds, quickOwn = DefaultSequences, 10

// quickStep sequences of each row that the kernel left open are asked at a time.
const quickStep = 2

// spare is how much oftener than necessary a row of races is to be asked: not all that the model expects happens.
const spare = 3

// numbered names a sequence of a seed.
type numbered struct {
	Row properties.Key
	N   int
}

// candidate is a sequence, and what a kernel is asked that answers it as the model has it.
type candidate struct {
	numbered
	seq  ops.Sequence
	asks properties.Asked
	cost int
}

// askQuickly asks every row until it is not open any more: with those of the sequences of the usual run that take
// least for it, as far as the model knows before.
func (x *examination) askQuickly(rows []properties.Key) error {
	chosen := x.remembered(rows)
	x.planned = len(chosen)
	if err := x.runJobs(x.planOf(chosen)); err != nil {
		return err
	}
	return x.askMore(rows, quickRounds, quickStep)
}

// cover chooses sequences after which no row is open that is not open after those of all rows.
func (x *examination) cover(rows []properties.Key) []numbered {
	expected := &examination{kernel: x.kernel, known: x.known, asked: properties.Asked{}}
	var all []candidate
	for n, open := 0, rows; n < quickRounds && len(open) > 0; n++ {
		if n >= quickOwn {
			open = rows
		}
		more := x.candidates(open, n)
		for _, c := range more {
			for ref, times := range c.asks {
				expected.asked[ref] += times
			}
		}
		all = append(all, more...)
		open = expected.stillOpen(rows)
	}
	return x.cheapest(all, rows)
}

// remembered is what cover chooses, or chose when this program did for the same kernel: to choose takes longer than to ask.
func (x *examination) remembered(rows []properties.Key) (chosen []numbered) {
	if x.cache == "" {
		return x.cover(rows)
	}
	h := sha256.New()
	program, _ := os.Executable()
	sum, _ := vmtest.HashFile(program) // without it another program's choice is asked, which is no worse than that
	fmt.Fprintln(h, sum, x.kernel.Version, x.kernel.Lacks, x.seed, rows)
	path := filepath.Join(x.cache, "quick", hex.EncodeToString(h.Sum(nil)[:16]))
	text, err := os.ReadFile(path)
	if err == nil && json.Unmarshal(text, &chosen) == nil && len(chosen) > 0 {
		return chosen
	}
	chosen = x.cover(rows)
	if text, err = json.Marshal(chosen); err == nil {
		_ = vmtest.WriteFile(path, text) // a cache that cannot be written costs time only
	}
	return chosen
}

// candidates are the sequences with a number of rows.
func (x *examination) candidates(rows []properties.Key, n int) []candidate {
	all := make([]candidate, len(rows))
	fake := properties.Fake{Kernel: x.kernel}
	inParallel(len(rows), func(i int) {
		c := candidate{numbered: numbered{rows[i], n}, seq: properties.Plan(x.kernel, rows[i], x.seed, n), asks: properties.Asked{}}
		properties.Judge(x.kernel, fake.Answer(c.seq), c.asks)
		c.cost = costOf(c.seq) + vainCost*x.waitedInVain(c.seq)
		all[i] = c
	})
	return all
}

// What a guest takes for a sequence the first time, measured on 6.12 in operations on elements of 0.1 ms: loading a program, a thread of a
// race, a process, an object file, doing everything some hundred times, the forgetting at the end, to wait in vain for
// what a known deviation keeps, and to run a program that counts for long.
const programCost, threadCost, processCost, loadCost, repeatCost, endCost, vainCost, farCost = 20, 120, 90, 5000, 3000, 20, 50000, 5000

// costs has what one operation takes, by its verb, where it is not that of one on elements.
var costs = map[string]int{
	ops.Verb(ops.Prog{}): programCost, ops.Verb(ops.Thread{}): threadCost, ops.Verb(ops.Process{}): processCost,
	ops.Verb(ops.Load{}): loadCost, ops.Verb(ops.Repeat{}): repeatCost,
}

// costOf is about how long a guest takes for a sequence.
func costOf(seq ops.Sequence) int {
	cost := endCost
	for _, op := range seq {
		cost += max(1, costs[ops.Verb(op)])
		if p, ok := op.(ops.Prog); ok && slices.ContainsFunc(p.Body.Steps(), progs.CountsFar) {
			cost += farCost
		}
	}
	return cost
}

// waitedInVain is how often a kernel may be waited for in vain that keeps something as known.txt has it.
func (x *examination) waitedInVain(seq ops.Sequence) int {
	ref, times := properties.Lingering(seq)
	if !x.knownHere(ref) {
		return 0
	}
	return times
}

// wants is how much is to be asked yet, of each rule and of each row.
type wants struct {
	rules map[properties.Ref]int
	rows  map[properties.Key]int
}

// cheapest chooses of candidates, each time the one that asks most of what is wanted for what it costs.
func (x *examination) cheapest(all []candidate, rows []properties.Key) (chosen []numbered) {
	w := wants{map[properties.Ref]int{}, map[properties.Key]int{}}
	for _, row := range rows {
		w.rows[row] = leastAsked
		if slices.Contains(properties.ClaimByID(row.Claim).Needs, ops.FeatureCPUs) {
			w.rows[row] += spare
		}
		for _, ref := range properties.RulesOf(row, x.kernel) {
			if !x.knownHere(ref) {
				w.rules[ref] = 1
			}
		}
	}
	best := make(queue, len(all))
	for i, c := range all {
		best[i] = ranked{c, w.worth(c)}
	}
	heap.Init(&best)
	for len(best) > 0 {
		// What a sequence is worth only falls as others are chosen: the first whose worth is still what it was is best.
		first := &best[0]
		worth := w.worth(first.candidate)
		switch {
		case worth == 0:
			heap.Pop(&best)
		case worth < first.worth:
			first.worth = worth
			heap.Fix(&best, 0)
		default:
			w.take(first.asks)
			chosen = append(chosen, first.numbered)
			heap.Pop(&best)
		}
	}
	return chosen
}

// queue has the candidate that was worth most first.
type queue []ranked

type ranked struct {
	candidate
	worth float64
}

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].worth > q[j].worth }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(c any)        { *q = append(*q, c.(ranked)) }

func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// ruleGain is what a rule that was not asked counts beside another question of a row.
const ruleGain = 3

// worth is how much of what is wanted a sequence asks, for what it costs.
func (w wants) worth(c candidate) float64 {
	gain := 0
	for ref, times := range c.asks {
		gain += ruleGain * min(times, w.rules[ref])
		for _, row := range ref.Keys() {
			gain += min(times, w.rows[row])
		}
	}
	return float64(gain) / float64(c.cost)
}

func (w wants) take(asks properties.Asked) {
	for ref, times := range asks {
		w.rules[ref] -= min(times, w.rules[ref])
		for _, row := range ref.Keys() {
			w.rows[row] -= min(times, w.rows[row])
		}
	}
}
