package repro

import (
	"regexp"
	"strings"

	"mimic/ops"
)

const (
	longestBlock = 8 // operations that are repeated
	fewest       = 8 // times, below which it is clearer to write them all
)

var numbered = regexp.MustCompile(`\b([a-z]+)[0-9]+\b`)

// repeated says how many steps a block has that steps begin with and that is repeated with other names, and how
// often; 0 if there is none. What a block defines it also closes.
func repeated(steps []ops.Step, want []string) (block, times int) {
	for block = 2; block <= longestBlock; block++ {
		times = 1
		for (times+1)*block <= len(steps) && shape(steps[:block], want) == shape(steps[times*block:][:block], want[times*block:]) {
			times++
		}
		if times >= fewest && closes(steps[:block]) {
			return block, times
		}
	}
	return 0, 0
}

// shape is a text that is equal for steps that differ in the numbers of their names alone, and must answer alike.
func shape(steps []ops.Step, want []string) string {
	var b strings.Builder
	seen := map[string]string{}
	for i, s := range steps {
		text := s.Op.String() + "  " + want[i]
		b.WriteString(numbered.ReplaceAllStringFunc(text, func(name string) string {
			if seen[name] == "" {
				seen[name] = string(rune('A' + len(seen)))
			}
			return seen[name]
		}) + "\n")
	}
	return b.String()
}

// closes says whether steps use no name but those that they define, and close all of them.
func closes(steps []ops.Step) bool {
	open := map[ops.Name]bool{}
	for _, s := range steps {
		for _, n := range ops.Uses(s.Op) {
			if _, defined := open[n]; !defined {
				return false
			}
		}
		if n := ops.Defines(s.Op); n != "" {
			open[n] = true
		}
		if c, is := s.Op.(ops.Close); is {
			open[c.On] = false
		}
	}
	for _, still := range open {
		if still {
			return false
		}
	}
	return true
}
