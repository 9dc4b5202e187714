package report

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"mimic/ops"
	"mimic/properties"
)

// nasty breaks out of every format that does not escape it.
const nasty = "quote \" ' ]]> <script>alert(1)</script> & # hash\nnot ok 9 forged\nok 1 - forged # SKIP\n" +
	"\xff\xfe \x1b[31m\x00\x7f\u0085\u2028 ::error::forged %0A ``` | pipe </textarea></style> {{.}}"

// everyVerdict is a kernel with a row of each verdict, with nasty reasons, a row that
// only a stale line of known.txt breaks, and one under which the kernel hung.
func everyVerdict(t *testing.T) *Kernel {
	k := broken(t)
	k.Started, k.Boot, k.Took, k.Operations = time.Unix(1764230400, 5), time.Second, time.Minute, 1234
	k.Package, k.Mode = nasty, nasty
	k.Findings[0].Shown, k.Findings[0].Runs = 9, 10
	k.Rows[0].Reason = nasty
	k.Tally = properties.NewTally()
	keys := k.otherKeys()
	for v := range faces {
		if Verdict(v) != Violated {
			k.Rows = append(k.Rows, Row{Key: keys[v], Verdict: Verdict(v), Reason: nasty, Asked: v})
		}
	}
	k.Rows = append(k.Rows, Row{Key: keys[20], Verdict: Violated, Reason: nasty, Stale: true})
	k.Rows = append(k.Rows, Row{Key: keys[21], Verdict: Holds})
	hung := *k.Findings[0].Reduced
	hung.Trace.End, hung.Trace.Detail = ops.Hung, nasty
	hung.By = []properties.Ref{{Rule: &properties.Rule{ID: "made-up", Says: nasty, Claims: []string{keys[22].Claim}}, Family: keys[22].Family}}
	k.Findings = append(k.Findings, Finding{Reduced: &hung, Original: hung.Trace.Sequence(), Times: 1})
	k.Rows = append(k.Rows, Row{Key: keys[22], Verdict: Violated, Reason: nasty})
	return k
}

// otherKeys are the rows of the table that the kernel has not.
func (k *Kernel) otherKeys() (all []properties.Key) {
	for _, key := range properties.Keys() {
		if key != k.Rows[0].Key {
			all = append(all, key)
		}
	}
	return all
}

// kernel is one of which all holds.
func kernel(name string) *Kernel {
	k := &Kernel{Name: name, Release: name + ".1", Mode: "tcg", Started: time.Unix(1764230400, 0)}
	for _, key := range properties.Keys() {
		k.Rows = append(k.Rows, Row{Key: key, Verdict: Holds, Asked: 9})
	}
	return k
}

// everything is a run that has each ending of a kernel.
func everything(t *testing.T) *Run {
	skipped := &Kernel{Name: "6.99", Fault: errors.New(nasty), Missing: true, Skipped: true}
	absent := kernel("6.1")
	absent.Absent = []string{nasty, "create ok"}
	cut := kernel("path/to/#<b>Image\n" + nasty)
	cut.Fault = errors.New("harness: " + nasty)
	for i := range cut.Rows {
		cut.Rows[i].Verdict, cut.Rows[i].Reason = Undecided, "the run was cut short"
	}
	r := NewRun([]string{"", "", "", "", "", "", "5.10"}, 7)
	r.Started = time.Unix(1764230400, 0)
	missing := &Kernel{Name: "6.98", Fault: errors.New("no such package"), Missing: true}
	copy(r.Kernels, []*Kernel{kernel("6.12"), everyVerdict(t), skipped, absent, cut, missing})
	return r
}

// written is a run in a format, as if each kernel was examined in turn.
func written(t *testing.T, name string, r *Run) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, f := range Formats {
		if f.Name != name {
			continue
		}
		var err error
		if f.Begin != nil {
			err = f.Begin(&b, r)
		}
		for i := range r.Kernels {
			if f.Kernel != nil {
				err = errors.Join(err, f.Kernel(&b, r, i))
			}
		}
		if f.Whole != nil {
			err = errors.Join(err, f.Whole(&b, r))
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	t.Fatalf("no format %q", name)
	return nil
}

// TestEveryVerdictHasAFace would fail for a verdict that was added without a row.
func TestEveryVerdictHasAFace(t *testing.T) {
	shown := map[Verdict]bool{}
	for _, v := range legend() {
		shown[v] = true
	}
	for v, f := range faces {
		if f.word == "" || f.mark == "" || f.kcidb == "" || f.class == "" || !shown[Verdict(v)] {
			t.Errorf("verdict %d is not shown everywhere: %+v", v, f)
		}
	}
	if len(faces) != int(Broken)+1 {
		t.Errorf("%d faces, want one for each verdict", len(faces))
	}
}

func TestGreenKernels(t *testing.T) {
	want := []bool{true, false, true, false, false, false, false}
	verdicts := []Verdict{Holds, Violated, NotClaimed, Broken, Broken, Broken, Broken}
	for i, k := range everything(t).Kernels {
		if k.Green() != want[i] || k.Verdict() != verdicts[i] {
			t.Errorf("%s is %s, green: %v", k.Title(), k.Verdict(), k.Green())
		}
	}
	if everything(t).Green() {
		t.Error("a run with violations is green")
	}
}

// racing is a kernel that lost an update to a race.
func racing(t *testing.T) *Kernel {
	t.Helper()
	trace, err := ops.ParseTrace(`kernel: 6.12.1
i0 = map(array, key=4, value=8, max=1)  ok
o0 = outer(hash, key=1, max=8, template=i0)  ok
i1 = map(array, key=4, value=8, max=1)  ok
thread(times=2)  ok
o0.update(1, i1)  = 1-2 ok; 5-6 ok
thread(times=2)  ok
o0.delete(1)  = 3-4 ENOENT; 7-8 ok
join()  ok
ended: completed
`)
	if err != nil {
		t.Fatal(err)
	}
	v := properties.Judge(properties.Newest(), trace, properties.Asked{})
	if v == nil {
		t.Fatal("the race breaks nothing")
	}
	k := kernel("6.12")
	for i, row := range k.Rows {
		if row.Key == v.Broken()[0] {
			k.Rows[i].Verdict = Violated
		}
	}
	k.Findings = []Finding{{Reduced: v, Original: trace.Sequence(), Times: 3, File: "out/6.12/race/reduced.seq"}}
	return k
}
