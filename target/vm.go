package target

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mimic/ops"
	"mimic/target/wire"
	"mimic/vmtest"
)

// VM runs sequences in a virtual machine. A guest that dies is named by the
// trace of the sequence that it died of, and replaced by a fresh one.
type VM struct {
	config   vmtest.Config
	settings []string // parameters of the kernel, NAME=VALUE, for each guest
	mode     Mode
	life     context.Context // of every guest
	stale    bool            // the guest takes no more questions: not all its answers were heard, or it was ended
	told     bool            // how the guest ended is in a trace
	answered time.Time       // when the last answer came
	vm       *vmtest.VM
	session  *session
	hello    wire.Hello
	snapshot *vmtest.Snapshot // what guests begin as; nil: they are booted
	cold     bool             // they are to be booted: they cannot be kept
}

const greetLimit = 30 * time.Second

// Boot boots a kernel with the agent in it, and then gives it settings: see BootMode. The error is a
// *vmtest.BootError, or what the agent said.
func Boot(ctx context.Context, config vmtest.Config, settings ...string) (*VM, error) {
	config.Env = append(append(config.Env, agentEnv...), profiled()...)
	config.Cmdline = append(parametersFor(config.CPUs), config.Cmdline...)
	v := &VM{config: config, settings: settings, mode: Fast, life: ctx}
	return v, inTurn(v.begin, v.set)
}

// inTurn calls functions up to the first that errs.
func inTurn(all ...func() error) error {
	for _, f := range all {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// set gives the guest its settings. One that it cannot have is the answer to the first question.
func (v *VM) set() error {
	for _, s := range v.settings {
		if err := v.session.conn.Set(s); err != nil {
			return fmt.Errorf("boot %s: set %s: %w", v.config.Kernel.Name, s, err)
		}
	}
	return nil
}

// parametersFor are those of a kernel with so many processors. Several that are
// emulated on a busy machine miss so many ticks that their counter seems to be
// wrong, without which a clock has a resolution of milliseconds; and a grace period
// takes as much where the kernel has its own threads run on all of them. Each kind of object has memory of its own, so
// that it shows which kind takes more.
func parametersFor(processors int) []string {
	all := []string{"slab_nomerge"}
	if processors > 1 {
		all = append(all, "tsc=reliable", "isolcpus=1")
	}
	return all
}

func (v *VM) boot() error {
	if v.snapshot != nil {
		ask := reseed
		if v.mode == Det { // which is to do the same each time
			ask = nothing
		}
		err := v.resume(ask)
		if err == nil || v.mode == Det || v.life.Err() != nil {
			return err
		}
		v.giveUp(err)
	}
	return v.bootCold()
}

// bootCold boots a guest up to where the agent waits for questions.
func (v *VM) bootCold() error {
	vm, err := vmtest.Boot(v.life, v.config)
	if err != nil {
		return err
	}
	v.vm, v.stale, v.told = vm, false, false
	v.session, v.hello, err = greet(vm, vm.MaxOutstanding(), greetLimit)
	v.session.quiet = vm.Quiet
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
	return About{Package: cmp.Or(k.Package, k.Image, k.Vmlinux), SHA256: k.SHA256, Mode: v.vm.Recipe().String() + v.mode.suffix(), Kind: v.mode,
		Config: k.ConfigPath}
}

// Close ends the guest; nothing of it stays. The error is what the kernel complained of, or died of,
// after the last answer.
func (v *VM) Close() error { return errors.Join(v.leave(), v.snapshot.Close()) }

// leave is Close for a guest that another may follow.
func (v *VM) leave() error {
	var err error
	if !v.stale {
		v.quietFor(v.life, late-time.Since(v.answered))
		err = v.collect()
	}
	err = errors.Join(err, v.vm.Close())
	if v.told {
		return err
	}
	switch end := v.vm.Wait(context.Background()); end.Kind {
	case vmtest.Splatted, vmtest.Panicked, vmtest.Oopsed:
		err = errors.Join(err, fmt.Errorf("after the last answer the kernel %s", end))
	}
	return err
}

// Run runs jobs in order, in a fresh guest after each death; in mode Det races come last. When ctx
// ends, the run does; the next begins in a fresh guest.
func (v *VM) Run(ctx context.Context, jobs []Job, each func(int, ops.Trace)) error {
	if v.mode == Det {
		return v.runDet(ctx, jobs, each)
	}
	return v.inOrder(ctx, jobs, each)
}

func (v *VM) inOrder(ctx context.Context, jobs []Job, each func(int, ops.Trace)) error {
	if v.stale && len(jobs) > 0 {
		v.vm.Close()
		if err := inTurn(v.boot, v.set); err != nil {
			return err
		}
	}
	for first := 0; first < len(jobs); {
		done, err := v.some(ctx, together(jobs[first:]), cmp.Or(jobs[first].Moment, late), func(i int, t ops.Trace) { each(first+i, t) })
		if err != nil {
			return err
		}
		first += done
	}
	return nil
}

// together are the first jobs that can be asked at once: one that asks for
// care is asked alone.
func together(jobs []Job) []Job {
	if jobs[0].Carefully {
		return jobs[:1]
	}
	for i, job := range jobs {
		if job.Carefully {
			return jobs[:i]
		}
	}
	return jobs
}

// some runs jobs until all are done or the guest dies, and says how many got a
// trace. A careful job is given a moment for what the kernel may say of it.
func (v *VM) some(ctx context.Context, jobs []Job, moment time.Duration, each func(int, ops.Trace)) (done int, err error) {
	h := &held{each: each}
	n, steps, cause := v.session.run(ctx, jobs, h.take)
	v.answered = time.Now()
	if cause == nil && jobs[0].Carefully && moment > 0 {
		v.quietFor(ctx, moment)
	}
	if cause == nil && v.vm.Quiet() {
		h.release(0)
		return n, ctx.Err() // who hears the answers may end the run
	}
	if err := ctx.Err(); err != nil {
		h.release(0)
		v.stale = true
		return n, err
	}
	return v.died(ctx, jobs, h, steps, cause)
}

// quietFor gives the kernel a moment to complain.
func (v *VM) quietFor(ctx context.Context, moment time.Duration) {
	select {
	case <-time.After(moment):
	case <-v.vm.Done():
	case <-ctx.Done():
	}
}

// died makes traces of the jobs of which one killed the guest: the first that
// was not answered, or one of those that were run before its answers were due; of
// a complaint it may also be one whose trace is held. They are run again carefully
// in a fresh guest, up to the one that kills it. If none does, the first gets a
// trace in which nothing has an answer. It says how many jobs got a trace.
func (v *VM) died(ctx context.Context, jobs []Job, h *held, steps []ops.Step, cause error) (done int, err error) {
	if cause == nil {
		steps = h.steps()
	}
	t, complained, err := v.autopsy(steps, cause)
	moment := late / 5 // for each of what may be hundreds
	if !complained || err != nil {
		h.release(0)
		moment = 0
	}
	first := h.done
	if first == len(jobs) {
		return first, err
	}
	if err != nil || t.End == ops.Refused || jobs[0].Carefully {
		h.each(first, t)
		return first + 1, err
	}
	suspects := jobs[first:min(len(jobs), first+len(h.traces)+v.session.ahead)]
	traces, err := v.again(ctx, suspects, moment)
	if err != nil {
		return first, err
	}
	if traces[len(traces)-1].End == ops.Completed {
		traces[0] = unexplained(suspects[0].Sequence, t)
	}
	for i, t := range traces {
		h.each(first+i, t)
	}
	return first + len(traces), nil
}

// again runs jobs carefully and one by one, up to the first that is not completed.
func (v *VM) again(ctx context.Context, jobs []Job, moment time.Duration) (traces []ops.Trace, err error) {
	for i, job := range jobs {
		job.Carefully = true
		_, err := v.some(ctx, []Job{job}, moment, func(_ int, t ops.Trace) { traces = append(traces, t) })
		if err != nil || traces[i].End != ops.Completed {
			return traces, err
		}
	}
	return traces, nil
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

// autopsy says how a guest ended that did not answer, or complained, and boots the
// next.
func (v *VM) autopsy(steps []ops.Step, cause error) (ops.Trace, bool, error) {
	t, complained := v.postMortem(steps, cause)
	v.vm.Close()
	return t, complained, inTurn(v.boot, v.keep, v.set)
}

// postMortem says how a guest ended, and ends it. The last answer is taken back if nothing else
// was being done: it is the kernel's, but not all that the kernel said.
func (v *VM) postMortem(steps []ops.Step, cause error) (t ops.Trace, complained bool) {
	t = ops.Trace{Kernel: v.hello.Release, Steps: steps}
	var agent *wire.FaultError
	if errors.As(cause, &agent) {
		t.End, t.Detail = ops.Refused, agent.Error()
	} else {
		t.End, t.Detail = v.ending(v.life)
	}
	v.vm.Kill("its sequence has no answer")
	if t.End != ops.Refused {
		complained = v.vm.Wait(v.life).Kind == vmtest.Splatted
		t.Steps, t.Console = lastUnanswered(steps), v.vm.Console()
		v.told = true
	}
	return t, complained
}

// lastUnanswered takes the last answer back, unless some are missing anyway. An operation that was answered,
// and no other begun, is what the kernel died after.
func lastUnanswered(steps []ops.Step) []ops.Step {
	steps = slices.Clone(steps)
	if last := len(steps) - 1; last >= 0 && steps[last].Returned {
		steps[last] = ops.Step{Op: steps[last].Op}
	}
	return steps
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
	case vmtest.Panicked, vmtest.Oopsed, vmtest.Splatted:
		return ops.Panicked, detail
	case vmtest.Hung:
		return ops.Hung, detail
	}
	return ops.Lost, detail
}
