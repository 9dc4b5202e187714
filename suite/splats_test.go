package suite

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mimic/vmtest"
)

// TestSplatsFile reads the allow-list of the repository as it will be read soon:
// a row that is about to expire is to be seen before runs fail.
func TestSplatsFile(t *testing.T) {
	f, err := os.Open(filepath.Join("..", SplatsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := vmtest.ParseAllowList(SplatsFile, f, time.Now().AddDate(0, 0, 7)); err != nil {
		t.Error(err)
	}
}

func TestBadSplatsFileIsUsage(t *testing.T) {
	path := filepath.Join(t.TempDir(), SplatsFile)
	row := "WARNING  6.12  2020-01-01  https://example.org/1  old\n"
	if err := os.WriteFile(path, []byte(row), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := readTable(path, parseSplats)
	var syntax *vmtest.SyntaxError
	if !IsUsage(err) || !errors.As(err, &syntax) || syntax.Line != 1 || syntax.Column != 16 {
		t.Errorf("readTable = %v, want usage, line 1, column 16", err)
	}
}
