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
	slowLooks   = 2000
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

// newPatience is the time that one wait has; slow: for what is freed after a
// grace period of RCU tasks.
func newPatience(slow bool) *patience {
	looks := forgetLooks / (1 + min(inVain/4, 3))
	if slow {
		looks = slowLooks
	}
	return &patience{looks, time.Now()}
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
	seq    ops.Sequence // what is left of it
	number int          // of its first operation
	before func(int)
	each   func(ops.Step)

	begun time.Time
	took  time.Duration

	ask      func() ops.Result // what is waited for; nil if nothing is
	want     ops.Result
	patience *patience
}

// Start begins a sequence. before is told the number of each operation before it
// is done, each every answer at once, as a step.
func (x *Executor) Start(seq ops.Sequence, before func(int), each func(ops.Step)) *Started {
	return &Started{x: x.fresh(), seq: seq, before: before, each: each, begun: time.Now()}
}

// Continue does what can be done without waiting, and says whether that was all
// of the sequence; every descriptor is closed then.
func (s *Started) Continue() bool {
	for ; len(s.seq) > 0; s.seq = s.seq[1:] {
		if s.ask == nil {
			if _, end := s.seq[0].(ops.End); end && len(s.seq) == 1 {
				s.took = time.Since(s.begun)
			}
			s.before(s.number)
			s.number++
			s.ask, s.want = s.x.waits(s.seq[0])
			if s.ask == nil {
				s.x.note = ""
				got := s.x.do(s.seq[0])
				s.each(ops.Step{Op: s.seq[0], Returned: true, Got: got, Note: s.x.note})
				continue
			}
			s.patience = newPatience(s.x.slow)
		}
		got := s.ask()
		if got != s.want && !s.patience.over() {
			return false
		}
		s.each(ops.Step{Op: s.seq[0], Returned: true, Got: got})
		s.ask = nil
	}
	s.x.closeAll()
	return true
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
		return x.handle(o.On).aliveNow, ops.Read(ops.WordGone)
	case ops.End:
		x.closeAll()
		return func() ops.Result { return left(x.byID, x.btfByID) }, ops.OK
	}
	return nil, ops.OK
}
