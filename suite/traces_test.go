package suite

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mimic/ops"
	"mimic/properties"
)

// TestTraces judges the stored traces of FINDINGS.md again with today's model. What each is to
// come to follows from known.txt: the sequence of a row breaks that promise on its kernels, and
// on the others nothing that is not known.
func TestTraces(t *testing.T) {
	paths, err := filepath.Glob("../findings/traces/*/*.trace")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d traces, %v: scripts/record-findings.sh records them", len(paths), err)
	}
	known, err := readKnown()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]map[bool]bool{} // sequence → whether it was to break a promise
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".trace") + ".seq"
		if seen[name] == nil {
			seen[name] = map[bool]bool{}
		}
		t.Run(strings.TrimSuffix(strings.TrimPrefix(path, "../findings/traces/"), ".trace"), func(t *testing.T) {
			expected := testTrace(t, path, "findings/"+name, known)
			seen[name][expected] = true
		})
	}
	for _, d := range known {
		if kinds := seen[filepath.Base(d.Sequence)]; d.Sequence != "" && !kinds[true] {
			t.Errorf("no trace shows %s of %s: scripts/record-findings.sh records them", d.Ref.Rule.ID, d.Sequence)
		}
	}
}

// testTrace judges one trace and says whether it was to break a promise.
func testTrace(t *testing.T, path, sequence string, known []shown) (expected bool) {
	r, err := Rejudge(path)
	if err != nil {
		t.Fatal(err)
	}
	seq, err := ReadSequence("../" + sequence)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Trace.Sequence(); r.Trace.End == ops.Completed && got.String() != seq.String() {
		t.Errorf("it is a trace of another sequence than %s has now: scripts/record-findings.sh records it again", sequence)
	}
	kernel, err := properties.NewKernel(r.Trace.Kernel, r.Trace.Lacks)
	if err != nil {
		t.Fatal(err)
	}
	expected = slices.ContainsFunc(known, func(d shown) bool { return d.Sequence == sequence && d.On(kernel) })
	switch {
	case r.Fault != nil:
		t.Errorf("the harness was broken: %v", r.Fault)
	case expected && r.Finding == nil:
		t.Errorf("known.txt says that %s shows a deviation on %s, and nothing is wrong with this trace", sequence, r.Trace.Kernel)
	case r.Finding != nil && r.Finding.Known == "":
		t.Errorf("known.txt does not say that %s shows anything on %s:\n%s", sequence, r.Trace.Kernel, r.Text())
	}
	return expected
}
