package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mimic/properties"
	"mimic/report"
	"mimic/vmtest"
)

// guestRoom is what one kernel under examination takes, in bytes: its guest with QEMU, another guest
// that is kept, and the files of both.
const guestRoom = 1 << 30

// jobs is how many kernels are examined at the same time, if all of them fit into memory: one for each processor, for a guest
// keeps about one busy, and half as many again where a third of its time is the waiting for what is known to be wrong.
func (c *Config) jobs() int {
	if c.Jobs > 0 {
		return c.Jobs
	}
	most := runtime.NumCPU()
	if c.Quick || c.shares() {
		most += (most + 1) / 2
	}
	return max(1, min(most, int(available()/guestRoom)))
}

// available is the memory, in bytes, that programs can have; plenty if the kernel does not say.
func available() (bytes uint64) {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		var kib uint64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return math.MaxUint64 >> 1
}

// Run examines each kernel, several at the same time. It always answers one entry a kernel, in
// order; what went wrong with one stands in its Fault.
func Run(ctx context.Context, c Config) []*report.Kernel {
	var work errgroup.Group
	jobs := min(c.jobs(), max(1, len(c.Kernels)))
	work.SetLimit(jobs)
	c.Log = &oneAtATime{w: c.Log}
	c.tellShare()
	told := &inOrder{tell: c.Each, last: c.sharedAbsent, done: make([]*report.Kernel, len(c.Kernels))}
	found := make([][]saved, len(c.Kernels))
	shows := newScreen(c.Live)
	for i, folder := range folders(c.Kernels) {
		work.Go(func() error {
			one := c
			one.folder = folder
			told.add(i, one.examined(ctx, i, newLive(shows, i, len(c.Kernels), jobs, c.Kernels[i].Name)))
			found[i] = one.saved
			return nil
		})
	}
	work.Wait() // it has no errors
	for _, some := range found {
		c.saved = append(c.saved, some...)
	}
	c.tryElsewhere(ctx)
	return told.done
}

// tellShare says that a kernel is asked less than it would be alone.
func (c *Config) tellShare() {
	if c.shares() {
		c.logf("%d kernels share what %d would be asked: %d sequences of each row, others for each kernel, and more where that leaves something open; with -sequences %d each is asked as if it were alone",
			len(c.Kernels), fullShare, c.sequences(), DefaultSequences)
	}
}

// sharedAbsent lets the last of kernels that shared the sequences say what all of them should have been asked, and none was.
// Where one was not examined to its end, what it would have been asked is nothing that mimic has stopped asking.
func (c *Config) sharedAbsent(all []*report.Kernel) {
	if !c.shares() || slices.ContainsFunc(all, func(k *report.Kernel) bool { return k.Fault != nil || k.Count(report.Violated) > 0 }) {
		return
	}
	sum, absent := properties.NewTally(), []string{}
	for _, k := range all {
		sum.Add(k.Tally)
	}
	for _, k := range all {
		if kernel, err := properties.NewKernel(k.Release, k.Lacks); err == nil {
			absent = append(absent, sum.Absent(kernel)...)
		}
	}
	slices.Sort(absent)
	all[len(all)-1].Absent = slices.Compact(absent)
}

// examined is what is found out about the kernel with a number.
func (c *Config) examined(ctx context.Context, i int, live *live) *report.Kernel {
	spec, from := c.Kernels[i], 0
	if c.shares() {
		from = i * c.sequences()
	}
	k := &report.Kernel{Name: spec.Name, Seed: c.Seed, Started: time.Now()}
	k.Fault = c.one(ctx, spec, from, live, k)
	var missing *vmtest.UnavailableError
	k.Missing = errors.As(k.Fault, &missing)
	c.logf("%s: %s", k.Title(), Outcome(k))
	return k
}

// folders are the folders of kernels below that for what is found; a second of the same name has a number.
func folders(kernels []Spec) (names []string) {
	times := map[string]int{}
	for _, spec := range kernels {
		name := FolderName(spec.Name)
		if times[name]++; times[name] > 1 {
			name += "-" + strconv.Itoa(times[name])
		}
		names = append(names, name)
	}
	return names
}

// inOrder tells of kernels in their order, whichever is done first.
type inOrder struct {
	mu   sync.Mutex
	tell func(int, *report.Kernel) // nil: nobody listens
	last func([]*report.Kernel)    // is called before that is told of the last one
	done []*report.Kernel
	told int
}

func (o *inOrder) add(i int, k *report.Kernel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done[i] = k
	for ; o.told < len(o.done) && o.done[o.told] != nil; o.told++ {
		if o.told == len(o.done)-1 {
			o.last(o.done)
		}
		if o.tell != nil {
			o.tell(o.told, o.done[o.told])
		}
	}
}

// oneAtATime is a writer that several write whole lines to.
type oneAtATime struct {
	mu sync.Mutex
	w  io.Writer // nil: nobody reads
}

func (o *oneAtATime) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.w == nil {
		return len(line), nil
	}
	return o.w.Write(line)
}
