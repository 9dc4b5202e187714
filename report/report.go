// Package report says what a run found, for people: the table of claims by
// kernel, and each violation in the words of the claim that it breaks.
package report

import (
	"fmt"
	"time"

	"mimic/ops"
	"mimic/properties"
)

// Verdict is what a run says of one claim on one kernel.
type Verdict uint8

// Verdicts. The zero value is the one to distrust.
const (
	Undecided    Verdict = iota
	Holds                // asked often enough, and every answer was allowed
	Violated             // an answer was not allowed
	Deviates             // violated, in ways that known.txt explains and no other
	Defect               // the documentation says otherwise than the kernel does, on purpose: it is the sentence that is wrong
	NotClaimed           // this kernel does not promise it, or cannot be asked
	Inconclusive         // not asked often enough
	Broken               // the harness is at fault
)

var verdictWords = [...]string{"undecided", "holds", "VIOLATED", "known deviation", "documentation defect", "not claimed here", "inconclusive", "harness broken"}

func (v Verdict) String() string { return verdictWords[v] }

// Green says whether a run with this verdict may be green.
func (v Verdict) Green() bool { return v == Holds || v == Deviates || v == Defect || v == NotClaimed }

// Row is the verdict on one claim held to one family.
type Row struct {
	Key     properties.Key
	Verdict Verdict
	Asked   int    // answers that were judged under the claim
	Reason  string // why it does not simply hold
}

// Finding is a violation, reduced.
type Finding struct {
	Reduced  *properties.Violation
	Original ops.Sequence
	Times    int    // how many sequences of the run showed one that looks like it
	File     string // where the reduced sequence was saved; "" if it was not
	Tries    int    // executions that the reduction took
	Known    string // why it is no failure; "" if it is one

	Irrelevant []properties.Operand // of the reduced sequence: with other values it shows the same

	// Shown is how many of Runs executions of the reduced sequence, after the reduction, failed alike;
	// Runs is 0 if it was not run again.
	Shown, Runs int

	Elsewhere []Tested // the reduced sequence on other kernels
}

// Flaky says whether a finding was shown again too seldom to be looked for elsewhere: a race that never was in all
// the runs that it had, anything else in less than half of them.
func (f *Finding) Flaky() bool {
	if ops.Races(f.Reduced.Trace.Sequence()) {
		return f.Runs > 0 && f.Shown == 0
	}
	return 2*f.Shown < f.Runs
}

// Kernel is what a run found on one kernel.
type Kernel struct {
	Name     string // as it was asked for: 6.12
	Release  string // as uname -r says it
	Package  string
	SHA256   string
	Mode     string
	Seed     uint64
	Rows     []Row
	Findings []Finding
	Defects  []Finding         // the shortest proof of each defect of the documentation
	Lacks    map[string]string // feature → why this kernel cannot be asked for it
	Tally    *properties.Tally
	Slow     int      // waits that were too long once and not when they were looked at again
	Absent   []string // outcomes that a run should have seen and did not
	Fault    error    // why the kernel could not be judged, or nil
	Missing  bool     // the kernel could not be had

	Sequences, Operations int
	Boot, Took            time.Duration // booting; running and judging

	// Brisk is the pace inside the sequences of which no operation waits for a grace
	// period, by the kernel's own clock.
	Brisk Pace
}

// Pace is how long some operations took.
type Pace struct {
	Operations int
	Took       time.Duration
}

// Rate is operations a second.
func (p Pace) Rate() float64 {
	if p.Took <= 0 {
		return 0
	}
	return float64(p.Operations) / p.Took.Seconds()
}

// Count is how many rows have a verdict.
func (k *Kernel) Count(v Verdict) (n int) {
	for _, r := range k.Rows {
		if r.Verdict == v {
			n++
		}
	}
	return n
}

// Rate is verified operations a second of host time.
func (k *Kernel) Rate() float64 {
	return Pace{k.Operations, k.Took}.Rate()
}

// Row is the row of a claim and family; its verdict is Undecided if there is none.
func (k *Kernel) Row(key properties.Key) Row {
	for _, r := range k.Rows {
		if r.Key == key {
			return r
		}
	}
	return Row{Key: key}
}

// Title is the kernel in a few words.
func (k *Kernel) Title() string {
	if k.Release == "" {
		return k.Name
	}
	return fmt.Sprintf("%s (%s)", k.Name, k.Release)
}
