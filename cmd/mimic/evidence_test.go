package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mimic/evidence"
	"mimic/ops"
	"mimic/report"
	"mimic/suite"
)

// folder writes a case that is ready, changed by change.
func folder(t *testing.T, change func(*evidence.Case)) string {
	t.Helper()
	trace, err := ops.ParseTrace("kernel: 6.12.1\ni0 = map(hash, key=4, value=8, max=2)  EBUSY\nended: completed\n")
	if err != nil {
		t.Fatal(err)
	}
	c := evidence.Case{Claim: "DOC-2/inner", By: []string{"create/ordinary/inner"}, Kernel: evidence.Kernel{Name: "6.12", Release: "6.12.1"}, Date: time.Now(),
		Expected: []string{"ok"}, Actual: "EBUSY", Shown: 5, Runs: 5, Repro: &evidence.Repro{Verified: true}, Trace: trace, Original: trace.Sequence()}
	change(&c)
	dir := filepath.Join(t.TempDir(), "case")
	if err := evidence.Write(dir, c); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestEvidenceExitCodes needs no kernel: what is refused is refused before one is asked.
func TestEvidenceExitCodes(t *testing.T) {
	ready := folder(t, func(*evidence.Case) {})
	flaky := folder(t, func(c *evidence.Case) { c.Shown = 2 })
	unverified := folder(t, func(c *evidence.Case) { c.Repro = nil })
	broken := folder(t, func(*evidence.Case) {})
	if err := os.WriteFile(filepath.Join(broken, evidence.CaseFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"mail", []string{"report", ready}, suite.ExitHeld},
		{"mail about what is flaky", []string{"report", flaky}, suite.ExitUsage},
		{"mail about what is not verified", []string{"report", unverified}, suite.ExitUsage},
		{"mail that is forced", []string{"report", unverified, "-force"}, suite.ExitHeld},
		{"mail of no folder", []string{"report", filepath.Join(ready, "none")}, suite.ExitUsage},
		{"mail of a broken folder", []string{"report", broken}, suite.ExitUsage},
		{"mail with no tree", []string{"report", ready, "-tree", t.TempDir()}, suite.ExitHarness},
		{"bisect what is flaky", []string{"bisect", flaky, "-good", "6.1"}, suite.ExitUsage},
		{"bisect without a good one", []string{"bisect", ready}, suite.ExitUsage},
		{"bisect from what is no version", []string{"bisect", ready, "-good", "frob"}, suite.ExitUsage},
		{"step with what is flaky", []string{"bisect", "-step", flaky}, suite.StepStop},
		{"step with nothing", []string{"bisect", "-step"}, suite.StepStop},
		{"step with no configuration", []string{"bisect", "-step", ready, "-config", filepath.Join(ready, "none")}, suite.StepStop},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := run(context.WithoutCancel(t.Context()), c.args); got != c.want {
				t.Errorf("mimic %q exits %d, want %d", c.args, got, c.want)
			}
		})
	}
}

// TestEnds chooses the nearest kernel of the table that holds, an older one first.
func TestEnds(t *testing.T) {
	table := func(outcomes ...report.Outcome) (all []report.Tested) {
		for i, o := range outcomes {
			all = append(all, report.Tested{Kernel: string(rune('a' + i)), Outcome: o})
		}
		return all
	}
	h, f, n := report.HoldsThere, report.Fails, report.NotHad
	for _, c := range []struct {
		table []report.Tested
		want  string
	}{
		{table(h, n, f, h), "d"},
		{table(n, h, f, h), "b"},
		{table(h, f, f, f), "a"},
		{table(n, f, f), ""},
	} {
		bad, good := ends(evidence.Case{Kernel: evidence.Kernel{Name: "c"}, Elsewhere: c.table}, "", "")
		if bad != "c" || good != c.want {
			t.Errorf("%v: good %q, bad %q, want good %q", c.table, good, bad, c.want)
		}
	}
}
