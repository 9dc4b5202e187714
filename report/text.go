package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"mimic/ops"
	"mimic/properties"
)

// All writes everything about a run: the table, then each kernel, then in detail what is not simply fine, which is
// last since the last lines are what a terminal and the log of a build show.
func All(w io.Writer, kernels []*Kernel) {
	Table(w, kernels)
	for _, k := range kernels {
		Summary(w, k)
	}
	for _, k := range kernels {
		for i := range k.Findings {
			if k.Findings[i].Known == "" {
				fmt.Fprintf(w, "--- FAIL: %s\n", k.Title())
				Violation(w, k, &k.Findings[i])
			}
		}
	}
	for _, k := range kernels {
		red(w, k)
	}
}

// red writes once more, in a line each, what keeps a kernel from being green.
func red(w io.Writer, k *Kernel) {
	if why := k.Trouble(); why != "" && !k.Skipped {
		fmt.Fprintf(w, "not green: %s: %s\n", k.Name, why)
	}
	for _, r := range k.Rows {
		if !k.Skipped && !r.Verdict.Green() {
			fmt.Fprintf(w, "not green: %s %s %s: %s\n", k.Name, r.Key, r.Verdict, r.Reason)
		}
	}
}

// Verbose writes what else a run knows: the proofs of the documentation's
// defects, what each map type was answered, and what was asked how often.
func Verbose(w io.Writer, kernels []*Kernel) {
	for _, k := range kernels {
		for i := range k.Defects {
			fmt.Fprintf(w, "--- DOC: %s\n", k.Title())
			Violation(w, k, &k.Defects[i])
		}
	}
	Types(w, kernels)
	Distribution(w, kernels)
}

// FindingsOf is the text of the findings that break a row, known ones apart.
func FindingsOf(k *Kernel, key properties.Key) string {
	var b strings.Builder
	for i := range k.Findings {
		f := &k.Findings[i]
		if f.Known == "" && slices.Contains(f.Reduced.Broken(), key) {
			b.WriteString("\n")
			Violation(&b, k, f)
		}
	}
	return b.String()
}

// Table writes claims by kernels.
func Table(w io.Writer, kernels []*Kernel) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "claim")
	for _, k := range kernels {
		fmt.Fprintf(tw, "\t%s", k.Name)
	}
	fmt.Fprintln(tw, "\t")
	for _, key := range properties.Keys() {
		fmt.Fprint(tw, key)
		for _, k := range kernels {
			fmt.Fprintf(tw, "\t%s", faces[k.Row(key).Verdict].mark)
		}
		fmt.Fprintf(tw, "\t%s\n", shorten(properties.ClaimByID(key.Claim).Says, 76))
	}
	tw.Flush()
	fmt.Fprintln(w, legendLine())
}

// legendLine says what each mark means.
func legendLine() string {
	var all []string
	for _, v := range legend() {
		all = append(all, faces[v].mark+": "+strings.ToLower(faces[v].word))
	}
	return strings.Join(all, "   ")
}

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := strings.LastIndexByte(s[:n], ' ')
	return s[:cut] + " …"
}

// Provenance writes which kernel it was, and how it ran, in one line.
func Provenance(w io.Writer, k *Kernel) {
	fmt.Fprintf(w, "kernel %s: %s, %s, mode %s, seed %d\n", k.Name, orUnknown(k.Release), provenance(k), orUnknown(k.Mode), k.Seed)
}

// Summary writes one kernel's provenance, and what is not simply fine about it.
func Summary(w io.Writer, k *Kernel) {
	Provenance(w, k)
	if k.Fault != nil {
		fmt.Fprintf(w, "  harness: %v\n", k.Fault)
	}
	for _, r := range k.Rows {
		if r.Verdict != Holds && r.Reason != "" {
			fmt.Fprintf(w, "  %s %s: %s\n", r.Key, r.Verdict, r.Reason)
		}
	}
	if k.Slow > 0 {
		fmt.Fprintf(w, "  %d times the kernel took long to forget a map, and not when the same was tried again\n", k.Slow)
	}
	if len(k.Absent) > 0 {
		fmt.Fprintf(w, "  harness: the run has stopped asking: %s\n", strings.Join(k.Absent, ", "))
	}
	if k.Operations > 0 {
		fmt.Fprintf(w, "  %d sequences, %d operations verified in %v, %.0f a second; ready in %v\n",
			k.Sequences, k.Operations, k.Took.Round(100*time.Millisecond), k.Rate(), k.Boot.Round(10*time.Millisecond))
	}
	if t := k.Tally; t != nil && t.Histories > 0 && k.Took > 0 {
		fmt.Fprintf(w, "  %d histories of races, of %d operations each, %.0f a second\n",
			t.Histories, t.Observed/t.Histories, float64(t.Histories)/k.Took.Seconds())
	}
	if k.Brisk.Operations > 0 {
		fmt.Fprintf(w, "  %.0f a second inside the sequences that wait for no grace period: %d operations in %v\n",
			k.Brisk.Rate(), k.Brisk.Operations, k.Brisk.Took.Round(time.Millisecond))
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func provenance(k *Kernel) string {
	s := orUnknown(k.Package)
	if k.SHA256 != "" {
		s += " sha256 " + k.SHA256
	}
	return s
}

// Violation writes a finding in the words of the claim that it breaks: the
// shortest sequence with each answer, the line that differs, the source of the
// promise and the next command.
func Violation(w io.Writer, k *Kernel, f *Finding) {
	v := f.Reduced
	breaks := "broke"
	if v.IsDefect() {
		breaks = "documentation defect in"
	}
	for _, key := range v.Broken() {
		fmt.Fprintf(w, "    %s %s: %s\n", breaks, key, properties.ClaimByID(key.Claim).Says)
	}
	if len(v.By) == 0 {
		fmt.Fprintf(w, "    broke no claim that is known: an answer that nothing allows\n")
	}
	for i, step := range v.Trace.Steps[:v.Step+1] {
		answer := "(no answer)"
		if step.Returned {
			answer = step.Got.String()
		}
		if i == v.Step {
			answer = fmt.Sprintf("%-8s  want %s", answer, v.Wanted())
		}
		fmt.Fprintf(w, "      %-50s  %s%s\n", step.Op, answer, anyOther(f, i))
	}
	footer(w, k, f)
}

// anyOther is a note on the operands of a step that do not matter.
func anyOther(f *Finding, step int) string {
	var names []string
	for _, o := range f.Irrelevant {
		if o.Step == step {
			names = append(names, ops.FieldName(f.Reduced.Trace.Steps[step].Op, o.Field))
		}
	}
	if names == nil {
		return ""
	}
	return "  # or any other " + strings.Join(names, ", ")
}

func footer(w io.Writer, k *Kernel, f *Finding) {
	v := f.Reduced
	if v.Trace.Detail != "" {
		fmt.Fprintf(w, "    the kernel %s: %s\n", v.Trace.End, v.Trace.Detail)
	}
	var promises, sources []string
	for _, ref := range v.By[:min(1, len(v.By))] {
		promises = append(promises, ref.Rule.Says)
		for _, id := range ref.Rule.Claims {
			sources = append(sources, properties.ClaimByID(id).Source)
		}
	}
	fmt.Fprintf(w, "    rule: %s\n", strings.Join(promises, "; "))
	fmt.Fprintf(w, "    kernel %s    source %s\n", orUnknown(k.Release), strings.Join(sources, "; "))
	fmt.Fprintf(w, "    seen in %d of %d sequences, seed %d; reduced from %d operations to %d in %d tries\n",
		f.Times, k.Sequences, k.Seed, len(f.Original), v.Step+1, f.Tries)
	if f.Runs > 0 {
		fmt.Fprintf(w, "    %s\n", f.Stability())
	}
	if lines := elsewhere(f.Elsewhere); len(lines) > 0 {
		fmt.Fprintf(w, "    other kernels: %s\n", strings.Join(lines, "; "))
	}
	if f.Known != "" {
		fmt.Fprintf(w, "    known deviation: %s\n", f.Known)
	}
	if f.File != "" {
		fmt.Fprintf(w, "    replay: %s\n", Next(k, f))
	}
}

// Next is the command that shows a finding again, or "" if it was not saved.
func Next(k *Kernel, f *Finding) string {
	if f.File == "" {
		return ""
	}
	return fmt.Sprintf("%s -replay %s", asks(k), f.File)
}

// asks is how the command begins that asks a kernel again as it was asked.
func asks(k *Kernel) string {
	switch {
	case k.Name == InMemory:
		return "mimic"
	case k.Timing == "" || k.Timing == "fast":
		return "scripts/run-vm.sh " + oneLine(k.Name)
	}
	return "scripts/run-vm.sh " + oneLine(k.Name) + " -mode " + k.Timing
}

// Stability says how often the reduced sequence failed again.
func (f *Finding) Stability() string {
	if f.Runs == 0 {
		return "not run again after it was reduced"
	}
	text := fmt.Sprintf("shown again in %d of %d runs", f.Shown, f.Runs)
	if f.Flaky() {
		text += ": flaky, not to be bisected"
	}
	return text
}
