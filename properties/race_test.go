package properties

import (
	"testing"

	"mimic/ops"
)

// TestRacesOfAnHonestKernel: whatever the threads of a fake kernel do one part at
// a time has an explanation, and every rule is asked.
func TestRacesOfAnHonestKernel(t *testing.T) {
	k := Newest()
	asked, tally := Asked{}, NewTally()
	for _, c := range Claims {
		if len(c.Opening) < 5 || c.Opening[:5] != "race-" {
			continue
		}
		for _, f := range c.Families {
			for n := range 40 {
				seq := Plan(k, Key{c.ID, f}, 1, n)
				trace := Fake{Kernel: k}.Answer(seq)
				if v := JudgeAndTally(k, trace, asked, tally); v != nil {
					t.Fatalf("%s/%s %d: %v want %s\n%s", c.ID, f, n, keysOf(v.By), v.Wanted(), trace)
				}
				if text := seq.String(); n == 0 {
					back, err := ops.Parse(text)
					if err != nil || back.String() != text {
						t.Errorf("%s/%s: %v", c.ID, f, err)
					}
				}
			}
		}
	}
	for _, r := range rules {
		for _, ref := range refsOf(r) {
			if r.raced && asked[ref] < 20 {
				t.Errorf("%s/%s was asked %d times", r.ID, ref.Family, asked[ref])
			}
		}
	}
	if len(tally.Unknown) > 0 {
		t.Errorf("not decided: %v", tally.Unknown)
	}
}

// refsOf are the rules of the table that a rule stands for.
func refsOf(r *Rule) (refs []Ref) {
	for _, key := range Keys() {
		for _, ref := range RulesOf(key, Newest()) {
			if ref.Rule == r {
				refs = append(refs, ref)
			}
		}
	}
	return refs
}
