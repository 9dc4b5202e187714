package vmtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func cacheSource(t *testing.T) (*Source, *[]string) {
	t.Helper()
	said := new([]string)
	return &Source{CacheDir: t.TempDir(), Progress: func(text string) { *said = append(*said, text) }}, said
}

// made counts how often a kernel with a content has to be made.
func made(t *testing.T, s *Source, id, content string, times *int) Kernel {
	t.Helper()
	k, err := s.once(context.Background(), id, func(part string) (Kernel, error) {
		*times++
		path := filepath.Join(part, "vmlinuz")
		return Kernel{Name: id, Image: path, Version: "6.12.1", Package: "linux 6.12.1-1"}, os.WriteFile(path, []byte(content), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestStoreNamesFilesByTheirHash(t *testing.T) {
	s, _ := cacheSource(t)
	times := 0
	a, b := made(t, s, "a", "kernel", &times), made(t, s, "b", "kernel", &times)
	if a.Image != b.Image || filepath.Base(a.Image) != digest([]byte("kernel")) || times != 2 {
		t.Errorf("the same file is %s and %s, made %d times", a.Image, b.Image, times)
	}
	if made(t, s, "a", "other", &times); times != 2 {
		t.Error("what is in the cache was made again")
	}
	if left, _ := filepath.Glob(s.store().part("*")); len(left) != 0 {
		t.Errorf("%q stayed", left)
	}
}

// spoils are ways in which a file of a cache may be damaged.
var spoils = map[string]func(path string) error{
	"changed": func(path string) error { return WriteFile(path, []byte("kerneL")) },
	"cut":     func(path string) error { return os.Truncate(path, 3) },
	"emptied": func(path string) error { return os.Truncate(path, 0) },
	"gone":    os.Remove,
}

func TestDamagedFileIsNoticed(t *testing.T) {
	for how, spoil := range spoils {
		t.Run(how, func(t *testing.T) {
			s, said := cacheSource(t)
			times := 0
			k := made(t, s, "a", "kernel", &times)
			if err := spoil(k.Image); err != nil {
				t.Fatal(err)
			}
			made(t, s, "a", "kernel", &times)
			if text, err := os.ReadFile(k.Image); string(text) != "kernel" || times != 2 {
				t.Errorf("after the damage it holds %q, %v, made %d times", text, err, times)
			}
			if len(*said) != 1 || !strings.Contains((*said)[0], "the cache was damaged: "+k.Image+" of a ") {
				t.Errorf("progress says %q", *said)
			}
		})
	}
}

func TestDamagedRecordIsNoticed(t *testing.T) {
	s, _ := cacheSource(t)
	times := 0
	made(t, s, "a", "kernel", &times)
	if err := WriteFile(s.store().record("a"), []byte("{")); err != nil {
		t.Fatal(err)
	}
	if made(t, s, "a", "kernel", &times); times != 2 {
		t.Errorf("made %d times, want 2", times)
	}
}

// Without a network, a damaged kernel is not used, and the error says that it was damaged.
func TestDamagedFileOffline(t *testing.T) {
	noNetwork(t)
	s, said := testSource(t)
	fillCache(t, s, "trixie", time.Hour, candidate{Package: "linux-image-6.12.10-cloud-amd64", Version: "6.12.10-1", Suite: "trixie"})
	row := Line{Series: "6.12", Suites: []string{"trixie"}}
	k, err := s.Fetch(context.Background(), row)
	if err != nil {
		t.Fatal(err)
	}
	if err := spoils["changed"](k.Image); err != nil {
		t.Fatal(err)
	}
	_, err = s.Fetch(context.Background(), row)
	var damaged *DamagedError
	if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "Temporary failure resolving") {
		t.Errorf("Fetch = %v, want the damage and why it cannot be repaired; said was %q", err, *said)
	}
}

func TestPrune(t *testing.T) {
	s, _ := cacheSource(t)
	times := 0
	old, recent := made(t, s, "old", "old kernel", &times), made(t, s, "recent", "recent kernel", &times)
	shared := made(t, s, "shared", "recent kernel", &times)
	st := s.store()
	for _, path := range []string{st.partial("p"), st.partial("held"), filepath.Join(st.part("dead"), "f"), filepath.Join(s.CacheDir, "kernels", "a", "vmlinuz")} {
		if err := WriteFile(path, []byte("0123456789")); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{st.record("old"), st.record("shared"), old.Image, recent.Image, st.partial("p"), st.partial("held"), st.part("dead")} {
		long := time.Now().Add(-48 * time.Hour)
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := lock(context.Background(), st.lockOf("download-held"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	p, err := s.Prune(context.Background(), 24*time.Hour)
	if err != nil || len(p.Kernels) != 2 || p.Bytes < 40 {
		t.Errorf("Prune = %+v, %v", p, err)
	}
	for path, want := range map[string]bool{old.Image: false, recent.Image: true, shared.Image: true, st.partial("p"): false,
		st.partial("held"): true, st.part("dead"): false, filepath.Join(s.CacheDir, "kernels"): false} {
		if exists(path) != want {
			t.Errorf("%s is there: %v, want %v", path, exists(path), want)
		}
	}
	if kept := s.Kept(); len(kept) != 1 || kept[0].ID != "recent" || kept[0].Bytes != 13 {
		t.Errorf("kept is %+v", kept)
	}
}

// storeHelper is another process that makes a kernel, and says how often it had to.
func storeHelper(dir string) {
	s := &Source{CacheDir: dir, Progress: func(string) {}}
	_, err := s.once(context.Background(), "both", func(part string) (Kernel, error) {
		fmt.Println("made")
		path := filepath.Join(part, "vmlinuz")
		return Kernel{Image: path}, os.WriteFile(path, bytes.Repeat([]byte("k"), 1<<22), 0o600)
	})
	if err != nil {
		fmt.Println(err)
	}
	os.Exit(0)
}

func TestTwoProcessesShareACache(t *testing.T) {
	dir := t.TempDir()
	var outs [2]bytes.Buffer
	var processes []*exec.Cmd
	for i := range outs {
		cmd := exec.Command(os.Args[0])
		cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), "VMTEST_HELPER_STORE="+dir), &outs[i], &outs[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, cmd)
	}
	for _, cmd := range processes {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if got := outs[0].String() + outs[1].String(); got != "made\n" {
		t.Errorf("both say %q, want that one of them made it", got)
	}
}
