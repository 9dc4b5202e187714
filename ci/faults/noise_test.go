package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Variables that make this test binary a QEMU with a noisy guest.
const (
	noiseKind = "MIMIC_FAULTS_NOISE"
	realQEMU  = "MIMIC_FAULTS_QEMU"
)

// consoleFD is the descriptor that mimic gives QEMU for the console.
const consoleFD = 4

// The real QEMU is tied to the thread that starts it.
func init() { runtime.LockOSThread() }

// beNoisy runs the real QEMU and writes to its console what no kernel would.
func beNoisy(kind string) int {
	args := slices.Clone(os.Args[1:])
	if at := slices.Index(args, "-append") + 1; at > 0 && kind == "flood" {
		args[at] += " ignore_loglevel initcall_debug"
	}
	qemu := exec.Command(os.Getenv(realQEMU), args...)
	qemu.Stdout, qemu.Stderr = os.Stdout, os.Stderr
	for fd := 3; fd <= lastFD(args); fd++ {
		qemu.ExtraFiles = append(qemu.ExtraFiles, os.NewFile(uintptr(fd), "handed on"))
	}
	qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := qemu.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go disturb(kind)
	_ = qemu.Wait() // its code is ours
	return qemu.ProcessState.ExitCode()
}

var fdArgument = regexp.MustCompile(`fd[=/](\d+)`)

// lastFD is the highest descriptor that QEMU is told of.
func lastFD(args []string) (last int) {
	for _, arg := range args {
		for _, m := range fdArgument.FindAllStringSubmatch(arg, -1) {
			fd, _ := strconv.Atoi(m[1])
			last = max(last, fd)
		}
	}
	return last
}

// pause is the time between two pieces of noise: a flood is some 20,000 lines a second, more than an
// emulated guest prints by itself.
const pause = 5 * time.Millisecond

// disturb writes to the console until nobody listens.
func disturb(kind string) {
	for n := 0; ; n++ {
		text := garbage()
		if kind == "flood" {
			text = lines(100*n, 100)
		}
		if writeAll(consoleFD, text) != nil {
			return
		}
		<-time.After(pause)
	}
}

func lines(first, count int) (text []byte) {
	for n := first; n < first+count; n++ {
		text = fmt.Appendf(text, "[%5d.%06d] flood: line %d of a driver that has something to say\n", n/20000, n%20000*50, n)
	}
	return text
}

// garbage is a piece of random bytes, or of a line that does not end.
func garbage() []byte {
	text := make([]byte, rand.IntN(4096))
	for i := range text {
		text[i] = byte(rand.Uint32())
		if len(text)%2 == 0 {
			text[i] = 'a' + text[i]%26
		}
	}
	return text
}

// writeAll writes to a socket that does not block, since QEMU has it too.
func writeAll(fd int, text []byte) error {
	for len(text) > 0 {
		n, err := unix.Write(fd, text)
		if errors.Is(err, unix.EAGAIN) {
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1)
			continue
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		text = text[max(0, n):]
	}
	return nil
}
