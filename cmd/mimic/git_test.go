package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mimic/suite"
)

// The commits of a tree, of which "make" copies a kernel: without the bug, with it, or none.
var commits = []string{"good", "good", "broken", "good", "bad", "bad"}

// TestGitBisectRun has git find a commit with the documented command. Only make is a fake: it
// copies kernels of the cache, or fails.
func TestGitBisectRun(t *testing.T) {
	if os.Getenv("MIMIC_VM") == "" {
		t.Skip("boots kernels: set MIMIC_VM=1")
	}
	tree := t.TempDir()
	for name, kernel := range map[string]string{"good": "7.3", "bad": "6.12"} {
		k, err := suite.Fetch(t.Context(), kernel, func(s string) { t.Log(s) })
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(k.Image, filepath.Join(tree, name)); err != nil {
			t.Fatal(err)
		}
	}
	tools := t.TempDir()
	fake := "#!/bin/sh\ntree=$2 out=${3#O=}\ncase $* in\n*bzImage) mkdir -p $out/arch/x86/boot; cp $tree/$(cut -d' ' -f1 $tree/kernel) $out/arch/x86/boot/bzImage;;\nesac\n"
	if err := os.WriteFile(filepath.Join(tools, "make"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", tree, "-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...)
		cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	git("init", "-q")
	for i, kernel := range commits {
		if err := os.WriteFile(filepath.Join(tree, "kernel"), fmt.Appendf(nil, "%s %d\n", kernel, i), 0o644); err != nil {
			t.Fatal(err)
		}
		git("add", "kernel")
		git("commit", "-qm", fmt.Sprintf("commit %d is %s", i, kernel))
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	git("bisect", "start", "HEAD", "HEAD~5")
	out := git("bisect", "run", filepath.Join(root, "scripts/bisect-step.sh"), filepath.Join(root, "findings/F2-percpu-array-overrun.seq"))
	for _, want := range []string{"commit 4 is bad", "is the first bad commit", "exit code 125", "exit code 1)", "exit code 0)"} {
		if !strings.Contains(out, want) {
			t.Errorf("git bisect run did not say %q:\n%s", want, out)
		}
	}
	if status := git("status", "--porcelain", "--untracked-files=no"); status != "" {
		t.Errorf("the tree was changed: %s", status)
	}
}
