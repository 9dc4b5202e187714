package properties

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"mimic/ops"
)

// Violation is the first step of a trace that nothing in the model allows.
type Violation struct {
	Trace ops.Trace
	Step  int      // index of the step in the trace
	Want  []string // the answers that were allowed
	By    []Ref    // what promised one of them, the most particular first
	Rests []Ref    // what else would explain it
}

// Broken lists the rows of the table of verdicts that the violation breaks:
// those of the most particular rule.
func (v *Violation) Broken() []Key {
	if len(v.By) == 0 {
		return nil
	}
	return v.By[0].Keys()
}

// Signature groups violations that look alike.
func (v *Violation) Signature() string {
	step := v.Trace.Steps[v.Step]
	var by []string
	for _, k := range keysOf(v.By) {
		by = append(by, k.String())
	}
	return fmt.Sprintf("%s %s %v want %v by %v", v.Trace.End, ops.Verb(step.Op), step.Got.Errno, len(v.Want), by)
}

// Asked counts the questions that traces answered, by rule and family.
type Asked map[Ref]int

// Of is how often a row of the table of verdicts was asked.
func (a Asked) Of(row Key) (n int) {
	for ref, times := range a {
		if slices.Contains(ref.Keys(), row) {
			n += times
		}
	}
	return n
}

// Judge holds a trace against the model: nil, or its first violation. It adds to
// asked what the trace answered. An unanswered step is a violation if the kernel
// died or hung over it; how the run of a trace ended otherwise is not judged here.
func Judge(k Kernel, t ops.Trace, asked Asked) *Violation { return JudgeAndTally(k, t, asked, nil) }

// JudgeAndTally does the same and counts what was asked, unless tally is nil.
func JudgeAndTally(k Kernel, t ops.Trace, asked Asked, tally *Tally) *Violation {
	s := NewState(k)
	for i := 0; i < len(t.Steps); i++ {
		step := t.Steps[i]
		if !step.Returned {
			return unanswered(s, t, i)
		}
		if n := raceAt(t, i); n > 0 {
			if v := s.judgeRace(t, i, n, asked, tally); v != nil {
				return v
			}
			i += n - 1
			continue
		}
		outcomes := s.Step(step.Op)
		o := match(outcomes, step.Got)
		if o == nil {
			return violation(t, i, outcomes)
		}
		for _, ref := range o.By {
			asked[ref]++
			if doc := ref.Rule.against; doc != nil {
				asked[Ref{doc, ref.Family}]++
			}
		}
		if tally != nil {
			tally.note(s, step.Op, o, step.Got)
		}
		s.Advance(step.Op, *o, step.Got)
	}
	asked[Ref{kernelLives, FamilyInner}]++
	return nil
}

// raceAt is how many steps the race has that begins at a step and was answered; 0
// if none does.
func raceAt(t ops.Trace, from int) int {
	if _, begins := t.Steps[from].Op.(ops.Thread); !begins {
		return 0
	}
	n := ops.RaceLength(t.Sequence()[from:])
	for _, step := range t.Steps[from : from+n] {
		if !step.Returned {
			return 0
		}
	}
	return n
}

func match(outcomes []Outcome, got ops.Result) *Outcome {
	for i := range outcomes {
		if o := &outcomes[i]; o.Free || o.Want == got || o.Accepts != nil && o.Accepts(got) {
			return &outcomes[i]
		}
	}
	return nil
}

func violation(t ops.Trace, i int, outcomes []Outcome) *Violation {
	v := &Violation{Trace: t, Step: i}
	for _, o := range outcomes {
		v.Want = append(v.Want, o.Want.String())
		v.Rests = append(v.Rests, o.Rests...)
		v.By = union(v.By, o.refs(t.Steps[i].Got))
	}
	return v
}

// unanswered is the violation of a kernel that did not survive a step. If more
// than one step has no answer, nobody knows of which it died.
func unanswered(s *State, t ops.Trace, i int) *Violation {
	if t.End != ops.Panicked && t.End != ops.Hung && t.End != ops.Lost {
		return nil
	}
	if i < len(t.Steps)-1 {
		return &Violation{Trace: t, Step: len(t.Steps) - 1, Want: []string{"an answer"}, By: on(FamilyInner, kernelLives)}
	}
	outcomes := s.Step(t.Steps[i].Op)
	v := violation(t, i, outcomes)
	v.By = slices.Concat(deadly(outcomes), v.By, on(FamilyInner, kernelLives))
	return v
}

// deadly are what kernels are known to die of among what promises an answer.
func deadly(outcomes []Outcome) (refs []Ref) {
	for _, o := range outcomes {
		for _, ref := range o.By {
			if ref.Rule.deadly {
				refs = union(refs, []Ref{ref})
			}
		}
	}
	return refs
}

// MayKill says whether a sequence asks what is known to kill kernels.
func MayKill(k Kernel, seq ops.Sequence) bool {
	s := NewState(k)
	for _, op := range seq {
		expected := s.Step(op)[:1]
		if len(deadly(expected)) > 0 {
			return true
		}
		s.Advance(op, expected[0], expected[0].Want)
	}
	return false
}

// Contradiction is the first step of a trace whose answer, which the model
// expects, contradicts a sentence of the documentation: in the form of a
// violation of that sentence, or nil.
func Contradiction(k Kernel, t ops.Trace, sentence Ref) *Violation {
	s := NewState(k)
	for i, step := range t.Steps {
		if !step.Returned {
			return nil
		}
		o := match(s.Step(step.Op), step.Got)
		if o == nil {
			return nil
		}
		for _, ref := range o.By {
			if ref.Rule.against == sentence.Rule && ref.Family == sentence.Family {
				return &Violation{Trace: t, Step: i, Want: []string{"otherwise"}, By: []Ref{sentence}}
			}
		}
		s.Advance(step.Op, *o, step.Got)
	}
	return nil
}

// IsDefect says whether it is a sentence of the documentation that is broken, and
// no promise.
func (v *Violation) IsDefect() bool { return len(v.By) > 0 && v.By[0].Rule.defect }

// Sentences lists the sentences of the documentation that kernels contradict,
// for each family.
var Sentences = sync.OnceValue(sentences)

func sentences() (refs []Ref) {
	for _, key := range Keys() {
		for _, r := range rules {
			if r.defect && slices.Contains(r.Claims, key.Claim) {
				refs = append(refs, Ref{r, key.Family})
			}
		}
	}
	return refs
}

// Wanted is what was allowed, as a line.
func (v *Violation) Wanted() string {
	return strings.Join(slices.Compact(slices.Clone(v.Want)), " or ")
}
