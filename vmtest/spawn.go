package vmtest

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
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

// startTied starts a command that the kernel kills when this process ends.
func startTied(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	result := make(chan error)
	spawner() <- func() { result <- cmd.Start() }
	return <-result
}
