package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"mimic/properties"
)

// errorLine is a workflow command as GitHub's runner reads it: properties without
// : and , and a message, all in one line.
var errorLine = regexp.MustCompile(`^::error (?:file=([^:,]+),)?title=([^:,]+)::(.+)$`)

func TestAnnotations(t *testing.T) {
	r := everything(t)
	r.Kernels[1].Findings[0].File = "out/a,b:c/reduced.seq"
	var b bytes.Buffer
	if err := Annotations(&b, r); err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, k := range r.Kernels {
		if k.Trouble() != "" && !k.Skipped {
			want++
		}
		for _, row := range k.Rows {
			if !row.Verdict.Green() {
				want++
			}
		}
	}
	lines, files := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n"), map[string]bool{}
	for _, line := range lines {
		m := errorLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("not an annotation: %q", line)
		}
		files[m[1]] = true
	}
	if len(lines) != want || !files["known.txt"] || !files["out/a%2Cb%3Ac/reduced.seq"] {
		t.Errorf("%d annotations, want %d; of files %v", len(lines), want, files)
	}
	if !strings.Contains(b.String(), "%0A      o0.update(1, i1)") || !strings.Contains(b.String(), "%250A") {
		t.Error("the sequence is not told, or a % is not escaped")
	}
}

func TestJobSummary(t *testing.T) {
	var b bytes.Buffer
	if err := JobSummary(&b, everything(t)); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"## mimic: not everything held\n", fmt.Sprintf("| 6.12 | 6.12.1 | ✅ holds | %d |", len(properties.Keys())), "| ❌ VIOLATED |", "want EINVAL", "\n````\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	head, _, _ := strings.Cut(text, "<details>")
	for line := range strings.Lines(head) {
		if n := strings.Count(line, " |"); strings.HasPrefix(line, "|") && n != 3+len(faces) {
			t.Errorf("%d cells: %s", n, line)
		}
	}
	outside := regexp.MustCompile("(?s)\n(`{3,})\n.*?\n(`{3,})\n").ReplaceAllString(text, "")
	if strings.Contains(outside, "<script>") {
		t.Errorf("text is taken for HTML")
	}
	if got := limit([]byte(strings.Repeat("\n<details>x", summaryMax))); len(got) > summaryMax+100 || !bytes.HasSuffix(got, []byte("see the log.\n")) {
		t.Errorf("%d bytes for a summary", len(got))
	}
}
