// Package report says what a run found, for people and for machines: the
// table of claims by kernel, and each violation in the words of the claim that it
// breaks. Formats are the files that it can be written as.
package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mimic/ops"
	"mimic/properties"
)

// Row is the verdict on one claim held to one family.
type Row struct {
	Key     properties.Key
	Verdict Verdict
	Asked   int    // answers that were judged under the claim
	Reason  string // why it does not simply hold
	Stale   bool   // violated only in that a known deviation was not shown: known.txt is out of date
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
	return Flaky(f.Shown, f.Runs, ops.Races(f.Reduced.Trace.Sequence()))
}

// Flaky says the same of what failed so many times of some runs.
func Flaky(shown, runs int, race bool) bool {
	if race {
		return runs > 0 && shown == 0
	}
	return 2*shown < runs
}

// InMemory is the name of the kernel in memory.
const InMemory = "memory"

// Kernel is what a run found on one kernel.
type Kernel struct {
	Name     string // as it was asked for: 6.12
	Release  string // as uname -r says it
	Package  string
	SHA256   string
	Mode     string
	Timing   string // the mode that was asked for: fast, stock or det; "" if it has none
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
	Skipped  bool     // it is Missing, and whoever asked does not mind

	Started               time.Time
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

// Green says whether a run that found this may be green.
func (k *Kernel) Green() bool {
	return k.Skipped || k.Trouble() == "" && !slices.ContainsFunc(k.Rows, func(r Row) bool { return !r.Verdict.Green() })
}

// Trouble is what keeps a kernel from being green besides its rows, or "".
func (k *Kernel) Trouble() string {
	switch {
	case k.Fault != nil:
		return k.Fault.Error()
	case len(k.Absent) > 0:
		return "the run has stopped asking: " + strings.Join(k.Absent, ", ")
	case len(k.Rows) == 0:
		return "nothing was asked"
	}
	return ""
}

// Verdict is what a run says of a kernel as a whole: the worst of what it found.
func (k *Kernel) Verdict() Verdict {
	switch {
	case k.Skipped:
		return NotClaimed
	case k.Count(Violated) > 0:
		return Violated
	case k.Trouble() != "":
		return Broken
	}
	for _, v := range []Verdict{Broken, Undecided, Inconclusive} {
		if k.Count(v) > 0 {
			return v
		}
	}
	return Holds
}

// Blames are the findings that break a row: what is wrong, what is known to be, and
// what the documentation has wrong.
func (k *Kernel) Blames(row Row) (all []*Finding) {
	for _, list := range [][]Finding{k.Findings, k.Defects} {
		for i := range list {
			if slices.Contains(list[i].Reduced.Broken(), row.Key) {
				all = append(all, &list[i])
			}
		}
	}
	return all
}

// Title is the kernel in a few words.
func (k *Kernel) Title() string {
	if k.Release == "" {
		return k.Name
	}
	return fmt.Sprintf("%s (%s)", k.Name, k.Release)
}
