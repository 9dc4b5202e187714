package evidence

import (
	"errors"
	"math/bits"
	"testing"

	"pgregory.net/rapid"

	"mimic/report"
)

// TestNarrow looks for the change among versions of which some cannot be tested.
func TestNarrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "versions")
		change := rapid.IntRange(1, n-1).Draw(t, "first of the other kind")
		broke := rapid.Bool().Draw(t, "broke")
		lost := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "lost")
		asked := 0
		isBad := func(i int) bool { return (i >= change) == broke }
		good, bad := 0, n-1
		if !broke {
			good, bad = n-1, 0
		}
		g, b, err := Narrow(good, bad, func(i int) (report.Outcome, error) {
			asked++
			switch {
			case lost[i]:
				return report.NotHad, nil
			case isBad(i):
				return report.FailsKnown, nil
			}
			return report.HoldsThere, nil
		})
		if err != nil || isBad(g) || !isBad(b) {
			t.Fatalf("good %d, bad %d, %v", g, b, err)
		}
		skipped := 0
		for i := min(g, b) + 1; i < max(g, b); i++ {
			if !lost[i] {
				t.Fatalf("%d is between good %d and bad %d and was not asked", i, g, b)
			}
			skipped++
		}
		if limit := bits.Len(uint(n)) + count(lost); asked > limit {
			t.Fatalf("asked %d times of %d versions, want at most %d", asked, n, limit)
		}
	})
}

func count(all []bool) (n int) {
	for _, is := range all {
		if is {
			n++
		}
	}
	return n
}

func TestNarrowEndsAtAnError(t *testing.T) {
	broken := errors.New("broken")
	_, _, err := Narrow(0, 9, func(int) (report.Outcome, error) { return "", broken })
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestRange(t *testing.T) {
	for _, c := range []struct {
		b    Bisection
		want string
	}{
		{Bisection{Good: "6.12.96", Bad: "6.12.100"}, "v6.12.96..v6.12.100"},
		{Bisection{Good: "6.12.90-1", Bad: "6.12.90-2"}, "v6.12.90..v6.12.90"},
		{Bisection{Good: "7.1.7", Bad: "7.1.3", Fixed: true}, "v7.1.3..v7.1.7"},
		{Bisection{Good: "6.12.118", Bad: "6.16.3"}, "v6.12..v6.16.3"},
		{Bisection{Good: "7.3-rc7", Bad: "7.3.4"}, "v7.3-rc7..v7.3.4"},
	} {
		if got := c.b.Range(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.b, got, c.want)
		}
	}
}
