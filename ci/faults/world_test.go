package faults

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mimic/vmtest"
)

// series is the kernel that faults are tried with.
const series = "6.12"

// world is what all tries have in common.
type world struct {
	dir     string        // of everything
	mimic   string        // the built command
	source  string        // the tree that it runs with
	cache   string        // with a kernel and package lists in it; only copied
	empty   string        // the same without the kernel
	kernel  vmtest.Kernel // in the cache
	qemu    string        // the real one
	usual   map[string]verdicts
	usually time.Duration // what a run takes
}

// newWorld builds the command and the cache, and sees what its runs answer when nothing is broken.
func newWorld(tb testing.TB) *world {
	tb.Helper()
	if os.Getenv("MIMIC_VM") != "1" && os.Getenv("MIMIC_FAULTS") == "" {
		tb.Skip("minutes of faults are tried with MIMIC_VM=1 only, all of them with MIMIC_FAULTS=20")
	}
	w := &world{dir: tb.TempDir(), usual: map[string]verdicts{}}
	w.mimic, w.source = filepath.Join(w.dir, "mimic"), filepath.Join(w.dir, "source")
	w.cache, w.empty = filepath.Join(w.dir, "cache"), filepath.Join(w.dir, "empty")
	var err error
	if w.qemu, err = exec.LookPath("qemu-system-x86_64"); err != nil {
		missing(tb, fmt.Sprintf("%v: scripts/setup.sh installs QEMU", err))
	}
	if out, err := exec.Command("go", "build", "-o", w.mimic, "mimic/cmd/mimic").CombinedOutput(); err != nil {
		tb.Fatalf("build mimic: %v\n%s", err, out)
	}
	w.copySource(tb)
	w.fillCache(tb)
	for _, load := range [][]string{holding, reducing} {
		w.seeUsual(tb, load)
	}
	return w
}

// copySource makes a tree that knows of no deviation: showing those takes most of the time of a small run.
func (w *world) copySource(tb testing.TB) {
	tb.Helper()
	files, err := exec.Command("git", "-C", "../..", "ls-files", "-co", "--exclude-standard").Output()
	if err != nil {
		tb.Fatalf("list the files of the module: %v", err)
	}
	for name := range strings.Lines(string(files)) {
		name = strings.TrimSpace(name)
		if _, err := os.Stat(filepath.Join("../..", name)); err == nil {
			must(tb, copyFile(filepath.Join("../..", name), filepath.Join(w.source, name)))
		}
	}
	must(tb, os.WriteFile(filepath.Join(w.source, "known.txt"), nil, 0o644))
}

// fillCache fetches the kernel, with the package lists of the user's cache.
func (w *world) fillCache(tb testing.TB) {
	tb.Helper()
	row := rowOf(tb, series)
	for _, suite := range row.Suites {
		from := filepath.Join(vmtest.CacheDir(), "apt", suite)
		if _, err := os.Stat(from); err == nil {
			must(tb, copyTree(from, filepath.Join(w.cache, "apt", suite)))
		}
	}
	tb.Setenv("MIMIC_CACHE", w.cache)
	s := vmtest.NewSource(func(s string) { tb.Log(s) })
	s.CacheDir = w.cache
	ctx, cancel := context.WithTimeout(tb.Context(), 3*time.Minute)
	defer cancel()
	var err error
	if w.kernel, err = s.Fetch(ctx, row); err != nil {
		missing(tb, err.Error())
	}
	must(tb, copyTree(filepath.Join(w.cache, "apt"), filepath.Join(w.empty, "apt")))
}

// seeUsual learns what a workload answers and takes; the answers are known beforehand.
func (w *world) seeUsual(tb testing.TB, load []string) {
	tb.Helper()
	row, mark := load[1], "ok"
	if &load[0] == &reducing[0] {
		mark = "FAIL"
	}
	for left := again; ; left-- {
		t := w.newTry(0, fault{workload: load})
		must(tb, t.useCache(w.cache))
		r := t.run()
		must(tb, t.close())
		if r.verdicts.rows[row] == mark && len(r.wrong) == 0 {
			w.usual[row], w.usually = r.verdicts, max(w.usually, r.took)
			return
		}
		if left == 0 || !tooSlow.MatchString(r.output) {
			tb.Fatalf("nothing is broken, but %s is %q, exit %d: %v\n%s", row, r.verdicts.rows[row], r.code, r.wrong, r.output)
		}
	}
}

func rowOf(tb testing.TB, name string) vmtest.Line {
	tb.Helper()
	f, err := os.Open("../../kernels.txt")
	must(tb, err)
	defer f.Close()
	rows, err := vmtest.ParseMatrix("kernels.txt", f)
	must(tb, err)
	for _, row := range rows {
		if row.Name() == name {
			return row
		}
	}
	tb.Fatalf("kernels.txt has no row %s", name)
	return vmtest.Line{}
}

func missing(tb testing.TB, why string) {
	tb.Helper()
	if os.Getenv("MIMIC_VM") == "1" {
		tb.Fatal(why)
	}
	tb.Skip(why)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	info, statErr := os.Stat(from)
	if err = cmp.Or(err, statErr, os.MkdirAll(filepath.Dir(to), 0o755)); err != nil {
		return err
	}
	if err := os.WriteFile(to, data, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime()) // the age of package lists counts
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(from, path)
		switch err = cmp.Or(err, relErr); {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case d.Type().IsRegular():
			return copyFile(path, filepath.Join(to, name))
		}
		return nil
	})
}
