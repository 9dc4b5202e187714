package vmtest

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// spawner starts processes that die with this one, however it dies. The kernel ties that promise
// (PR_SET_PDEATHSIG) to the thread that forked, not to the process, and Go ends threads as it
// likes: so one goroutine is locked to its thread and never returns.
var spawner = sync.OnceValue(func() chan<- func() {
	requests := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range requests {
			start()
		}
	}()
	return requests
})

// startTied starts a command that the kernel kills when this process ends; alone: on one processor.
func startTied(cmd *exec.Cmd, alone bool) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig, cmd.SysProcAttr.Setpgid = syscall.SIGKILL, true
	result := make(chan error)
	spawner() <- func() {
		if alone {
			defer pin()()
		}
		result <- cmd.Start()
	}
	return <-result
}

// pin keeps this thread, and what it starts, on the first processor that it may use, until free. Where
// that cannot be, it does nothing.
func pin() (free func()) {
	var all, one unix.CPUSet
	if unix.SchedGetaffinity(0, &all) != nil {
		return func() {}
	}
	for cpu := 0; one.Count() == 0 && all.Count() > 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	_ = unix.SchedSetaffinity(0, &one)
	return func() { _ = unix.SchedSetaffinity(0, &all) }
}
