package suite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mimic/evidence"
	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/target"
	"mimic/vmtest"
)

// Question is a sequence, and what it is to break.
type Question struct {
	Sequence ops.Sequence
	Claim    string   // row of the table of verdicts; "" if none is known
	By       []string // rules with their family; nil: whatever it breaks
	Tries    int      // executions; 0 is one, and some of a race
}

// tries is how often a question is put.
func (q Question) tries(mode target.Mode) int {
	switch {
	case q.Tries > 0:
		return q.Tries
	case ops.Races(q.Sequence) && mode != target.Det:
		return raceTries
	}
	return 1
}

// same says whether a violation is the one that is asked for.
func (q Question) same(v *properties.Violation) bool {
	if q.By == nil {
		return true
	}
	names := byNames(v)
	if len(names) == 0 || len(q.By) == 0 {
		return len(names) == len(q.By)
	}
	return slices.Contains(q.By, names[0]) || slices.Contains(names, q.By[0])
}

// byNames are the rules that a violation may break; never nil.
func byNames(v *properties.Violation) []string {
	names := []string{}
	for _, ref := range v.By {
		if name := refName(ref); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// ElsewhereSpecs reads what -elsewhere takes: all, none, or what -vm takes. No text is every
// kernel of kernels.txt that the cache has, if what the run is about are real kernels.
func ElsewhereSpecs(text string, of []Spec, how How) ([]Spec, error) {
	switch {
	case text == "none":
		return nil, nil
	case text != "":
		return ParseSpecs(text, how)
	case slices.ContainsFunc(of, func(s Spec) bool { return s.Name == memoryName }):
		return nil, nil
	}
	rows, err := Matrix()
	if err != nil {
		return nil, err
	}
	s := source(nil)
	var names []string
	for _, row := range rows {
		if _, ok := s.Cached(row); ok && row.Config == "" {
			names = append(names, row.Name())
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	return ParseSpecs(strings.Join(names, ","), how)
}

// tryElsewhere runs the sequences of what was saved on other kernels, makes reproducers, and
// writes the folders again.
func (c *Config) tryElsewhere(ctx context.Context) {
	if len(c.saved) == 0 {
		return
	}
	var questions []Question
	for _, s := range c.saved {
		questions = append(questions, QuestionOf(s.evident))
	}
	for _, spec := range c.Elsewhere {
		for i, tested := range c.Ask(ctx, spec, questions) {
			c.saved[i].add(tested)
		}
	}
	for _, s := range c.saved {
		s.evident.Elsewhere = s.finding.Elsewhere
		c.write(s)
		if ctx.Err() == nil {
			c.offer(ctx, &s)
			c.write(s)
		}
	}
}

// QuestionOf asks of another kernel whether it does what a case is about.
func QuestionOf(e evidence.Case) Question {
	return Question{Sequence: e.Trace.Sequence(), Claim: e.Claim, By: append([]string{}, e.By...)}
}

// add puts a kernel into the table; of the one where it was found, there is more to say
// than that it did it again.
func (s saved) add(t report.Tested) {
	f, k := s.finding, s.evident.Kernel
	if t.Kernel == k.Name && f.Runs > 0 {
		t.Outcome, t.Shown, t.Runs = report.Fails, f.Shown, f.Runs
	}
	f.Elsewhere = append(f.Elsewhere, t)
}

// Ask puts questions to a kernel: one answer each, in order.
func (c *Config) Ask(ctx context.Context, spec Spec, questions []Question) []report.Tested {
	var k report.Kernel
	answers := make([]report.Tested, len(questions))
	t, kernel, err := c.open(ctx, spec, &k)
	for i := range answers {
		answers[i] = report.Tested{Kernel: spec.Name, Release: k.Release, Package: k.Package, SHA256: k.SHA256}
		if err != nil {
			answers[i].Outcome, answers[i].Detail = fault(err)
		}
	}
	if err != nil {
		return answers
	}
	defer t.Close() // what it complains of at the very end is no answer to any one question
	known, err := knownOn(t, kernel)
	x := &examination{ctx: ctx, runner: t, kernel: kernel, known: known, mode: t.About().Kind, asked: properties.Asked{}}
	for i, q := range questions {
		if err == nil {
			err = x.put(q, &answers[i])
		}
		if err != nil {
			answers[i].Outcome, answers[i].Detail = fault(err)
		}
	}
	return answers
}

func fault(err error) (report.Outcome, string) {
	line, _, _ := strings.Cut(err.Error(), "\n")
	if errors.As(err, new(*vmtest.UnavailableError)) {
		return report.NotHad, line
	}
	return report.NotRun, line
}

// put runs the sequence of a question as often as it takes.
func (x *examination) put(q Question, a *report.Tested) error {
	var same, other *properties.Violation
	for a.Runs < q.tries(x.mode) {
		v, err := x.once(q.Sequence)
		if err != nil {
			return err
		}
		a.Runs++
		switch {
		case v == nil:
		case q.same(v):
			same = v
			a.Shown++
		default:
			other = v
		}
	}
	a.Outcome, a.Detail = x.outcome(q, same, other)
	return nil
}

// once runs a sequence, each operation announced, for a kernel may die of it.
func (x *examination) once(seq ops.Sequence) (v *properties.Violation, err error) {
	return x.tryJob(target.Job{Sequence: seq, Carefully: true})
}

func (x *examination) outcome(q Question, same, other *properties.Violation) (report.Outcome, string) {
	switch {
	case same != nil && x.explain(same) != "":
		return report.FailsKnown, x.explain(same)
	case same != nil:
		return report.Fails, said(same)
	case other != nil:
		return report.FailsOther, said(other)
	}
	if why := q.notClaimed(x.kernel); why != "" {
		return report.NotClaimedAt, why
	}
	if ops.Races(q.Sequence) {
		return report.Unclear, "a race: that it did not show proves little"
	}
	return report.HoldsThere, ""
}

// notClaimed says why a kernel does not promise what is asked, or cannot be asked, or "".
func (q Question) notClaimed(k properties.Kernel) string {
	keys, err := ParseRows(q.Claim)
	if err != nil || len(keys) != 1 {
		return ""
	}
	if why := properties.ClaimByID(keys[0].Claim).NotClaimed(k); why != "" || len(q.By) == 0 {
		return why
	}
	if slices.ContainsFunc(properties.RulesOf(keys[0], k), func(ref properties.Ref) bool { return refName(ref) == q.By[0] }) {
		return ""
	}
	return fmt.Sprintf("%s cannot be asked of it", q.By[0])
}

// said is what was answered, in a line.
func said(v *properties.Violation) string {
	step := v.Trace.Steps[v.Step]
	answer := step.Got.String()
	if !step.Returned {
		answer = fmt.Sprintf("no answer, the kernel %s", v.Trace.End)
	}
	return fmt.Sprintf("%s: %s, want %s", ops.Verb(step.Op), answer, v.Wanted())
}
