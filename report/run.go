package report

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mimic/ops"
	"mimic/properties"
)

// Run is a run as a whole: an entry for every kernel that was asked for, also for
// those that it never came to.
type Run struct {
	Kernels []*Kernel
	Seed    uint64
	Started time.Time
}

var errNotReached = errors.New("the run ended before this kernel was examined")

// NewRun is a run that has examined nothing yet: nothing of it is green.
func NewRun(names []string, seed uint64) *Run {
	r := &Run{Seed: seed, Started: time.Now()}
	for _, name := range names {
		r.Kernels = append(r.Kernels, &Kernel{Name: name, Seed: seed, Fault: errNotReached})
	}
	return r
}

// Green says whether everything that was asked for ran and held.
func (r *Run) Green() bool {
	return !slices.ContainsFunc(r.Kernels, func(k *Kernel) bool { return !k.Green() })
}

// Format is a way to write down what a run found. One that can be read while it is
// written has Begin and Kernel, any other is written as a whole, again and again.
type Format struct {
	Name, Help string
	Begin      func(w io.Writer, r *Run) error
	Kernel     func(w io.Writer, r *Run, i int) error // the i-th kernel was examined
	Whole      func(w io.Writer, r *Run) error
}

// Formats are all that there are.
var Formats = []Format{
	{Name: "ktap", Help: "write KTAP version 1, each kernel as soon as it is examined", Begin: beginKTAP, Kernel: kernelKTAP},
	{Name: "junit", Help: "write JUnit XML", Whole: JUnit},
	{Name: "json", Help: "write JSON with the names of KCIDB", Whole: JSON},
	{Name: "html", Help: "write a page for people that needs nothing else", Whole: HTML},
}

// family is the rows of one kind of map.
type family struct {
	name properties.Family
	rows []Row
}

// families groups the rows of a kernel, in the order of the table of claims.
func (k *Kernel) families() (all []family) {
	for _, name := range []properties.Family{properties.FamilyArray, properties.FamilyHash, properties.FamilyInner} {
		rows := slices.DeleteFunc(slices.Clone(k.Rows), func(r Row) bool { return r.Key.Family != name })
		if len(rows) > 0 {
			all = append(all, family{name, rows})
		}
	}
	return all
}

// why is the reason of a row in one line: what is known to be wrong and is not any
// more says so first.
func (r Row) why() string {
	switch {
	case r.Stale:
		return "unexpected pass: " + oneLine(r.Reason)
	case r.Verdict == Holds || r.Verdict == Violated || r.Verdict == NotClaimed:
		return oneLine(r.Reason)
	}
	return strings.TrimSuffix(r.Verdict.String()+": "+oneLine(r.Reason), ": ")
}

// hung says whether the kernel stopped answering under what breaks a row.
func (k *Kernel) hung(row Row) bool {
	return row.Verdict == Violated && slices.ContainsFunc(k.Blames(row), func(f *Finding) bool {
		return f.Known == "" && f.Reduced.Trace.End == ops.Hung
	})
}

// told is the claim of a row, why it is not green, and each violation that breaks it.
func (k *Kernel) told(row Row) string {
	var b strings.Builder
	b.WriteString(row.Key.String() + ": " + properties.ClaimByID(row.Key.Claim).Says + "\n")
	if why := row.why(); why != "" {
		b.WriteString(why + "\n")
	}
	b.WriteString(strings.TrimPrefix(FindingsOf(k, row.Key), "\n"))
	return plain(b.String())
}

// plain is text without what is no UTF-8, and without what controls a terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
}

func oneLine(s string) string { return strings.Join(strings.Fields(plain(s)), " ") }
