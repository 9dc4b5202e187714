package properties

import (
	"slices"
	"strings"

	"mimic/ops"
)

// shortenBody leaves out steps of a program, last first, and makes those that
// stay simpler. Programs of the sequence that are the same stay the same: what
// is said of one is held against the other.
func (r *reducer) shortenBody(i int) {
	body := func() []string {
		if seq := r.best.Trace.Sequence(); i < len(seq) {
			if o, ok := seq[i].(ops.Prog); ok {
				return strings.Fields(string(o.Body))
			}
		}
		return nil
	}
	for at := len(body()) - 1; at >= 0; at-- {
		steps := body()
		if at >= len(steps) || len(steps) > 1 && r.shorten(r.withBody(i, slices.Delete(slices.Clone(steps), at, at+1))) {
			continue
		}
		for _, simpler := range simplerSteps(steps[at]) {
			changed := slices.Clone(steps)
			changed[at] = simpler
			if r.shorten(r.withBody(i, changed)) {
				break
			}
		}
	}
}

// withBody is the sequence with another body in operation i and all that had the same.
func (r *reducer) withBody(i int, steps []string) ops.Sequence {
	seq := slices.Clone(r.best.Trace.Sequence())
	old := seq[i].(ops.Prog).Body
	for n, op := range seq {
		if o, ok := op.(ops.Prog); ok && o.Body == old {
			o.Body = ops.Body(strings.Join(steps, " "))
			seq[n] = o
		}
	}
	return seq
}

// simplerSteps lists forms of a step that are simpler, simplest first: without
// arguments, and with zeros.
func simplerSteps(step string) (all []string) {
	parts := strings.Split(step, ":")
	for n := 1; n < len(parts); n++ {
		all = append(all, strings.Join(parts[:n], ":"))
	}
	for n := len(parts) - 1; n > 0; n-- {
		for _, simple := range []string{"0", "1"} {
			changed := slices.Clone(parts)
			changed[n] = simple
			if s := strings.Join(changed, ":"); s != step && parts[n] != "0" {
				all = append(all, s)
			}
		}
	}
	var b ops.Body
	return slices.DeleteFunc(all, func(s string) bool { return b.UnmarshalText([]byte(s)) != nil })
}
