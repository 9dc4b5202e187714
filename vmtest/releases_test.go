package vmtest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// remember makes a suite's package lists ones that were just fetched.
func remember(t *testing.T, s *Source, suite string, packages ...candidate) {
	t.Helper()
	for i := range packages {
		packages[i].Suite = suite
	}
	text, err := json.Marshal(savedIndex{s.Mirror, packages})
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(s.root(suite).index(), text); err != nil {
		t.Fatal(err)
	}
}

func TestReleases(t *testing.T) {
	if err := (&Source{Mirror: "x"}).usable(); err != nil {
		t.Skip(err)
	}
	s := &Source{CacheDir: t.TempDir(), Mirror: "http://127.0.0.1:9/debian", Progress: func(s string) { t.Log(s) }}
	image := func(version, ending string) candidate {
		return candidate{Package: "linux-image-" + version + "-cloud-amd64" + ending, Version: version, SHA256: ending}
	}
	remember(t, s, "stable", image("6.12.117-1", ""), image("6.12.117-1", "-unsigned"), image("6.12.90-2", ""), image("6.12.90-1", ""),
		image("6.1.5-1", ""), candidate{Package: "linux-source-6.12", Version: "6.12.1-1"})
	remember(t, s, "older", image("6.12.43-1~bpo1", ""), image("6.12.90-1~bpo1", ""))
	row := Line{Series: "6.12", Suites: []string{"stable"}}
	list, tried, err := s.Releases(t.Context(), row, "older", "gone")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range list {
		names = append(names, r.Name)
		if strings.Contains(r.String(), "unsigned") {
			t.Errorf("%s is the unsigned package", r)
		}
	}
	if want := []string{"6.12.43", "6.12.90-1", "6.12.90-2", "6.12.117"}; !slices.Equal(names, want) {
		t.Errorf("releases %q, want %q", names, want)
	}
	if len(tried) != 3 || !strings.Contains(tried[1], "older: 2 versions") || !strings.Contains(tried[2], "suite gone: ") {
		t.Errorf("tried %q", tried)
	}
	if !list[1].Is("6.12.90-1") || !list[1].Is("6.12.90") || list[1].Is("6.12.9") {
		t.Errorf("%s is not known by its names", list[1].Name)
	}
	if _, _, err := s.Releases(t.Context(), Line{Series: "5.5", Suites: []string{"stable"}}); err == nil || !strings.Contains(err.Error(), "5.5 is not available") {
		t.Errorf("%v, want what was tried", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Releases(cancelled, row); err == nil {
		t.Error("a cancelled look goes on")
	}
	if _, err := os.Stat(filepath.Join(s.CacheDir, "kernels")); err == nil {
		t.Error("looking fetched a kernel")
	}
}
