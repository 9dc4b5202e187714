package properties

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mimic/ops"
)

// TestPlansHoldOnTheHonestKernel drives plans from rapid instead of a seed:
// whatever is chosen, the model explains its own answers, the text of the
// sequence parses back, and every operation is modelled.
func TestPlansHoldOnTheHonestKernel(t *testing.T) {
	fake := Fake{Kernel: Newest()}
	rapid.Check(t, func(t *rapid.T) {
		row := rapid.SampledFrom(Keys()).Draw(t, "row")
		seq := PlanWith(fake.Kernel, row, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") })
		back, err := ops.Parse(seq.String())
		if err != nil || back.String() != seq.String() {
			t.Fatalf("the plan does not survive its text: %v\n%s", err, seq)
		}
		if v := Judge(fake.Kernel, fake.Answer(seq), Asked{}); v != nil {
			t.Fatalf("step %d of\n%vwant %s", v.Step, v.Trace, v.Wanted())
		}
	})
}

// TestEverySubsetIsASequence: what a reduction leaves is still predicted.
func TestEverySubsetIsASequence(t *testing.T) {
	fake := Fake{Kernel: Newest()}
	rapid.Check(t, func(t *rapid.T) {
		row := rapid.SampledFrom(Keys()).Draw(t, "row")
		seq := Plan(fake.Kernel, row, rapid.Uint64().Draw(t, "seed"), 0)
		left := slices.DeleteFunc(seq, func(ops.Op) bool { return rapid.Bool().Draw(t, "drop") })
		if v := Judge(fake.Kernel, fake.Answer(left), Asked{}); v != nil {
			t.Fatalf("step %d of\n%vwant %s", v.Step, v.Trace, v.Wanted())
		}
	})
}

func TestSameSeedSamePlan(t *testing.T) {
	for _, row := range Keys() {
		a, b, c := Plan(Newest(), row, 7, 3), Plan(Newest(), row, 7, 3), Plan(Newest(), row, 8, 3)
		if a.String() != b.String() {
			t.Errorf("%s: the same seed planned\n%s\nand\n%s", row, a, b)
		}
		if a.String() == c.String() {
			t.Errorf("%s: two seeds planned the same\n%s", row, a)
		}
	}
}

// oneThread skips what takes long and has one thread, of which the race detector, as -short is for, sees nothing.
func oneThread(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long, and has one thread")
	}
}

// TestPlansAskNothingUnmodelled: an operation whose answer nobody predicts is
// wasted. One in a hundred is the price of asking for any name at all.
func TestPlansAskNothingUnmodelled(t *testing.T) {
	oneThread(t)
	free, all := 0, 0
	for _, row := range Keys() {
		for n := range 40 {
			s := NewState(Newest())
			for _, step := range (Fake{Kernel: s.Kernel}).Answer(Plan(s.Kernel, row, 1, n)).Steps {
				if _, race := step.Op.(ops.Thread); race {
					break // judged as a whole
				}
				outcomes := s.Step(step.Op)
				o := match(outcomes, step.Got)
				switch step.Op.(type) {
				case ops.Info, ops.Prog: // the verifier is held to what it says elsewhere
				default:
					if o.Free {
						free++
					}
				}
				all++
				if o.Then != nil {
					o.Then(step.Got)
				}
			}
		}
	}
	if free*100 > all {
		t.Errorf("%d of %d operations are not modelled", free, all)
	}
}

// TestPlansNeedNothingThatIsLacking plans for a kernel without programs and
// program arrays: nothing of them may be asked.
func TestPlansNeedNothingThatIsLacking(t *testing.T) {
	oneThread(t)
	k := Newest()
	k.Lacks = map[string]string{ops.ProgArray.Feature(): "absent", ops.FeatureRun: "absent"}
	for _, p := range ops.ProgTypes {
		k.Lacks[p.Feature()] = "absent"
	}
	for _, row := range Keys() {
		for n := range 20 {
			text := Plan(k, row, 1, n).String()
			if strings.Contains(text, "prog(") || strings.Contains(text, "prog_array") {
				t.Fatalf("%s asks for what is lacking:\n%s", row, text)
			}
		}
	}
}

// TestRefsAreRows: each reference of the model names rows that exist.
func TestRefsAreRows(t *testing.T) {
	oneThread(t)
	rows := Keys()
	for _, row := range rows {
		for n := range 20 {
			asked := Asked{}
			Judge(Newest(), Fake{Kernel: Newest()}.Answer(Plan(Newest(), row, 2, n)), asked)
			for ref := range asked {
				for _, key := range ref.Keys() {
					if !slices.Contains(rows, key) {
						t.Fatalf("rule %s speaks for %s, which is no row", ref.Rule.ID, key)
					}
				}
			}
		}
	}
}

func TestTablesAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Claims {
		if seen[c.ID] || c.Says == "" || c.Source == "" || len(c.Families) == 0 {
			t.Errorf("claim %q: not unique, or without words, source or family", c.ID)
		}
		seen[c.ID] = true
		for name := range c.Focus {
			if !slices.ContainsFunc(moves, func(m move) bool { return m.name == name }) {
				t.Errorf("claim %s focuses on %q, which is no move", c.ID, name)
			}
		}
		oldest := Kernel{Version: c.Since}
		for _, f := range c.Families {
			if len(RulesOf(Key{c.ID, f}, Newest())) == 0 && len(RulesOf(Key{c.ID, f}, oldest)) == 0 {
				t.Errorf("claim %s/%s rests on no rule", c.ID, f)
			}
		}
	}
	ids := map[string]bool{}
	for _, r := range rules {
		if ids[r.ID] || len(r.Claims) == 0 {
			t.Errorf("rule %q: not unique, or for no claim", r.ID)
		}
		ids[r.ID] = true
		for _, id := range r.Claims {
			if ClaimByID(id) == nil {
				t.Errorf("rule %s is for claim %q, which is none", r.ID, id)
			}
		}
	}
}

func parse(t *testing.T, trace string) ops.Trace {
	t.Helper()
	tr, err := ops.ParseTrace("kernel: 6.12.1\n" + trace + "ended: completed\n")
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestJudge holds hand-made traces against the model: each says the rows that
// are broken, none if it must be accepted, and the version where that matters.
func TestJudge(t *testing.T) {
	const setUp = "i0 = map(array, key=4, value=8, max=2)  ok\no0 = outer(array, max=4, template=i0)  ok\n"
	const hash = "i0 = map(hash, key=4, value=8, max=2)  ok\no0 = outer(hash, max=2, template=i0)  ok\n"
	const timer = "b0 = btf(timer)  ok\ni0 = map(array, key=4, value=64, max=4, btf=b0)  ok\n"
	for _, c := range []struct{ name, trace, broken string }{
		{"stored map is found", setUp + "o0.update(1, i0)  ok\no0.lookup(1)  = i0\n", ""},
		{"another map is found", setUp + "o0.update(1, i0)  ok\no0.lookup(1)  = id 0\n", "P20/array"},
		{"nothing is found", setUp + "o0.update(1, i0)  ok\no0.lookup(1)  ENOENT\n", "DOC-7/array"},
		{"first slot is not empty", setUp + "o0.lookup(0)  = i0\n", "DOC-13/array"},
		{"flags go first", setUp + "o0.update(9, none, EXIST)  EINVAL\n", ""},
		{"index goes first", setUp + "o0.update(9, none, EXIST)  E2BIG\n", "P24/array"},
		{"template stays", setUp + "i0.close()  ok\ni0.alive()  = alive\n", "DOC-6/array"},
		{"template goes", setUp + "i0.close()  ok\ni0.alive()  = gone\n", ""},
		{"stored map goes", setUp + "o0.update(1, i0)  ok\ni0.close()  ok\ni0.alive()  = gone\n", "P60/array"},
		{"removed map stays", hash + "o0.update(1, i0)  ok\no0.delete(1)  ok\ni0.close()  ok\ni0.alive()  = alive\n", "P61/hash"},
		{"closed outer leaves at once", hash + "o0.update(1, i0)  ok\ni0.close()  ok\no0.close()  ok\ni0.alive()  = gone\n", ""},
		{"closed outer leaves later", hash + "o0.update(1, i0)  ok\ni0.close()  ok\no0.close()  ok\ni0.alive()  = alive\ni0.gone()  = gone\n", ""},
		{"closed outer never leaves", hash + "o0.update(1, i0)  ok\ni0.close()  ok\no0.close()  ok\ni0.gone()  = alive\n", "P63/hash"},
		{"walk in either order", hash + "o0.update(1, i0)  ok\no0.update(2, i0)  ok\no0.next(null)  = 2\no0.next(2)  = 1\no0.next(1)  ENOENT\n", ""},
		{"walk goes round", hash + "o0.update(1, i0)  ok\no0.update(2, i0)  ok\no0.next(null)  = 2\no0.next(2)  = 1\no0.next(1)  = 2\n", "P42/hash"},
		{"walk stops early", hash + "o0.update(1, i0)  ok\no0.update(2, i0)  ok\no0.next(null)  = 2\no0.next(2)  ENOENT\n", "P42/hash"},
		{"program updates", hash + "p0 = prog(xdp, o0, map call:map_update_elem)  ok\n", "DOC-8/hash DOC-11/hash"},
		{"program pushes", hash + "p0 = prog(xdp, o0, map call:map_push_elem)  ok\n", "DOC-8/hash P71/hash"},
		{"nested template", hash + "o1 = outer(array, max=1, template=o0)  ok\n", "DOC-9/array"},
		{"interrupt cancels", timer + "p0 = prog(perf_event, i0, find:0 check get:0 check stop)  ok\np0.run(0, 0)  = -95\n", ""},
		{"interrupt cancels what is not set up", timer + "p0 = prog(perf_event, i0, find:0 check get:0 check stop)  ok\np0.run(0, 0)  = -22\n", "P66/inner"},
		{"task cancels what is not set up", timer + "p0 = prog(tracepoint, i0, find:0 check get:0 check stop)  ok\np0.run(0, 0)  = -22\n", ""},
		{"leaked name", hash + "end()  = i0\n", "DOC-6/hash"},
		{"leak of another cause is not hidden", hash + "i1 = map(prog_array, key=4, value=4, max=1)  ok\ni1.close()  ok\nr1 = reopen(i1)  ok\nend()  = i1 o0\n", "P63/hash"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var broken []string
			if v := Judge(Newest(), parse(t, c.trace), Asked{}); v != nil {
				for _, k := range v.Broken() {
					broken = append(broken, k.String())
				}
			}
			if got := strings.Join(broken, " "); got != c.broken {
				t.Errorf("broke %q, want %q", got, c.broken)
			}
		})
	}
}

// TestBehavioursDiffer holds the same answer against two kernels.
func TestBehavioursDiffer(t *testing.T) {
	outer := "i0 = map(hash, key=4, value=8, max=2)  ok\no0 = outer(hash, max=2, template=i0)  ok\n"
	for _, c := range []struct{ trace, holds, fails string }{
		{"i0 = map(hash, key=4, value=8, max=2)  ok\no0 = outer(hash, key=600, max=2, template=i0)  E2BIG\n", "5.10", "6.1"},
		{outer + "o0.update(1, none, CPU)  EBADF\n", "6.19", "7.0"},
		{outer + "o1 = outer(hash, max=2, template=none, flags=RDONLY|WRONLY)  EBADF\n", "7.2", "7.1"},
	} {
		for release, want := range map[string]bool{c.holds: true, c.fails: false} {
			k, err := NewKernel(release, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := Judge(k, parse(t, c.trace), Asked{}) == nil; got != want {
				t.Errorf("on %s it holds is %v, want %v:\n%s", release, got, want, c.trace)
			}
		}
	}
}

func TestUnansweredStepIsTheDeadKernels(t *testing.T) {
	trace := parse(t, "i0 = map(hash, key=4, value=8, max=2)  (no answer)\n")
	for end, want := range map[ops.Ending]bool{ops.Panicked: true, ops.Hung: true, ops.Lost: true, ops.Refused: false} {
		trace.End = end
		if got := Judge(Newest(), trace, Asked{}) != nil; got != want {
			t.Errorf("a run that %s is a violation: %v, want %v", end, got, want)
		}
	}
}

func TestReduceLeavesWhatMatters(t *testing.T) {
	lie := Lies()[slices.IndexFunc(Lies(), func(l Lie) bool { return l.ID == "delete-leaks/hash" })]
	fake := Fake{Kernel: Newest(), Lie: &lie}
	tries := 0
	try := func(seq ops.Sequence) *Violation { tries++; return Judge(fake.Kernel, fake.Answer(seq), Asked{}) }
	var v *Violation
	for n := 0; v == nil; n++ {
		v = try(Plan(fake.Kernel, Key{"P61", FamilyHash}, 1, n))
	}
	tries = 0
	v = Reduce(v, try, 200)
	if v.Step+1 > 7 || tries > 200 {
		t.Errorf("%d operations after %d tries:\n%v", v.Step+1, tries, v.Trace)
	}
}

func TestParseKnown(t *testing.T) {
	const good = "dead/reopened inner 6.1 - jit,!pointers-64 findings/x.seq because of this"
	rows, err := ParseKnown("known.txt", strings.NewReader("# comment\n\n"+good+"\n"))
	if err != nil || len(rows) != 1 || rows[0].Reason != "because of this" || rows[0].Since != (Version{6, 1}) {
		t.Fatalf("got %+v, %v", rows, err)
	}
	for text, want := range map[string]string{
		"dead/reopened inner 6.1 -":               "known.txt:1:26: 4 columns",
		"dead/nothing inner 6.1 - - f r":          `known.txt:1:1: "dead/nothing" is not a rule`,
		"dead/reopened hash 6.1 - - f r":          `known.txt:1:15: rule dead/reopened is not asked of family "hash"`,
		"dead/reopened inner six - - f r":         `known.txt:1:21: "six" does not begin like a kernel release`,
		"dead/reopened inner 6.1 5.10 - f reason": "known.txt:1:25: until 5.10 is not after since 6.1",
		"dead/reopened inner 6.1 - jitt f reason": `known.txt:1:27: "jitt" is not a feature of machines, which are little-endian, jit`,
	} {
		if _, err := ParseKnown("known.txt", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// TestKnownWhere: a row may be about kernels of one kind only.
func TestKnownWhere(t *testing.T) {
	d := Known{Since: Version{6, 1}, Where: []Where{{ops.FeatureJIT, false}, {ops.FeaturePointers, true}}}
	for lacks, want := range map[string]bool{"": false, ops.FeatureJIT: false, ops.FeaturePointers: true, ops.FeatureJIT + "," + ops.FeaturePointers: false} {
		k := Newest()
		k.Lacks = map[string]string{}
		for f := range strings.SplitSeq(lacks, ",") {
			k.Lacks[f] = "for the test"
		}
		if d.On(k) != want {
			t.Errorf("a kernel that lacks %q: got %v", lacks, !want)
		}
	}
}

func BenchmarkPlan(b *testing.B) {
	n := 0
	for i := 0; b.Loop(); i++ {
		n += len(Plan(Newest(), Keys()[i%len(Keys())], 1, i))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/operation")
}

// TestEveryAssertionHasItsClaims: what the notes and others assert is asked, or
// it is said why not.
func TestEveryAssertionHasItsClaims(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range coverage {
		id, _, _ := strings.Cut(c.assertion, " ")
		if seen[id] || (len(c.claims) == 0) == (c.not == "") {
			t.Errorf("%s: listed twice, or with neither claims nor a reason", id)
		}
		seen[id] = true
		for _, claim := range c.claims {
			if ClaimByID(claim) == nil {
				t.Errorf("%s is covered by %s, which is no claim", id, claim)
			}
		}
	}
	for n := 1; n <= 22; n++ {
		if id := fmt.Sprintf("DOC-%d", n); ClaimByID(id) == nil {
			t.Errorf("no claim for sentence %s of the document", id)
		}
	}
}

// TestDeathIsBlamedOnWhatKills: whatever else a program does that a kernel dies of.
func TestDeathIsBlamedOnWhatKills(t *testing.T) {
	seq, err := ops.Parse(`i0 = map(array, key=4, value=64, max=8, flags=INNER_MAP)
o0 = outer(hash, max=4, template=i0)
i1 = map(array, key=4, value=64, max=4, flags=INNER_MAP)
o0.update(0, i1)
p0 = prog(xdp, o0, find:in check call:map_update_elem:in:7:0 get:7 check read:25:1)
p0.run(0, 1)`)
	if err != nil {
		t.Fatal(err)
	}
	k := Newest()
	trace := Fake{Kernel: k}.Answer(seq)
	last := &trace.Steps[len(trace.Steps)-1]
	last.Returned, last.Got, trace.End = false, ops.Result{}, ops.Panicked
	v := Judge(k, trace, Asked{})
	if v == nil || v.By[0] != (Ref{runBeyondConst, FamilyHash}) {
		t.Errorf("blamed: %+v", v)
	}
}

// TestHas is about kernels that cannot show what is known of others, for want of what a sequence makes.
func TestHas(t *testing.T) {
	lacks := func(feature string) Kernel {
		k := Newest()
		k.Lacks = map[string]string{feature: "built without"}
		return k
	}
	for _, tt := range []struct {
		name, seq string
		kernel    Kernel
		want      bool
	}{
		{"all is there", "i0 = map(array, key=4, value=8, max=1)\np0 = prog(kprobe, i0, find:0)\nend()\n", Newest(), true},
		{"a type of program", "i0 = map(array, key=4, value=8, max=1)\np0 = prog(kprobe, i0, find:0)\nend()\n", lacks(ops.Kprobe.Feature()), false},
		{"a type of map", "i0 = map(ringbuf, key=0, value=0, max=4096)\nend()\n", lacks(ops.Ringbuf.Feature()), false},
		{"what the kernel describes", "b0 = btf(kptr)\nend()\n", lacks(ops.FeatureKernelBTF), false},
	} {
		seq, err := ops.Parse(tt.seq)
		if err != nil {
			t.Fatal(err)
		}
		if got := tt.kernel.Has(seq); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}
