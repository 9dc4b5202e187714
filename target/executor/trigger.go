package executor

import (
	"os"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// trigger runs programs that wait for an event: it attaches one to a perf event
// of this thread and causes it, once.
type trigger struct {
	attr  func() (*unix.PerfEventAttr, error) // which event
	ready func()                              // what must be so that cause is enough; nil: nothing
	cause func()
	alone *sync.Mutex // held where threads would get into each other's way; nil: nowhere
}

var (
	kprobe     = trigger{attr: kprobeAttr, cause: getpgid}
	tracepoint = trigger{attr: tracepointAttr, cause: rename}
	pageFault  = trigger{attr: pageFaultAttr, ready: dropPage, cause: touchPage, alone: &sync.Mutex{}}
)

func (t trigger) run(prog uint32) ops.Result {
	if t.alone != nil {
		t.alone.Lock()
		defer t.alone.Unlock()
	}
	runtime.LockOSThread() // the event is that of a thread
	defer runtime.UnlockOSThread()
	attr, err := t.attr()
	if err != nil {
		return notRun(err.Error())
	}
	event, err := openEvent(attr)
	if err != nil {
		return notRun("its event: " + err.Error())
	}
	defer unix.Close(event)
	if errno := control(event, unix.PERF_EVENT_IOC_SET_BPF, uintptr(prog)); errno != 0 {
		return notRun("attaching it answers " + failed(errno).String())
	}
	t.once(event)
	return ops.OK
}

// once causes what the event is of.
func (t trigger) once(event int) {
	if t.ready != nil {
		t.ready()
	}
	control(event, unix.PERF_EVENT_IOC_ENABLE, 0)
	t.cause()
	control(event, unix.PERF_EVENT_IOC_DISABLE, 0)
}

// openEvent opens an event of this thread that is not enabled yet.
func openEvent(of *unix.PerfEventAttr) (int, error) {
	attr := *of
	attr.Size, attr.Sample, attr.Bits = uint32(unsafe.Sizeof(attr)), 1, unix.PerfBitDisabled
	return unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
}

// control is a raw ioctl(2): the less happens around the cause the better.
func control(event int, what, arg uintptr) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(event), what, arg)
	return errno
}

func getpgid() { unix.RawSyscall(unix.SYS_GETPGID, 0, 0, 0) }

var threadName = []byte("mimic\x00")

// rename gives this thread a name, which is a tracepoint of every kernel that has any.
func rename() {
	unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(&threadName[0])), 0)
}

// page is memory that is touched only to cause page faults.
var page = sync.OnceValue(func() []byte {
	b, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return make([]byte, os.Getpagesize()) // never a fault: the program does not run
	}
	return b
})

func dropPage()  { unix.Madvise(page(), unix.MADV_DONTNEED) }
func touchPage() { page()[0] = 1 }

func pageFaultAttr() (*unix.PerfEventAttr, error) {
	return &unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_PAGE_FAULTS}, nil
}
