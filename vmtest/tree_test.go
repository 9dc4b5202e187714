package vmtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeMake writes a program that is called like make and does what script says; $out is the
// folder for what is built.
func fakeMake(t *testing.T, script string) TreeBuild {
	dir := t.TempDir()
	path := filepath.Join(dir, "make")
	text := "#!/bin/sh\necho \"$@\"\nout=${3#O=}\n" + script
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return TreeBuild{Tree: dir, Output: filepath.Join(dir, "out"), Config: "CONFIG_BPF_SYSCALL=y\nCONFIG_GONE=y\n", Make: path}
}

func TestBuildTree(t *testing.T) {
	t.Setenv("MIMIC_CACHE", t.TempDir())
	b := fakeMake(t, "echo CONFIG_BPF_SYSCALL=y >$out/.config\nmkdir -p $out/arch/x86/boot\ncp \"$(dirname $0)/image\" $out/arch/x86/boot/bzImage\n")
	copyImage(t, b)
	var log bytes.Buffer
	b.Log = &log
	k, err := BuildTree(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if k.Version != "7.3.0-rc2" || k.ConfigPath != filepath.Join(b.Output, ".config") {
		t.Errorf("built %+v", k)
	}
	for _, want := range []string{"mimic.lines allnoconfig\n", " olddefconfig\n", " bzImage\n", "does not keep CONFIG_GONE=y\n"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, &log)
		}
	}
}

func TestBuildTreeSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		script, want string
		tree         bool // is to blame
	}{
		"does not compile": {"echo 'kernel/bpf/x.c:1: error: no' >&2\nexit 2\n", "x.c:1: error: no", true},
		"leaves nothing":   {"exit 0\n", "it left no kernel", true},
		"leaves no kernel": {"mkdir -p $out/arch/x86/boot; echo x >$out/arch/x86/boot/bzImage\n", "not a kernel", true},
	} {
		t.Run(name, func(t *testing.T) {
			b := fakeMake(t, c.script)
			b.Log = t.Output()
			_, err := BuildTree(t.Context(), b)
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, new(*BuildError)) != c.tree {
				t.Errorf("%v (%T), want %s", err, err, c.want)
			}
		})
	}
	b := TreeBuild{Tree: t.TempDir(), Output: t.TempDir(), Make: "no-such-make"}
	if _, err := BuildTree(t.Context(), b); err == nil || errors.As(err, new(*BuildError)) {
		t.Errorf("without make: %v, want an error that does not blame the tree", err)
	}
}

// copyImage lays ready what a fake make copies as its bzImage.
func copyImage(t *testing.T, b TreeBuild) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.Tree, "image"), emptyBzImage(1000), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestBuildTreeKeeps builds a tree that nobody configured, twice: defconfig is made once.
func TestBuildTreeKeeps(t *testing.T) {
	t.Setenv("MIMIC_CACHE", t.TempDir())
	b := fakeMake(t, "case $* in\n*defconfig) [ -e $out/.config ] || printf '# CONFIG_BPF_SYSCALL is not set\\nCONFIG_NET=y\\n' >$out/.config;;\n"+
		"*bzImage) mkdir -p $out/arch/x86/boot; cp \"$(dirname $0)/image\" $out/arch/x86/boot/bzImage;;\nesac\n")
	copyImage(t, b)
	b.Keep, b.Output = true, filepath.Join(b.Tree, BuildFolder)
	for _, defconfigs := range []int{1, 0} {
		var log bytes.Buffer
		b.Log = &log
		k, err := BuildTree(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(log.String(), " defconfig\n"); n != defconfigs {
			t.Errorf("make defconfig %d times, want %d:\n%s", n, defconfigs, &log)
		}
		text, err := os.ReadFile(k.ConfigPath)
		if want := "CONFIG_NET=y\n" + b.Config; err != nil || string(text) != want {
			t.Errorf("configured with %q (%v), want %q", text, err, want)
		}
	}
	if k, err := FromFile(b.Tree, t.TempDir()); err != nil || k.Image != filepath.Join(b.Output, "arch/x86/boot/bzImage") {
		t.Errorf("the tree, asked for later, is %+v, %v", k, err)
	}
}

// TestBuildTreeInPlace builds a tree that is configured: make would refuse to build it elsewhere.
func TestBuildTreeInPlace(t *testing.T) {
	t.Setenv("MIMIC_CACHE", t.TempDir())
	b := fakeMake(t, "case $* in\n*O=*) echo 'The source tree is not clean' >&2; exit 2;;\n*bzImage) mkdir -p $2/arch/x86/boot; cp \"$(dirname $0)/image\" $2/arch/x86/boot/bzImage;;\nesac\n")
	copyImage(t, b)
	mine := "CONFIG_BPF_SYSCALL=n\nCONFIG_NET=y\n"
	if err := os.WriteFile(filepath.Join(b.Tree, ".config"), []byte(mine), 0o644); err != nil {
		t.Fatal(err)
	}
	b.Keep, b.Log = true, t.Output()
	k, err := BuildTree(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(k.ConfigPath)
	if want := "CONFIG_NET=y\n" + b.Config; err != nil || string(text) != want || k.ConfigPath != filepath.Join(b.Output, ".config") {
		t.Errorf("configured in %s with %q (%v), want %q", k.ConfigPath, text, err, want)
	}
	if text, err := os.ReadFile(filepath.Join(b.Tree, ".config")); err != nil || string(text) != mine {
		t.Errorf("the tree's own .config is %q, %v", text, err)
	}
}

// TestBuildTreeIsInterrupted ends a build that would take long.
func TestBuildTreeIsInterrupted(t *testing.T) {
	b := fakeMake(t, "echo begun >$out/begun\nsleep 1000 & wait\n")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.Log = writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	if _, err := BuildTree(ctx, b); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want canceled", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
