package vmtest

import (
	"regexp"
	"strings"
	"time"
)

// Splat is a complaint of a kernel that it survives: a sanitizer's report, a warning, a lock taken
// in the wrong order, a task that does not get on.
type Splat struct {
	Kind  string // what complained: kasan, lockdep, hung task, ...
	Line  string // the first line of the report, without its time stamp
	Where string // the function that it names first; "" if it names none
}

// String is the line, and the function if it is not in the line.
func (s Splat) String() string {
	if s.Where == "" || strings.Contains(s.Line, s.Where) {
		return s.Line
	}
	return s.Line + " in " + s.Where
}

// complaints is what splats begin with. Of several rows that fit the first counts; the last ones
// take what no other row knows.
var complaints = []struct {
	kind  string
	first *regexp.Regexp
}{
	{"kasan", regexp.MustCompile(`^BUG: KASAN: `)},
	{"kcsan", regexp.MustCompile(`^BUG: KCSAN: `)},
	{"kmsan", regexp.MustCompile(`^BUG: KMSAN: `)},
	{"kfence", regexp.MustCompile(`^BUG: KFENCE: `)},
	{"ubsan", regexp.MustCompile(`^UBSAN: `)},
	{"atomic sleep", regexp.MustCompile(`^BUG: (sleeping function called|scheduling (while atomic|in a non-blocking section))`)},
	{"lockup", regexp.MustCompile(`^(watchdog: )?BUG: (soft|workqueue) lockup`)},
	{"lockdep", regexp.MustCompile(`^WARNING: (possible (circular|recursive|irq)|inconsistent lock state|\S+-safe -> \S+-unsafe lock order|` +
		`suspicious RCU usage|held lock freed|bad (unlock|contention)|Nested lock|chain_key|lock held when|.* still has locks held)`)},
	{"lockdep", regexp.MustCompile(`^(\[ BUG: |INFO: trying to register non-static key|DEBUG_LOCKS_WARN_ON)`)},
	{"slub", regexp.MustCompile(`^BUG \S+ \(.*\): `)},
	{"list", regexp.MustCompile(`^list_(add|del) corruption`)},
	{"refcount", regexp.MustCompile(`^refcount_t: `)},
	{"debug objects", regexp.MustCompile(`^ODEBUG: (?:activate|free|init|assert_init|deactivate|destroy|object)`)},
	{"kmemleak", regexp.MustCompile(`^(kmemleak: \d+ new suspected memory leaks|unreferenced object )`)},
	{"hung task", regexp.MustCompile(`^INFO: task .* blocked (for more than|in I/O wait for more than)`)},
	{"rcu stall", regexp.MustCompile(`^(rcu: )?INFO: rcu\S* .*(detected|stall)`)},
	{"warning", regexp.MustCompile(`^WARNING: `)},
	{"bug", regexp.MustCompile(`^BUG: `)},
}

// announcement is what a kernel says of its own settings in the words of a complaint, to whoever changes
// kernel.unprivileged_bpf_disabled: arch/arm64/kernel/proton-pack.c, arch/x86/kernel/cpu/bugs.c.
var announcement = regexp.MustCompile(`^WARNING: Unprivileged eBPF is enabled`)

// splatOf recognises the first line of a splat, which has no time stamp any more.
func splatOf(line string) (Splat, bool) {
	if announcement.MatchString(line) {
		return Splat{}, false
	}
	for _, c := range complaints {
		if c.first.MatchString(line) {
			return Splat{Kind: c.kind, Line: line, Where: functionIn(line)}, true
		}
	}
	return Splat{}, false
}

var (
	symbol = regexp.MustCompile(`\b(\w[\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+)`)
	// What reports are made with is in every call trace, above the function that they are about.
	reporter = regexp.MustCompile(`^(dump_stack|show_stack|__might_|(__)?schedule|print_|(__)?kasan_|__asan|(__)?ubsan_|lockdep_|(__)?lock_acquire|check_|__warn|report_)`)
)

// functionIn is the first function in a line that is not there to report; "" if there is none.
func functionIn(line string) string {
	for _, f := range symbol.FindAllString(line, -1) {
		if !reporter.MatchString(f) {
			return f
		}
	}
	return ""
}

// midLine finds where the kernel began to print into a line that somebody had not ended.
var midLine = regexp.MustCompile(`\[ *\d+\.\d{6}\](\[ *[CT]\d+\])? `)

// splatIn looks for a splat in a line of the console, and behind each time stamp in it.
func splatIn(line string) (Splat, bool) {
	starts := append([][]int{stamp.FindStringIndex(line)}, midLine.FindAllStringIndex(line, -1)...)
	for _, at := range starts {
		if s, ok := splatOf(line[at[1]:]); ok {
			return s, true
		}
	}
	return Splat{}, false
}

// A report is complete when the console has been silent for reportPause, and is not waited for
// longer than reportLimit.
const (
	reportPause = 500 * time.Millisecond
	reportLimit = 5 * time.Second
)

// mostSplats bounds what is kept of one report; a kernel that complains more is not forgiven.
const mostSplats = 64

// scan notes splats in a line, and the function of those that did not name one yet.
func (c *console) scan(line string) {
	if s, ok := splatIn(line); ok {
		c.note(s)
		return
	}
	if where := functionIn(line); where != "" {
		for i := range c.report {
			setDefault(&c.report[i].Where, where)
		}
	}
}

// note begins a report, or adds to the one that is being printed. What its first line excuses is
// not waited for.
func (c *console) note(s Splat) {
	if c.splat != (Splat{}) || c.allowed(s) {
		return
	}
	if len(c.report) == mostSplats {
		c.splat = s
	} else {
		c.report = append(c.report, s)
	}
	if c.reporting == nil {
		c.reporting = make(chan struct{})
	}
	select {
	case c.noticed <- struct{}{}:
	default: // somebody will look anyway
	}
}

// settle decides about the report that was printed, and says whether it found one that nothing
// allows. The first such splat is kept.
func (c *console) settle() (Splat, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.report {
		if c.splat == (Splat{}) && !c.allowed(s) {
			c.splat = s
		}
	}
	c.report = nil
	if c.reporting != nil {
		close(c.reporting)
		c.reporting = nil
	}
	return c.splat, c.splat != Splat{}
}

// complaint is the splat that nothing allows, or the end of the report that is being printed.
func (c *console) complaint() (s Splat, reporting <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.splat, c.reporting
}

// printed is how much has come so far.
func (c *console) printed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped + len(c.head) + len(c.tail)
}
