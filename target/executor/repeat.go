package executor

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// Of a kernel that keeps something each time, memory grows with every round, always by about as much, and by as much more as
// a round is longer. Of one that does not, it is level after a few: what it keeps to be used again is as much as it needs
// then. Memory comes in pages: of less than leastKept bytes each time nothing is said.
const (
	leastKept    = 16
	repeatRounds = 14
	steadyRounds = 4                     // that grow by about as much ask for a proof, twice:
	proofLength  = 3                     // a round that is so many times as long,
	proofGrowth  = 2                     // and grows at least so many times as much
	freeTime     = 24 * time.Millisecond // in which most of what is let go is freed
	freePause    = 8 * time.Millisecond  // between looks at what would be more than before
	freeLate     = 8                     // of them,
	proofLate    = 200                   // and in a proof: a machine that has much else to do frees late
)

// repeat does operations so many times a round, and says whether the kernel uses more memory after each round.
func (x *Executor) repeat(seq ops.Sequence, times int) ops.Result {
	grown, level := rounds(times, func() { x.once(seq) }, usedMemory, shrink)
	x.note = fmt.Sprintf("KiB more after each round: %v", grown)
	if level {
		return ops.Read(ops.WordLevel)
	}
	return ops.Read(ops.WordGrows)
}

// rounds does something half as many times, so many times, and then twice as many times again and again, up to the first
// time after which the kernel uses no more memory than before, or is proven to need more each time, and says how much more
// it was in each round, in KiB. Where neither can be said it is level. Before the proof and at its end shrink has the kernel
// free what it has put by.
func rounds(times int, do func(), used func() int, shrink func()) (grown []int, level bool) {
	again(times/2, do)
	before := lowest(math.MaxInt, used, freeLate)
	round := func(times, looks int, end func()) (grows bool) {
		again(times, do)
		end()
		now := lowest(before+times*leastKept, used, looks)
		grown = append(grown, (now-before)>>10)
		grows = now > before+times*leastKept
		before = now
		return grows
	}
	prove := func(than int) (grows bool) {
		return round(proofLength*times, proofLate, shrink) && grown[len(grown)-1] >= proofGrowth*than
	}
	for len(grown) < repeatRounds && round(times, freeLate, func() {}) {
		if len(grown) == 1 {
			times *= 2
		}
		if !steady(grown) {
			continue
		}
		most := slices.Max(grown[len(grown)-steadyRounds:])
		shrink()
		before = lowest(0, used, freeLate)
		if prove(most) && prove(most) {
			inVain++
			return grown, false
		}
	}
	return grown, true
}

// shrink has the kernel free what it does not need (Documentation/admin-guide/sysctl/vm.rst drop_caches), above all what
// kfree_rcu() collects until it is some hundred objects.
func shrink() {
	_ = os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0) // where that cannot be it is as if nothing were to be freed
}

func again(times int, do func()) {
	for range times {
		do()
	}
}

// steady says whether memory grew by about as much in the last rounds, which are all as long.
func steady(grown []int) bool {
	if len(grown) <= steadyRounds {
		return false
	}
	last := grown[len(grown)-steadyRounds:]
	return slices.Min(last) > slices.Max(last)/2
}

// once does operations with names of their own, and lets go of all that they made.
func (x *Executor) once(seq ops.Sequence) {
	own := x.fresh()
	own.plan(seq)
	for _, op := range seq {
		if ops.Repeatable(op) {
			own.do(op)
		}
	}
	own.closeAll()
}

// lowest is the least memory, in bytes, that the kernel uses once it has freed what it does not need: it is waited for
// longer, so many looks, where that is more than enough.
func lowest(enough int, used func() int, most int) int {
	time.Sleep(freeTime)
	least := used()
	for looks := 0; least > enough && looks < hurried(most); looks++ {
		time.Sleep(freePause)
		least = min(least, used())
	}
	return least
}

// usedMemory is how many bytes the kernel has for objects that it cannot give back: those of a fixed size, those of pages
// that it maps, and those that each processor has one of.
func usedMemory() (all int) {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range bytes.Lines(text) {
		switch name, rest, _ := bytes.Cut(line, []byte(":")); string(name) {
		case "VmallocUsed", "Percpu":
			kib, _ := strconv.Atoi(string(bytes.Fields(rest)[0]))
			all += kib << 10
		}
	}
	return all + usedSlabs()
}

// lazily are the caches of objects that the kernel frees many at a time, whenever it likes.
var lazily = []string{"vmap_area"}

// usedSlabs is how many bytes the kernel has for objects of a fixed size, from /proc/slabinfo: its numbers are exact, those
// of /proc/meminfo are brought up to date once a second.
func usedSlabs() (all int) {
	text, _ := os.ReadFile("/proc/slabinfo")
	for line := range bytes.Lines(text) {
		f := bytes.Fields(line) // name active objects size objects_in_a_slab pages_in_a_slab : tunables … : slabdata active slabs …
		if len(f) < 16 || slices.Contains(lazily, string(f[0])) {
			continue
		}
		pages, _ := strconv.Atoi(string(f[5]))
		slabs, _ := strconv.Atoi(string(f[14]))
		all += pages * slabs * os.Getpagesize()
	}
	return all
}

// probeSlabs makes and closes what has nothing to do with maps: where memory grows with that, its growth says nothing. That
// is so where KASAN keeps what is freed for a while.
func probeSlabs() string {
	if usedSlabs() == 0 {
		return "/proc/slabinfo tells nothing (CONFIG_SLUB_DEBUG)"
	}
	grown, level := rounds(300, func() {
		if fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC); err == nil {
			closeFD(uint32(fd))
		}
	}, usedMemory, shrink)
	if !level {
		return fmt.Sprintf("memory grows where files are opened and closed: KiB %v", grown)
	}
	return ""
}
