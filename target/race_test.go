package target

import (
	"strings"
	"testing"
	"time"

	"mimic/ops"
)

const raceMaps = `i0 = map(array, key=4, value=8, max=2)
o0 = outer(array, max=4, template=i0)
o0.update(1, i0)
i1 = map(array, key=4, value=8, max=2)
p0 = prog(xdp, o0, find:1 check find:1 check find:1 check find:1 check find:1 check find:1 check find:1 check find:1 check find:1 check find:1 check find:1 check find:1 check find:1 check find:1 check find:1)
p1 = prog(xdp, o0, find:1 check get:in check count:1000)
`

// races are histories that two processors make, and what their outer map holds in
// the end.
var races = []struct{ text, want string }{
	{"thread(times=200)\no0.lookup(1)\nthread(cpu=1)\njoin()\n", "= o0:1=i0"},
	{"thread(times=200)\np0.run(1, 1)\nthread(cpu=1)\njoin()\n", "= o0:1=i0"},
	{"thread(times=200)\no0.update(1, i0)\nthread(cpu=1, times=200)\no0.update(1, i0)\njoin()\n", "= o0:1=i0"},
	{"thread(times=100)\no0.update(1, i1)\no0.update(1, i0)\nthread(cpu=1, times=5000, until=alone)\no0.lookup(1)\njoin()\n", "= o0:1=i0"},
	{"thread(times=40)\no0.renew(1)\nthread(cpu=1, times=100)\np0.run(1, 1)\njoin()\n", "= o0:1=new40"},
	{"thread(times=40)\np1.run(1, 1)\nthread(cpu=1, times=10)\ni0.still(1)\njoin()\n", "= o0:1=i0"},
	{"thread(times=100)\no0.close()\nthread(cpu=1, times=100)\no0.lookup(1)\njoin()\n", "= o0:1=i0"}, // which p0 keeps
	{"thread(times=20)\no0.by_program(update, 1, value=i1)\no0.by_program(update, 1, value=i0)\nthread(cpu=1, times=20)\np1.bind(o0)\njoin()\n", "= o0:1=i0"},
	{strings.Repeat("thread(times=20)\no0.lookup(1)\nthread(cpu=1, times=20)\np0.run(1, 1)\n", 5) + "join()\n", "= o0:1=i0"},
}

// TestRaces: two processors do things at the same time.
func TestRaces(t *testing.T) {
	vm := bootProcessors(t, 2)
	if why := vm.Hello().Lacks[ops.FeatureCPUs]; why != "" {
		t.Fatal(why)
	}
	var jobs []Job
	for _, r := range races {
		jobs = append(jobs, parse(t, raceMaps+r.text+"end()\n"))
	}
	err := vm.Run(t.Context(), jobs, func(i int, tr ops.Trace) {
		last := len(tr.Steps) - 1
		if tr.End != ops.Completed {
			t.Errorf("%s: %s: %s", races[i].text, tr.End, tr.Detail)
		}
		if got := tr.Steps[last-1].Got.String(); got != races[i].want || tr.Steps[last].Got != ops.OK {
			t.Errorf("%s: the map holds %s, want %s; the end answers %s", races[i].text, got, races[i].want, tr.Steps[last].Got)
		}
		if turns(t, tr) == 0 && i == 3 {
			t.Errorf("%s: one thread after the other", races[i].text)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// turns is how often an operation of the first thread was under way at the same
// time as one of the second.
func turns(t *testing.T, tr ops.Trace) (n int) {
	under := byThread(t, tr)
	for _, a := range under[1] {
		for _, b := range under[2] {
			if a.Call < b.Return && b.Call < a.Return {
				n++
			}
		}
	}
	return n
}

// byThread lists the events of each thread, by its number from 1 on.
func byThread(t *testing.T, tr ops.Trace) map[int][]ops.Event {
	thread, all := 0, map[int][]ops.Event{}
	for _, s := range tr.Steps {
		if _, begins := s.Op.(ops.Thread); begins {
			thread++
		}
		if thread == 0 || !ops.Threadable(s.Op) {
			continue
		}
		events, err := s.Got.Events()
		if err != nil {
			t.Fatal(err)
		}
		all[thread] = append(all[thread], events...)
	}
	return all
}

// TestOneProcessorIsSaid: there nothing happens at the same time.
func TestOneProcessorIsSaid(t *testing.T) {
	if vm := bootVM(t); vm.Hello().Lacks[ops.FeatureCPUs] == "" {
		t.Error("nothing is said of the second processor, which is not there")
	}
}

// BenchmarkRaces measures by the guest's clock how many events a race has in a second.
func BenchmarkRaces(b *testing.B) {
	for _, r := range races {
		b.Run(strings.ReplaceAll(r.text, "\n", " "), func(b *testing.B) { benchmarkRace(b, r.text) })
	}
}

const racesEach = 20

func benchmarkRace(b *testing.B, text string) {
	vm, err := tryBoot(b, 2)
	if err != nil {
		b.Skipf("no guest: %v", err)
	}
	defer vm.Close()
	var inside time.Duration
	events := 0
	for b.Loop() {
		with, n := runMany(b, vm, raceMaps+text+"end()\n")
		without, _ := runMany(b, vm, raceMaps+"end()\n")
		inside, events = inside+with-without, events+n
	}
	b.ReportMetric(float64(inside.Microseconds())/float64(b.N*racesEach), "µs/race")
	b.ReportMetric(float64(events)/inside.Seconds(), "events/s")
}

// runMany runs a sequence many times: how long that took, and how many events it had.
func runMany(b *testing.B, vm *VM, text string) (inside time.Duration, events int) {
	var jobs []Job
	for range racesEach {
		jobs = append(jobs, parse(b, text))
	}
	if err := vm.Run(b.Context(), jobs, func(_ int, t ops.Trace) { inside += t.Took; events += eventsOf(t) }); err != nil {
		b.Fatal(err)
	}
	return inside, events
}

func eventsOf(t ops.Trace) (n int) {
	for _, s := range t.Steps {
		if events, err := s.Got.Events(); err == nil {
			n += len(events)
		}
	}
	return n
}
