package main

import (
	"os"
	"path/filepath"
	"testing"

	"mimic/suite"
)

// fakeTree is a folder that looks like a kernel's source; make, in PATH, does what the script says.
func fakeTree(t *testing.T, script string) (tree string) {
	t.Helper()
	tree, tools := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{filepath.Join(tree, "Makefile"): "", filepath.Join(tools, "make"): "#!/bin/sh\ntree=$2 out=${3#O=}\n" + script} {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	return tree
}

// TestBuildExits runs the command on trees that nothing comes of.
func TestBuildExits(t *testing.T) {
	broken := fakeTree(t, "case $* in\n*bzImage) echo 'kernel/bpf/x.c:1:1: error: no' >&2; exit 2;;\n*) touch $out/.config;;\nesac\n")
	for name, c := range map[string]struct {
		args []string
		want int
	}{
		"does not compile":      {[]string{"-build", broken}, 3},
		"no source":             {[]string{"-build", t.TempDir()}, 2},
		"no such folder":        {[]string{"replay", "-build", filepath.Join(broken, "none"), "x.seq"}, 2},
		"no lines":              {[]string{"-build", broken, "-config", filepath.Join(broken, "none")}, 2},
		"lines of nothing":      {[]string{"-config", filepath.Join(broken, "Makefile")}, 2},
		"beside what is no row": {[]string{"-build", broken, "-vm", "1.2"}, 2},
	} {
		if got := run(t.Context(), c.args); got != c.want {
			t.Errorf("%s: mimic %q exits %d, want %d", name, c.args, got, c.want)
		}
	}
}

// TestBuildRuns builds a tree, with a make that copies a kernel of the cache, and runs on it.
func TestBuildRuns(t *testing.T) {
	if os.Getenv("MIMIC_VM") == "" {
		t.Skip("boots a kernel: set MIMIC_VM=1")
	}
	k, err := suite.Fetch(t.Context(), "6.12", func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	tree := fakeTree(t, "case $* in\n*bzImage) mkdir -p $out/arch/x86/boot; cp "+k.Image+" $out/arch/x86/boot/bzImage;;\n*) touch $out/.config;;\nesac\n")
	out := t.TempDir()
	if code := run(t.Context(), []string{"-build", tree, "-claims", "P20/array", "-elsewhere", "none", "-out", out}); code != suite.ExitHeld {
		t.Errorf("exit code %d, want %d", code, suite.ExitHeld)
	}
}
