package vmtest

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// splatLines has a first line of each kind as kernels print it, time stamp and all, and what is to
// be learned from it.
var splatLines = []struct{ line, kind, where string }{
	{"[    2.345678] BUG: KASAN: slab-use-after-free in array_map_free+0x1f/0x90", "kasan", "array_map_free+0x1f/0x90"},
	{"[    2.345678][  T123] BUG: KASAN: vmalloc-out-of-bounds in bpf_prog_a1+0x3/0x9 [x]", "kasan", "bpf_prog_a1+0x3/0x9"},
	{"[    2.345678] BUG: KCSAN: data-race in htab_map_alloc / htab_map_free", "kcsan", ""},
	{"[    2.345678] BUG: KMSAN: uninit-value in array_map_lookup_elem+0x1/0x2", "kmsan", "array_map_lookup_elem+0x1/0x2"},
	{"[    2.345678] BUG: KFENCE: use-after-free read in bpf_map_put+0x10/0x90", "kfence", "bpf_map_put+0x10/0x90"},
	{"[    2.345678] UBSAN: array-index-out-of-bounds in kernel/bpf/verifier.c:1:2", "ubsan", ""},
	{"[    2.345678] BUG: sleeping function called from invalid context at mm/vmalloc.c:3377", "atomic sleep", ""},
	{"[    2.345678] BUG: scheduling while atomic: init/1/0x00000002", "atomic sleep", ""},
	{"[    2.345678] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [init:1]", "lockup", ""},
	{"[    2.345678] BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 30s!", "lockup", ""},
	{"[    2.345678] WARNING: possible circular locking dependency detected", "lockdep", ""},
	{"[    2.345678] WARNING: possible recursive locking detected", "lockdep", ""},
	{"[    2.345678] WARNING: possible irq lock inversion dependency detected", "lockdep", ""},
	{"[    2.345678] WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected", "lockdep", ""},
	{"[    2.345678] WARNING: inconsistent lock state", "lockdep", ""},
	{"[    2.345678] WARNING: suspicious RCU usage", "lockdep", ""},
	{"[    2.345678] WARNING: held lock freed!", "lockdep", ""},
	{"[    2.345678] WARNING: bad unlock balance detected!", "lockdep", ""},
	{"[    2.345678] WARNING: lock held when returning to user space!", "lockdep", ""},
	{"[    2.345678] WARNING: init/1 still has locks held!", "lockdep", ""},
	{"[    2.345678] [ BUG: Invalid wait context ]", "lockdep", ""},
	{"[    2.345678] INFO: trying to register non-static key.", "lockdep", ""},
	{"[    2.345678] DEBUG_LOCKS_WARN_ON(lock->magic != lock)", "lockdep", ""},
	{"[    2.345678] BUG kmalloc-64 (Not tainted): Poison overwritten", "slub", ""},
	{"[    2.345678] list_add corruption. prev->next should be next (00), but was 01. (prev=02).", "list", ""},
	{"[    2.345678] list_del corruption, 00->next is NULL", "list", ""},
	{"[    2.345678] refcount_t: underflow; use-after-free.", "refcount", ""},
	{"[    2.345678] ODEBUG: activate active (active state 0) object: 00 object type: rcu_head hint: 0x0", "debug objects", ""},
	{"[    2.345678] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)", "kmemleak", ""},
	{"[    2.345678] unreferenced object 0xffff888003a4f000 (size 192):", "kmemleak", ""},
	{"[    2.345678] INFO: task kworker/0:1:11 blocked for more than 120 seconds.", "hung task", ""},
	{"[    2.345678] rcu: INFO: rcu_preempt self-detected stall on CPU", "rcu stall", ""},
	{"[    2.345678] rcu: INFO: rcu_sched detected expedited stalls on CPUs/tasks: { 0-... } 6 jiffies", "rcu stall", ""},
	{"[    2.345678] rcu: INFO: rcu_tasks_trace detected stalls on tasks:", "rcu stall", ""},
	{"[    2.345678] WARNING: CPU: 0 PID: 1 at kernel/bpf/core.c:1 bpf_f+0x1/0x2", "warning", "bpf_f+0x1/0x2"},
	{"[    2.345678] WARNING: kernel/bpf/core.c:1 at bpf_f+0x1/0x2, CPU#0: init/1", "warning", "bpf_f+0x1/0x2"},
	{"[    2.345678] BUG: Bad page state in process init  pfn:00001", "bug", ""},
	{"half a line of init[    2.345678] BUG: Bad page state in process init  pfn:00001", "bug", ""},
}

func TestSplatsAreRecognised(t *testing.T) {
	seen := map[string]bool{}
	for _, tt := range splatLines {
		got, ok := splatIn(tt.line)
		if _, after, _ := strings.Cut(tt.line, "] "); !ok || got.Kind != tt.kind || got.Where != tt.where ||
			!strings.HasSuffix(after, got.Line) {
			t.Errorf("%s\nis %+v, %v; want %s in %q", tt.line, got, ok, tt.kind, tt.where)
		}
		seen[tt.kind] = true
	}
	for _, c := range complaints {
		if !seen[c.kind] {
			t.Errorf("no line of kind %s is tried", c.kind)
		}
	}
	for _, line := range []string{
		"[    2.345678] Warning: unable to open an initial console.",
		"init: someone said BUG: KASAN: no",
		"[    2.345678] ODEBUG: selftest passed",
		"[    2.345678] workqueue: bpf_map_free_deferred hogged CPU for >10000us 4 times",
		"[    0.000000] rcu: RCU calculated value of scheduler-enlistment delay is 25 jiffies.",
		"[    2.345678] ACPI BIOS Error (bug): no RSDP",
		"[    2.345678] WARNING: Unprivileged eBPF is enabled, data leaks possible via Spectre v2 BHB attacks!",
		"[    2.345678] WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible via Spectre v2 BHB attacks!",
	} {
		if got, ok := splatIn(line); ok {
			t.Errorf("%s\nis %+v, want nothing", line, got)
		}
	}
}

const sleepReport = `[    2.345678] BUG: sleeping function called from invalid context at mm/vmalloc.c:3377
[    2.345679] in_atomic(): 0, irqs_disabled(): 1, non_block: 0, pid: 1, name: init
[    2.345680] Call Trace:
[    2.345681]  dump_stack_lvl+0x64/0x80
[    2.345682]  __might_resched+0x1d6/0x2c0
[    2.345683]  vfree+0x1f/0x280
[    2.345684]  array_map_free+0x1f/0x90
`

// settled prints text on a console and waits for nothing.
func settled(t *testing.T, text string, allowed func(Splat) bool) *console {
	t.Helper()
	c := newConsole(allowed)
	if _, err := io.Copy(c, iotest.OneByteReader(strings.NewReader(text))); err != nil {
		t.Fatal(err)
	}
	c.finish()
	c.settle()
	return c
}

func TestSplatEndsTheGuest(t *testing.T) {
	for name, tt := range map[string]struct {
		text    string
		allowed string // what a splat that is allowed has in it
		want    string
	}{
		"with-function": {sleepReport, "nothing of it", "BUG: sleeping function called from invalid context at mm/vmalloc.c:3377 in vfree+0x1f/0x280"},
		"allowed":       {sleepReport, "in vfree+0x", ""},
		"second":        {sleepReport + "[ 3.0] refcount_t: underflow; use-after-free.\n", "vfree", "refcount_t: underflow; use-after-free."},
		"last-line":     {"[ 3.0] INFO: task a:1 blocked for more than 9 seconds.", "vfree", "INFO: task a:1 blocked for more than 9 seconds."},
		"left-out": {strings.Repeat("x\n", consoleHead) + sleepReport + strings.Repeat("noise\n", consoleTail), "nothing of it",
			"BUG: sleeping function called from invalid context at mm/vmalloc.c:3377 in vfree+0x1f/0x280"},
		"long-line": {strings.Repeat("x", 3*longestLine-10) + "[    2.345678] BUG: Bad page state in process init  pfn:00001", "nothing of it",
			"BUG: Bad page state in process init  pfn:00001"},
		"too-many": {strings.Repeat("[ 3.0] UBSAN: shift-out-of-bounds in a.c:1:2\n[ 3.0] f+0x1/0x2\n", mostSplats+1), "f+0x1", "UBSAN: shift-out-of-bounds in a.c:1:2"},
	} {
		t.Run(name, func(t *testing.T) {
			c := settled(t, tt.text, func(s Splat) bool { return strings.Contains(s.String(), tt.allowed) })
			if got, _ := c.complaint(); got.String() != tt.want {
				t.Errorf("the complaint is %q, want %q", got, tt.want)
			}
		})
	}
}

// Everything that is printed is looked at, but what nobody has to wait for is not waited for.
func TestAllowedLineIsNotWaitedFor(t *testing.T) {
	c := newConsole(func(s Splat) bool { return s.Kind == "lockdep" })
	fmt.Fprintln(c, "WARNING: suspicious RCU usage")
	if s, reporting := c.complaint(); s != (Splat{}) || reporting != nil {
		t.Errorf("complaint = %+v, %v", s, reporting)
	}
	fmt.Fprintln(c, "BUG: KASAN: x in f+0x1/0x2")
	s, reporting := c.complaint()
	if s != (Splat{}) || reporting == nil {
		t.Errorf("complaint while it is printed = %+v, %v", s, reporting)
	}
	c.settle()
	<-reporting
}

func TestSplatsAreJudged(t *testing.T) {
	code, splat := 0, Splat{Kind: "bug", Line: "BUG: x"}
	for name, tt := range map[string]struct {
		evidence evidence
		want     EndKind
	}{
		"before-goodbye": {evidence{splat: splat, goodbye: &code}, Splatted},
		"before-kill":    {evidence{splat: splat, killed: &End{Kind: Hung}}, Splatted},
		"before-init":    {evidence{splat: splat, crash: crash{panic: initDied + " exitcode=0x00000700"}}, Splatted},
		"and-panic":      {evidence{splat: splat, crash: crash{panic: "x"}}, Panicked},
		"and-oops":       {evidence{splat: splat, crash: crash{oops: "Oops: 0000 [#1]"}}, Oopsed},
	} {
		if got := judge(tt.evidence); got.Kind != tt.want {
			t.Errorf("%s: end is %q, want %v", name, got, tt.want)
		}
	}
}

// A line that looks like a splat, through the log of a real kernel.
func TestLoggedSplat(t *testing.T) {
	t.Parallel()
	c := configFor(t, "log")
	c.Args = append(c.Args, "<4>WARNING: CPU: 0 PID: 1 at init/main.c:1 start+0x1/0x2")
	vm := mustBoot(t, c)
	vm.Write([]byte("."))
	wantEnd(t, waitFor(t, vm, 5*time.Second), Splatted, "init/main.c:1 start+0x1/0x2")
	c.Allowed = func(s Splat) bool { return strings.HasPrefix(s.Where, "start+") }
	vm = mustBoot(t, c)
	vm.Write([]byte(".."))
	wantEnd(t, waitFor(t, vm, 5*time.Second), Completed, "code 0")
	if !vm.Quiet() {
		t.Error("a kernel that printed what is allowed is not quiet")
	}
}

// The last thing before a goodbye counts.
func TestLateSplat(t *testing.T) {
	t.Parallel()
	c := configFor(t, "log")
	c.Args = append(c.Args, "<4>WARNING: suspicious RCU usage")
	vm := mustBoot(t, c)
	vm.Write([]byte(".."))
	wantEnd(t, waitFor(t, vm, 5*time.Second), Splatted, "suspicious RCU usage")
	if vm.Quiet() {
		t.Error("the kernel that complained is quiet")
	}
}

func TestSplatWhileBooting(t *testing.T) {
	t.Parallel()
	c := configFor(t, "early")
	_, err := Boot(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "splatted: WARNING: suspicious RCU usage") {
		t.Errorf("Boot = %v, want the complaint", err)
	}
}

// A real one: a thread that waits in the kernel for a lock that nobody will let go of.
func TestHungTask(t *testing.T) {
	t.Parallel()
	vm := mustBoot(t, configFor(t, "stuck"))
	wantEnd(t, waitFor(t, vm, 20*time.Second), Splatted, "blocked for more than 1 seconds")
	if !strings.Contains(vm.Console(), "Call Trace:") {
		t.Errorf("the report is cut short:\n%s", vm.Console())
	}
}
