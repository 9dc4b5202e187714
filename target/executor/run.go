package executor

import (
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

// progLoad is what must be known of a program type to load programs.
type progLoad struct {
	attach uint32        // expected_attach_type
	hook   string        // the kernel's function that it is for
	flags  ops.ProgFlags // that it cannot be without
}

// progKind is what must be known of a program type.
type progKind struct {
	progLoad
	run func(prog uint32) ops.Result
	why string // why there is no way to run it
}

// The kernel's functions that programs are for: one that a test run calls, and
// one at which every kernel lets programs sleep that lets them anywhere.
const (
	fentryHook = "bpf_fentry_test1"
	lsmHook    = "bpf_lsm_bprm_committed_creds"
)

var fentry = progLoad{attach: attachFentry, hook: fentryHook}

// Values of enum bpf_attach_type.
const (
	attachSockOps   = 3
	attachSkSKB     = 5
	attachSkMsg     = 7
	attachFentry    = 24
	attachLSM       = 27
	attachReuseport = 39
)

// progKinds has what the loading and the running of a program type need; a type
// without a row is loaded plainly and not run.
var progKinds = map[ops.ProgType]progKind{
	ops.SocketFilter:  {run: onPacket},
	ops.Kprobe:        {run: kprobe.run},
	ops.SchedCLS:      {run: onPacket},
	ops.Tracepoint:    {run: tracepoint.run},
	ops.XDP:           {run: onPacket},
	ops.PerfEvent:     {run: pageFault.run},
	ops.CgroupSKB:     {run: onPacket},
	ops.SockOps:       {progLoad: progLoad{attach: attachSockOps}, why: "it needs a connection in a cgroup"},
	ops.SkSKB:         {progLoad: progLoad{attach: attachSkSKB}, why: "it needs a connection in a sockmap"},
	ops.SkMsg:         {progLoad: progLoad{attach: attachSkMsg}, why: "it needs a connection in a sockmap"},
	ops.RawTracepoint: {run: onContext},
	ops.SkReuseport:   {progLoad: progLoad{attach: attachReuseport}, why: "it needs a group of sockets"},
	ops.Tracing:       {progLoad: fentry, run: onFentry},
	ops.LSM:           {progLoad: progLoad{attach: attachLSM, hook: lsmHook}, why: "it would run for every process"},
	ops.Syscall:       {progLoad: progLoad{flags: ops.Sleepable}, run: onNothing},
}

// hookID is the BTF id of the function that programs of this kind are for; 0 if
// they are for none, or the kernel has it not, which it says then itself.
func (k progLoad) hookID() uint32 {
	if k.hook == "" {
		return 0
	}
	id, _ := functionID(k.hook)
	return id
}

// run runs a program once, in the way of its type.
func (x *Executor) run(o ops.Run) ops.Result {
	h := x.handle(o.On)
	if h.program == nil || h.fd == badFD {
		return onPacket(h.fd) // the kernel says what it thinks of that
	}
	if why := x.whyNot(h.program); why != "" {
		return notRun(why)
	}
	return x.through(h, o, progKinds[h.program.Type].run)
}

// whyNot says why a program is not to be run, or cannot be.
func (x *Executor) whyNot(l *loaded) string {
	kind := progKinds[l.Type]
	switch {
	case kind.run == nil:
		return kind.why
	case l.Type == ops.Kprobe && l.flags&ops.Sleepable != 0:
		return "one that may sleep is for user space's functions"
	case !x.mayRun(l):
		return "unsafe"
	}
	return ""
}

// through hands a program its keys and takes its answer, through the mailbox.
func (x *Executor) through(h *handle, o ops.Run, run func(uint32) ops.Result) ops.Result {
	h.program.turn.Lock()
	defer h.program.turn.Unlock()
	mail := h.program.mail
	defer mail.finish(h.program.Gated)
	h.program.Prepare(mail.memory, o.Key.N, o.Inner.N, uint64(o.Branches))
	if errno := mail.send(); errno != 0 {
		return notRun("its mailbox answers " + failed(errno).String())
	}
	if r := h.program.anywhere(run)(h.fd); r != ops.OK {
		return r
	}
	if errno := mail.collect(); errno != 0 {
		return notRun("its mailbox answers " + failed(errno).String())
	}
	return ops.Read(h.program.Answer(mail.memory))
}

// anywhere is how a program is run: on whatever processor this is. One that counts elements is run on each processor in
// turn, for numbers may be kept by processor.
func (l *loaded) anywhere(run func(uint32) ops.Result) func(uint32) ops.Result {
	if !strings.Contains(string(l.Body), "map_sum_elem_count") {
		return run
	}
	l.runs++
	return func(fd uint32) ops.Result {
		got := make(chan ops.Result)
		go func() {
			runtime.LockOSThread() // for good: the thread ends with this
			pinTo(l.runs)
			got <- run(fd)
		}()
		return <-got
	}
}

// beforeWhy is what an answer begins with that says why a program was not run.
const beforeWhy = "not run: "

func notRun(why string) ops.Result { return ops.Read(beforeWhy + why) }

// packetSize is that of the packets that programs are run on, and more than the
// shortest that any type takes.
const packetSize = 64

var packet = make([]byte, packetSize)

// contextSize is what raw tracepoints take at most.
const contextSize = 96

var context = make([]byte, contextSize)

// testRun runs a program once (BPF_PROG_TEST_RUN).
func testRun(attr testRunAttr) ops.Result {
	_, errno := bpf(cmdTestRun, &attr)
	runtime.KeepAlive(packet)
	return failed(errno)
}

func onPacket(prog uint32) ops.Result {
	return testRun(testRunAttr{fd: prog, sizeIn: packetSize, in: address(packet)})
}

func onContext(prog uint32) ops.Result {
	return testRun(testRunAttr{fd: prog, ctxSizeIn: contextSize, ctxIn: address(context)})
}

func onNothing(prog uint32) ops.Result { return testRun(testRunAttr{fd: prog}) }

// onFentry attaches a program to its function, which a test run of it calls.
func onFentry(prog uint32) ops.Result {
	keepFentry()
	tracing.Lock()
	defer tracing.Unlock()
	link, errno := attach(prog)
	if errno == unix.EBUSY { // the sequence attached it
		return onNothing(prog)
	}
	if errno != 0 {
		return notRun("attaching it answers " + failed(errno).String())
	}
	defer closeFD(link)
	return onNothing(prog)
}

// tracing is held by who makes the kernel call the function that programs are
// attached to.
var tracing sync.Mutex

// attach attaches a program to what it was loaded for.
func attach(prog uint32) (uint32, unix.Errno) {
	return bpf(cmdRawTracepoint, &rawTracepointAttr{fd: prog})
}

// keepFentry attaches a program that does nothing, for good: it takes less to
// attach one beside it than to be the first that is attached and the last that is
// detached. If that fails so will attaching the others, and say why.
var keepFentry = sync.OnceFunc(func() {
	s := shared{log: make([]byte, 1)}
	prog, _, errno := s.loadProgram(image{kind: ops.Tracing, how: fentry, insns: progs.Nothing()})
	if errno == 0 {
		attach(prog)
	}
})
