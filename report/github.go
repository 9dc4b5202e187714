package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"mimic/properties"
)

// commandData and commandProperty escape as GitHub's runner takes it.
var (
	commandData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// Annotations writes an ::error for each kernel and each claim that is not green.
func Annotations(w io.Writer, r *Run) error {
	var b bytes.Buffer
	for _, k := range r.Kernels {
		if trouble := k.Trouble(); trouble != "" && !k.Skipped {
			annotate(&b, "", "harness: kernel "+k.Name, trouble)
		}
		for _, row := range k.Rows {
			if !row.Verdict.Green() {
				annotate(&b, k.fileOf(row), fmt.Sprintf("%s %s on kernel %s", row.Key, row.Verdict, k.Name), k.told(row))
			}
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func annotate(b *bytes.Buffer, file, title, message string) {
	b.WriteString("::error ")
	if file != "" {
		fmt.Fprintf(b, "file=%s,", commandProperty.Replace(plain(file)))
	}
	fmt.Fprintf(b, "title=%s::%s\n", commandProperty.Replace(oneLine(title)), commandData.Replace(plain(message)))
}

// fileOf is the file that a row's failure is about: the reduced sequence, or the
// list of known deviations.
func (k *Kernel) fileOf(row Row) string {
	if row.Stale {
		return "known.txt"
	}
	for _, f := range k.Blames(row) {
		if f.Known == "" && f.File != "" {
			return f.File
		}
	}
	return ""
}

// summaryMax is a little less than what GitHub takes of one step.
const summaryMax = 1000 << 10

// JobSummary writes Markdown: a line for each kernel, and what is not green in full.
func JobSummary(w io.Writer, r *Run) error {
	var b bytes.Buffer
	head := "everything held"
	if !r.Green() {
		head = "not everything held"
	}
	fmt.Fprintf(&b, "## mimic: %s\n\n| kernel | release | result |", head)
	for _, v := range legend() {
		fmt.Fprintf(&b, " %s |", v)
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", 3+len(legend())) + "\n")
	for _, k := range r.Kernels {
		fmt.Fprintf(&b, "| %s | %s | %s |", cell(k.Name), cell(orUnknown(k.Release)), k.resultWord())
		for _, v := range legend() {
			fmt.Fprintf(&b, " %s |", dash(k.Count(v)))
		}
		b.WriteByte('\n')
	}
	for _, k := range r.Kernels {
		detail(&b, k)
	}
	_, err := w.Write(limit(b.Bytes()))
	return err
}

// resultWord is a kernel's result, with a sign for who looks for red.
func (k *Kernel) resultWord() string {
	if k.Green() {
		return "✅ " + k.Verdict().String()
	}
	return "❌ " + k.Verdict().String()
}

func detail(b *bytes.Buffer, k *Kernel) {
	if trouble := k.Trouble(); trouble != "" && !k.Skipped {
		fence(b, "harness: kernel "+k.Name, trouble)
	}
	for _, row := range k.Rows {
		if !row.Verdict.Green() {
			fence(b, fmt.Sprintf("%s %s on %s: %s", row.Key, row.Verdict, k.Name, properties.ClaimByID(row.Key.Claim).Says), k.told(row))
		}
	}
}

var htmlText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "&#124;", "*", "&#42;", "_", "&#95;", "`", "&#96;", "[", "&#91;", "~", "&#126;")

func cell(s string) string { return htmlText.Replace(oneLine(s)) }

// fence writes text that no backtick in it can end.
func fence(b *bytes.Buffer, title, text string) {
	marks := "```"
	for strings.Contains(text, marks) {
		marks += "`"
	}
	fmt.Fprintf(b, "\n<details><summary>%s</summary>\n\n%s\n%s\n%s\n\n</details>\n", cell(title), marks, strings.TrimRight(plain(text), "\n"), marks)
}

// limit cuts what is longer than GitHub takes, at the end of a line.
func limit(b []byte) []byte {
	if len(b) <= summaryMax {
		return b
	}
	cut := bytes.LastIndex(b[:summaryMax], []byte("\n<details>"))
	return append(b[:max(cut, 0):max(cut, 0)], "\nThere is more: see the log.\n"...)
}
