// Command complainer is an agent for the tests of package target: it answers ok to
// everything, and has the kernel log a complaint of every sequence with end() in it.
package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"mimic/ops"
	"mimic/target/wire"
	"mimic/vmtest/guest"
)

// complaint is of the kind that a kernel survives.
const complaint = "<4>WARNING: CPU: 0 PID: 1 at kernel/bpf/syscall.c:1 bpf_end+0x1/0x2\n"

func main() {
	if err := guest.Setup(); err != nil {
		fmt.Println("setup:", err)
	}
	channel, err := guest.Open()
	if err != nil {
		fmt.Println("open:", err)
		guest.Exit(1)
	}
	conn := wire.New(channel)
	for err = conn.SendHello(wire.Hello{Release: "6.12"}); err == nil; {
		err = answer(conn)
	}
	guest.Exit(1)
}

// answer answers one question at the pace of a real agent.
func answer(conn *wire.Conn) error {
	q, err := conn.Question()
	if err != nil {
		return err
	}
	time.Sleep(time.Millisecond)
	if slices.Contains(q.Sequence, ops.Op(ops.End{})) {
		if err := os.WriteFile("/dev/kmsg", []byte(complaint), 0); err != nil {
			return err
		}
	}
	for i, op := range q.Sequence {
		if q.Careful {
			conn.Doing(i)
		}
		if err := conn.Say(ops.Step{Op: op, Returned: true}.Answer()); err != nil {
			return err
		}
	}
	return conn.Done(time.Millisecond)
}
