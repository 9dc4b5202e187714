package report

import (
	"fmt"
	"strings"
)

// Outcome is what a finding's sequence does on another kernel, in a word.
type Outcome string

// Outcomes. The zero value is that nobody tried.
const (
	Fails        Outcome = "fails"
	FailsKnown   Outcome = "fails, known"
	FailsOther   Outcome = "fails otherwise"
	HoldsThere   Outcome = "holds"
	NotClaimedAt Outcome = "not claimed here"
	Unclear      Outcome = "inconclusive"
	NotHad       Outcome = "could not be had"
	NotRun       Outcome = "harness broken"
)

// Bad says whether the kernel breaks the promise, known or not.
func (o Outcome) Bad() bool { return o == Fails || o == FailsKnown }

// Tested is a finding's sequence on another kernel.
type Tested struct {
	Kernel  string  `json:"kernel"` // as it was asked for
	Release string  `json:"release,omitempty"`
	Package string  `json:"package,omitempty"`
	SHA256  string  `json:"sha256,omitempty"`
	Outcome Outcome `json:"outcome"`
	Shown   int     `json:"shown"` // of Runs executions that failed
	Runs    int     `json:"runs"`
	Detail  string  `json:"detail,omitempty"` // one line: the answer, or why there is none
}

// Version is that of the package, which says more than the name a release has in uname:
// 5.10.262-1, not 5.10.0-46; without a package, the release.
func (t Tested) Version() string {
	if words := strings.Fields(t.Package); len(words) == 2 {
		return words[1]
	}
	if t.Release == "" {
		return t.Kernel
	}
	return t.Release
}

// elsewhere is a table of versions in a line for each outcome.
func elsewhere(all []Tested) (lines []string) {
	on := map[Outcome][]string{}
	for _, t := range all {
		on[t.Outcome] = append(on[t.Outcome], t.Kernel)
	}
	for _, o := range []Outcome{Fails, FailsKnown, FailsOther, HoldsThere, NotClaimedAt, Unclear, NotHad, NotRun} {
		if len(on[o]) > 0 {
			lines = append(lines, fmt.Sprintf("%s: %s", o, strings.Join(on[o], " ")))
		}
	}
	return lines
}
