package lint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/licenseclassifier/v2/assets"
)

// allowed are the licences that a dependency of mimic, which is MIT, can have.
var allowed = map[string]bool{"MIT": true, "Apache-2.0": true, "BSD-3-Clause": true, "BSD-2-Clause": true, "ISC": true, "MPL-2.0": true, "CC0-1.0": true}

// surely is how sure the classifier must be.
const surely = 0.9

// module is a line of go.mod, and where the go command has its files.
type module struct {
	Path, Version, Dir string
	Indirect           bool
}

// modules lists what go.mod requires.
func modules(t *testing.T) (all []module) {
	t.Helper()
	stdout, stderr, code := output(t, "go", "mod", "edit", "-json")
	var file struct{ Require []module }
	if err := json.Unmarshal([]byte(stdout), &file); err != nil || code != 0 {
		t.Fatalf("go mod edit: exit %d, %v, %s", code, err, stderr)
	}
	args := []string{"mod", "download", "-json"}
	for _, m := range file.Require {
		args = append(args, m.Path)
	}
	stdout, stderr, code = output(t, "go", args...)
	dirs := map[string]string{}
	for d := json.NewDecoder(strings.NewReader(stdout)); d.More(); {
		var got module
		if err := d.Decode(&got); err != nil || got.Dir == "" {
			t.Fatalf("go mod download: exit %d, %+v, %v, %s", code, got, err, stderr)
		}
		dirs[got.Path] = got.Dir
	}
	for _, m := range file.Require {
		m.Dir = dirs[m.Path]
		all = append(all, m)
	}
	return all
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying)(\.(txt|md))?$`)

// row is a line of a table of docs/dependencies.md: module, licence, and why.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+?) \\| (.*) \\|$")

// TestLicences: docs/dependencies.md names each module of go.mod, none else, and the licence that its own
// file says. Those that mimic imports itself are justified in three words: what, why, and instead of what.
func TestLicences(t *testing.T) {
	classifier, err := assets.DefaultClassifier()
	if err != nil {
		t.Fatal(err)
	}
	listed, why := map[string]string{}, map[string]string{}
	for _, m := range row.FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		listed[m[1]], why[m[1]] = m[2], m[3]
	}
	for _, m := range modules(t) {
		licence := licenceOf(t, m, func(text []byte) (names []string) {
			for _, match := range classifier.Match(text).Matches {
				if match.MatchType == "License" && match.Confidence >= surely {
					names = append(names, match.Name)
				}
			}
			return names
		})
		if slices.ContainsFunc(strings.Split(licence, ", "), func(l string) bool { return !allowed[l] }) {
			t.Errorf("%s has the licence %q, which is none of those that mimic can use", m.Path, licence)
		}
		if listed[m.Path] != licence {
			t.Errorf("docs/dependencies.md says %q of %s, its own file says %q", listed[m.Path], m.Path, licence)
		}
		if words := strings.Count(why[m.Path], "|"); !m.Indirect && words != 2 {
			t.Errorf("docs/dependencies.md: %s: want what for, why this one, and the alternative", m.Path)
		}
		delete(listed, m.Path)
	}
	for path := range listed {
		t.Errorf("docs/dependencies.md lists %s, which go.mod does not require", path)
	}
}

// licenceOf are the names of the licences in the first file that is called so.
func licenceOf(t *testing.T, m module, classify func([]byte) []string) string {
	t.Helper()
	files, err := os.ReadDir(m.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !licenceFile.MatchString(f.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.Dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		names := classify(text)
		slices.Sort(names)
		return strings.Join(slices.Compact(names), ", ")
	}
	return ""
}

// unreachable is what govulncheck says where there is no database to be had.
var unreachable = regexp.MustCompile(`(?s)(fetching vulnerabilities|HTTP GET|dial tcp|no such host|Forbidden|connection refused|proxyconnect|i/o timeout)`)

// TestVulnerabilities asks the database of Go's vulnerabilities about what mimic calls.
func TestVulnerabilities(t *testing.T) {
	stdout, stderr, code := output(t, tool(t, "golang.org/x/vuln/cmd/govulncheck"), "./cmd/...")
	switch {
	case code == 0:
	case unreachable.MatchString(stderr) && os.Getenv("MIMIC_VULNDB") == "":
		t.Skipf("the database of vulnerabilities cannot be had here, so nothing was looked at; MIMIC_VULNDB=1 makes this a failure: %s", stderr)
	default:
		t.Errorf("govulncheck exits %d\n%s%s", code, stdout, stderr)
	}
}
