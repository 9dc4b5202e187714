package properties

import (
	"slices"
	"testing"
)

// Each move has a name of its own, and what claims name are moves: a focus on what is not there would be on nothing.
func TestMovesAreNamedOnce(t *testing.T) {
	known := map[string]bool{}
	for _, m := range moves {
		if known[m.name] {
			t.Errorf("two moves are called %s: a claim that names it means both", m.name)
		}
		known[m.name] = true
	}
	named := map[string]bool{}
	for _, c := range Claims {
		names := slices.DeleteFunc([]string{c.Opening, c.Closing}, func(n string) bool { return n == "" })
		for _, w := range []weights{c.Focus, c.Corners} {
			for n := range w {
				names = append(names, n)
			}
		}
		for _, n := range names {
			if named[n] = true; !known[n] {
				t.Errorf("%s names %s, which no plan does", c.ID, n)
			}
		}
	}
	for _, m := range moves {
		if m.weight <= 0 && !named[m.name] {
			t.Errorf("%s is done by no plan: its weight is %d, and no claim names it", m.name, m.weight)
		}
	}
}
