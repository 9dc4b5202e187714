package ci

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mimic/properties"
	"mimic/vmtest"
)

// claimsFile is every claim id that there ever was, with its words: a line is changed or withdrawn, never deleted.
const claimsFile = "claims.txt"

// TestClaimIDsAreNeverReused: reports and failure folders of last year speak of ids. So an id that promised something keeps
// promising that.
func TestClaimIDsAreNeverReused(t *testing.T) {
	type line struct {
		says      string
		withdrawn bool
	}
	kept := map[string]line{}
	for s := bufio.NewScanner(strings.NewReader(read(t, "ci/"+claimsFile))); s.Scan(); {
		if text := s.Text(); text != "" && text[0] != '#' {
			id, says, ok := strings.Cut(strings.TrimPrefix(text, "-"), " ")
			if _, twice := kept[id]; !ok || twice {
				t.Errorf("%s: %q: twice, or without words", claimsFile, text)
			}
			kept[id] = line{strings.TrimSpace(says), text[0] == '-'}
		}
	}
	missing := ""
	for _, c := range properties.Claims {
		switch was, there := kept[c.ID]; {
		case !there:
			missing += c.ID + " " + c.Says + "\n"
		case was.withdrawn:
			t.Errorf("claim %s was withdrawn (%q): a new promise gets a new id", c.ID, was.says)
		case was.says != c.Says:
			t.Errorf("claim %s said %q and says %q: if that is another promise it gets an id of its own, else change %s", c.ID, was.says, c.Says, claimsFile)
		}
		delete(kept, c.ID)
		if c.Source == "" || c.Until != (properties.Version{}) && !c.Since.Before(c.Until) {
			t.Errorf("claim %s: want a source, and an end after its beginning", c.ID)
		}
	}
	if missing != "" {
		t.Errorf("add to ci/%s:\n%s", claimsFile, missing)
	}
	for id, l := range kept {
		if !l.withdrawn {
			t.Errorf("claim %s is gone: put a - before its line in ci/%s, so that nobody takes the id again", id, claimsFile)
		}
	}
}

// TestKnownRowsNameWhatIsThere: kernels of kernels.txt, sequences that are there, findings of FINDINGS.md. (That rules
// and families exist is for the parser to see.)
func TestKnownRowsNameWhatIsThere(t *testing.T) {
	rows, err := properties.ParseKnown("known.txt", strings.NewReader(read(t, "known.txt")))
	if err != nil {
		t.Fatal(err)
	}
	matrix, err := vmtest.ParseMatrix("kernels.txt", strings.NewReader(read(t, "kernels.txt")))
	if err != nil {
		t.Fatal(err)
	}
	series := map[properties.Version]bool{{}: true} // no end
	for _, row := range matrix {
		if v, err := properties.ParseVersion(row.Series); err == nil {
			series[v] = true
		}
	}
	findings := read(t, "FINDINGS.md")
	for _, r := range rows {
		if !series[r.Since] || !series[r.Until] {
			t.Errorf("known.txt: %s: %v or %v is no series of kernels.txt", r.Ref.Rule.ID, r.Since, r.Until)
		}
		if _, err := os.Stat(filepath.Join("..", r.Sequence)); r.Sequence != "" && r.Sequence != "-" && err != nil {
			t.Errorf("known.txt: %s: %v", r.Ref.Rule.ID, err)
		}
		_, finding, ok := strings.Cut(r.Reason, "FINDINGS.md ")
		if !ok || !strings.Contains(findings, "\n## "+finding+": ") {
			t.Errorf("known.txt: %s: %q names no section of FINDINGS.md", r.Ref.Rule.ID, r.Reason)
		}
	}
}

// TestEveryPackageHasItsArrows: a new package says what it must not import.
func TestEveryPackageHasItsArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "mimic/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.FieldsSeq(string(out)) {
		top := pkg == "mimic/cmd/mimic" || strings.HasPrefix(pkg, "mimic/ci") // nothing imports them, and they may import all
		if arrows[pkg] == nil && !top && !strings.Contains(pkg, "/internal/") {
			t.Errorf("%s is not in the table of arrows: say what it must not import, and why", pkg)
		}
	}
}
