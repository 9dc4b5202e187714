// Command agent runs sequences on the kernel under it: as init of a guest, over
// the channel of package guest; otherwise over standard input and output.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"mimic/ops"
	"mimic/target/executor"
	"mimic/target/wire"
	"mimic/vmtest/guest"
)

func main() {
	if !guest.IsInit() {
		os.Exit(serve(stdio{}))
	}
	if err := guest.Setup(); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
	}
	channel, err := guest.Open()
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		guest.Exit(1)
	}
	guest.Exit(serve(channel))
}

type stdio struct{}

func (stdio) Read(b []byte) (int, error)  { return os.Stdin.Read(b) }
func (stdio) Write(b []byte) (int, error) { return os.Stdout.Write(b) }

// serve answers until the host hangs up, and says the exit code.
func serve(rw io.ReadWriter) int {
	conn := wire.New(rw)
	x, hello := begin()
	if err := conn.SendHello(hello); err != nil || hello.Fault != "" {
		return 1
	}
	if err := answer(conn, x); err != nil && !errors.Is(err, io.EOF) {
		conn.Fault(err)
		return 1
	}
	return 0
}

func begin() (x *executor.Executor, hello wire.Hello) {
	fail := func(err error) (*executor.Executor, wire.Hello) {
		hello.Fault = err.Error()
		return nil, hello
	}
	var err error
	if hello.Release, err = executor.Release(); err != nil {
		return fail(err)
	}
	if hello.Lacks, err = executor.Lacks(); err != nil {
		return fail(err)
	}
	if x, err = executor.New(); err != nil {
		return fail(err)
	}
	return x, hello
}

func answer(conn *wire.Conn, x *executor.Executor) error {
	for {
		seq, careful, err := conn.Question()
		if err != nil {
			return err
		}
		before := func(i int) {
			if careful {
				err = errors.Join(err, conn.Doing(i))
			}
		}
		x.Run(seq, before, func(r ops.Result) { err = errors.Join(err, conn.Say(r.String())) })
		if err = errors.Join(err, conn.Done()); err != nil {
			return err
		}
	}
}
