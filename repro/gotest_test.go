package repro

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoTestIsRun runs a Go test in a folder of its own: the kernel in memory, which is honest, has
// no bug; 6.1 has.
func TestGoTestIsRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a test")
	}
	src, err := GoTest(violationOf(t, findings+"H10-lock-array.seq"), About{Name: "6.1", Kernel: "6.1"})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(".", "folder")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "repro_test.go"), []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	for kernel, shown := range map[string]bool{"": false, "6.1": true} {
		if kernel != "" && os.Getenv("MIMIC_VM") != "1" {
			continue
		}
		out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "./"+dir, "-vm="+kernel).CombinedOutput()
		found := strings.Contains(string(out), "the bug is there:\n") && strings.Contains(string(out), "broke P32/array")
		if (err != nil) != shown || found != shown {
			t.Errorf("-vm %q: %v, want the bug: %v\n%s", kernel, err, shown, out)
		}
	}
}
