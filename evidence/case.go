// Package evidence keeps what a violation leaves for others: a folder with all that it
// takes to see it again, and the mail to those who can mend it.
package evidence

import (
	"fmt"
	"strings"
	"time"

	"mimic/ops"
	"mimic/report"
)

// Case is one violation with all that is known of it. What has a file of its own in the
// folder is not part of case.json.
type Case struct {
	Claim   string   `json:"claim"` // row of the table of verdicts, P85/array; "" if no claim is known to break
	Says    string   `json:"says"`
	Sources []string `json:"sources"`
	Rule    string   `json:"rule"`
	Promise string   `json:"promise"` // what the rule says
	By      []string `json:"by"`      // rules that it may break, with the family; the most particular first

	Kernel   Kernel    `json:"kernel"`
	Seed     uint64    `json:"seed"`
	Command  string    `json:"command"` // line that found it
	Date     time.Time `json:"date"`
	Mimic    string    `json:"mimic"` // commit
	QEMU     string    `json:"qemu"`
	Step     int       `json:"step"` // that breaks the promise, from 0
	Expected []string  `json:"expected"`
	Actual   string    `json:"actual"`
	Race     bool      `json:"race"`
	From     int       `json:"reduced_from"` // operations
	Tries    int       `json:"reduced_in"`   // executions
	Shown    int       `json:"shown"`        // of Runs executions of the reduced sequence that failed alike
	Runs     int       `json:"runs"`

	Elsewhere []report.Tested `json:"elsewhere"`
	Bisection *Bisection      `json:"bisection,omitempty"`
	Repro     *Repro          `json:"reproducer,omitempty"`

	Trace    ops.Trace    `json:"-"` // of the reduced sequence
	Original ops.Sequence `json:"-"`
	Config   []byte       `json:"-"` // of the kernel; nil if none came with it
	ReproC   []byte       `json:"-"`
	ReproGo  []byte       `json:"-"`
	Timeline []byte       `json:"-"` // a page, of a race
}

// Kernel is where it was found.
type Kernel struct {
	Name    string `json:"name"`
	Release string `json:"release"`
	Package string `json:"package"`
	SHA256  string `json:"sha256"`
	Mode    string `json:"mode"`   // how it ran, for people
	Timing  string `json:"timing"` // what -mode takes; "" of what is no guest
}

// Repro says what became of the reproducer in C.
type Repro struct {
	Verified bool     `json:"verified"` // it was built and run, failed where it should and passed where it should
	Runs     []string `json:"runs"`     // one line for each kernel that it was run on
	Why      string   `json:"why,omitempty"`
}

// Bisection is what a bisection over versions came to.
type Bisection struct {
	Good  string          `json:"good"` // the last version that holds before the first that fails, or the first after
	Bad   string          `json:"bad"`
	Fixed bool            `json:"fixed"` // the older one is the bad one
	Table []report.Tested `json:"table"`
}

// String is what the bisection came to, in a line or two.
func (b Bisection) String() string {
	text := fmt.Sprintf("last good %s, first bad %s: %s", b.Good, b.Bad, b.Range())
	if b.Fixed {
		text = fmt.Sprintf("last bad %s, first good %s: mended in %s", b.Bad, b.Good, b.Range())
	}
	for _, t := range b.Table {
		if t.Runs == 0 || t.Outcome == report.FailsOther || t.Outcome == report.NotClaimedAt {
			text += fmt.Sprintf("\n%s could not be tested: %s %s", t.Kernel, t.Outcome, t.Detail)
		}
	}
	return text
}

// Range is the pair of versions, the older first, as git has it: v6.12.1..v6.12.5. Releases of
// an older series are not on the way to a newer one, so then it begins where the two part.
func (b Bisection) Range() string {
	older, newer := b.Good, b.Bad
	if b.Fixed {
		older, newer = newer, older
	}
	if s := seriesOf(older); s != seriesOf(newer) {
		older = s
	}
	return tag(older) + ".." + tag(newer)
}

// seriesOf is 6.12 of 6.12.118.
func seriesOf(version string) string {
	words := strings.SplitN(version, ".", 3)
	return strings.Join(words[:min(2, len(words))], ".")
}

// tag is upstream's tag of a version, without Debian's revision.
func tag(version string) string {
	base, revision, cut := strings.Cut(version, "-")
	if cut && strings.HasPrefix(revision, "rc") {
		return "v" + version
	}
	return "v" + base
}

// Flaky says in words why nobody should build on the case, or "".
func (c Case) Flaky() string {
	switch {
	case c.Runs == 0:
		return "it was not run again after it was reduced, so nobody knows how often it shows"
	case report.Flaky(c.Shown, c.Runs, c.Race):
		return fmt.Sprintf("it is flaky: it failed %d of %d times when it was run again", c.Shown, c.Runs)
	}
	return ""
}

// NotReady says why no mail should be sent about the case yet, or "".
func (c Case) NotReady() string {
	why := c.Flaky()
	if why == "" && (c.Repro == nil || !c.Repro.Verified) {
		why = "it is unverified: no reproducer in C was seen to fail where it should and to pass where it should"
		if c.Repro != nil && c.Repro.Why != "" {
			why += " (" + c.Repro.Why + ")"
		}
	}
	return why
}

// Describe is an answer in words, with the number of its errno.
func Describe(answer string) string {
	r, err := ops.ParseResult(answer)
	switch {
	case err != nil:
		return answer
	case r.Errno == 0 && r.Got == "":
		return "success"
	case r.Errno == 0:
		return r.Got
	case r.Got == "":
		return fmt.Sprintf("%s (%d)", r.Errno, int(r.Errno))
	}
	return fmt.Sprintf("%s (%d) and %s", r.Errno, int(r.Errno), r.Got)
}

// Wanted is what should have been answered, in words.
func (c Case) Wanted() string {
	var all []string
	for _, want := range c.Expected {
		all = append(all, Describe(want))
	}
	return strings.Join(all, " or ")
}

// Answered is what was answered, in words; of a kernel that died, that it did.
func (c Case) Answered() string {
	if c.Trace.End != ops.Completed {
		return fmt.Sprintf("no answer, the kernel %s", c.Trace.End)
	}
	return Describe(c.Actual)
}

// Family is array or hash, or inner.
func (c Case) Family() string {
	_, family, _ := strings.Cut(c.Claim, "/")
	return family
}
