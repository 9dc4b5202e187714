package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// KTAP is nested three deep, kernel, family and claim, as
// Documentation/dev-tools/ktap.rst has it; a level is indented by two spaces. Beside
// the families stands a test of the harness, since parsers count tests with none
// below them only.

func beginKTAP(w io.Writer, r *Run) error {
	_, err := fmt.Fprintf(w, "KTAP version 1\n1..%d\n", len(r.Kernels))
	return err
}

// kernelKTAP writes the test that a kernel is, in one piece, so that who reads it
// meanwhile sees a kernel or none.
func kernelKTAP(w io.Writer, r *Run, i int) error {
	var b bytes.Buffer
	k := r.Kernels[i]
	families := k.families()
	directive, data := kernelDirective(k)
	plan(&b, "  ", 1+len(families))
	result(&b, "  ", directive != faces[Broken].ktap, 1, "harness", directive, data)
	for n, f := range families {
		familyKTAP(&b, k, f, n+2)
	}
	var about strings.Builder
	Provenance(&about, k)
	diagnose(&b, "", about.String())
	result(&b, "", k.Green(), i+1, k.Name, directive, data)
	_, err := w.Write(b.Bytes())
	return err
}

// kernelDirective is what became of a kernel besides its claims.
func kernelDirective(k *Kernel) (directive, data string) {
	switch {
	case k.Skipped:
		return faces[NotClaimed].ktap, k.Trouble()
	case k.Trouble() != "":
		return faces[Broken].ktap, k.Trouble()
	}
	return "", ""
}

func familyKTAP(b *bytes.Buffer, k *Kernel, f family, n int) {
	plan(b, "    ", len(f.rows))
	green := true
	for i, row := range f.rows {
		face := faces[row.Verdict]
		green = green && face.green
		if !face.green {
			diagnose(b, "    ", k.told(row))
		}
		directive := face.ktap
		if k.hung(row) {
			directive = "TIMEOUT"
		}
		result(b, "    ", face.green, i+1, row.Key.Claim, directive, row.why())
	}
	result(b, "  ", green, n, string(f.name), "", "")
}

func plan(b *bytes.Buffer, indent string, tests int) {
	fmt.Fprintf(b, "%sKTAP version 1\n%s1..%d\n", indent, indent, tests)
}

// diagnose writes text as diagnostic lines. Three spaces keep a parser from taking
// one for the "# Subtest:" of other TAPs.
func diagnose(b *bytes.Buffer, indent, text string) {
	for line := range strings.Lines(plain(text)) {
		fmt.Fprintf(b, "%s#   %s\n", indent, strings.TrimRight(line, "\n"))
	}
}

// noHash is for result lines: a description cannot have a "#", and kunit_parser.py
// takes any "# SKIP" of the rest for a directive.
var noHash = strings.NewReplacer("#", "_")

// result writes a test's result line.
func result(b *bytes.Buffer, indent string, ok bool, n int, name, directive, data string) {
	word := "not ok"
	if ok {
		word = "ok"
	}
	fmt.Fprintf(b, "%s%s %d %s", indent, word, n, noHash.Replace(oneLine(name)))
	if tail := strings.TrimSpace(directive + " " + noHash.Replace(oneLine(data))); tail != "" {
		b.WriteString(" # " + tail)
	}
	b.WriteByte('\n')
}
