package lint

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/golangci/misspell"
)

// unspelled are texts that are not ours, or hold what looks like words and is none.
var unspelled = map[string]string{
	"go.sum":         "digests",
	"ci/lint/go.sum": "digests",
}

// TestSpelling looks at every text of the tree for words that people often get wrong.
func TestSpelling(t *testing.T) {
	r := misspell.New()
	r.Compile()
	for _, path := range tracked(t, ".") {
		if unspelled[path] != "" || filepath.Ext(path) == ".elf" || filepath.Ext(path) == ".o" {
			continue
		}
		text := read(t, path)
		if strings.ContainsRune(text, 0) {
			continue // no text
		}
		_, diffs := r.Replace(text)
		for _, d := range diffs {
			t.Errorf("%s:%d:%d: %q, want %q", path, d.Line, d.Column+1, d.Original, d.Corrected)
		}
	}
	if _, diffs := r.Replace("what was recie" + "ved"); len(diffs) != 1 {
		t.Errorf("a wrong word is taken for right: %v", diffs)
	}
}
