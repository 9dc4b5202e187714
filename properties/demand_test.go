package properties

import "testing"

// TestRowsAskWhatTheyDemand: a row is inconclusive as long as one of its rules was not asked, so a rule that other rows
// hardly ask is asked often enough by those of its own. A quick run has 25 sequences of a row, and 75 more for what is
// left: of one in a hundred, chance or a known deviation may leave nothing.
func TestRowsAskWhatTheyDemand(t *testing.T) {
	if testing.Short() {
		t.Skip("plans 2,000 sequences for each of two kernels")
	}
	oldest, err := NewKernel("5.10.0", nil)
	if err != nil {
		t.Fatal(err)
	}
	const few, whole, seldom, want = 8, 100, 3, 8
	for _, k := range []Kernel{oldest, Newest()} {
		all := map[Ref]int{}
		for _, key := range Keys() {
			askedBy(k, key, few, all)
		}
		for _, key := range Keys() {
			own, planned := map[Ref]int(nil), ClaimByID(key.Claim).Upto(whole)
			for _, ref := range RulesOf(key, k) {
				if !ref.Rule.Demanded() || all[ref] >= seldom || ClaimByID(key.Claim).NotClaimed(k) != "" {
					continue
				}
				if own == nil {
					own = map[Ref]int{}
					askedBy(k, key, planned, own)
				}
				if own[ref] < want {
					t.Errorf("%v: %s: %d of %d sequences ask %s/%s, want %d", k.Version, key, own[ref], planned, ref.Rule.ID, ref.Family, want)
				}
			}
		}
	}
}

// askedBy adds how many of so many sequences of a row ask each rule.
func askedBy(k Kernel, key Key, sequences int, counts map[Ref]int) {
	for n := range sequences {
		asked := Asked{}
		Judge(k, Fake{Kernel: k}.Answer(Plan(k, key, 1, n)), asked)
		for ref := range asked {
			counts[ref]++
		}
	}
}
