package evidence

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mimic/ops"
	"mimic/report"
	"mimic/vmtest"
)

// width is how long a line of a mail is at most; code and tables may be longer where they must.
const width = 72

// Addressees are whom a mail goes to.
type Addressees struct{ To, Cc []string }

// Mail is the text of a report to those who can mend it, as plain text with its headers. A human
// reads and sends it. warning says why nobody should build on it yet, and stands in the text; "" if nothing does.
func Mail(c Case, to Addressees, warning string) string {
	parts := []string{c.headers(to)}
	if warning != "" {
		parts = append(parts, wrap("NOT READY TO BE SENT: "+warning+"."))
	}
	parts = append(parts, c.summary())
	if c.regression() {
		parts = append(parts, "#regzbot introduced: "+c.Bisection.Range())
	}
	parts = append(parts, "detailed description:", c.details(), c.reproduce(), c.kernels(), c.conditions(), c.bisected(), c.found())
	var full []string
	for _, part := range parts {
		if part = strings.TrimRight(part, "\n"); part != "" {
			full = append(full, part)
		}
	}
	return strings.Join(full, "\n\n") + "\n"
}

// regression says whether it worked before.
func (c Case) regression() bool { return c.Bisection != nil && !c.Bisection.Fixed }

func (c Case) headers(to Addressees) string {
	cc := to.Cc
	if c.regression() {
		cc = append(cc[:len(cc):len(cc)], "regressions@lists.linux.dev")
	}
	if c.onlyStable() {
		cc = append(cc[:len(cc):len(cc)], "stable@vger.kernel.org")
	}
	text := "Subject: " + c.Subject() + "\nTo: " + strings.Join(to.To, ",\n    ")
	if len(cc) > 0 {
		text += "\nCc: " + strings.Join(cc, ",\n    ")
	}
	return text
}

// Subject is the case in the line that people see first; it fits into one.
func (c Case) Subject() string {
	prefix := "bpf: "
	if c.regression() {
		prefix = "[REGRESSION] bpf: "
	}
	what := fmt.Sprintf("%s: %s instead of %s", ops.Verb(c.Trace.Steps[c.Step].Op), c.short(), c.Wanted())
	if c.Trace.End != ops.Completed {
		what = fmt.Sprintf("%s: %s", ops.Verb(c.Trace.Steps[c.Step].Op), orElse(headline(c.Trace.Detail), c.Answered()))
	}
	what = strings.ReplaceAll(what, "\n", " ")
	room := width - len("Subject: ") - len(prefix)
	on := map[string]string{"array": " on an array of maps", "hash": " on a hash of maps"}[c.Family()]
	if len(what)+len(on) <= room {
		return prefix + what + on
	}
	return prefix + cut(what, room)
}

// detour is what a title of the kernel has besides what happened where.
var detour = regexp.MustCompile(`^oopsed: |\bBUG: |, address: \S+|\+0x[0-9a-f]+/0x[0-9a-f]+`)

// headline is what happened where.
func headline(detail string) string { return scrub(detour.ReplaceAllString(detail, "")) }

// short is the answer without the history of a race.
func (c Case) short() string {
	if c.Race {
		return "what no order allows"
	}
	return c.Answered()
}

// cut shortens a line at a space.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	if at := strings.LastIndexByte(text[:n-3], ' '); at > 0 {
		return text[:at] + " ..."
	}
	return text[:n-3] + "..."
}

// summary is one sentence, then a paragraph.
func (c Case) summary() string {
	version := c.version()
	what := fmt.Sprintf("%s should answer %s and answers %s.", c.operation(), c.Wanted(), c.short())
	if c.Trace.End != ops.Completed {
		what = fmt.Sprintf("Linux %s %s over %s, which should answer %s: %s.", version, c.Trace.End, c.operation(), c.Wanted(), scrub(c.Trace.Detail))
	} else {
		what = "On Linux " + version + ", " + what
	}
	second := "It was seen on " + version + "; no other kernel was tried."
	if len(c.Elsewhere) > 0 {
		second = "Of the kernels that were tried " + c.where() + "."
	}
	if c.onlyStable() {
		second += " The newest of them does not show it, so this is about stable kernels only."
	}
	return wrap(what) + "\n" + wrap(second)
}

func (c Case) operation() string { return "the operation " + ops.Verb(c.Trace.Steps[c.Step].Op) }

// version is what was tested, with Debian's revision.
func (c Case) version() string {
	return report.Tested{Kernel: c.Kernel.Name, Release: c.Kernel.Release, Package: c.Kernel.Package}.Version()
}

// where is on which kernels it fails and on which it does not.
func (c Case) where() string {
	var bad, good []string
	for _, t := range c.Elsewhere {
		switch {
		case t.Outcome.Bad():
			bad = append(bad, vmtest.Upstream(t.Version()))
		case t.Outcome == report.HoldsThere:
			good = append(good, vmtest.Upstream(t.Version()))
		}
	}
	text := orElse(strings.Join(bad, ", "), "none but "+c.version()) + " show it"
	if len(good) > 0 {
		text += ", " + strings.Join(good, ", ") + " do not"
	}
	return text
}

// onlyStable says whether the newest kernel that was tried does not show it.
func (c Case) onlyStable() bool {
	for i := len(c.Elsewhere) - 1; i >= 0; i-- {
		switch t := c.Elsewhere[i]; {
		case t.Outcome.Bad():
			return false
		case t.Outcome == report.HoldsThere:
			return true
		}
	}
	return false
}

func (c Case) details() string {
	var parts []string
	if c.Says != "" {
		parts = append(parts, hang("Claim: ", width, c.Says))
		for _, source := range c.Sources {
			parts = append(parts, hang("Source: ", width, source))
		}
	}
	parts = append(parts, hang("Expected: ", width, c.Wanted()), hang("Actual: ", width, scrub(c.Answered())))
	if c.Trace.Detail != "" {
		parts = append(parts, hang("Kernel: ", width, scrub(c.Trace.Detail)))
	}
	text := strings.Join(parts, "")
	if lines := excerpt(c.Trace.Console); lines != "" {
		text += "\n" + indent2(lines)
	}
	return text
}

func (c Case) reproduce() string {
	text := wrap("The sequence, in the language of mimic, with the answers of "+c.version()+":") + "\n" + indent2(c.code())
	if c.ReproC == nil || c.Repro == nil || !c.Repro.Verified {
		return text + "\n" + wrap("There is no reproducer in C.")
	}
	how := "The same in C. gcc -static repro.c && ./a.out, as root, exits 1 if the bug is there and 0 if not. It was built and run: " +
		strings.Join(c.Repro.Runs, "; ") + "."
	return text + "\n" + wrap(scrub(how)) + "\n" + string(c.ReproC)
}

// code is the sequence with its answers, each in a line of its own where both do not fit.
func (c Case) code() string {
	var b strings.Builder
	for i, step := range c.Trace.Steps[:c.Step+1] {
		answer := scrub(step.Answer())
		if i == c.Step {
			answer += "   want " + strings.Join(c.Expected, " or ")
		}
		op := fmt.Sprint(step.Op)
		if line := fmt.Sprintf("%-40s  %s", op, answer); len(line)+2 <= width {
			b.WriteString(line + "\n")
		} else {
			b.WriteString(op + "\n" + indent(hang("", width-6, answer)))
		}
	}
	return b.String()
}

func (c Case) kernels() string {
	all := c.Elsewhere
	if len(all) == 0 {
		all = []report.Tested{{Kernel: c.Kernel.Name, Release: c.Kernel.Release, Package: c.Kernel.Package, Outcome: report.Fails, Shown: c.Shown, Runs: c.Runs}}
	}
	if c.Bisection != nil {
		all = append(all[:len(all):len(all)], onlyNew(c.Bisection.Table, all)...)
	}
	return wrap("Kernels (Debian's for amd64 unless it says otherwise, in QEMU; vanilla kernels were not tested):") + "\n" + indent2(Table(forOthers(all)))
}

// forOthers is a table in order, without what only mimic's own lists know.
func forOthers(all []report.Tested) []report.Tested {
	all = slices.Clone(all)
	for i := range all {
		if all[i].Outcome == report.FailsKnown {
			all[i].Outcome = report.Fails
		}
	}
	slices.SortStableFunc(all, func(a, b report.Tested) int { return vmtest.Compare(a.Version(), b.Version()) })
	return all
}

// onlyNew are those of more that are not in all.
func onlyNew(more, all []report.Tested) (rest []report.Tested) {
	for _, t := range more {
		if !slices.ContainsFunc(all, func(other report.Tested) bool { return other.Version() == t.Version() }) {
			rest = append(rest, t)
		}
	}
	return rest
}

func (c Case) conditions() string {
	config := "its configuration is not known"
	if c.Config != nil {
		config = "its configuration as the package has it"
	}
	text := fmt.Sprintf("Conditions: root with all capabilities; %s; %s", orElse(c.Kernel.Mode, "unknown machine"), config)
	if taint := tainted.FindString(c.Trace.Console); taint != "" {
		text += "; " + taint
	}
	return wrap(text + ".")
}

// tainted is what an oops says of that.
var tainted = regexp.MustCompile(`Not tainted|Tainted: [A-Z ]*[A-Z]`)

func (c Case) bisected() string {
	switch b := c.Bisection; {
	case b == nil:
		return "Bisection: not bisected."
	case b.Fixed:
		return wrap(fmt.Sprintf("Bisection over releases: %s still shows it, %s does not any more (%s).", b.Bad, b.Good, b.Range()))
	default:
		return wrap(fmt.Sprintf("Bisection over releases: last good %s, first bad %s (%s). The commit is not known.", b.Good, b.Bad, b.Range()))
	}
}

func (c Case) found() string {
	sure := fmt.Sprintf("it failed %d of %d times when it was run again", c.Shown, c.Runs)
	if c.Runs == 0 {
		sure = "it was not run again"
	}
	return wrap(fmt.Sprintf("Found by mimic %s, which plans sequences of operations at random and judges every answer against a model: seed %d, reduced from %d operations to %d; %s.",
		orElse(c.Mimic, "of unknown commit"), c.Seed, c.From, c.Step+1, sure))
}

// address is an address of the kernel, or what else of that length differs from run to run.
var address = regexp.MustCompile(`\b(0x)?[0-9a-fA-F]{12,}\b`)

// scrub takes out addresses, which say nothing to anybody else.
func scrub(text string) string {
	return address.ReplaceAllStringFunc(text, func(s string) string {
		if strings.Trim(s, "0x") == "" {
			return "0"
		}
		return "<address>"
	})
}
