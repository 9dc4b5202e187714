package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mimic/properties"
	"mimic/report"
)

// asked are outputs as flags ask for them.
func asked(t *testing.T, stdout io.Writer, args ...string) *Outputs {
	t.Helper()
	t.Setenv("GITHUB_ACTIONS", "") // what is tried here is no news to who reads the job
	o := &Outputs{Stdout: stdout}
	f := flag.NewFlagSet("", flag.ContinueOnError)
	o.Flags(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	return o
}

// small is a run of one claim, too short to be green.
func small(t *testing.T) Config {
	t.Helper()
	specs, err := ParseSpecs("", How{Mode: "fast"})
	if err != nil {
		t.Fatal(err)
	}
	return Config{Kernels: specs, Rows: []properties.Key{{Claim: "DOC-3", Family: properties.FamilyArray}}, Sequences: 3}
}

func TestOutputsAreWritten(t *testing.T) {
	dir := t.TempDir()
	var stdout bytes.Buffer
	file := func(name string) string { return filepath.Join(dir, name) }
	o := asked(t, &stdout, "-ktap", "-", "-junit", file("j.xml"), "-json", file("j.json"), "-html", file("p.html"))
	kernels, err := o.Run(t.Context(), small(t), false)
	if err != nil || len(kernels) != 1 {
		t.Fatal(err)
	}
	if !strings.HasPrefix(stdout.String(), "KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 harness\n") || o.Text() != os.Stderr {
		t.Errorf("the standard output has %q", stdout.String())
	}
	var any struct{}
	if text := read(t, file("j.xml")); xml.Unmarshal(text, &any) != nil || !bytes.Contains(text, []byte(`name="DOC-3"`)) {
		t.Errorf("JUnit: %s", text)
	}
	if text := read(t, file("j.json")); json.Unmarshal(text, &any) != nil || !bytes.Contains(text, []byte(`"mimic.array.DOC-3"`)) {
		t.Errorf("JSON: %s", text)
	}
	if text := read(t, file("p.html")); !bytes.HasSuffix(text, []byte("</html>\n")) || !bytes.Contains(text, []byte("DOC-3/array")) {
		t.Errorf("HTML: %s", text)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestOutputsOfARunThatWasCut looks at what is left by a run that ends before its
// first kernel, and by one that is killed before it can say so.
func TestOutputsOfARunThatWasCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.xml")
	o := asked(t, nil, "-junit", path)
	c := small(t)
	if err := o.begin(&c); err != nil {
		t.Fatal(err)
	}
	if text := string(read(t, path)); !strings.Contains(text, "the run ended before this kernel was examined") {
		t.Errorf("a run that was killed leaves %s", text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout bytes.Buffer
	kernels, err := asked(t, &stdout, "-ktap", "-").Run(ctx, c, false)
	if err != nil || ExitCode(kernels, false) != ExitHarness {
		t.Errorf("%v, exit %d", err, ExitCode(kernels, false))
	}
	if text := stdout.String(); !strings.Contains(text, "\nnot ok 1 ") || strings.Contains(text, "ok 1 DOC-3\n") {
		t.Errorf("a run that was cancelled leaves %s", text)
	}
}

func TestOutputsThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	for _, format := range report.Formats {
		for _, path := range []string{filepath.Join(dir, "none", "x"), dir, "/dev/full"} {
			_, err := asked(t, nil, "-"+format.Name, path).Run(t.Context(), small(t), false)
			if err == nil || !strings.Contains(err.Error(), "-"+format.Name+" "+path) || IsUsage(err) {
				t.Errorf("-%s %s: %v", format.Name, path, err)
			}
		}
	}
	if _, err := asked(t, nil, "-json", "-", "-ktap", "-").Run(t.Context(), small(t), false); !IsUsage(err) {
		t.Errorf("two formats in the standard output: %v", err)
	}
}

func TestOutputsOnGitHub(t *testing.T) {
	var stdout bytes.Buffer
	o := asked(t, &stdout)
	summary := filepath.Join(t.TempDir(), "summary.md")
	t.Setenv("GITHUB_ACTIONS", "true")
	t.Setenv("GITHUB_STEP_SUMMARY", summary)
	c := small(t)
	c.Rows, c.Sequences = nil, 1 // too few to tell
	if _, err := o.Run(t.Context(), c, false); err != nil {
		t.Fatal(err)
	}
	if text := stdout.String(); !strings.HasPrefix(text, "::error title=") || !strings.Contains(text, " inconclusive on kernel ") {
		t.Errorf("annotations: %s", text)
	}
	if text := string(read(t, summary)); !strings.HasPrefix(text, "## mimic: not everything held\n") {
		t.Errorf("summary: %s", text)
	}
}
