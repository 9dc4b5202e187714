package suite

import (
	"context"
	"slices"
	"strings"

	"mimic/evidence"
	"mimic/ops"
	"mimic/report"
	"mimic/repro"
)

// offer writes a reproducer in C of what was saved, and puts it into the folder only once it was
// built and run: where the bug is, and where it is not.
func (c *Config) offer(ctx context.Context, s *saved) {
	if s.spec.guest == nil {
		return // in memory, or this machine: there is nothing to run it in
	}
	v := s.finding.Reduced
	k := s.evident.Kernel
	text, err := repro.C(v, repro.About{Kernel: k.Release + ", " + k.Package, Replay: "mimic replay -vm " + k.Name + " " + evidence.ReducedFile})
	if err != nil {
		s.evident.Repro = &evidence.Repro{Why: err.Error()}
		return
	}
	runs := 1
	if ops.Races(v.Trace.Sequence()) {
		runs = raceTries
	}
	c.logf("%s: building a reproducer of %s and running it", k.Name, s.evident.Claim)
	r := VerifyReproducer(ctx, Reproducer{Source: text, Violation: v, Failing: &s.spec, Passing: c.passing(s.finding), Runs: runs}, c.logf)
	s.evident.Repro = record(r)
	if s.evident.Repro.Verified {
		s.evident.ReproC = []byte(text)
	}
}

// record is what became of a reproducer. One that was not seen to pass anywhere might fail always.
func record(r Reproduced) *evidence.Repro {
	lines := strings.Split(r.Text, "\n")
	e := &evidence.Repro{Verified: r.Verified() && r.Passing.Kernel != ""}
	for _, line := range lines[1:] {
		e.Runs = append(e.Runs, strings.TrimSpace(line))
	}
	if !e.Verified {
		e.Why = strings.TrimPrefix(lines[0], "not verified: ")
	}
	return e
}

// passing is a kernel on which the sequence holds, the newest if there is one; else nil.
func (c *Config) passing(f *report.Finding) *Spec {
	for _, t := range slices.Backward(f.Elsewhere) {
		for i := range c.Elsewhere {
			if t.Outcome == report.HoldsThere && c.Elsewhere[i].Name == t.Kernel {
				return &c.Elsewhere[i]
			}
		}
	}
	return nil
}
