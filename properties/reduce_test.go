package properties

import (
	"slices"
	"testing"

	"mimic/ops"
)

// reductionLimit is what a reduction may cost.
const reductionLimit = 200

// reduction is one that was watched.
type reduction struct {
	from, to *Violation
	tries    int
	twice    bool // a sequence was run twice
}

// reduced reduces a violation on a fake kernel.
func reduced(v *Violation, fake Fake) reduction {
	r := reduction{from: v}
	seen := map[string]bool{}
	r.to = Reduce(v, func(seq ops.Sequence) *Violation {
		r.tries++
		r.twice = r.twice || seen[seq.String()]
		seen[seq.String()] = true
		return Judge(fake.Kernel, fake.Answer(seq), Asked{})
	}, reductionLimit)
	return r
}

// shorter is a sequence that shows what a reduced one does with an operation less or a simpler operand, found by
// trying each; nil if there is none.
func shorter(v *Violation, fake Fake) ops.Sequence {
	seq := v.Trace.Sequence()
	shows := func(seq ops.Sequence) bool { return Judge(fake.Kernel, fake.Answer(seq), Asked{}).Like(v) }
	for i, op := range seq {
		if other := slices.Delete(slices.Clone(seq), i, i+1); len(other) > 0 && shows(other) {
			return other
		}
		for field := range ops.Fields(op) {
			for _, simple := range ops.Simpler(op, field, earlier(seq, i)) {
				if other := withOp(seq, i, simple); shows(other) {
					return other
				}
			}
		}
	}
	return nil
}

// violationOf is the first violation of a lie that a seed has, of rows that it breaks; nil if it has none.
func violationOf(fake Fake, seed uint64) *Violation {
	for _, row := range fake.Lie.Breaks {
		for n := range 25 {
			if v := Judge(fake.Kernel, fake.Answer(Plan(fake.Kernel, row, seed, n)), Asked{}); v != nil {
				return v
			}
		}
	}
	return nil
}

// TestReducedIsMinimal: of every lie's violation, nothing can be left out or made simpler, by trying everything.
// Those that take all executions are few.
func TestReducedIsMinimal(t *testing.T) {
	seeds, every, least := 2, 1, 300
	if testing.Short() { // as the race detector does, which takes four times as long
		seeds, every, least = 1, 4, 70
	}
	var tries []int
	spent := 0
	for i, lie := range Lies() {
		if i%every != 0 {
			continue
		}
		for seed := range seeds {
			fake := Liar(&lie)
			v := violationOf(fake, uint64(seed))
			if v == nil {
				continue
			}
			r := reduced(v, fake)
			tries = append(tries, r.tries)
			switch other := shorter(r.to, fake); {
			case r.twice || r.tries > reductionLimit:
				t.Errorf("%s, seed %d: %d executions, some twice: %v", lie.ID, seed, r.tries, r.twice)
			case r.tries == reductionLimit:
				spent++
				t.Logf("%s, seed %d: all executions, from %d operations to %d, minimal: %v", lie.ID, seed, len(r.from.Trace.Steps), len(r.to.Trace.Steps), other == nil)
			case other != nil:
				t.Errorf("%s, seed %d: after %d executions\n%sis not minimal, this shows the same:\n%s", lie.ID, seed, r.tries, r.to.Trace, other)
			}
		}
	}
	slices.Sort(tries)
	t.Logf("%d reductions: median %d executions, 9 of 10 up to %d, worst %d; %d took all", len(tries), tries[len(tries)/2], tries[len(tries)*9/10], tries[len(tries)-1], spent)
	if len(tries) < least || spent*50 > len(tries) {
		t.Errorf("%d reductions, of which %d took all executions; want one in fifty at most", len(tries), spent)
	}
}

// twoFaults breaks one promise with the first lookup, and another if a map is frozen before it.
func twoFaults(seq ops.Sequence) *Violation {
	frozen := slices.ContainsFunc(seq, func(op ops.Op) bool { _, is := op.(ops.Freeze); return is })
	for i, op := range seq {
		if _, is := op.(ops.Lookup); is {
			v := &Violation{Trace: ops.Trace{End: ops.Completed}, Step: i, By: on(FamilyArray, templLeaves)}
			for _, op := range seq[:i+1] {
				v.Trace.Steps = append(v.Trace.Steps, ops.Step{Op: op, Returned: true})
			}
			if frozen {
				v.By = on(FamilyArray, outerMade)
			}
			return v
		}
	}
	return nil
}

// TestReductionDoesNotWander: what shows another fault when it is made shorter stays as long as it takes.
func TestReductionDoesNotWander(t *testing.T) {
	seq, err := ops.Parse("i0 = map(array, key=4, value=8, max=2)\no0 = outer(array, max=4, template=i0)\no0.freeze()\no0.update(1, i0)\no0.lookup(1)\n")
	if err != nil {
		t.Fatal(err)
	}
	v := twoFaults(seq)
	if got := Reduce(v, twoFaults, reductionLimit); !got.Like(v) || len(got.Trace.Steps) != 2 || ops.Verb(got.Trace.Steps[0].Op) != "freeze" {
		t.Errorf("reduced to\n%sby %v; want a freeze and a lookup by %v", got.Trace, got.By, v.By)
	}
}

// TestLike: an end, or a promise, that the other has not makes another violation of it; fewer promises do not.
func TestLike(t *testing.T) {
	one := &Violation{Trace: ops.Trace{End: ops.Completed}, By: on(FamilyArray, templLeaves)}
	two := &Violation{Trace: ops.Trace{End: ops.Completed}, By: slices.Concat(one.By, on(FamilyArray, outerMade))}
	died := &Violation{Trace: ops.Trace{End: ops.Panicked}, By: one.By}
	nothing := &Violation{Trace: ops.Trace{End: ops.Completed}}
	for _, c := range []struct {
		v, of *Violation
		want  bool
	}{{one, one, true}, {one, two, true}, {two, one, false}, {died, one, false}, {one, died, false}, {nothing, one, false}, {nil, one, false}} {
		if c.v.Like(c.of) != c.want {
			t.Errorf("%v is like %v: %v", c.v, c.of, !c.want)
		}
	}
}

// TestExplainTellsWhatMatters: a violation that depends on one key alone, with and without room to find out.
func TestExplainTellsWhatMatters(t *testing.T) {
	seq, err := ops.Parse("o0.update(0, 0)\no0.lookup(0)\n")
	if err != nil {
		t.Fatal(err)
	}
	tries := 0
	try := func(seq ops.Sequence) *Violation {
		tries++
		if seq[1].(ops.Lookup).Key != ops.K(0) {
			return nil
		}
		return twoFaults(seq)
	}
	key, value := Operand{0, 1}, Operand{0, 2}
	for limit, want := range map[int][]Operand{40: {key, value}, 3: {key}, 1: nil, 0: nil} {
		tries = 0
		if got := Explain(twoFaults(seq), try, limit); !slices.Equal(got, want) || tries > limit {
			t.Errorf("with %d executions %v do not matter, after %d; want %v", limit, got, tries, want)
		}
	}
}
