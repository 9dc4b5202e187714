package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestExitCodes runs the command against the in-memory kernel.
func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("good.seq", "i0 = map(hash, key=4, value=8, max=2)\nend()\n")
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"all holds", []string{"-out", dir}, 0},
		{"help", []string{"-h"}, 0},
		{"replay holds", []string{"-replay", good}, 0},
		{"too few sequences to tell", []string{"-sequences", "1", "-out", dir}, 3},
		{"unknown flag", []string{"-frob"}, 2},
		{"no flag", []string{"6.12"}, 2},
		{"no sequences", []string{"-sequences", "0"}, 2},
		{"unknown kernel", []string{"-vm", "1.2"}, 2},
		{"neither fail nor skip", []string{"-missing", "maybe"}, 2},
		{"no such mode", []string{"-mode", "slow"}, 2},
		{"det on this machine", []string{"-mode", "det", "-vm", "host"}, 2},
		{"stock in memory", []string{"-mode", "stock"}, 2},
		{"no such file to replay", []string{"-replay", filepath.Join(dir, "none")}, 2},
		{"not of the language", []string{"-replay", file("bad.seq", "frob()\n")}, 2},
		{"not an image", []string{"-vm", file("image", "hello")}, 2},
		{"cancelled", []string{"-out", dir}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.name == "cancelled" {
				cancel()
			}
			if got := run(ctx, c.args); got != c.want {
				t.Errorf("mimic %q exits %d, want %d", c.args, got, c.want)
			}
		})
	}
}
