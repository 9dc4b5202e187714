package executor

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"mimic/ops"
)

// raced runs a sequence with a race and answers what its operations did, by their
// text, and the answers of all.
func raced(t *testing.T, text string) (map[string][]ops.Event, []string) {
	t.Helper()
	seq, err := ops.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	all := answers(t, text)
	events := map[string][]ops.Event{}
	for i, op := range seq {
		if got, err := ops.ParseResult(all[i]); err == nil && ops.Threadable(op) {
			if history, err := got.Events(); err == nil {
				events[op.String()] = history
			}
		}
	}
	return events, all
}

// got lists the different answers of events, sorted.
func got(events []ops.Event) string {
	var all []string
	for _, e := range events {
		all = append(all, e.Got.String())
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}

const raceMaps = twoMaps + "i1 = map(array, key=4, value=8, max=2)\n"

const twoThreads = raceMaps + `thread(times=50)
o0.update(1, i1)
o0.update(1, i0)
o0.delete(2)
thread(cpu=1, times=80)
o0.lookup(1)
join()
o0.dump()
`

// TestHistoriesMakeSense: every ticket is drawn once, a call before its return, and
// the operations of a thread one after the other.
func TestHistoriesMakeSense(t *testing.T) {
	events, all := raced(t, twoThreads)
	drawn := map[int]bool{}
	for _, history := range events {
		for _, e := range history {
			if e.Call >= e.Return || drawn[e.Call] || drawn[e.Return] {
				t.Fatalf("%+v: tickets drawn twice, or the wrong way round", e)
			}
			drawn[e.Call], drawn[e.Return] = true, true
		}
	}
	first, second := events["o0.update(1, i1)"], events["o0.update(1, i0)"]
	for i := range first {
		if first[i].Return > second[i].Call || i > 0 && second[i-1].Return > first[i].Call {
			t.Fatalf("time %d: %+v and %+v are not one after the other", i, first[i], second[i])
		}
	}
	if len(first) != 50 || len(events["o0.lookup(1)"]) != 80 || len(drawn) != 2*(3*50+80) {
		t.Errorf("%d and %d events, %d tickets", len(first), len(events["o0.lookup(1)"]), len(drawn))
	}
	if n := len(all); all[n-3] != "= o0:1=i0" || all[n-2] != "= {1=i0}" || all[n-1] != "ok" {
		t.Errorf("it ends with %q", all[n-3:])
	}
	if words := got(events["o0.lookup(1)"]); strings.Trim(words, "= i01,") != "" {
		t.Errorf("lookups answer %s", words)
	}
}

// TestClosedInARace: what a thread closed is not open to another, whatever else is
// opened meanwhile.
func TestClosedInARace(t *testing.T) {
	events, all := raced(t, raceMaps+`thread(times=2)
o0.close()
i0.update(1, 5)
thread(cpu=1, times=300)
o0.renew(2)
o0.lookup(1)
join()
o0.lookup(1)
live()
`)
	if words := got(events["o0.close()"]); words != "EBADF, ok" {
		t.Errorf("closing it answers %s", words)
	}
	lookups := events["o0.lookup(1)"]
	if words := got(lookups); words != "= i0, EBADF" && words != "EBADF" || lookups[299].Got.String() != "EBADF" {
		t.Errorf("lookups answer %s", words)
	}
	if n := len(all); all[n-3] != "EBADF" || all[n-4] != "ok" || strings.Contains(all[n-2], "o0") || all[n-1] != "ok" {
		t.Errorf("it ends with %q", all[n-4:])
	}
}

// TestRenewInARace: twoMaps that threads make have names of their own, in every
// answer.
func TestRenewInARace(t *testing.T) {
	events, all := raced(t, raceMaps+`thread(times=100)
o0.renew(2)
thread(cpu=1, times=100)
o0.renew(3)
thread(cpu=1, times=100)
o0.lookup(2)
o0.lookup_batch(4)
join()
`)
	names := map[string]bool{}
	for _, e := range append(events["o0.renew(2)"], events["o0.renew(3)"]...) {
		names[e.Got.String()] = true
	}
	if len(names) != 200 || !names["= new1"] || !names["= new200"] {
		t.Errorf("%d names for 200 twoMaps", len(names))
	}
	second, third := events["o0.renew(2)"][99].Got.Got, events["o0.renew(3)"][99].Got.Got
	if want := fmt.Sprintf("= o0:1=i0 o0:2=%s o0:3=%s", second, third); all[len(all)-2] != want {
		t.Errorf("in the end %q, want %q", all[len(all)-2], want)
	}
	for _, e := range events["o0.lookup(2)"] {
		if s := e.Got.String(); s != "ENOENT" && !names[s] {
			t.Errorf("a lookup answers %s", s)
		}
	}
	for _, e := range events["o0.lookup_batch(4)"] {
		if strings.Contains(e.Got.Got, mark) {
			t.Errorf("a batch answers %q", e.Got.Got)
		}
	}
}

// TestStillMoves: another thread's program counts.
func TestStillMoves(t *testing.T) {
	events, all := raced(t, raceMaps+`p0 = prog(xdp, o0, find:in check get:in check count:4000)
thread(times=200)
p0.run(1, 1)
thread(cpu=1, times=20)
i0.still(1)
i0.still(0)
join()
i0.still(1)
i0.lookup(1)
`)
	if words := got(events["i0.still(1)"]); !strings.Contains(words, "moving") {
		t.Errorf("what another thread counts answers %s; its program is loaded: %s", words, all[5])
	}
	if words := got(events["i0.still(0)"]); words != "= still" {
		t.Errorf("what nobody counts answers %s", words)
	}
	if n := len(all); all[n-4] != "= o0:1=i0" || all[n-3] != "= still" || all[n-2] != "= 800077" {
		t.Errorf("it ends with %q", all[n-4:])
	}
}

// TestRunsInARace: threads that run the same program, and others, do not disturb
// each other.
func TestRunsInARace(t *testing.T) {
	x, err := New()
	if err != nil {
		t.Skipf("this kernel cannot be asked: %v", err)
	}
	lacks := x.Lacks()
	for _, typ := range ops.ProgTypes {
		if lacks[typ.RunFeature()] != "" {
			continue
		}
		word := typ.String()
		events, _ := raced(t, raceMaps+"p0 = prog("+word+", o0, find:in check get:in check read)\np1 = prog("+word+", o0, find:in check get:in check read)\n"+
			"thread(times=20)\np0.run(1, 1)\np1.run(2, 0)\nthread(cpu=1, times=20)\np0.run(1, 0)\np1.run(1, 1)\njoin()\n")
		for op, want := range map[string]string{"p0.run(1, 1)": "= 77", "p0.run(1, 0)": "= 0", "p1.run(2, 0)": "= null@2", "p1.run(1, 1)": "= 77"} {
			if words := got(events[op]); words != want {
				t.Errorf("%s: %s answers %s, want %s", word, op, words, want)
			}
		}
	}
}

// TestProcessors: there are no more than the machine has.
func TestProcessors(t *testing.T) {
	text, err := os.ReadFile("/sys/devices/system/cpu/possible")
	if err != nil {
		t.Skip(err)
	}
	all := processors()
	var last int
	if _, err := fmt.Sscanf(string(text), "0-%d", &last); len(all) == 0 || err == nil && slices.Max(all) > last {
		t.Errorf("%v of %s", all, text)
	}
}

// TestNotInAThread: a race may end without a join, and what no thread does is said.
func TestNotInAThread(t *testing.T) {
	all := answers(t, raceMaps+"thread()\nlive()\nn0 = pin(o0)\nthread(times=0)\no0.lookup(1)\n")
	if want := []string{"ok", "= not in a thread", "= 1-2 ok", "ok", "ok", "ok"}; !slices.Equal(all[len(all)-6:], want) {
		t.Errorf("got %q, want %q", all[len(all)-6:], want)
	}
}

// TestPinsInARace: what a thread pinned is there afterwards, and goes with the end.
func TestPinsInARace(t *testing.T) {
	events, all := raced(t, raceMaps+`thread(times=2)
n0 = pin(o0)
thread(cpu=1, times=3)
n1 = pin(i0)
n1.unpin()
join()
i2 = get(n0)
i3 = get(n1)
`)
	if words := got(events["n0 = pin(o0)"]) + "; " + got(events["n1 = pin(i0)"]) + "; " + got(events["n1.unpin()"]); words != "EEXIST, ok; ok; ok" {
		t.Errorf("got %s", words)
	}
	if n := len(all); all[n-4] != "= o0:1=i0" || all[n-3] != "ok" || all[n-2] != "ENOENT" || all[n-1] != "ok" {
		t.Errorf("it ends with %q", all[n-4:])
	}
}
