package target

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mimic/ops"
	"mimic/target/wire"
	"mimic/vmtest"
)

// VM runs sequences in a virtual machine. A guest that dies is named by the
// trace of the sequence that it died of, and replaced by a fresh one.
type VM struct {
	config  vmtest.Config
	life    context.Context // of every guest
	stale   bool            // the guest's answers were not all heard: it takes no more questions
	vm      *vmtest.VM
	session *session
	hello   wire.Hello
}

const greetLimit = 30 * time.Second

// Boot boots a kernel with the agent in it. The error is a *vmtest.BootError,
// or what the agent said.
func Boot(ctx context.Context, config vmtest.Config) (*VM, error) {
	config.Env = append(config.Env, agentEnv...)
	v := &VM{config: config, life: ctx}
	return v, v.boot()
}

func (v *VM) boot() error {
	vm, err := vmtest.Boot(v.life, v.config)
	if err != nil {
		return err
	}
	v.vm, v.stale = vm, false
	v.session, v.hello, err = greet(vm, vm.MaxOutstanding(), greetLimit)
	if err != nil {
		end := v.ended(v.life)
		vm.Close()
		return fmt.Errorf("boot %s: the agent did not say hello: %w; %s; the console ends with\n%s", v.config.Kernel.Name, err, end, tail(vm.Console(), 40))
	}
	if v.hello.Fault != "" {
		vm.Close()
		return fmt.Errorf("boot %s: %s", v.config.Kernel.Name, v.hello.Fault)
	}
	return nil
}

// tail is the last n lines of text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Hello is what the agent said of the kernel.
func (v *VM) Hello() wire.Hello { return v.hello }

// About says which package the kernel came from and how it runs.
func (v *VM) About() About {
	k := v.config.Kernel
	return About{Package: cmp.Or(k.Package, k.Image, k.Vmlinux), SHA256: k.SHA256, Mode: v.vm.Recipe().String()}
}

// Close ends the guest.
func (v *VM) Close() error { return v.vm.Close() }

// Run runs jobs in order, in a fresh guest after each death. When ctx ends, the
// run does; the next begins in a fresh guest.
func (v *VM) Run(ctx context.Context, jobs []Job, each func(int, ops.Trace)) error {
	if v.stale {
		v.vm.Close()
		if err := v.boot(); err != nil {
			return err
		}
	}
	for first := 0; first < len(jobs); first++ {
		n, steps, err := v.session.run(ctx, jobs[first:], func(i int, t ops.Trace) { each(first+i, t) })
		if err == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			v.stale = true
			return err
		}
		first += n
		done, err := v.died(ctx, jobs[first:], steps, err, func(i int, t ops.Trace) { each(first+i, t) })
		if err != nil {
			return err
		}
		first += done - 1
	}
	return nil
}

// died makes traces of the jobs of which one killed the guest: the first that
// was not answered, or one of those that were run before its answers were due.
// They are run again carefully in a fresh guest, up to the one that kills it. If
// none does, the first gets a trace in which nothing has an answer. It says how
// many jobs got a trace.
func (v *VM) died(ctx context.Context, jobs []Job, steps []ops.Step, cause error, each func(int, ops.Trace)) (done int, err error) {
	t, err := v.autopsy(steps, cause)
	if err != nil || t.End == ops.Refused || jobs[0].Carefully {
		each(0, t)
		return 1, err
	}
	again := carefully(jobs[:min(len(jobs), v.session.ahead)])
	var traces []ops.Trace
	n, steps, cause := v.session.run(ctx, again, func(_ int, t ops.Trace) { traces = append(traces, t) })
	if err := ctx.Err(); err != nil {
		v.stale = true
		return 0, err
	}
	if cause == nil {
		traces[0] = unexplained(jobs[0].Sequence, t)
	} else if t, err = v.autopsy(steps, cause); err == nil {
		traces, n = append(traces, t), n+1
	}
	for i, t := range traces {
		each(i, t)
	}
	return n, err
}

func carefully(jobs []Job) (again []Job) {
	for _, job := range jobs {
		again = append(again, Job{job.Sequence, true})
	}
	return again
}

// unexplained is the trace of a sequence around which a guest died, and not again.
func unexplained(seq ops.Sequence, t ops.Trace) ops.Trace {
	t.Detail += "; run again carefully it survived"
	t.Steps = nil
	for _, op := range seq {
		t.Steps = append(t.Steps, ops.Step{Op: op})
	}
	return t
}

// autopsy says how a guest ended that did not answer, and boots the next.
func (v *VM) autopsy(steps []ops.Step, cause error) (ops.Trace, error) {
	t := ops.Trace{Kernel: v.hello.Release, Steps: steps}
	var agent *wire.FaultError
	if errors.As(cause, &agent) {
		t.End, t.Detail = ops.Refused, agent.Error()
	} else {
		t.End, t.Detail = v.ending(v.life)
	}
	v.vm.Close()
	return t, v.boot()
}

// endLimit is the time that a guest whose channel broke has to end by itself,
// so that a panic is told from a hang.
const endLimit = 5 * time.Second

func (v *VM) ended(ctx context.Context) vmtest.End {
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	return v.vm.Wait(ctx)
}

func (v *VM) ending(ctx context.Context) (ops.Ending, string) {
	end := v.ended(ctx)
	detail := strings.ReplaceAll(end.String(), "\n", "; ")
	switch end.Kind {
	case vmtest.Panicked, vmtest.Oopsed:
		return ops.Panicked, detail
	case vmtest.Hung:
		return ops.Hung, detail
	}
	return ops.Lost, detail
}
