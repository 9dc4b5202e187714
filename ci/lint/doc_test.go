// Package lint holds what is not Go code, and the dependencies, to tools that only CI needs. It is
// a module of its own, so that who uses mimic gets none of them: go -C ci/lint test ./...
package lint

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// root is the top of mimic's module.
const root = "../.."

// tracked lists the files that git knows and that match any of the patterns, as paths from the root.
func tracked(t *testing.T, patterns ...string) (paths []string) {
	t.Helper()
	// What is new and not ignored counts, too: it is held to the rules before it is committed.
	args := append([]string{"-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--"}, patterns...)
	out, err := exec.Command("git", args...).Output()
	if err != nil {
		t.Fatalf("git %q: %v", args, err)
	}
	for path := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if _, err := os.Stat(filepath.Join(root, path)); err == nil {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		t.Fatalf("no file matches %q", patterns)
	}
	return paths
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tool builds a tool of this module's go.mod.
func tool(t *testing.T, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(pkg))
	if out, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return path
}

// outputLimit is the time that a command has.
const outputLimit = 5 * time.Minute

// output runs a command at the root and answers what it printed and its exit code.
func output(t *testing.T, name string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = root, &out, &errs, outputLimit
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// need is the path of a command that setup.sh installs. Without MIMIC_LINT the test is skipped where there is none.
func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("MIMIC_LINT") != "" {
		t.Fatalf("%v: scripts/setup.sh lint installs it", err)
	}
	t.Skipf("%v: scripts/setup.sh lint installs it; MIMIC_LINT=1 makes this a failure", err)
	return ""
}
