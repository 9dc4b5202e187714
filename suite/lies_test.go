package suite

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
)

// lieSeeds is how many seeds each lie must be caught on: fewer where it is asked often.
var lieSeeds = flag.Int("lies.seeds", 20, "seeds that each lie of a fake kernel must be caught on")

// aloneSequences of each row are run to their end on the first seed, to see that no other claim is blamed.
const aloneSequences = 10

// TestEveryLieIsCaught runs the default budget against fake kernels that each
// break one thing. Each must be caught on every seed, and only by the claims that
// it breaks.
func TestEveryLieIsCaught(t *testing.T) {
	for _, lie := range properties.Lies() {
		t.Run(lie.ID, func(t *testing.T) {
			t.Parallel()
			seeds := *lieSeeds
			if testing.Short() {
				seeds = 1
			}
			if err := alone(lie, 0); err != nil {
				t.Error(err)
			}
			for seed := range seeds {
				if err := caught(lie, uint64(seed)); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
			}
		})
	}
}

func newFake(lie *properties.Lie) Memory { return Memory{properties.Liar(lie)} }

func honest() Memory { return Memory{properties.Fake{Kernel: properties.Newest()}} }

// fakeDrawings are the sequences that alone asks of hundreds of fake kernels, nearly all of one
// version. Those of caught are not kept: of twenty seeds they take gigabytes.
var fakeDrawings drawings

func examineFake(t Memory, seed uint64, sequences int) (*report.Kernel, error) {
	return examineDrawn(t, seed, sequences, nil)
}

func examineDrawn(t Memory, seed uint64, sequences int, memo *drawings) (*report.Kernel, error) {
	out := &report.Kernel{Name: "fake", Seed: seed}
	x := &examination{ctx: context.Background(), runner: t, kernel: t.Kernel, seed: seed, progress: func(int, int) {}, memo: memo}
	return out, x.examine(properties.Keys(), sequences, out)
}

// alone says which claim is blamed that a lie does not touch, if any.
func alone(lie properties.Lie, seed uint64) error {
	out, err := examineDrawn(newFake(&lie), seed, aloneSequences, &fakeDrawings)
	if err != nil {
		return err
	}
	for _, row := range out.Rows {
		if row.Verdict == report.Violated && !slices.Contains(lie.Breaks, row.Key) {
			return fmt.Errorf("%s, which the lie does not touch, is %s: %s%s", row.Key, row.Verdict, row.Reason, findingsText(out, row.Key))
		}
	}
	return nil
}

// holds says whether the kernel did as the model has it.
func holds(v report.Verdict) bool { return v == report.Holds || v == report.Defect }

// elsewhere says whether the claim is one of other kernels than the fake one.
func elsewhere(key properties.Key, k properties.Kernel) bool {
	return properties.ClaimByID(key.Claim).NotClaimed(k) != ""
}

// evidence is the sequence that a row was found violated by.
func findingsText(out *report.Kernel, key properties.Key) string {
	for _, f := range out.Findings {
		if slices.Contains(f.Reduced.Broken(), key) {
			return fmt.Sprintf("\n%vwant %s", f.Reduced.Trace, f.Reduced.Wanted())
		}
	}
	return ""
}

// caught spends the budget until the lie is caught.
func caught(lie properties.Lie, seed uint64) error {
	fake := newFake(&lie)
	try := func(seq ops.Sequence) *properties.Violation {
		return properties.Judge(fake.Kernel, fake.Answer(seq), properties.Asked{})
	}
	seen := map[string]bool{}
	rows := append(slices.Clone(lie.Breaks), properties.Keys()...) // its own first: most are caught there
	for _, row := range rows {
		for n := range DefaultSequences {
			v := try(properties.Plan(fake.Kernel, row, seed, n))
			if v == nil || seen[v.Signature()] {
				continue
			}
			seen[v.Signature()] = true
			broken := properties.Reduce(v, try, reduceLimit).Broken()
			if slices.ContainsFunc(broken, func(k properties.Key) bool { return slices.Contains(lie.Breaks, k) }) {
				return nil
			}
		}
	}
	return fmt.Errorf("not caught by %v", lie.Breaks)
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
