package executor

import (
	"encoding/binary"
	"math/bits"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// thread is a thread of a race, with an executor of its own: copies of what names
// stand for, and buffers.
type thread struct {
	*race
	about  ops.Thread
	x      Executor
	tasks  []*task
	closed map[ops.Name]bool
}

// task is an operation that a thread does, and the times that it did it.
type task struct {
	do     func() ops.Result
	events []ops.Event
}

func (r *race) newThread(about ops.Thread) *thread {
	t := &thread{race: r, about: about, x: *r.x, closed: map[ops.Name]bool{}}
	t.x.handles, t.x.byID, t.x.pinned = map[ops.Name]*handle{}, map[uint32]ops.Name{}, map[ops.Name]bool{}
	t.x.threaded, t.x.shared, t.x.may = true, r.x.shared.desk(len(r.threads)), nil
	return t
}

// deskLog is room for what the verifier says of the short programs that threads load (Sys).
const deskLog = 4096

// desk is what a thread has instead of what sequences share.
func (s *shared) desk(number int) *shared {
	for len(s.desks) <= number {
		s.desks = append(s.desks, &shared{buffer: make([]byte, elementBuffer), value: make([]byte, 2*elementBuffer), log: make([]byte, deskLog)})
	}
	d := s.desks[number]
	d.pins = s.pins
	d.pins.here = s.pins.open
	return d
}

// manyEvents is how many there is room for from the beginning.
const manyEvents = 1 << 10

func (t *thread) add(op ops.Op) *task {
	for _, n := range ops.Uses(op) {
		if h := t.race.x.handles[n]; h != nil && t.x.handles[n] == nil {
			own := *h
			t.x.handles[n] = &own
		}
	}
	if o, closes := op.(ops.Close); closes && t.race.x.handles[o.On] != nil && t.about.Times > 0 {
		t.closed[o.On] = true
	}
	k := &task{t.x.quick(op), make([]ops.Event, 0, min(t.about.Times, manyEvents))}
	t.tasks = append(t.tasks, k)
	return k
}

// run does what the thread is to do. The goroutine keeps its thread, which ends
// with it.
func (t *thread) run() {
	defer t.running.Done()
	runtime.LockOSThread()
	t.pinToProcessor()
	t.waitForOthers()
	for n := 0; n < int(t.about.Times) && !t.alone(); n++ {
		for _, k := range t.tasks {
			e := ops.Event{Call: int(t.tickets.Add(1))}
			e.Got = k.do()
			e.Return = int(t.tickets.Add(1))
			k.events = append(k.events, e)
		}
	}
	if t.about.Until == ops.UntilDone {
		t.busy.Add(-1)
	}
}

// alone says whether a thread is to end that goes on until it is alone.
func (t *thread) alone() bool { return t.about.Until == ops.UntilAlone && t.busy.Load() <= 0 }

func (t *thread) pinToProcessor() { pinTo(int(t.about.CPU)) }

// pinTo keeps this thread on one processor; there may be fewer.
func pinTo(cpu int) {
	var set unix.CPUSet
	all := processors()
	set.Set(all[cpu%len(all)])
	unix.SchedSetaffinity(0, &set)
}

// processors lists those that a thread can be pinned to, also where the kernel lets
// no process run on some of them that does not ask for it (isolcpus).
var processors = sync.OnceValue(func() []int {
	all := make(chan []int)
	go func() {
		runtime.LockOSThread() // for good: its affinity is not that of the others any more
		var set unix.CPUSet
		set.Fill()
		unix.SchedSetaffinity(0, &set)
		set.Zero() // of which the kernel writes only as much as it has processors
		unix.SchedGetaffinity(0, &set)
		all <- members(set)
	}()
	return <-all
})

func members(set unix.CPUSet) (all []int) {
	for i := range len(set) * bits.UintSize {
		if set.IsSet(i) {
			all = append(all, i)
		}
	}
	return all
}

// spins is how often a thread looks for the others before it lets another run.
const spins = 1000

// waitForOthers lets all threads begin at once.
func (t *thread) waitForOthers() {
	t.missing.Add(-1)
	for n := 1; t.missing.Load() > 0; n++ {
		if n%spins == 0 {
			giveWay()
		}
	}
}

// giveWay lets another thread run, and lets the Go runtime stop this one: a loop
// without calls of functions it cannot.
//
//go:noinline
func giveWay() { unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// mark is before the id of a map, in four bytes, in what an operation of a thread
// answers.
const mark = "\x01"

// history is what an operation answers, with ids turned into names.
func (k *task) history(x *Executor) ops.Result {
	for i := range k.events {
		got := &k.events[i].Got
		got.Got = x.resolve(got.Got)
	}
	return ops.History(k.events)
}

// resolve turns the ids in an answer into names.
func (x *Executor) resolve(got string) string {
	before, rest, found := strings.Cut(got, mark)
	if !found {
		return got
	}
	return before + x.nameOf([]byte(rest[:4])) + x.resolve(rest[4:])
}

// quick is how a thread does an operation: what is the same each time is done now.
func (x *Executor) quick(op ops.Op) func() ops.Result {
	switch o := op.(type) {
	case ops.Update:
		return x.quickUpdate(o)
	case ops.Lookup:
		return x.quickLookup(o)
	case ops.Delete:
		h, key := x.handle(o.On), x.key(x.handle(o.On), o.Key)
		attr := &elementAttr{key: address(key), flags: uint64(o.Tail)}
		return func() ops.Result { return failed(attr.call(cmdDelete, h, key, nil)) }
	case ops.UpdateBatch:
		return x.quickUpdateBatch(o)
	case ops.Run:
		return x.quickRun(o)
	}
	return func() ops.Result { return x.do(op) }
}

// call does a command on an element of what a thread may have closed before.
func (a *elementAttr) call(cmd uintptr, h *handle, key, value []byte) unix.Errno {
	a.fd = h.fd
	_, errno := bpf(cmd, a)
	runtime.KeepAlive(key)
	runtime.KeepAlive(value)
	return errno
}

// quickUpdate has a value of its own.
func (x *Executor) quickUpdate(o ops.Update) func() ops.Result {
	h, key := x.handle(o.On), x.key(x.handle(o.On), o.Key)
	if o.Value.Null || !h.outer || h.id == 0 {
		return func() ops.Result { return x.do(o) }
	}
	value, of := x.valueBytes(h, o.Value), x.handle(o.Value.Name)
	attr := &elementAttr{key: address(key), value: address(value), flags: uint64(o.Flags), tail: uint64(o.Tail)}
	return func() ops.Result {
		if o.Value.Name != "" { // which the thread may have closed
			binary.NativeEndian.PutUint32(value, of.fd)
		}
		return failed(attr.call(cmdUpdate, h, key, value))
	}
}

// quickUpdateBatch has its lists ready: a long one takes longer to read than to be carried out.
func (x *Executor) quickUpdateBatch(o ops.UpdateBatch) func() ops.Result {
	h, keys, values := x.handle(o.On), x.keys(x.handle(o.On), o.Keys), x.values(x.handle(o.On), o.Values)
	if !h.outer || h.id == 0 {
		return func() ops.Result { return x.do(o) }
	}
	count := uint32(len(o.Keys.List()))
	var of []*handle
	for _, v := range o.Values.List() {
		of = append(of, x.handles[v.Name])
	}
	return func() ops.Result {
		for i, inner := range of { // which the thread may have closed
			if inner != nil {
				binary.NativeEndian.PutUint32(values[4*i:], inner.fd)
			}
		}
		return x.writeBatch(cmdUpdateBatch, h, keys, values, updateBatchAttr(o, count))
	}
}

func (x *Executor) quickLookup(o ops.Lookup) func() ops.Result {
	h, key, buffer := x.handle(o.On), x.key(x.handle(o.On), o.Key), x.shared.buffer
	if !h.outer {
		return func() ops.Result { return x.do(o) }
	}
	attr := &elementAttr{key: address(key), value: address(buffer), flags: uint64(o.Flags), tail: uint64(o.Tail)}
	return func() ops.Result {
		if errno := attr.call(cmdLookup, h, key, buffer); errno != 0 {
			return failed(errno)
		}
		return ops.Read(x.nameOf(buffer[:4]))
	}
}

// quickRun knows beforehand whether the program may be run.
func (x *Executor) quickRun(o ops.Run) func() ops.Result {
	h := x.handle(o.On)
	if h.program == nil || x.whyNot(h.program) != "" {
		return func() ops.Result { return x.do(o) }
	}
	run := progKinds[h.program.Type].run
	return func() ops.Result {
		if h.fd == badFD {
			return x.do(o)
		}
		return x.through(h, o, run)
	}
}
