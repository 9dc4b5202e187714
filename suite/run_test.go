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
