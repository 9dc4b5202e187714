package report

import (
	"errors"
	"strings"
	"testing"

	"mimic/ops"
	"mimic/properties"
)

// broken is a kernel that answers ok where the judge wants EINVAL.
func broken(t *testing.T) *Kernel {
	t.Helper()
	trace, err := ops.ParseTrace(`kernel: 6.12.1
i0 = map(array, key=4, value=8, max=2)  ok
o0 = outer(array, max=4, template=i0)  ok
i1 = map(array, key=4, value=8, max=3)  ok
o0.update(1, i1)  ok
ended: completed
`)
	if err != nil {
		t.Fatal(err)
	}
	v := properties.Judge(properties.Newest(), trace, properties.Asked{})
	if v == nil {
		t.Fatal("the trace breaks nothing")
	}
	key := v.Broken()[0]
	return &Kernel{
		Name: "6.12", Release: "6.12.1", Package: "linux-image 6.12.1-1", SHA256: "ab", Mode: "tcg microvm", Seed: 7, Sequences: 9,
		Rows:     []Row{{Key: key, Verdict: Violated, Reason: "why"}},
		Findings: []Finding{{Reduced: v, Original: trace.Sequence(), Times: 2, Tries: 5, File: "out/x.seq"}},
	}
}

func TestViolationSpeaksInTheClaimsWords(t *testing.T) {
	var b strings.Builder
	All(&b, []*Kernel{broken(t)})
	for _, want := range []string{
		"--- FAIL: 6.12 (6.12.1)\n    broke P28/array: an inner array has the template's max_entries unless",
		"      o0.update(1, i1)                                    ok        want EINVAL\n",
		"source kernel/bpf/arraymap.c array_map_meta_equal; selftests btf_map_in_map diff_size\n",
		"seen in 2 of 9 sequences, seed 7; reduced from 4 operations to 4 in 5 tries\n",
		"    replay: scripts/run-vm.sh 6.12 -replay out/x.seq\n",
		"kernel 6.12: 6.12.1, linux-image 6.12.1-1 sha256 ab, mode tcg microvm, seed 7\n",
		"P28/array     FAIL  ",
		"DOC-3/array   ?     ",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
}

func TestFindingsOfARow(t *testing.T) {
	k := broken(t)
	key := k.Rows[0].Key
	if !strings.Contains(FindingsOf(k, key), "want EINVAL") {
		t.Error("the row's finding is not told")
	}
	k.Findings[0].Known = "known"
	if FindingsOf(k, key) != "" {
		t.Error("a known deviation is told as a failure")
	}
}

func TestOnlySomeVerdictsAreGreen(t *testing.T) {
	for v, want := range map[Verdict]bool{Undecided: false, Holds: true, Violated: false, Deviates: true, NotClaimed: true, Inconclusive: false, Broken: false} {
		if v.Green() != want {
			t.Errorf("%s is green: %v, want %v", v, v.Green(), want)
		}
	}
}

func TestFaultIsTold(t *testing.T) {
	var b strings.Builder
	Summary(&b, &Kernel{Name: "6.12", Fault: errors.New("no room")})
	if got := b.String(); got != "kernel 6.12: unknown, unknown, mode unknown, seed 0\n  harness: no room\n" {
		t.Errorf("got %q", got)
	}
}
