package suite

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
)

// lieSeeds is how many seeds each lie must be caught on: fewer where it is asked often.
var lieSeeds = flag.Int("lies.seeds", 20, "seeds that each lie of a fake kernel must be caught on")

// aloneSequences of each row are run to their end, to see that no other claim is blamed.
const aloneSequences = 10

// TestLiesBlameNoOther asks the same sequences of fake kernels that each break one thing, and looks at every answer that is
// not an honest kernel's: nobody is blamed but the claims that the lie breaks.
func TestLiesBlameNoOther(t *testing.T) {
	for _, lies := range liesByVersion() {
		for i, told := range toldIn(properties.Liar(&lies[0]).Kernel, lies) {
			t.Run(lies[i].ID, func(t *testing.T) {
				t.Parallel()
				if err := alone(lies[i], told); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestEveryLieIsCaught runs the default budget against them. Each must be caught on every seed.
func TestEveryLieIsCaught(t *testing.T) {
	seeds := *lieSeeds
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			drawn := &drawings{seed: uint64(seed)}
			var took effort
			t.Cleanup(func() { t.Log(took.String()) })
			for _, lie := range properties.Lies() {
				t.Run(lie.ID, func(t *testing.T) {
					t.Parallel()
					n, err := caught(lie, drawn)
					if err != nil {
						t.Error(err)
					}
					took.add(n, lie.ID)
				})
			}
		})
	}
}

// effort is how many sequences it took to catch each lie.
type effort struct {
	mu  sync.Mutex
	all []caughtAfter
}

type caughtAfter struct {
	sequences int
	lie       string
}

func (e *effort) add(n int, lie string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, caughtAfter{n, lie})
}

// slowest is how many of those that took longest are named.
const slowest = 5

func (e *effort) String() string {
	slices.SortFunc(e.all, func(a, b caughtAfter) int {
		return cmp.Or(cmp.Compare(a.sequences, b.sequences), cmp.Compare(a.lie, b.lie))
	})
	if len(e.all) == 0 {
		return "no lies"
	}
	var worst []string
	for _, c := range e.all[max(0, len(e.all)-slowest):] {
		worst = append(worst, fmt.Sprintf("%s after %d", c.lie, c.sequences))
	}
	return fmt.Sprintf("%d lies, caught after %d sequences (median) of %d; last %s; sequences of each row: %d for half of them, %d for 95 %%, %d for 99 %%, %d for all",
		len(e.all), e.all[len(e.all)/2].sequences, DefaultSequences*len(properties.Keys()), strings.Join(worst, ", "),
		e.rounds(0.5), e.rounds(0.95), e.rounds(0.99), e.rounds(1))
}

// rounds is how many sequences of each row, which are asked in turn, catch such a share of the lies. DefaultSequences is what
// all of them take.
func (e *effort) rounds(share float64) int {
	last := e.all[max(0, int(share*float64(len(e.all)))-1)].sequences
	return (last + len(properties.Keys()) - 1) / len(properties.Keys())
}

func liesByVersion() map[properties.Version][]properties.Lie {
	by := map[properties.Version][]properties.Lie{}
	for _, lie := range properties.Lies() {
		by[lie.On] = append(by[lie.On], lie)
	}
	return by
}

// toldIn is, by lie, the sequences of all rows in which it is told, in the order in which a run asks them.
func toldIn(on properties.Kernel, lies []properties.Lie) [][]ops.Sequence {
	rows := properties.Keys()
	asked := make([]ops.Sequence, len(rows)*aloneSequences)
	tellers := make([][]int, len(asked))
	inParallel(len(asked), func(i int) {
		asked[i] = properties.Plan(on, rows[i%len(rows)], 0, i/len(rows))
		tellers[i] = on.Told(asked[i], lies)
	})
	told := make([][]ops.Sequence, len(lies))
	for i, by := range tellers {
		for _, l := range by {
			told[l] = append(told[l], asked[i])
		}
	}
	return told
}

// drawings are the sequences of a seed with an honest kernel's answers, drawn once for all lies.
type drawings struct {
	seed uint64
	by   sync.Map
}

type drawing struct {
	on     properties.Version
	row    properties.Key
	number int
}

func (d *drawings) of(k properties.Kernel, row properties.Key, n int) ops.Trace {
	name := drawing{k.Version, row, n}
	if honest, ok := d.by.Load(name); ok {
		return honest.(ops.Trace)
	}
	honest := properties.Fake{Kernel: k}.Answer(properties.Plan(k, row, d.seed, n))
	d.by.Store(name, honest)
	return honest
}

func newFake(lie *properties.Lie) Memory { return Memory{properties.Liar(lie)} }

func honest() Memory { return Memory{properties.Fake{Kernel: properties.Newest()}} }

func examineFake(t Memory, seed uint64, sequences int) (*report.Kernel, error) {
	out := &report.Kernel{Name: "fake", Seed: seed}
	x := &examination{ctx: context.Background(), runner: t, kernel: t.Kernel, seed: seed, progress: func(int, int) {}, whole: true}
	return out, x.examine(properties.Keys(), sequences, out)
}

// trying runs sequences on a fake kernel and judges them.
func trying(lie *properties.Lie) (*properties.Fake, func(ops.Sequence) *properties.Violation) {
	fake := properties.Liar(lie)
	return &fake, func(seq ops.Sequence) *properties.Violation {
		return properties.Judge(fake.Kernel, fake.Answer(seq), properties.Asked{})
	}
}

// alone says which claim is blamed that a lie does not touch, if any, in the sequences in which it is told. As in a run,
// what a violation explains that was reduced before is not reduced again.
func alone(lie properties.Lie, told []ops.Sequence) error {
	_, try := trying(&lie)
	var shown []properties.Ref
	explained := func(ref properties.Ref) bool { return slices.Contains(shown, ref) }
	for _, seq := range told {
		v := try(seq)
		if v == nil || slices.ContainsFunc(v.By, explained) {
			continue
		}
		reduced := properties.Reduce(v, try, reduceLimit)
		for _, key := range reduced.Broken() {
			if !slices.Contains(lie.Breaks, key) {
				return fmt.Errorf("%s is blamed, which the lie does not touch\n%vwant %s", key, reduced.Trace, reduced.Wanted())
			}
		}
		shown = append(shown, reduced.By[:min(1, len(reduced.By))]...)
	}
	return nil
}

// holds says whether the kernel did as the model has it.
func holds(v report.Verdict) bool { return v == report.Holds || v == report.Defect }

// elsewhere says whether the claim is one of other kernels than the fake one.
func elsewhere(key properties.Key, k properties.Kernel) bool {
	return properties.ClaimByID(key.Claim).NotClaimed(k) != ""
}

// caught spends the budget until the lie is caught, and says after how many sequences that was: what an honest kernel
// answers as well needs no judge.
func caught(lie properties.Lie, drawn *drawings) (asked int, err error) {
	fake, try := trying(&lie)
	seen := map[string]bool{}
	others := slices.DeleteFunc(properties.Keys(), func(k properties.Key) bool { return slices.Contains(lie.Breaks, k) })
	rows := append(slices.Clone(lie.Breaks), others...) // its own first: most are caught there
	for n := range DefaultSequences {
		for _, c := range numbersOf(rows, n, n+1) {
			asked++
			honest := drawn.of(fake.Kernel, c.Row, c.N)
			seq := honest.Sequence()
			told := fake.Answer(seq)
			if sameAnswers(told, honest) {
				continue
			}
			v := properties.Judge(fake.Kernel, told, properties.Asked{})
			if v == nil || seen[v.Signature()] {
				continue
			}
			seen[v.Signature()] = true
			broken := properties.Reduce(v, try, reduceLimit).Broken()
			if slices.ContainsFunc(broken, func(k properties.Key) bool { return slices.Contains(lie.Breaks, k) }) {
				return asked, nil
			}
		}
	}
	return asked, fmt.Errorf("not caught by %v", lie.Breaks)
}

func sameAnswers(a, b ops.Trace) bool {
	return slices.EqualFunc(a.Steps, b.Steps, func(a, b ops.Step) bool { return a.Got == b.Got })
}

// TestHonestKernelHolds: no false alarm, and every rule asked, on every seed.
func TestHonestKernelHolds(t *testing.T) {
	for seed := range *lieSeeds {
		out, err := examineFake(honest(), uint64(seed), DefaultSequences)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range out.Rows {
			if !holds(row.Verdict) && !elsewhere(row.Key, properties.Newest()) {
				t.Errorf("seed %d: %s is %s: %s", seed, row.Key, row.Verdict, row.Reason)
			}
		}
	}
}
