package ci

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

func documents(t *testing.T) (paths []string) {
	t.Helper()
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../ci/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) < 10 {
		t.Fatalf("%q", paths)
	}
	return paths
}

var (
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	quoted  = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// anchors are what #fragments of a document can name, as GitHub makes them of headings.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])
		all[name] = true
	}
	return all
}

// broken are the links of a document that lead nowhere in this tree.
func broken(t *testing.T, path, text string) (all []string) {
	t.Helper()
	text = quoted.ReplaceAllString(fenced.ReplaceAllString(text, ""), "")
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		to, fragment, _ := strings.Cut(m[1], "#")
		if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
			continue
		}
		target := filepath.Join(filepath.Dir(path), to)
		if to == "" {
			target = path
		}
		b, err := os.ReadFile(target)
		if info, statErr := os.Stat(target); statErr != nil || err != nil && !info.IsDir() || fragment != "" && !anchors(string(b))[fragment] {
			all = append(all, m[1])
		}
	}
	return all
}

// TestLinks: each link of a document leads to a file of the tree, and to a heading in it.
func TestLinks(t *testing.T) {
	linked := map[string]bool{}
	for _, path := range documents(t) {
		text := read(t, strings.TrimPrefix(path, "../"))
		for _, l := range broken(t, path, text) {
			t.Errorf("%s: %s leads nowhere", path, l)
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			to, _, _ := strings.Cut(m[1], "#")
			linked[filepath.Join(filepath.Dir(path), to)] = true
		}
	}
	for _, path := range documents(t) {
		if strings.HasPrefix(path, "../docs/") && !linked[path] {
			t.Errorf("no document leads to %s", path)
		}
	}
	if got := broken(t, "../README.md", "[a](none.md) [b](README.md#no-such) [c](README.md#scores) [d](docs) `[e](f)`"); len(got) != 2 {
		t.Errorf("of two broken links %q were found", got)
	}
}

// quotation is a block of code of the tutorial, with the file that it is of in the line before.
var quotation = regexp.MustCompile("(?ms)^`([a-z_/]+\\.go)`[^\n]*\n\n```go\n(.*?)^```$")

// TestTutorialIsCode: each block of docs/claims.md is in the file that it names, so it compiles, and is as it is there.
func TestTutorialIsCode(t *testing.T) {
	found := quotation.FindAllStringSubmatch(read(t, "docs/claims.md"), -1)
	if n := strings.Count(read(t, "docs/claims.md"), "```go"); n != len(found) || n < 4 {
		t.Errorf("%d blocks of Go, %d name their file", n, len(found))
	}
	for _, m := range found {
		if !strings.Contains(squeezed(read(t, m[1])), squeezed(m[2])) {
			t.Errorf("docs/claims.md: this is not in %s any more:\n%s", m[1], m[2])
		}
	}
}

// squeezed is text without what gofmt aligns.
func squeezed(text string) string { return strings.Join(strings.Fields(text), " ") }
