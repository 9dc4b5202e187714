package vmtest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// testInit is the path of the built internal/testinit.
var testInit string

// TestMain builds the init of the guests, once, and is the helper process of TestNoOrphan.
func TestMain(m *testing.M) {
	if os.Getenv("VMTEST_HELPER") != "" {
		helper()
	}
	if dir := os.Getenv("VMTEST_HELPER_STORE"); dir != "" {
		storeHelper(dir)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "vmtest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	testInit = filepath.Join(dir, "testinit")
	build := exec.Command("go", "build", "-o", testInit, "./internal/testinit")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build internal/testinit: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// needKernel returns the kernel of a series. Without QEMU or the kernel the test is skipped, or
// fails if MIMIC_VM=1 says that they must be there.
func needKernel(tb testing.TB, series string) Kernel {
	tb.Helper()
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		missing(tb, fmt.Sprintf("%v: scripts/setup.sh installs QEMU", err))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	k, err := NewSource(func(s string) { tb.Log(s) }).Fetch(ctx, matrixRow(tb, series))
	if err != nil {
		missing(tb, err.Error())
	}
	return k
}

func missing(tb testing.TB, why string) {
	tb.Helper()
	if os.Getenv("MIMIC_VM") == "1" {
		tb.Fatal(why)
	}
	tb.Skip(why)
}

func matrixRow(tb testing.TB, series string) Line {
	tb.Helper()
	for _, row := range matrix(tb) {
		if row.Name() == series {
			return row
		}
	}
	tb.Fatalf("kernels.txt has no row %s", series)
	return Line{}
}

func matrix(tb testing.TB) []Line {
	tb.Helper()
	f, err := os.Open("../kernels.txt")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	rows, err := ParseMatrix("kernels.txt", f)
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}

// testSeries is the kernel that endings are tested with; VMTEST_SERIES names another.
var testSeries = cmp.Or(os.Getenv("VMTEST_SERIES"), "6.12")

// configFor boots testinit with a behaviour.
func configFor(tb testing.TB, behaviour string) Config {
	tb.Helper()
	return Config{
		Kernel:   needKernel(tb, testSeries),
		Init:     testInit,
		Args:     []string{behaviour},
		ForceTCG: true,
		Progress: func(s string) { tb.Log(s) },
	}
}

// mustBoot boots a guest that the end of the test closes.
func mustBoot(tb testing.TB, c Config) *VM {
	tb.Helper()
	vm, err := Boot(context.Background(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { vm.Close() })
	return vm
}

// waitFor waits for the end of a guest that is expected within a time.
func waitFor(tb testing.TB, vm *VM, limit time.Duration) End {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return vm.Wait(ctx)
}
