package vmtest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// noNetwork puts an apt-get first in PATH that fails as it does without a network, and notes that
// it was called.
func noNetwork(t *testing.T) (calls string) {
	t.Helper()
	dir := t.TempDir()
	calls = filepath.Join(dir, "calls")
	script := "#!/bin/sh\necho \"$@\" >> " + calls +
		"\necho 'E: Temporary failure resolving' >&2\nexit 100\n"
	if err := os.WriteFile(filepath.Join(dir, "apt-get"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return calls
}

// testSource is a Source with an empty cache; said collects its sentences.
func testSource(t *testing.T) (s *Source, said *[]string) {
	t.Helper()
	if _, err := keyring(); err != nil {
		t.Skip(err)
	}
	said = new([]string)
	return &Source{
		CacheDir:       t.TempDir(),
		Mirror:         "http://m.test/debian",
		SecurityMirror: "http://s.test/debian-security",
		Progress:       func(text string) { *said = append(*said, text) },
	}, said
}

var testRow = Line{Series: "6.12", Suites: []string{"trixie-security", "trixie"}, Pos: Pos{"k", 2, 1}}

func TestFetchWithoutNetwork(t *testing.T) {
	noNetwork(t)
	s, _ := testSource(t)
	_, err := s.Fetch(context.Background(), testRow)
	var missing *UnavailableError
	if !errors.As(err, &missing) || missing.Line.Series != "6.12" || len(missing.Tried) != 2 {
		t.Fatalf("Fetch = %v, want an *UnavailableError with two tries", err)
	}
	for _, want := range []string{"k:2:1: kernel 6.12 is not available",
		"suite trixie-security on http://s.test/debian-security: ",
		"suite trixie on http://m.test/debian: ",
		"Temporary failure resolving", "check the network", "MIMIC_DEBIAN_MIRROR"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error is %q, want %q in it", err, want)
		}
	}
}

func TestFetchWithoutMirror(t *testing.T) {
	s, _ := testSource(t)
	s.Mirror = ""
	_, err := s.Fetch(context.Background(), testRow)
	if err == nil || !strings.Contains(err.Error(), "set MIMIC_DEBIAN_MIRROR") {
		t.Errorf("Fetch = %v, want what to set", err)
	}
}

// fillCache puts package lists of an age, and a kernel, into the cache.
func fillCache(t *testing.T, s *Source, suite string, age time.Duration, list ...candidate) {
	t.Helper()
	root := s.root(suite)
	text, err := json.Marshal(savedIndex{root.mirror, list})
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(root.index(), text); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(root.index(), time.Time{}, time.Now().Add(-age)); err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		keepKernel(t, s, c.id(), Kernel{Version: upstreamVersion(c.Version), Package: c.Package + " " + c.Version})
	}
}

// keepKernel puts a kernel into the cache whose image is its package's name.
func keepKernel(t *testing.T, s *Source, id string, k Kernel) Kernel {
	t.Helper()
	k.Image = filepath.Join(t.TempDir(), "vmlinuz")
	if err := os.WriteFile(k.Image, []byte(k.Package), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := s.store().save(context.Background(), id, k)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestFetchFromCacheAsksNobody(t *testing.T) {
	calls := noNetwork(t)
	s, said := testSource(t)
	fillCache(t, s, "trixie-security", time.Hour,
		candidate{Package: "linux-image-6.12.9-cloud-amd64", Version: "6.12.9-1", SHA256: "", Suite: "trixie-security"})
	fillCache(t, s, "trixie", time.Hour, candidate{Package: "linux-image-6.12.10-cloud-amd64", Version: "6.12.10-1", SHA256: "", Suite: "trixie"})
	k, err := s.Fetch(context.Background(), testRow)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(k.Image); k.Version != "6.12.10" || string(text) != "linux-image-6.12.10-cloud-amd64 6.12.10-1" {
		t.Errorf("Fetch = %+v with %q, %v; want 6.12.10", k, text, err)
	}
	if _, err := os.Stat(calls); err == nil || len(*said) != 0 {
		t.Errorf("apt-get was called, or something said: %q", *said)
	}
}

func TestFetchWithOldLists(t *testing.T) {
	calls := noNetwork(t)
	s, said := testSource(t)
	row := Line{Series: "6.12", Suites: []string{"trixie"}}
	fillCache(t, s, "trixie", 25*time.Hour, candidate{Package: "linux-image-6.12.10-cloud-amd64", Version: "6.12.10-1", SHA256: "", Suite: "trixie"})
	for range 2 {
		if _, err := s.Fetch(context.Background(), row); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.Join(*said, "\n")
	if len(*said) != 2 || !strings.Contains(text, "using the package lists of trixie from ") {
		t.Errorf("progress says %q, want one try and one notice", *said)
	}
	if tried, _ := os.ReadFile(calls); strings.Count(string(tried), "update") != 1 {
		t.Errorf("apt-get was called with %q, want one update", tried)
	}
}

// Lists of another mirror are not used, but the kernels in the cache still are.
func TestFetchAfterMirrorChanged(t *testing.T) {
	noNetwork(t)
	s, said := testSource(t)
	fillCache(t, s, "trixie", time.Hour, candidate{Package: "linux-image-6.12.10-cloud-amd64", Version: "6.12.10-1", SHA256: "", Suite: "trixie"},
		candidate{Package: "linux-image-6.12.9-cloud-amd64", Version: "6.12.9-1", SHA256: "", Suite: "trixie"})
	s.Mirror = "http://other.test/debian"
	k, err := s.Fetch(context.Background(), Line{Series: "6.12", Suites: []string{"trixie"}})
	if err != nil || k.Version != "6.12.10" {
		t.Errorf("Fetch = %+v, %v; want 6.12.10 from the cache", k, err)
	}
	last := (*said)[len(*said)-1]
	if !strings.Contains(last, "using linux-image-6.12.10-cloud-amd64 6.12.10-1 from the cache") {
		t.Errorf("progress ends with %q", last)
	}
}

func TestFetchIsCancelled(t *testing.T) {
	s, _ := testSource(t)
	unlock, err := lock(context.Background(), s.root("trixie").dir+".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err = s.Fetch(ctx, Line{Series: "6.12", Suites: []string{"trixie"}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Fetch while another process holds the lock = %v, want the deadline", err)
	}
}

// Every row of the matrix boots; many downloads the first time, so only on demand.
func TestEveryKernelBoots(t *testing.T) {
	if os.Getenv("MIMIC_ALL_KERNELS") == "" {
		t.Skip("boots every row of kernels.txt: set MIMIC_ALL_KERNELS=1")
	}
	for _, row := range matrix(t) {
		if row.Config != "" {
			continue // takes minutes to build
		}
		t.Run(row.Name(), func(t *testing.T) {
			k := needKernel(t, row.Name())
			for _, cpus := range []int{1, 2} {
				c := configFor(t, "exit")
				c.Kernel, c.CPUs, c.Cache = k, cpus, t.TempDir()
				start := time.Now()
				vm := mustBoot(t, c)
				t.Logf("%s, %d CPUs, %v: ready after %.2fs",
					k.Version, cpus, vm.Recipe(), time.Since(start).Seconds())
				wantEnd(t, waitFor(t, vm, 10*time.Second), Completed, "code 42")
				if k.Vmlinux == "" || vm.Recipe().Board != MicroVM {
					t.Errorf("%+v booted on %v, want the unpacked kernel on the microvm", k, vm.Recipe())
				}
			}
		})
	}
}
