package target

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mimic/ops"
	"mimic/vmtest"
)

// begun boots a guest of a cache, and says how long it took to its first answer, and what it said meanwhile.
func begun(t *testing.T, change func(*vmtest.Config)) (*VM, time.Duration, string) {
	t.Helper()
	k, err := kernelOfSeries(t)
	if err != nil {
		skipOrFail(t, err)
	}
	var told []string
	c := vmtest.Config{Kernel: k, Init: agent(t), CPUs: processors, ForceTCG: true, Progress: func(s string) {
		if !vmtest.EmulatorOops(s) {
			told = append(told, s)
		}
	}}
	change(&c)
	start := time.Now()
	vm, err := Boot(t.Context(), c)
	if err != nil {
		skipOrFail(t, err)
	}
	t.Cleanup(func() { vm.Close() })
	if tr := traceOf(t, vm, parse(t, storeAndFind)); tr.End != ops.Completed {
		t.Fatalf("the first answer is\n%v", tr)
	}
	return vm, time.Since(start), strings.Join(told, "\n")
}

func starts(t *testing.T, cache string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(cache, "starts", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestSecondRunStartsWarm: what a run boots, the next takes from the cache, and finds the same kernel there.
func TestSecondRunStartsWarm(t *testing.T) {
	cache := t.TempDir()
	in := func(c *vmtest.Config) { c.Cache = cache }
	first, cold, _ := begun(t, in)
	kept := starts(t, cache)
	if len(kept) != 1 {
		t.Fatalf("the first run left %q", kept)
	}
	second, warm, told := begun(t, in)
	if second.snapshot == nil || told != "" || len(starts(t, cache)) != 1 {
		t.Fatalf("the second run booted: %s", told)
	}
	t.Logf("to the first answer: %v booted and kept, %v from the cache, %.2f of it", cold, warm, float64(warm)/float64(cold))
	if warm*3 > cold {
		t.Errorf("the first answer took %v, and %v from the cache", cold, warm)
	}
	if a, b := first.Hello(), second.Hello(); a.Release != b.Release || len(a.Lacks) != len(b.Lacks) || first.About() != second.About() {
		t.Errorf("it was %v, %v, and is %v, %v", a, first.About(), b, second.About())
	}
	if text := second.vm.Console(); text != first.vm.Console() {
		t.Errorf("what the kernel printed was\n%s\nand is\n%s", first.vm.Console(), text)
	}
	killed(t, second)
	if tr := traceOf(t, second, parse(t, storeAndFind)); tr.End != ops.Completed || second.snapshot == nil {
		t.Errorf("after a death the guest answers\n%v", tr)
	}
}

// TestStartIsOfOneConfiguration: what else is booted is not taken for it.
func TestStartIsOfOneConfiguration(t *testing.T) {
	cache := t.TempDir()
	begun(t, func(c *vmtest.Config) { c.Cache = cache })
	other := filepath.Join(t.TempDir(), "agent")
	copyFile(t, agent(t), other)
	for name, change := range map[string]func(*vmtest.Config){
		"another kernel parameter": func(c *vmtest.Config) { c.Cmdline = []string{"quiet"} },
		"less memory":              func(c *vmtest.Config) { c.MemoryMiB = 192 },
		"one processor":            func(c *vmtest.Config) { c.CPUs = 1 },
		"another agent":            func(c *vmtest.Config) { c.Init = other },
		"its own grace periods":    func(c *vmtest.Config) { c.OwnGracePeriods = true },
	} {
		c := vmtest.Config{Kernel: mustKernel(t), Init: agent(t), CPUs: processors, ForceTCG: true, Cache: cache}
		c.Cmdline = parametersFor(c.CPUs)
		c.Env = agentEnv
		if s, err := vmtest.Start(c); s == nil || err != nil {
			t.Fatalf("the start is not found: %v", err)
		} else {
			s.Close()
		}
		if change(&c); name == "another agent" {
			appendTo(t, other)
		}
		if s, err := vmtest.Start(c); s != nil || err != nil {
			t.Errorf("%s: a start is found, %v", name, err)
		}
	}
}

// TestDamagedStart is deleted, said, and the kernel booted, wherever a byte is wrong or missing.
func TestDamagedStart(t *testing.T) {
	cache := t.TempDir()
	in := func(c *vmtest.Config) { c.Cache = cache }
	for name, damage := range map[string]func(data []byte) []byte{
		"memory":      func(data []byte) []byte { data[len(data)/2] ^= 1; return data },
		"description": func(data []byte) []byte { data[len(data)-20] ^= 1; return data },
		"cut off":     func(data []byte) []byte { return data[:len(data)/2] },
		"empty":       func([]byte) []byte { return nil },
	} {
		if _, _, told := begun(t, in); told != "" {
			t.Errorf("%s: before it: %s", name, told)
		}
		file := starts(t, cache)[0]
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, damage(data), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, told := begun(t, in); strings.Count(told, "\n") != 0 || told == "" {
			t.Errorf("%s: said %q", name, told)
		}
		if left := starts(t, cache); name == "memory" && len(left) > 0 || len(left) > 1 {
			t.Errorf("%s: left %q", name, left)
		}
	}
}

func mustKernel(t *testing.T) vmtest.Kernel {
	t.Helper()
	k, err := kernelOfSeries(t)
	if err != nil {
		skipOrFail(t, err)
	}
	return k
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("more"); err != nil {
		t.Fatal(err)
	}
}

// TestStartsDrawOtherNumbers: where a key of a hash table is depends on a random number; guests of one start must not all
// draw the same.
func TestStartsDrawOtherNumbers(t *testing.T) {
	cache := t.TempDir()
	walk := "i0 = map(hash, key=4, value=4, max=16)\n"
	for key := range 16 {
		walk += fmt.Sprintf("i0.update(%d, 1)\n", key)
	}
	walk += "i0.next(null)\ni0.next(0)\ni0.next(1)\ni0.next(2)\nend()\n"
	begun(t, func(c *vmtest.Config) { c.Cache = cache })
	seen := map[string]bool{}
	for range 3 {
		vm, _, _ := begun(t, func(c *vmtest.Config) { c.Cache = cache })
		seen[traceOf(t, vm, parse(t, walk)).String()] = true
	}
	if len(seen) != 3 {
		t.Errorf("three guests walk in %d orders:\n%v", len(seen), seen)
	}
}
