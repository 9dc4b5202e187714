package executor

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSetParameter(t *testing.T) {
	defer func(was string) { parameters = was }(parameters)
	parameters = t.TempDir()
	path := filepath.Join(parameters, "fault")
	if err := os.WriteFile(path, []byte("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := SetParameter("fault=17"); err != nil {
		t.Error(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "17" {
		t.Errorf("the parameter is %q, want 17", text)
	}
	for _, bad := range []string{"fault", "other=1", "../fault=1"} {
		if err := SetParameter(bad); err == nil {
			t.Errorf("%q was set", bad)
		}
	}
}
