// Package target is where sequences run: on this host, or in a virtual machine.
//
// Both run the same agent, a static binary that package target builds once from
// this module. Whatever becomes of the kernel, every sequence that was asked
// gets a trace, and the trace says how its run ended.
package target

import (
	"context"
	"time"

	"mimic/ops"
	"mimic/target/wire"
)

// Target is a kernel that sequences run on.
type Target interface {
	// Hello is what the agent said of the kernel.
	Hello() wire.Hello
	// Run runs jobs in order and hands each trace to each, with its number. The
	// error is the harness's: what the kernel did is in the traces.
	Run(ctx context.Context, jobs []Job, each func(int, ops.Trace)) error
	// About says what the kernel is, where it came from and how it runs, for people.
	About() About
	// Close ends it; nothing of it stays.
	Close() error
}

// Job is a sequence to run. Carefully means to announce each operation before it
// is done, which takes longer: should the kernel die of one, it is known which.
type Job struct {
	Sequence  ops.Sequence
	Carefully bool
	Patience  time.Duration // for the answers; 0: as long as any sequence may take
	Moment    time.Duration // that the kernel has to complain of what was done carefully; 0: half a second
}

// About describes a target.
type About struct {
	Package string // the package or file that the kernel came from
	SHA256  string // of it, hex
	Mode    string // how it runs: tcg microvm, kvm microvm, host
	Kind    Mode   // of a guest, how its time passes; "" of what is none
	Config  string // path of the kernel's configuration; "" if nobody has it
}

// agentEnv keeps the Go runtime of the agent from sending signals to itself, which
// makes the verifier give up on programs, and from collecting garbage before
// there is much.
var agentEnv = []string{"GODEBUG=asyncpreemptoff=1", "GOGC=off", "GOMEMLIMIT=64MiB"}
