package target

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"mimic/ops"
	"mimic/target/wire"
)

// Sequences are asked ahead, so that there is something to do while one waits for
// the kernel: enough for half a second, if the agent's side can buffer them.
const (
	maxAhead     = 256
	sequenceSize = 1 << 10 // bytes of a big one on its way
)

// sequenceLimit is the time for one sequence: a few operations may each wait
// for the kernel to forget a map. Tests shorten it.
var sequenceLimit = defaultSequenceLimit

const defaultSequenceLimit = 30 * time.Second

// stream is the connection to an agent.
type stream interface {
	io.ReadWriter
	SetDeadline(time.Time) error
}

// session is a conversation with one agent, until it ends.
type session struct {
	rw      stream
	conn    *wire.Conn
	release string
	ahead   int         // how many sequences may be asked before the first is answered
	quiet   func() bool // whether the kernel has not complained; nil if nobody listens
}

// greet begins a session: the agent says hello within limit. The agent's side can
// buffer that many bytes.
func greet(rw stream, buffer int, limit time.Duration) (*session, wire.Hello, error) {
	s := &session{rw: rw, conn: wire.New(rw), ahead: min(maxAhead, buffer/sequenceSize)}
	s.extend(limit)
	hello, err := s.conn.Greet()
	s.release = hello.Release
	return s, hello, err
}

func (s *session) extend(limit time.Duration) { s.rw.SetDeadline(time.Now().Add(limit)) }

// hangUp makes reads and writes fail from now on.
func (s *session) hangUp() { s.rw.SetDeadline(time.Now()) }

// run asks sequences and hands over what was answered in full. It stops at the
// first that was not: n is its number and steps what was answered of it.
func (s *session) run(ctx context.Context, jobs []Job, each func(int, ops.Trace)) (n int, steps []ops.Step, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ctx, s.hangUp)() // nobody waits for a run that was cancelled
	room := make(chan struct{}, s.ahead)
	asking := make(chan error, 1)
	go func() { asking <- s.ask(ctx, jobs, room) }()
	for n, job := range jobs {
		steps, took, err := s.answers(ctx, job)
		if err != nil {
			stop()
			s.hangUp() // the asking side may wait for the guest to read
			return n, steps, errors.Join(err, ignoreCancel(<-asking))
		}
		each(n, ops.Trace{Kernel: s.release, Steps: steps, End: ops.Completed, Took: took})
		<-room
	}
	return len(jobs), nil, <-asking
}

// answers waits for those to one sequence.
func (s *session) answers(ctx context.Context, job Job) (steps []ops.Step, took time.Duration, err error) {
	s.extend(cmp.Or(job.Patience, sequenceLimit))
	if ctx.Err() != nil { // the deadline may just have undone hanging up
		s.hangUp()
	}
	steps, took, err = s.conn.Answers(job.Sequence)
	if err == nil && s.quiet != nil && !s.quiet() {
		err = errComplained
	}
	return steps, took, err
}

// errComplained ends a conversation of which every answer may be right.
var errComplained = errors.New("the kernel complained")

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, os.ErrDeadlineExceeded) { // we hung up; a deadline of its own is in the error of the answers
		return nil
	}
	return err
}

func (s *session) ask(ctx context.Context, jobs []Job, room chan<- struct{}) error {
	for _, job := range jobs {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := s.conn.Ask(job.Sequence, job.Carefully); err != nil {
			return err
		}
	}
	return nil
}
