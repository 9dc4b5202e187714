package suite

import (
	"testing"

	"mimic/properties"
	"mimic/report"
)

// TestRowThatNobodyAskedFor: a known deviation of another row is told as one, though that row was hardly asked, and what
// nobody knows is a violation.
func TestRowThatNobodyAskedFor(t *testing.T) {
	asked := []properties.Key{{Claim: "P20", Family: properties.FamilyArray}}
	other := properties.Key{Claim: "P74", Family: properties.FamilyArray}
	for known, want := range map[string]report.Verdict{"a reason": report.Deviates, "": report.Violated} {
		x := &examination{kernel: properties.Newest(), asked: properties.Asked{}}
		broken := &properties.Violation{By: properties.RulesOf(other, x.kernel)[:1]}
		out := &report.Kernel{Findings: []report.Finding{{Known: known, Reduced: broken}}}
		x.verdicts(asked, out)
		if len(out.Rows) != 2 || out.Rows[1].Key != other || out.Rows[1].Verdict != want {
			t.Errorf("known %q: %v, want %s second, %s", known, out.Rows, other, want)
		}
	}
}
