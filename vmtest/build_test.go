package vmtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestLostLines(t *testing.T) {
	want := "# CONFIG_A=y is wanted\nCONFIG_A=y\nCONFIG_B=y\nCONFIG_C=\"bpf\"\n\nCONFIG_D=4\n"
	got := "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"bpf\"\nCONFIG_D=40\n"
	if lost := lostLines(want, got); !reflect.DeepEqual(lost, []string{"CONFIG_B=y", "CONFIG_D=4"}) {
		t.Errorf("lost are %q", lost)
	}
}

func TestLinesThatAreSetAgainGo(t *testing.T) {
	got := string(withoutLines([]byte("# a word\nCONFIG_A=y\nCONFIG_AB=y\nCONFIG_C=\"bpf\"\n# CONFIG_D is not set\n"), "# a word\n# CONFIG_A is not set\n# CONFIG_C is not set\nCONFIG_D=y\n"))
	if want := "# a word\nCONFIG_AB=y\n"; got != want {
		t.Errorf("left are %q, want %q", got, want)
	}
}

func TestBuildsAreNamedByWhatTheyAreMadeOf(t *testing.T) {
	r := recipe{matrixRow(t, "kasan-6.12"), candidate{Package: "linux-source-6.12", Version: "1:6.12.9-1", SHA256: "aa", Suite: "trixie"}, "CONFIG_A=y\n", "", "gcc 12"}
	if id := r.id(); !strings.HasPrefix(id, "kasan-6.12_1%3a6.12.9-1_") {
		t.Errorf("the name is %s", id)
	}
	other := r
	other.config = "CONFIG_A=y\nCONFIG_B=y\n"
	newer := r
	newer.compiler = "gcc 13"
	changed := r
	changed.patch = "--- a/b\n"
	if r.id() == other.id() || r.id() == newer.id() || r.id() == changed.id() || r.id() != r.id() {
		t.Errorf("names are %s, %s, %s and %s", r.id(), other.id(), newer.id(), changed.id())
	}
}

// buildSource is a Source with a list that has a kernel's source, and nothing else.
func buildSource(t *testing.T, row Line) *Source {
	s, _ := testSource(t)
	for _, suite := range row.Suites {
		fillCache(t, s, suite, time.Hour, candidate{Package: "linux-source-6.12", Version: "6.12.9-1", SHA256: "aa", Suite: suite})
	}
	return s
}

func TestBuildSaysWhatIsMissing(t *testing.T) {
	row := matrixRow(t, "kasan-6.12")
	s := buildSource(t, row)
	s.Configs = t.TempDir()
	noNetwork(t)
	_, err := s.Fetch(context.Background(), row)
	var missing *UnavailableError
	if !errors.As(err, &missing) || len(missingTools()) == 0 && !strings.Contains(err.Error(), "debug.config: no such file") {
		t.Errorf("Fetch = %v, want that the configuration is not there", err)
	}
	tools := t.TempDir()
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if err := os.WriteFile(filepath.Join(tools, tool), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", tools)
	_, err = s.Fetch(context.Background(), row)
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "needs make, gcc, flex") ||
		!strings.Contains(err.Error(), "ci/kernels/build.sh kasan-6.12 installs") {
		t.Errorf("Fetch = %v, want which command installs what is missing", err)
	}
}

// Kernels of the same series are not taken for each other.
func TestBuiltKernelIsNotTakenForAnother(t *testing.T) {
	s, _ := testSource(t)
	fillCache(t, s, "trixie", time.Hour, candidate{Package: "linux-image-6.12.10-cloud-amd64", Version: "6.12.10-1", SHA256: "", Suite: "trixie"})
	if k, ok := s.cached(matrixRow(t, "kasan-6.12")); ok {
		t.Errorf("cached = %+v, want nothing", k)
	}
	if _, ok := s.cached(matrixRow(t, "6.12")); !ok {
		t.Error("the kernel of 6.12 is not there")
	}
}

// builtKernel is a kernel that was built before: a test does not wait for that.
func builtKernel(t *testing.T, name string) Kernel {
	t.Helper()
	k, ok := NewSource(nil).cached(matrixRow(t, name))
	if !ok {
		t.Skipf("%s is not built: ci/kernels/build.sh %s does that", name, name)
	}
	return k
}

// Real reports, provoked by the kernel's own means for that.
func TestProvokedSplats(t *testing.T) {
	k := builtKernel(t, "kasan-6.12")
	for crashpoint, want := range map[string]string{
		"WARNING":          "lkdtm_WARNING+0x",
		"WRITE_AFTER_FREE": "BUG: KASAN: slab-use-after-free in lkdtm_WRITE_AFTER_FREE+0x",
		"SPINLOCKUP":       " in lkdtm_SPINLOCKUP+0x", // of lockdep or of the scheduler, which comes first
		"ARRAY_BOUNDS":     "UBSAN: array-index-out-of-bounds in ",
		"HUNG_TASK":        "blocked for more than 1 seconds",
	} {
		t.Run(crashpoint, func(t *testing.T) {
			t.Parallel()
			c := configFor(t, "provoke")
			c.Kernel, c.Args = k, append(c.Args, crashpoint)
			vm := mustBoot(t, c)
			vm.Write([]byte("."))
			wantEnd(t, waitFor(t, vm, 20*time.Second), Splatted, want)
			if t.Failed() {
				t.Log(vm.Console())
			}
		})
	}
}

func TestBuiltKernelsDemand(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte("CONFIG_KCSAN=y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for config, want := range map[string]Kernel{
		"":      {},
		"kcsan": {MemoryMiB: builtMemory, CPUs: 2},
	} {
		got := Kernel{Config: config, ConfigPath: filepath.Join(dir, "config")}.demand()
		if got.MemoryMiB != want.MemoryMiB || got.CPUs != want.CPUs {
			t.Errorf("a kernel with configuration %q demands %+v, want %+v", config, got, want)
		}
	}
}
