package executor

import (
	"time"

	"mimic/ops"
)

// The time that the kernel has to forget a map which nothing refers to any
// more: milliseconds are usual. It is counted in looks, of which one counts for
// so long at most: a machine that stood still did not look.
const (
	forgetLooks = 100
	slowLooks   = 600
	lookCounts  = 5 * time.Millisecond
)

// patience is what is left of that time.
type patience struct {
	looks int
	last  time.Time
}

// inVain counts the waits that were for nothing: a kernel that leaks is given
// less time for each, or a run on it would be all waiting.
var inVain int

// hurried is how many looks a wait has that usually has so many.
func hurried(looks int) int { return looks / (1 + min(inVain/4, 3)) }

// newPatience is the time that one wait has; slow: for what is freed after a
// grace period of RCU tasks.
// Who waited in vain in a sequence waits less for the rest of it: what it waited for
// is there at the end, too.
func newPatience(slow bool, vain int) *patience {
	looks := forgetLooks
	if slow {
		looks = slowLooks >> (2 * min(vain, 3))
	}
	return &patience{hurried(looks), time.Now()}
}

// over counts a look and says whether it was the last.
func (p *patience) over() bool {
	if now := time.Now(); now.Sub(p.last) >= lookCounts {
		p.looks--
		p.last = now
	}
	if p.looks > 0 {
		return false
	}
	inVain++
	return true
}

// Started is a sequence that is under way. It stops where it would wait for the
// kernel to forget, so that others run meanwhile.
type Started struct {
	x      Executor
	seq    ops.Sequence
	number int // of the operation that comes next
	before func(int)
	each   func(ops.Step)

	begun time.Time
	took  time.Duration

	ask      func() ops.Result // what is waited for; nil if nothing is
	want     ops.Result
	patience *patience
	vain     int // waits of this sequence that were for nothing
}

// Start begins a sequence. before is told the number of each operation before it
// is done, each every answer at once, as a step.
func (x *Executor) Start(seq ops.Sequence, before func(int), each func(ops.Step)) *Started {
	s := &Started{x: x.fresh(), seq: seq, before: before, each: each, begun: time.Now()}
	s.x.plan(seq)
	return s
}

// Continue does what can be done without waiting, and says whether that was all
// of the sequence; every descriptor is closed then.
func (s *Started) Continue() bool {
	for s.number < len(s.seq) {
		n := s.race()
		if n == 0 {
			if !s.one() {
				return false
			}
			n = 1
		}
		s.number += n
	}
	s.x.closeAll()
	return true
}

// left is what is not done yet.
func (s *Started) left() ops.Sequence { return s.seq[s.number:] }

// race does all operations of a race, if one begins here, and says how many.
func (s *Started) race() int {
	n := ops.RaceLength(s.left())
	if n == 0 {
		return 0
	}
	s.before(s.number)
	for i, got := range s.x.race(s.left()[:n]) {
		s.each(ops.Step{Op: s.left()[i], Returned: true, Got: got})
	}
	return n
}

// one does the next operation, and says whether it is done.
func (s *Started) one() bool {
	if s.ask == nil && s.begin() {
		return true
	}
	got := s.ask()
	if got != s.want {
		if !s.patience.over() {
			return false
		}
		s.vain++
	}
	s.each(ops.Step{Op: s.seq[s.number], Returned: true, Got: got})
	s.ask = nil
	return true
}

// begin begins the next operation, and says whether that was all of it.
func (s *Started) begin() bool {
	if _, end := s.seq[s.number].(ops.End); end && s.number == len(s.seq)-1 {
		s.took = time.Since(s.begun)
	}
	s.before(s.number)
	if s.ask, s.want = s.x.waits(s.seq[s.number]); s.ask != nil {
		s.patience = newPatience(s.x.slow, s.vain)
		return false
	}
	s.x.note = ""
	got := s.next()
	s.each(ops.Step{Op: s.seq[s.number], Returned: true, Got: got, Note: s.x.note})
	return true
}

// next does the next operation.
func (s *Started) next() ops.Result {
	if o, repeats := s.seq[s.number].(ops.Repeat); repeats {
		return s.x.repeat(s.seq[:s.number], int(o.Times))
	}
	return s.x.do(s.seq[s.number])
}

// Took is the time from the first operation to the last, an end apart.
func (s *Started) Took() time.Duration {
	if s.took == 0 {
		s.took = time.Since(s.begun)
	}
	return s.took
}

// waits says for which answer an operation waits and how it asks; nil if it does
// not wait.
func (x *Executor) waits(op ops.Op) (ask func() ops.Result, want ops.Result) {
	switch o := op.(type) {
	case ops.Load:
		return loadExample(o)
	case ops.Gone:
		if !x.keeps(x.handle(o.On)) {
			return x.handle(o.On).aliveNow, ops.Read(ops.WordGone)
		}
	case ops.End:
		x.closeAll()
		return func() ops.Result { return left(x.byID, x.btfByID) }, ops.OK
	}
	return nil, ops.OK
}

// keeps says whether the sequence has a descriptor of what h stands or stood for: to
// wait for its end is in vain.
func (x *Executor) keeps(h *handle) bool {
	for _, other := range x.handles {
		if other.fd != badFD && (h.id != 0 && other.id == h.id || h.btfID != 0 && other.btfID == h.btfID) {
			return true
		}
	}
	return false
}
