package repro

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"mimic/ops"
	"mimic/properties"
)

//go:embed c/repro_test.go.tmpl
var goTestText string

var goTestTemplate = template.Must(template.New("repro_test.go").Parse(goTestText))

// GoTest is a Go test that replays the sequence of a violation, and fails if any promise is broken. It
// is a package of its own, to be put into any folder of mimic's module: go test is run there.
func GoTest(v *properties.Violation, about About) (string, error) {
	if v == nil || v.Step >= len(v.Trace.Steps) {
		return "", fmt.Errorf("write a Go test: there is no violation, or not at a step of its trace")
	}
	seq := v.Trace.Sequence().String()
	if _, err := ops.Parse(seq); err != nil {
		return "", fmt.Errorf("write a Go test: %w", err)
	}
	var out strings.Builder
	err := goTestTemplate.Execute(&out, map[string]string{
		"Title": strings.Join(commented(title(v, about)), "\n"), "Sequence": strings.TrimSpace(seq), "Name": about.Name,
	})
	return out.String(), err
}

func commented(lines []string) []string {
	for i, l := range lines {
		lines[i] = strings.TrimRight("//"+l, " ")
	}
	return lines
}
