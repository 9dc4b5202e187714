// Command agent runs sequences on the kernel under it: as init of a guest, over
// the channel of package guest; otherwise over standard input and output.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/target/executor"
	"mimic/target/wire"
	"mimic/vmtest/guest"
)

func main() {
	if !guest.IsInit() {
		os.Exit(onHost())
	}
	if err := guest.Setup(); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
	}
	// Debian's kernels for riscv64 interpret until they are told. So do those of 386, whose JIT knows neither atomic
	// additions nor programs of several functions: told to use it, 6.1 refuses these (ENOTSUPP, kernel/bpf/core.c).
	if runtime.GOARCH != "386" {
		_ = os.WriteFile(executor.JITSwitch, []byte("1"), 0)
	}
	channel, err := guest.Open()
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		guest.Exit(1)
	}
	if len(os.Args) > 1 && os.Args[1] == wire.ArgBinary {
		guest.Exit(runBinary(channel))
	}
	guest.Exit(serve(channel, true, hold))
}

func onHost() int {
	channel, err := moved()
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent: dup:", err)
		return 1
	}
	return serve(channel, false, func() error { return nil })
}

// settled is the time that the kernel has for what is left of its boot, and of our questions.
const settled = time.Second

// hold lets the host keep this guest as one that waits for questions.
func hold() error {
	if !guest.IsHeld() {
		return nil
	}
	time.Sleep(settled)
	return guest.Hold()
}

// moved reads standard input where a question that moves a map to descriptor 0 cannot reach it.
func moved() (io.ReadWriter, error) {
	in, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	return stdio{os.NewFile(uintptr(in), "standard input"), os.Stdout}, err
}

type stdio struct {
	io.Reader
	io.Writer
}

// serve says hello, is held, answers until the host hangs up, and says the exit code. The machine is our own if it is a
// guest.
func serve(rw io.ReadWriter, own bool, hold func() error) int {
	conn := wire.New(rw)
	if own {
		conn.Seed, conn.Setting = executor.Reseed, executor.SetParameter
	}
	x, hello := begin(own)
	if err := conn.SendHello(hello); err != nil || hello.Fault != "" {
		return 1
	}
	err := hold()
	startProfile()
	if err == nil {
		err = answer(conn, x)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		conn.Fault(err)
		return 1
	}
	return 0
}

func begin(own bool) (x *executor.Executor, hello wire.Hello) {
	fail := func(err error) (*executor.Executor, wire.Hello) {
		hello.Fault = err.Error()
		return nil, hello
	}
	var err error
	if hello.Release, err = executor.Release(); err != nil {
		return fail(err)
	}
	if x, err = executor.New(); err != nil {
		return fail(err)
	}
	if own {
		x.OwnMachine()
	}
	hello.Lacks = x.Lacks()
	if own {
		executor.ResetCounters() // what was run for that is nothing that was asked
	}
	return x, hello
}

// question is one that the host asked, or why there is none.
type question struct {
	wire.Question
	err error
}

func listen(conn *wire.Conn) <-chan question {
	asked := make(chan question, parsedAhead)
	go func() {
		for {
			var q question
			q.Question, q.err = conn.Question()
			asked <- q
			if q.err != nil {
				return
			}
		}
	}()
	return asked
}

// parsedAhead is how many questions may be ready to be run.
const parsedAhead = 16

// settlePause passes between looks at sequences that wait for the kernel.
const settlePause = 200 * time.Microsecond

// unsettled is a sequence with the answers that were not said yet.
type unsettled struct {
	*executor.Started
	answers []ops.Step
	done    bool
}

// answer runs sequences as they are asked and answers them in order. The next
// is run while those before it wait for the kernel to forget maps.
func answer(conn *wire.Conn, x *executor.Executor) error {
	asked := listen(conn)
	var waiting []*unsettled
	for {
		q, ok := hear(asked, len(waiting) > 0)
		if q.err != nil {
			return q.err
		}
		var err error
		if q.Counters {
			if err := conn.SendCounters(counters()); err != nil {
				return err
			}
			continue
		}
		for ok && q.Careful && len(waiting) > 0 { // its answers are said at once: those due come first
			time.Sleep(settlePause)
			if waiting, err = settle(conn, waiting); err != nil {
				return err
			}
		}
		if ok {
			waiting = append(waiting, start(conn, x, q))
		}
		if waiting, err = settle(conn, waiting); err != nil {
			return err
		}
	}
}

// hear takes the next question, for a moment only if answers are due.
func hear(asked <-chan question, due bool) (q question, ok bool) {
	if !due {
		return <-asked, true
	}
	select {
	case q = <-asked:
		return q, true
	case <-time.After(settlePause):
		return q, false
	}
}

// start begins a sequence. Carefully means to do nothing else until its end, and
// to say at once what is being done and what it answered.
func start(conn *wire.Conn, x *executor.Executor, q question) *unsettled {
	u := &unsettled{answers: make([]ops.Step, 0, len(q.Sequence))}
	before, each := func(int) {}, func(s ops.Step) { u.answers = append(u.answers, s) }
	if q.Careful { // a connection that broke shows at the next answer
		before = func(i int) { conn.Doing(i) }
		each = func(s ops.Step) { conn.Say(s.Answer()) }
	}
	u.Started = x.Start(q.Sequence, before, each)
	for u.done = u.Continue(); q.Careful && !u.done; u.done = u.Continue() {
		time.Sleep(settlePause)
	}
	return u
}

// settle goes on with what waits, and answers what can be answered, in order.
func settle(conn *wire.Conn, waiting []*unsettled) ([]*unsettled, error) {
	for _, u := range waiting {
		u.done = u.done || u.Continue()
	}
	for len(waiting) > 0 && waiting[0].done {
		if err := say(conn, waiting[0]); err != nil {
			return nil, err
		}
		waiting = waiting[1:]
	}
	return waiting, nil
}

func say(conn *wire.Conn, u *unsettled) error {
	for _, s := range u.answers {
		if err := conn.Say(s.Answer()); err != nil {
			return err
		}
	}
	return conn.Done(u.Took())
}
