package executor

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"mimic/ops"
)

// race is what several threads do at the same time.
type race struct {
	x       *Executor // of the sequence
	threads []*thread
	tasks   []*task   // by their place in the race; nil of what no thread does
	outers  []*handle // outer maps that its operations name
	tickets atomic.Int64
	missing atomic.Int32 // threads that have not begun
	busy    atomic.Int32 // threads that do all that they are to do, and have not ended
	running sync.WaitGroup
}

// race does the operations of a race, and answers each.
func (x *Executor) race(seq ops.Sequence) []ops.Result {
	r := &race{x: x, tasks: make([]*task, len(seq))}
	r.prepare(seq)
	for _, t := range r.threads {
		r.running.Add(1)
		go t.run()
	}
	r.running.Wait()
	r.settle()
	return r.answers(seq)
}

// prepare makes the threads, and what they work on ready for them.
func (r *race) prepare(seq ops.Sequence) {
	r.x.changeLanes(seq)
	r.x.definePins(seq)
	for i, op := range seq {
		if about, begins := op.(ops.Thread); begins {
			r.threads = append(r.threads, r.newThread(about))
			if about.Until == ops.UntilDone {
				r.busy.Add(1)
			}
		} else if ops.Threadable(op) {
			r.note(op)
			r.tasks[i] = r.threads[len(r.threads)-1].add(op)
		}
	}
	r.missing.Store(int32(len(r.threads)))
	r.x.shared.makeRoom(len(r.threads))
}

// note keeps the outer maps that an operation names.
func (r *race) note(op ops.Op) {
	for _, n := range ops.Uses(op) {
		h := r.x.handle(n)
		if h.fd == badFD {
			continue
		}
		if _, runs := op.(ops.Run); runs && h.program != nil {
			h = &h.program.given
		}
		same := func(o *handle) bool { return o.id == h.id }
		if h.outer && h.id != 0 && !slices.ContainsFunc(r.outers, same) {
			r.outers = append(r.outers, h)
		}
	}
}

// manyThreads is how many threads run Go code at the same time at most.
const manyThreads = 8

// makeRoom lets so many threads run Go code at the same time: a raw call of the
// kernel does not let go of what the Go runtime hands out for that. It is not taken
// back, which costs more than it saves.
func (s *shared) makeRoom(threads int) {
	if want := min(threads, manyThreads); runtime.GOMAXPROCS(0) < want {
		runtime.GOMAXPROCS(want)
	}
}

// definePins defines the names that threads pin. Who is to use one need not wait
// for that.
func (x *Executor) definePins(seq ops.Sequence) {
	for _, op := range seq {
		switch o := op.(type) {
		case ops.Pin:
			h := *x.handle(o.Of)
			h.fd = badFD
			x.handles[o.Def] = &h
			x.shared.pins.enter() // what fails does so again, where it can be said
		case ops.Unpin:
			x.shared.pins.enter()
		}
	}
}

// settle brings together what threads did for themselves.
func (r *race) settle() {
	for _, t := range r.threads {
		for id, n := range t.x.byID {
			r.x.byID[id] = n
		}
		for n := range t.x.pinned {
			r.x.pinned[n] = true
		}
		for n := range t.closed {
			r.x.handles[n].fd = badFD
		}
	}
}

func (r *race) answers(seq ops.Sequence) []ops.Result {
	all := make([]ops.Result, len(seq))
	for i, op := range seq {
		_, begins := op.(ops.Thread)
		_, ends := op.(ops.Join)
		switch {
		case begins:
		case ends:
			all[i] = r.contents()
		case r.tasks[i] == nil:
			all[i] = ops.Read(ops.WordNoThread)
		default:
			all[i] = r.tasks[i].history(r.x)
		}
	}
	return all
}

// contents is what the outer maps hold that the operations named. Each is opened
// by its id: the threads may have closed it.
func (r *race) contents() ops.Result {
	slices.SortFunc(r.outers, func(a, b *handle) int { return strings.Compare(string(a.created), string(b.created)) })
	var texts []string
	for _, h := range r.outers {
		fd, errno := openByID(h.id, 0)
		if errno != 0 {
			continue
		}
		all, _ := r.x.walk(h, fd)
		closeFD(fd)
		texts = append(texts, pairTexts(string(h.created)+":", all)...)
	}
	return ops.Read(strings.Join(texts, " "))
}
