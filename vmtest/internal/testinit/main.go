// Command testinit is the init of the guests in the tests of package vmtest. Its first argument
// names its behaviour.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"mimic/vmtest/guest"

	"golang.org/x/sys/unix"
)

func main() {
	if err := guest.Setup(); err != nil {
		fmt.Println("setup:", err)
		os.Exit(1)
	}
	name := "exit"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	if early := beforeReady[name]; early != nil {
		early()
	}
	channel, err := guest.Open()
	if err != nil {
		fmt.Println("open:", err)
		guest.Exit(1)
	}
	afterReady[name](channel)
	hang()
}

// beforeReady is what can happen instead of readiness.
var beforeReady = map[string]func(){
	"early":   func() { write("/dev/kmsg", "<4>WARNING: suspicious RCU usage\n") },
	"silent":  func() { os.Exit(7) },
	"unready": hang,
}

// afterReady is what can follow readiness.
var afterReady = map[string]func(channel io.ReadWriter){
	"exit":  func(io.ReadWriter) { guest.Exit(42) },
	"hang":  func(io.ReadWriter) { hang() },
	"die":   func(io.ReadWriter) { os.Exit(3) },
	"panic": func(io.ReadWriter) { write("/proc/sysrq-trigger", "c") },
	"echo":  func(c io.ReadWriter) { io.Copy(c, c) },
	"busy":  busyEcho,
	"deaf":  deafEcho,
	"flood": flood,
	"look":  look,
	"spew":  spew,
	"sync":  syncWhenTold,
	"held":  held,
	"log":   logAndWait,
	"stuck": stuck,

	"provoke": provoke,
	"show":    show,
}

// hang is not select {}, which the runtime would call a deadlock.
func hang() {
	for {
		_ = unix.Pause()
	}
}

func write(path, text string) {
	if err := os.WriteFile(path, []byte(text), 0); err != nil {
		fmt.Println("write:", err)
	}
}

// flood fills the console for as long as the guest lives, and echoes.
func flood(c io.ReadWriter) {
	go io.Copy(c, c)
	line := append(bytes.Repeat([]byte("x"), 4095), '\n')
	for {
		os.Stdout.Write(line)
	}
}

// held is held, and answers what it reads with what nobody can foresee.
func held(c io.ReadWriter) {
	fmt.Fprint(c, "before;")
	if err := guest.Hold(); err != nil {
		fmt.Fprint(c, err)
	}
	text := make([]byte, 16)
	n, _ := c.Read(text)
	var random [8]byte
	unix.Getrandom(random[:], 0)
	fmt.Fprintf(c, "%s at %d, %x", text[:n], time.Now().UnixNano(), random)
	guest.Exit(0)
}

// busyEcho echoes while another thread never rests.
func busyEcho(c io.ReadWriter) {
	runtime.GOMAXPROCS(2)
	go func() {
		for start := time.Now(); ; {
			_ = time.Since(start)
		}
	}()
	io.Copy(c, c)
}

// deafEcho keeps every other thread, those of the kernel too, from running for two seconds, and
// then echoes.
func deafEcho(c io.ReadWriter) {
	write("/proc/sys/kernel/sched_rt_runtime_us", "-1")
	c.Write([]byte("."))
	runtime.LockOSThread()
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 99}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		fmt.Println("sched_setattr:", err)
	}
	for start := time.Now(); time.Since(start) < 2*time.Second; {
		continue
	}
	attr = unix.SchedAttr{Size: unix.SizeofSchedAttr}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		fmt.Println("sched_setattr:", err)
	}
	io.Copy(c, c)
}

// spew writes a megabyte and exits; the host reads it when it likes.
func spew(c io.ReadWriter) {
	c.Write(bytes.Repeat([]byte("0123456789abcdef"), 1<<16))
	guest.Exit(0)
}

// look says what the process sees, then exits.
func look(c io.ReadWriter) {
	_, bpf := os.Stat("/sys/fs/bpf")
	_, proc := os.Stat("/proc/self/stat")
	fmt.Fprintf(c, "args=%q env=%q proc=%v bpf=%v cpus=%d\n",
		os.Args, os.Environ(), proc == nil, bpf == nil, runtime.NumCPU())
	guest.Exit(0)
}

// syncWhenTold says where in the kernel sync(2) is, waits for a byte, and calls it.
func syncWhenTold(c io.ReadWriter) {
	symbols, _ := os.ReadFile("/proc/kallsyms")
	for line := range strings.Lines(string(symbols)) {
		if words := strings.Fields(line); words[2] == "__x64_sys_sync" {
			fmt.Fprintln(c, words[0])
		}
	}
	c.Read(make([]byte, 1))
	unix.Sync()
	guest.Exit(1)
}

// logAndWait waits for a byte, has the kernel print its arguments, waits for another, and exits.
func logAndWait(c io.ReadWriter) {
	c.Read(make([]byte, 1))
	for _, text := range os.Args[2:] {
		write("/dev/kmsg", text+"\n") // the end of a line is what has it printed
	}
	c.Read(make([]byte, 1))
	guest.Exit(0)
}

// provoke waits for a byte and has the kernel do the harm that the second argument names, in a
// thread that may not come back.
func provoke(c io.ReadWriter) {
	c.Read(make([]byte, 1))
	write("/proc/sys/kernel/hung_task_timeout_secs", "1")
	go write("/sys/kernel/debug/provoke-crash/DIRECT", os.Args[2])
}

// stuck leaves a thread without a way out of the kernel: two read the log through one open file,
// and while the one waits for a message it holds the lock of the position that the other wants.
func stuck(io.ReadWriter) {
	write("/proc/sys/kernel/hung_task_timeout_secs", "1")
	log, err := unix.Open("/proc/kmsg", unix.O_RDONLY, 0)
	if err != nil {
		fmt.Println("open the log:", err)
	}
	if _, err := unix.Dup(log); err != nil { // a file with one descriptor has no need of the lock
		fmt.Println("dup:", err)
	}
	for range 2 {
		go func() {
			for b := make([]byte, 4096); ; {
				unix.Read(log, b)
			}
		}()
	}
}

// show writes the file that the second argument names to the channel.
func show(c io.ReadWriter) {
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		text = []byte(err.Error())
	}
	c.Write(text)
	guest.Exit(0)
}
