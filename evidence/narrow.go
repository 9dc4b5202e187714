package evidence

import "mimic/report"

// Narrow finds neighbours among n versions in order, one that holds and one that fails, between
// one that is known to hold and one that is known to fail; either may be the older. What cannot
// be tested is passed over: it may then lie between the neighbours. ask answers of version i; an
// error ends it.
func Narrow(good, bad int, ask func(i int) (report.Outcome, error)) (lastGood, firstBad int, err error) {
	skipped := map[int]bool{}
	for {
		i, ok := middle(good, bad, skipped)
		if !ok {
			return good, bad, nil
		}
		outcome, err := ask(i)
		switch {
		case err != nil:
			return good, bad, err
		case outcome.Bad():
			bad = i
		case holds(outcome):
			good = i
		default:
			skipped[i] = true
		}
	}
}

// holds says whether a version that was asked is a good one. Of a race that did not show: only
// those are bisected that show nearly always.
func holds(o report.Outcome) bool { return o == report.HoldsThere || o == report.Unclear }

// middle is what to ask next: the nearest to the middle that was not passed over.
func middle(a, b int, skipped map[int]bool) (int, bool) {
	low, high := min(a, b), max(a, b)
	for away := 0; away <= high-low; away++ {
		for _, i := range []int{(low+high)/2 - away, (low+high)/2 + away} {
			if low < i && i < high && !skipped[i] {
				return i, true
			}
		}
	}
	return 0, false
}
