package suite

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/target"
)

// mortal is a kernel in memory that does not survive some sequences: those of which dies is true of the steps so far.
type mortal struct {
	Memory
	dies func([]ops.Step) bool
	how  ops.Ending
	says string // of how it died
	runs int
}

func (m *mortal) Run(_ context.Context, jobs []target.Job, each func(int, ops.Trace)) error {
	for i, job := range jobs {
		m.runs++
		each(i, m.answer(job.Sequence))
	}
	return nil
}

func (m *mortal) answer(seq ops.Sequence) ops.Trace {
	t := m.Answer(seq)
	for i := range t.Steps {
		if m.dies(t.Steps[:i+1]) {
			t.Steps, t.End = append(slices.Clone(t.Steps[:i]), ops.Step{Op: seq[i]}), m.how
			t.Detail = m.says
			break
		}
	}
	return t
}

// sixSteps are what it takes to kill a mortal, in this order, each successful.
var sixSteps = []string{"map", "outer", "update", "dump", "delete", "freeze"}

func afterSixSteps(steps []ops.Step) bool {
	next := 0
	for _, s := range steps {
		if ops.Verb(s.Op) == sixSteps[next] && s.Got.Errno == 0 {
			if next++; next == len(sixSteps) {
				return true
			}
		}
	}
	return false
}

// longWay kills a mortal after much that does not matter.
func longWay(t *testing.T) ops.Sequence {
	t.Helper()
	text := "i0 = map(array, key=4, value=8, max=2)\n" + strings.Repeat("i0.lookup(1)\n", 9) +
		"i1 = map(hash, key=4, value=8, max=7)\no0 = outer(hash, max=9, template=i1)\no1 = outer(array, max=3, template=i0)\n" +
		"o0.update(5, i1)\no1.update(1, i0)\no1.dump()\n" + strings.Repeat("o0.lookup(5)\no0.next(null)\n", 6) + "o0.delete(5)\no1.freeze()\nend()\n"
	seq, err := ops.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// reducing is what becomes of one finding.
func reducing(t *testing.T, m *mortal, seq ops.Sequence) *report.Finding {
	t.Helper()
	return reducingBy(t, &examination{}, m, seq)
}

// reducingBy is the same by an examination that is set to something.
func reducingBy(t *testing.T, x *examination, m *mortal, seq ops.Sequence) *report.Finding {
	t.Helper()
	v := properties.Judge(m.Kernel, m.answer(seq), properties.Asked{})
	if v == nil {
		t.Fatal("the kernel survives")
	}
	x.ctx, x.runner, x.kernel, x.asked, x.seen = t.Context(), m, m.Kernel, properties.Asked{}, map[string]*report.Finding{}
	x.add(&report.Finding{Reduced: v, Original: seq, Times: 1})
	if err := x.reduceAll(); err != nil || len(x.order) != 1 {
		t.Fatalf("%d findings, %v", len(x.order), err)
	}
	return x.seen[x.order[0]]
}

// TestDeathIsReduced: to the operations that it takes, the one in flight last, through as many deaths as that takes.
func TestDeathIsReduced(t *testing.T) {
	for how, runs := range map[ops.Ending]int{ops.Panicked: 3, ops.Lost: 3, ops.Hung: 2} {
		m := &mortal{Memory: honest(), dies: afterSixSteps, how: how}
		f := reducing(t, m, longWay(t))
		last := f.Reduced.Trace.Steps[len(f.Reduced.Trace.Steps)-1]
		if n := len(f.Reduced.Trace.Steps); n != len(sixSteps) || last.Returned || ops.Verb(last.Op) != "freeze" {
			t.Errorf("%v: reduced to\n%s", how, f.Reduced.Trace)
		}
		if f.Shown != runs || f.Runs != runs || f.Flaky() || m.runs != f.Tries+runs || f.Tries > reduceLimit || f.Irrelevant != nil {
			t.Errorf("%v: shown in %d of %d runs, flaky %v, %d tries, %d runs in all, irrelevant %v", how, f.Shown, f.Runs, f.Flaky(), f.Tries, m.runs, f.Irrelevant)
		}
		t.Logf("%v: %d operations after %d executions", how, len(f.Reduced.Trace.Steps), f.Tries)
	}
}

// TestUnexplainedDeathIsNotReduced: where nobody knows the operation it is only shown again, or not.
func TestUnexplainedDeathIsNotReduced(t *testing.T) {
	m := &mortal{Memory: honest(), dies: func([]ops.Step) bool { return false }, how: ops.Lost}
	seq := longWay(t)
	trace := ops.Trace{End: ops.Lost}
	for _, op := range seq {
		trace.Steps = append(trace.Steps, ops.Step{Op: op})
	}
	x := &examination{ctx: t.Context(), runner: m, kernel: m.Kernel, asked: properties.Asked{}}
	f := &report.Finding{Reduced: properties.Judge(m.Kernel, trace, properties.Asked{}), Original: seq}
	if err := x.reduceOne(f); err != nil || f.Tries != 0 || f.Runs != 3 || f.Shown != 0 || !f.Flaky() {
		t.Errorf("%v: %d tries, shown in %d of %d runs, flaky %v", err, f.Tries, f.Shown, f.Runs, f.Flaky())
	}
}

// TestWhatShowsSeldomIsFlaky: a death that comes at every third time only.
func TestWhatShowsSeldomIsFlaky(t *testing.T) {
	m := &mortal{Memory: honest(), how: ops.Panicked}
	times := 0
	m.dies = func(steps []ops.Step) bool {
		if !afterSixSteps(steps) {
			return false
		}
		times++
		return times%3 == 1
	}
	f := reducing(t, m, longWay(t))
	if f.Runs != 3 || f.Shown != 1 || !f.Flaky() {
		t.Errorf("shown in %d of %d runs, flaky %v; want 1 of 3", f.Shown, f.Runs, f.Flaky())
	}
	var b strings.Builder
	report.Violation(&b, &report.Kernel{Name: "fake"}, f)
	if !strings.Contains(b.String(), "shown again in 1 of 3 runs: flaky, not to be bisected\n") {
		t.Errorf("the report does not say so:\n%s", b.String())
	}
}

// TestHangThatIsNoneIsInconclusive: of a guest that once did not answer in time and then does, nobody is blamed, and
// nobody says that the kernel lives; nor of one that its emulator let die.
func TestHangThatIsNoneIsInconclusive(t *testing.T) {
	diesOnce(t, &mortal{Memory: honest(), how: ops.Hung})
	diesOnce(t, &mortal{Memory: honest(), how: ops.Lost})
	diesOnce(t, &mortal{Memory: toldTo(t, longWay(t)), how: ops.Lost})
	diesOnce(t, &mortal{Memory: honest(), how: ops.Panicked, says: "oopsed: Oops: int3: 0000 [#1] SMP in sched_clock_idle_wakeup_event+0x5/0x40"})
}

// toldTo is a kernel that tells a sequence some lie.
func toldTo(t *testing.T, seq ops.Sequence) Memory {
	t.Helper()
	for _, lie := range properties.Lies() {
		if m := newFake(&lie); properties.Judge(m.Kernel, m.Answer(seq), properties.Asked{}) != nil {
			return m
		}
	}
	t.Fatal("there is no such lie")
	return Memory{}
}

// diesOnce has a kernel die of the first operation, the first time.
func diesOnce(t *testing.T, m *mortal) {
	t.Helper()
	hung := false
	m.dies = func([]ops.Step) bool {
		dies := !hung
		hung = true
		return dies
	}
	x := &examination{ctx: t.Context(), runner: m, kernel: m.Kernel, asked: properties.Asked{}, seen: map[string]*report.Finding{}, tally: properties.NewTally()}
	seq := longWay(t)
	x.add(&report.Finding{Reduced: properties.Judge(m.Kernel, m.answer(seq), properties.Asked{}), Original: seq, Times: 1})
	if err := x.reduceAll(); err != nil || len(x.order) != 0 {
		t.Fatalf("%d findings, %v; want none", len(x.order), err)
	}
	verdict, why := x.decide(report.Row{Key: properties.Key{Claim: "P00", Family: properties.FamilyInner}, Asked: 1000}, nil)
	if verdict != report.Inconclusive || !strings.Contains(why, "1 sequences did not end in time") {
		t.Errorf("P00 is %v: %s", verdict, why)
	}
}

// TestRaceIsFlakyIfItNeverShows: what shows now and then is as much as one can ask of a race.
func TestRaceIsFlakyIfItNeverShows(t *testing.T) {
	race := &properties.Violation{Trace: ops.Trace{Steps: []ops.Step{{Op: ops.Thread{}}}}}
	for shown, want := range []bool{true, false} {
		if f := (report.Finding{Reduced: race, Shown: shown, Runs: 20}); f.Flaky() != want {
			t.Errorf("shown in %d of 20 runs a race is flaky: %v", shown, !want)
		}
	}
}

// TestExplained: a lie about every lookup and delete in one of an array of maps does not care for the key, and
// the report says so.
func TestExplained(t *testing.T) {
	lies := properties.Lies()
	at := slices.IndexFunc(lies, func(l properties.Lie) bool { return l.ID == explainedLie })
	if at < 0 {
		t.Fatal("no such lie")
	}
	out, err := examineFake(newFake(&lies[at]), 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range out.Findings {
		report.Violation(&b, out, &out.Findings[i])
		if f := &out.Findings[i]; f.Shown != f.Runs || f.Runs != 5 || f.Tries > reduceLimit {
			t.Errorf("shown in %d of %d runs, %d tries", f.Shown, f.Runs, f.Tries)
		}
	}
	if !strings.Contains(b.String(), "# or any other key") || !strings.Contains(b.String(), "shown again in 5 of 5 runs\n") {
		t.Errorf("the report is\n%s", b.String())
	}
}

const explainedLie = "take/refused/array"

// TestBriefIsNotReduced: a finding stays as it was found.
func TestBriefIsNotReduced(t *testing.T) {
	m := &mortal{Memory: honest(), dies: afterSixSteps, how: ops.Panicked}
	f := reducingBy(t, &examination{brief: true}, m, longWay(t))
	if f.Tries > 0 || f.Runs > 0 || f.Irrelevant != nil {
		t.Errorf("%d tries, shown %d of %d, %v", f.Tries, f.Shown, f.Runs, f.Irrelevant)
	}
}

// TestReductionEnds: after its time, with what it has by then.
func TestReductionEnds(t *testing.T) {
	runs := 0
	try := tryer(func(ops.Sequence) *properties.Violation {
		runs++
		return &properties.Violation{}
	})
	if try.until(time.Now().Add(time.Hour))(nil) == nil || try.until(time.Now())(nil) != nil || runs != 1 {
		t.Errorf("%d runs: one is in time, one is not", runs)
	}
}
