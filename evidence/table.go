package evidence

import (
	"fmt"
	"strings"

	"mimic/report"
)

// Table is the table of versions, as people read it in a mail and a terminal.
func Table(all []report.Tested) string {
	rows := [][]string{{"kernel", "version", "result"}}
	for _, t := range all {
		rows = append(rows, []string{t.Kernel, t.Version(), result(t)})
	}
	return grid(rows)
}

// result is the outcome, and how often if that says more.
func result(t report.Tested) string {
	if t.Runs > 1 {
		return fmt.Sprintf("%s (failed %d of %d)", t.Outcome, t.Shown, t.Runs)
	}
	return string(t.Outcome)
}

// grid lines columns up.
func grid(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		b.WriteString("|")
		for i, cell := range row {
			fmt.Fprintf(&b, " %-*s |", width[i], cell)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// details are the lines that say more of some kernels.
func details(all []report.Tested) string {
	var b strings.Builder
	for _, t := range all {
		if t.Detail != "" {
			fmt.Fprintf(&b, "%s: %s\n", t.Kernel, t.Detail)
		}
	}
	return b.String()
}

// Steps are the operations with their answers, up to the one that breaks the promise.
func (c Case) Steps() string {
	var b strings.Builder
	for i, step := range c.Trace.Steps[:c.Step+1] {
		line := fmt.Sprintf("%-46s  %s", step.Op, step.Answer())
		if i == c.Step {
			line += "   want " + strings.Join(c.Expected, " or ")
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
