package suite

import (
	"context"
	"slices"
	"testing"

	"mimic/properties"
	"mimic/report"
	"mimic/target"
)

func examineQuickly(m Memory, seed uint64) (*report.Kernel, error) {
	out := &report.Kernel{Name: "fake", Seed: seed}
	x := &examination{ctx: context.Background(), runner: m, kernel: m.Kernel, seed: seed, progress: func(int, int) {}, quick: true}
	return out, x.examine(properties.Keys(), DefaultSequences, out)
}

// TestQuickLeavesNothingOpen: with a fraction of the sequences every rule of every row is asked.
func TestQuickLeavesNothingOpen(t *testing.T) {
	for seed := range uint64(5) {
		out, err := examineQuickly(honest(), seed)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range out.Rows {
			if !holds(row.Verdict) && !elsewhere(row.Key, properties.Newest()) {
				t.Errorf("seed %d: %s is %s: %s", seed, row.Key, row.Verdict, row.Reason)
			}
		}
		all := len(properties.Keys()) * DefaultSequences
		t.Logf("seed %d: %d of %d sequences, %d operations", seed, out.Sequences, all, out.Operations)
		if out.Sequences*5 > all {
			t.Errorf("seed %d: %d of %d sequences are not quick", seed, out.Sequences, all)
		}
	}
}

// leastCaughtQuickly is the share of the lies that -quick must catch with one seed.
const leastCaughtQuickly = 0.75

// TestQuickCatches counts the lies that are caught with so few sequences, on one seed.
func TestQuickCatches(t *testing.T) {
	var missed []string
	all := 0
	for _, lies := range liesByVersion() {
		x := &examination{kernel: properties.Liar(&lies[0]).Kernel, seed: 1}
		jobs := x.planOf(x.cover(properties.Keys()))
		for _, lie := range lies {
			all++
			_, try := trying(&lie)
			if !slices.ContainsFunc(jobs, func(job target.Job) bool { return try(job.Sequence) != nil }) {
				missed = append(missed, lie.ID)
			}
		}
	}
	t.Logf("%d of %d lies are not caught by -quick: %q", len(missed), all, missed)
	if caught := 1 - float64(len(missed))/float64(all); caught < leastCaughtQuickly {
		t.Errorf("%.2f of the lies are caught, want %.2f", caught, leastCaughtQuickly)
	}
}
