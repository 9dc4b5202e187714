package executor

import (
	"time"

	"mimic/ops"
)

// The time that the kernel has to forget a map which nothing refers to any
// more: milliseconds are usual. It has passed when a clock says so and the
// kernel was asked often, for a machine that stands still does not ask.
const (
	forgetLimit = 500 * time.Millisecond
	forgetAsks  = 100
	slowLimit   = 10 * time.Second
)

// patience is what is left of that time.
type patience struct {
	deadline time.Time
	asks     int
}

// inVain counts the waits that were for nothing: a kernel that leaks is given
// less time for each, or a run on it would be all waiting.
var inVain int

// newPatience is the time that one wait has; slow: for what is freed after a
// grace period of RCU tasks.
func newPatience(slow bool) *patience {
	limit, shorter := forgetLimit, 1+min(inVain/4, 3)
	if slow {
		limit, shorter = slowLimit, 1
	}
	return &patience{time.Now().Add(limit / time.Duration(shorter)), forgetAsks / shorter}
}

// over counts an ask and says whether it was the last.
func (p *patience) over() bool {
	p.asks--
	if p.asks >= 0 || time.Now().Before(p.deadline) {
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
	each   func(ops.Result)

	begun time.Time
	took  time.Duration

	ask      func() ops.Result // what is waited for; nil if nothing is
	want     ops.Result
	patience *patience
}

// Start begins a sequence. before is told the number of each operation before it
// is done, each every answer at once.
func (x *Executor) Start(seq ops.Sequence, before func(int), each func(ops.Result)) *Started {
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
				s.each(s.x.do(s.seq[0]))
				continue
			}
			s.patience = newPatience(s.x.slow)
		}
		got := s.ask()
		if got != s.want && !s.patience.over() {
			return false
		}
		s.each(got)
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
