package ci

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestKselftestCodes hands scripts/kselftest.sh a mimic that prints KTAP, and wants kselftest's exit codes.
func TestKselftestCodes(t *testing.T) {
	const (
		good   = "  ok 1 harness\n    ok 1 P20\n"
		listed = "    ok 2 P85 # XFAIL known deviation: FINDINGS.md F2\n"
		doc    = "    ok 2 DOC-10 # XFAIL documentation defect: D1\n"
		none   = "    ok 2 P78 # SKIP too old\n"
		stale  = "    not ok 2 P85 # unexpected pass: known.txt lists it\n  not ok 2 array\nnot ok 1 6.12\n"
		broken = "    not ok 2 P90\n  not ok 2 array\nnot ok 1 6.12\n"
		few    = "    not ok 2 P92 # ERROR inconclusive\nnot ok 1 6.12\n"
	)
	for _, c := range []struct {
		name, ktap string
		mimic      string // its exit code
		env        string
		want       int
	}{
		{"all holds", good, "0", "", 0},
		{"what the documentation says wrongly is no failure", good + doc, "0", "", 0},
		{"nothing but what is listed", good + listed + none, "0", "", 2},
		{"the same for runner.sh", good + listed, "0", "XFAIL=0", 0},
		{"a violation", good + listed + broken, "1", "", 1},
		{"a violation beside what holds unexpectedly", good + broken + stale, "1", "", 1},
		{"what is listed holds", good + stale, "1", "", 3},
		{"not asked enough", good + few, "3", "", 1},
		{"no kernel", "  not ok 1 harness # ERROR no boot\nnot ok 1 6.12\n", "3", "", 1},
		{"a kernel that is skipped", "  ok 1 harness # SKIP not there\nok 1 6.12 # SKIP not there\n", "0", "", 4},
		{"nothing claimed", "  ok 1 harness\n" + none, "0", "", 4},
		{"bad usage", "", "2", "", 1},
		{"killed", good, "137", "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			mimic := filepath.Join(dir, "mimic")
			text := "#!/bin/sh\ncat <<'END'\nKTAP version 1\n1..1\n" + c.ktap + "END\nexit " + c.mimic + "\n"
			if err := os.WriteFile(mimic, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("../scripts/kselftest.sh", "-vm", "6.12")
			cmd.Env = append(os.Environ(), "MIMIC="+mimic, "TMPDIR="+dir, c.env)
			out, err := cmd.Output()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != c.want || !strings.HasPrefix(string(out), "KTAP version 1\n") {
				t.Errorf("exits %d, want %d\n%s", got, c.want, out)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "tmp.*")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}
