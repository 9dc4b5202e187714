package evidence

import (
	"regexp"
	"strings"
)

// wrap breaks a paragraph into lines that fit into a mail. A longer word stays whole.
func wrap(text string) string { return hang("", width, text) }

// hang does so with a word in front, and the lines after the first set in.
func hang(first string, width int, text string) string {
	in := ""
	if first != "" {
		in = "  "
	}
	var b strings.Builder
	line := first
	empty := true
	for word := range strings.FieldsSeq(text) {
		if !empty && len(line)+1+len(word) > width {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line, empty = in, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}

func indent2(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}

// What of a console a mail quotes: from the title of the first report on, the lines that tell
// where it was. excerptLines is how many at most.
var (
	stamp      = regexp.MustCompile(`^(<\d+>)?\[[^\]]*\]\s?`)
	title      = regexp.MustCompile(`\b(BUG: |WARNING: |Oops: |general protection fault|kernel BUG at|Kernel panic|INFO: |KASAN: |KCSAN: )`)
	telling    = regexp.MustCompile(`^(RIP: |Call Trace:|Read of size|Write of size|Allocated by|Freed by)|^ [a-zA-Z_][\w.]*\+0x`)
	endOfTrace = regexp.MustCompile(`end trace|end Kernel panic`)
)

const excerptLines = 20

// excerpt is what a maintainer reads of the console.
func excerpt(console string) string {
	var lines []string
	for line := range strings.Lines(console) {
		line = stamp.ReplaceAllString(strings.TrimRight(line, "\r\n"), "")
		switch {
		case len(lines) == excerptLines || len(lines) > 0 && endOfTrace.MatchString(line):
			return strings.Join(lines, "\n") + "\n"
		case len(lines) == 0 && title.MatchString(line), len(lines) > 0 && telling.MatchString(line):
			lines = append(lines, scrub(line))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}
