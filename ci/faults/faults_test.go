package faults

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if kind := os.Getenv(noiseKind); kind != "" && filepath.Base(os.Args[0]) == "qemu-system-x86_64" {
		os.Exit(beNoisy(kind))
	}
	os.Exit(m.Run())
}

var seedFlag = flag.Uint64("faults.seed", 1, "seed of the random moments and places")

// sampled says whether only a sample is tried, always the same one unless -faults.seed says otherwise.
func sampled() bool { return os.Getenv("MIMIC_FAULTS") == "" }

// tries is how often each fault is tried: MIMIC_FAULTS times, else once, or twice if there is time.
func tries(t *testing.T) int {
	if sampled() {
		return 2
	}
	n, err := strconv.Atoi(os.Getenv("MIMIC_FAULTS"))
	if err != nil || n < 1 {
		t.Fatalf("MIMIC_FAULTS=%q: want how often to try each fault", os.Getenv("MIMIC_FAULTS"))
	}
	return n
}

// budget is the time after which a sample begins no second try.
const budget = 30 * time.Second

// TestFaults tries every fault.
func TestFaults(t *testing.T) {
	n, seed := tries(t), *seedFlag
	t.Logf("seed %d: go test ./ci/faults -faults.seed %d", seed, seed)
	w := newWorld(t)
	begin, record := time.Now(), &recorder{all: map[string]measure{}}
	t.Cleanup(func() { record.save(t) })
	for i, f := range table() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			k := &kind{world: w, fault: f, codes: map[int]int{}, cache: filepath.Join(w.dir, "cache of "+f.name)}
			must(t, copyTree(w.cache, k.cache))
			for try := range n {
				number := try
				if sampled() {
					number += int(seed)
				}
				if try == 0 || !sampled() || time.Since(begin) < budget {
					k.once(t, seed, number, try == n-1)
				}
			}
			if !sampled() || (i+int(seed))%3 == 0 {
				k.usable(t)
			}
			must(t, os.RemoveAll(k.cache))
			m := record.add(k)
			t.Logf("%d tries, exit codes %s, the longest took %s; %d tries again since the machine was slow", m.tries, m.codes, m.longest, k.slow)
		})
	}
}

// kind is what the tries of one fault have in common: the cache that has to go through all of them.
type kind struct {
	*world
	fault
	cache   string
	tries   int
	codes   map[int]int
	longest time.Duration
	slow    int // tries that proved nothing
}

// once tries a fault, in a namespace of its own if it mounts.
func (k *kind) once(t *testing.T, seed uint64, number int, last bool) {
	t.Helper()
	if !k.mounts {
		k.try(t, seed, number, last)
		return
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with its namespace
		err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		}
		if err == nil {
			k.try(t, seed, number, last)
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Skipf("this fault needs a namespace to mount in: %v: run as root", err)
	}
}

// again is how often a try is repeated in which a machine under load kept a guest from getting ready in time.
const again = 3

func (k *kind) try(t *testing.T, seed uint64, number int, last bool) {
	for left := again; ; left-- {
		y := k.newTry(seed<<32+uint64(number), k.fault)
		y.number, y.cache = number, k.cache
		slow, err := k.attempt(t, y, last, left > 0)
		if err = errors.Join(err, y.close()); err != nil {
			t.Errorf("try %d: %v", number, err)
		}
		if !slow {
			return
		}
		k.slow++
	}
}

// attempt is one attempt at a try. It says whether that proved nothing, if there may be another.
func (k *kind) attempt(t *testing.T, y *try, last, more bool) (slow bool, err error) {
	if err := errors.Join(os.MkdirAll(y.temp, 0o755), os.MkdirAll(y.out, 0o755), y.inject(y)); err != nil {
		return false, err
	}
	r := y.runBoth()
	if more && len(r.wrong) > 0 && tooSlow.MatchString(r.output) {
		return true, nil
	}
	k.report(t, y, r)
	if y.heal == nil || !last {
		return false, nil
	}
	err = y.heal()
	k.usable(t)
	return false, err
}

// tooSlow is what is said of a guest that did not get ready in time.
var tooSlow = regexp.MustCompile(`was not ready after|did not say hello: .*timeout`)

// runBoth runs the try and what is to run beside it.
func (t *try) runBoth() result {
	beside := make(chan []string, 1)
	if t.beside == nil {
		beside <- nil
	} else {
		go func() { beside <- t.beside() }()
	}
	r := t.run()
	r.wrong = append(t.judge(r), <-beside...)
	return r
}

func (k *kind) report(t *testing.T, y *try, r result) {
	k.tries++
	k.codes[r.code]++
	k.longest = max(k.longest, r.took)
	if len(r.wrong) > 0 {
		for _, wrong := range r.wrong {
			t.Errorf("try %d (%s): %s", y.number, y.told, wrong)
		}
		t.Logf("try %d exits %d after %v and says\n%s", y.number, r.code, r.took, withoutTable(r.output))
	}
}

// usable runs once more with the cache, with nothing broken.
func (k *kind) usable(t *testing.T) {
	(&kind{world: k.world, fault: fault{exits: []int{0}, inject: func(*try) error { return nil }}, cache: k.cache, codes: map[int]int{}}).try(t, 0, afterwards, false)
	for _, path := range debris(k.cache) {
		t.Errorf("left in the cache: %s", path)
	}
}

// afterwards is the number of the run with nothing broken.
const afterwards = -1

// withoutTable is a report without the rows that were not asked.
func withoutTable(report string) string {
	return undecidedRow.ReplaceAllString(report, "")
}
