package suite

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mimic/properties"
	"mimic/report"
	"mimic/target"
)

// TestSeveralKernelsAtOnce examines four kernels, two at a time, of which the first is the last to be there.
func TestSeveralKernelsAtOnce(t *testing.T) {
	var now, most atomic.Int32
	spec := func(name string, wait time.Duration) Spec {
		s := memory()
		s.Name = name
		open := s.open
		s.open = func(ctx context.Context, logf func(string, ...any)) (target.Target, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(wait)
			return open(ctx, logf)
		}
		return s
	}
	var told []string
	c := Config{Kernels: []Spec{spec("a", 300*time.Millisecond), spec("b", 0), spec("c", 0), spec("d", 200*time.Millisecond)},
		Rows: []properties.Key{{Claim: "DOC-3", Family: properties.FamilyArray}}, Sequences: 3, Jobs: 2,
		Each: func(i int, k *report.Kernel) { told = append(told, k.Name) }}
	var names []string
	for _, k := range Run(t.Context(), c) {
		names = append(names, k.Name)
		if k.Fault != nil || len(k.Rows) != 1 {
			t.Errorf("%s: fault %v, %d rows", k.Name, k.Fault, len(k.Rows))
		}
	}
	want := []string{"a", "b", "c", "d"}
	if !slices.Equal(names, want) || !slices.Equal(told, want) {
		t.Errorf("answered %v, told of %v; want both in order", names, told)
	}
	if most.Load() != 2 {
		t.Errorf("%d kernels at the same time, want 2", most.Load())
	}
}

// TestFoldersOfKernelsDiffer has two kernels of one name, and a third.
func TestFoldersOfKernelsDiffer(t *testing.T) {
	got := folders([]Spec{{Name: "/a/bzImage"}, {Name: "/b/bzImage"}, {Name: "6.12:3"}})
	if want := "bzImage bzImage-2 6.12-3"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestManyKernelsShare: they are asked different sequences, in all not more than so many kernels alone, which leave no row open
// and of all that a run should see nothing out.
func TestManyKernelsShare(t *testing.T) {
	var log strings.Builder
	c := Config{Kernels: slices.Repeat([]Spec{memory()}, 12), Seed: 1, Log: &log}
	sum, counted := 0, map[int]bool{}
	for _, k := range Run(t.Context(), c) {
		if k.Fault != nil || len(k.Absent) > 0 {
			t.Errorf("fault %v, never seen: %q", k.Fault, k.Absent)
		}
		for _, row := range k.Rows {
			if !holds(row.Verdict) && !elsewhere(row.Key, properties.Newest()) {
				t.Errorf("%s is %s: %s", row.Key, row.Verdict, row.Reason)
			}
		}
		sum += k.Sequences
		counted[k.Operations] = true
	}
	if most := (fullShare + 1) * DefaultSequences * len(properties.Keys()); sum > most || len(counted) < 6 {
		t.Errorf("12 kernels were asked %d sequences, want at most %d, with %d numbers of operations, want most to differ", sum, most, len(counted))
	}
	if !strings.Contains(log.String(), "12 kernels share what 2 would be asked: 4 sequences of each row") {
		t.Errorf("nobody was told:\n%s", log.String())
	}
}

// TestShares holds how many sequences of a row kernels are asked.
func TestShares(t *testing.T) {
	for _, want := range []struct {
		kernels, given, sequences int
		shares, whole             bool
	}{
		{1, 0, 25, false, true},
		{2, 0, 25, false, true},
		{3, 0, 16, true, true},
		{12, 0, 4, true, true},
		{100, 0, leastShare, true, true},
		{12, 25, 25, false, true},
		{12, 7, 7, false, false},
	} {
		c := Config{Kernels: make([]Spec, want.kernels), Sequences: want.given}
		if c.sequences() != want.sequences || c.shares() != want.shares || c.whole() != want.whole {
			t.Errorf("%d kernels, -sequences %d: %d sequences of a row, shared %t, whole %t; want %+v", want.kernels, want.given, c.sequences(), c.shares(), c.whole(), want)
		}
	}
}

// TestNamedClaimsAreNotShared: who names claims has each kernel asked all of them.
func TestNamedClaimsAreNotShared(t *testing.T) {
	if c := (Config{Kernels: make([]Spec, 12), Rows: properties.Keys()[:2]}); c.sequences() != DefaultSequences || c.shares() {
		t.Errorf("12 kernels are asked %d sequences of each of two rows, shared %t; want %d, and not", c.sequences(), c.shares(), DefaultSequences)
	}
}

// TestSharedAbsent: what no kernel was asked is said of the last one, and what any was is not.
func TestSharedAbsent(t *testing.T) {
	c := Config{Kernels: make([]Spec, 4)}
	newest := properties.Newest()
	all := make([]*report.Kernel, 4)
	for i := range all {
		all[i] = &report.Kernel{Release: newest.Version.String() + ".0", Tally: properties.NewTally()}
	}
	never := properties.NewTally().Absent(newest)
	c.sharedAbsent(all)
	if !slices.Equal(all[3].Absent, never) || len(all[0].Absent) > 0 {
		t.Errorf("the last was asked too little for %q, want %q", all[3].Absent, never)
	}
	all[1].Tally.Triples[properties.Triple{Verb: "outer", Family: properties.FamilyArray}]++
	c.sharedAbsent(all)
	if slices.Contains(all[3].Absent, "outer array ok") || len(all[3].Absent) != len(never)-1 {
		t.Errorf("of what one kernel was asked it is said that none was: %q", all[3].Absent)
	}
	all[2].Fault, all[3].Absent = context.Canceled, nil
	if c.sharedAbsent(all); all[3].Absent != nil {
		t.Errorf("beside one that was not examined to its end, %q", all[3].Absent)
	}
	all[2].Fault, c.Sequences = nil, DefaultSequences
	if c.sharedAbsent(all); all[3].Absent != nil {
		t.Errorf("kernels that share nothing have %q of each other", all[3].Absent)
	}
}
