package lint

import (
	"os"
	"path/filepath"
	"testing"
)

func TestShell(t *testing.T) {
	shellcheck := need(t, "shellcheck")
	scripts := tracked(t, "*.sh", ".ci/run")
	if stdout, _, code := output(t, shellcheck, append([]string{"-x", "--"}, scripts...)...); code != 0 {
		t.Errorf("shellcheck exits %d\n%s", code, stdout)
	}
	bad := filepath.Join(t.TempDir(), "bad.sh")
	if err := os.WriteFile(bad, []byte("#!/bin/sh\nrm $1/*\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, code := output(t, shellcheck, bad); code == 0 {
		t.Error("shellcheck does not mind rm $1/*")
	}
	for _, path := range scripts {
		if info, err := os.Stat(filepath.Join(root, path)); err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s: %v, %v, want a file that can be executed", path, info.Mode(), err)
		}
	}
}
