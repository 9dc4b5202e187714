package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/target/wire"
)

// Host runs sequences on the kernel of this machine, in a child process.
type Host struct {
	agent   string
	cmd     *exec.Cmd
	stream  net.Conn
	session *session
	hello   wire.Hello
}

// pipeBuffer is what a socket takes at least; who writes more waits.
const pipeBuffer = 128 << 10

// StartHost starts the agent on this machine. It needs the privileges of root; the error says which of
// them are missing.
func StartHost(ctx context.Context, agent string) (*Host, error) {
	if err := privileged(); err != nil {
		return nil, fmt.Errorf("run on this kernel: %w", err)
	}
	h := &Host{agent: agent}
	return h, h.start(ctx)
}

func (h *Host) start(ctx context.Context) error {
	ours, theirs, err := socketPair()
	if err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	defer theirs.Close()
	h.stream, err = net.FileConn(ours)
	ours.Close()
	if err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	h.cmd = exec.CommandContext(ctx, h.agent)
	h.cmd.Stdin, h.cmd.Stdout, h.cmd.Stderr = theirs, theirs, os.Stderr
	h.cmd.Env = append(os.Environ(), agentEnv...)
	if err := h.cmd.Start(); err != nil {
		h.stream.Close()
		return fmt.Errorf("start the agent: %w", err)
	}
	h.session, h.hello, err = greet(h.stream, pipeBuffer, greetLimit)
	if err == nil && h.hello.Fault != "" {
		err = errors.New(h.hello.Fault)
	}
	if err != nil {
		h.Close()
		return fmt.Errorf("run on this kernel: %w", err)
	}
	h.hello.Lacks[ops.FeatureHarm] = "this is the machine that mimic runs on"
	h.hello.Lacks[ops.FeatureCPUs] = "races are for guests: this is the machine that mimic runs on"
	return nil
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "agent"), os.NewFile(uintptr(fds[1]), "host"), nil
}

// Hello is what the agent said of the kernel.
func (h *Host) Hello() wire.Hello { return h.hello }

// About says that this is the host's own kernel.
func (h *Host) About() About {
	a := About{Package: "this machine's kernel", Mode: "host"}
	if path := "/boot/config-" + h.hello.Release; h.hello.Release != "" {
		if _, err := os.Stat(path); err == nil {
			a.Config = path
		}
	}
	return a
}

// Run runs jobs in order, in a new agent after one that died.
func (h *Host) Run(ctx context.Context, jobs []Job, each func(int, ops.Trace)) error {
	for first := 0; first < len(jobs); first++ {
		n, steps, err := h.session.run(ctx, jobs[first:], func(i int, t ops.Trace) { each(first+i, t) })
		if err == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		first += n
		each(first, ops.Trace{Kernel: h.hello.Release, Steps: steps, End: h.ending(err), Detail: err.Error()})
		h.Close()
		if err := h.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) ending(err error) ops.Ending {
	var agent *wire.FaultError
	switch {
	case errors.As(err, &agent):
		return ops.Refused
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ops.Hung
	}
	return ops.Lost
}

// Close hangs up, which ends the agent; one that does not end is killed.
func (h *Host) Close() error {
	h.stream.Close()
	ended := make(chan error, 1)
	go func() { ended <- h.cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(endLimit):
		h.cmd.Process.Kill()
		<-ended
	}
	return nil
}

var _ io.Closer = (*Host)(nil)
