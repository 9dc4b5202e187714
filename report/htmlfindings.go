package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"mimic/ops"
	"mimic/properties"
)

// findingsOf are the findings of a kernel as the page shows them.
func findingsOf(i int, k *Kernel) (all []pageFinding) {
	for _, list := range [][]Finding{k.Findings, k.Defects} {
		for n := range list {
			all = append(all, findingOf(i, k, &list[n]))
		}
	}
	return all
}

func findingOf(i int, k *Kernel, f *Finding) pageFinding {
	v := f.Reduced
	p := pageFinding{
		Anchor: k.anchor(i, f), Kind: kindOf(f), Kernel: oneLine(k.Title()), Class: classOf(f),
		Steps: stepsOf(f), Known: oneLine(f.Known), Stability: f.Stability(), Next: oneLine(Next(k, f)), Timeline: timeline(k, f),
		Elsewhere: oneLine(strings.Join(elsewhere(f.Elsewhere), "; ")),
		Seen:      fmt.Sprintf("in %d of %d sequences, seed %d; reduced from %d operations to %d in %d tries", f.Times, k.Sequences, k.Seed, len(f.Original), v.Step+1, f.Tries),
	}
	for _, key := range v.Broken() {
		claim := properties.ClaimByID(key.Claim)
		p.Claims = append(p.Claims, pageClaim{key.String(), claim.Says, claim.Source})
	}
	if len(v.By) > 0 {
		p.Rule = oneLine(v.By[0].Rule.Says)
	}
	if v.Trace.End != ops.Completed {
		p.Ended = fmt.Sprintf("the kernel %s: %s", v.Trace.End, plain(v.Trace.Detail))
	}
	if p.Next == "" && len(p.Claims) > 0 {
		p.Next = again(k, v.Broken()[0])
	}
	return p
}

func classOf(f *Finding) string {
	switch kindOf(f) {
	case Defect.String():
		return faces[Defect].class
	case Deviates.String():
		return faces[Deviates].class
	}
	return faces[Violated].class
}

func stepsOf(f *Finding) (all []pageStep) {
	v := f.Reduced
	for i, step := range v.Trace.Steps[:v.Step+1] {
		s := pageStep{Op: plain(fmt.Sprint(step.Op) + anyOther(f, i)), Answer: "(no answer)"}
		if step.Returned {
			s.Answer = plain(step.Got.String())
		}
		if i == v.Step {
			s.Wrong, s.Want = true, plain(v.Wanted())
		}
		all = append(all, s)
	}
	return all
}

// timeline is the page that shows what threads did, if that is what broke a promise.
// One that cannot be drawn is left out: the sequence says it all, if less well.
func timeline(k *Kernel, f *Finding) string {
	if !ops.Races(f.Reduced.Trace.Sequence()) {
		return ""
	}
	kernel, err := properties.NewKernel(k.Release, k.Lacks)
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	if err := properties.Timeline(kernel, f.Reduced.Trace, &b); err != nil {
		return ""
	}
	return plain(b.String())
}

// FilterText is what a finding is found by.
func (p pageFinding) FilterText() string {
	words := []string{p.Kind, p.Kernel, p.Rule, p.Known}
	for _, c := range p.Claims {
		words = append(words, c.Key, c.Says)
	}
	return strings.ToLower(strings.Join(slices.Compact(words), " "))
}
