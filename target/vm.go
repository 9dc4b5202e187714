package target

import (
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
	vm      *vmtest.VM
	session *session
	hello   wire.Hello
}

const greetLimit = 30 * time.Second

// Boot boots a kernel with the agent in it. The error is a *vmtest.BootError,
// or what the agent said.
func Boot(ctx context.Context, config vmtest.Config) (*VM, error) {
	config.Env = append(config.Env, agentEnv...)
	v := &VM{config: config}
	return v, v.boot(ctx)
}

func (v *VM) boot(ctx context.Context) error {
	vm, err := vmtest.Boot(ctx, v.config)
	if err != nil {
		return err
	}
	v.vm = vm
	v.session, v.hello, err = greet(vm, greetLimit)
	if err != nil {
		end := v.ended(ctx)
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
	from := k.Package
	if from == "" {
		from = k.Image + k.Vmlinux
		if k.Image != "" {
			from = k.Image
		}
	}
	return About{Package: from, SHA256: k.SHA256, Mode: v.vm.Recipe().String()}
}

// Close ends the guest.
func (v *VM) Close() error { return v.vm.Close() }

// Run runs jobs in order, in a fresh guest after each death.
func (v *VM) Run(ctx context.Context, jobs []Job, each func(int, ops.Trace)) error {
	for first := 0; first < len(jobs); first++ {
		n, steps, err := v.session.run(ctx, jobs[first:], func(i int, t ops.Trace) { each(first+i, t) })
		if err == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		first += n
		t, err := v.died(ctx, jobs[first], steps, err)
		if err != nil {
			return err
		}
		each(first, t)
	}
	return nil
}

// died makes the trace of a sequence that was not answered. One that was not run
// carefully is run so in a fresh guest, that the operation it died of be known;
// if it survives then, none of its steps has an answer.
func (v *VM) died(ctx context.Context, job Job, steps []ops.Step, cause error) (ops.Trace, error) {
	t, err := v.autopsy(ctx, steps, cause)
	if err != nil || t.End == ops.Refused || job.Carefully {
		return t, err
	}
	job.Carefully = true
	_, steps, cause = v.session.run(ctx, []Job{job}, func(int, ops.Trace) {})
	if cause != nil {
		return v.autopsy(ctx, steps, cause)
	}
	t.Detail += "; run again alone it completed"
	t.Steps = nil
	for _, op := range job.Sequence {
		t.Steps = append(t.Steps, ops.Step{Op: op})
	}
	return t, nil
}

// autopsy says how a guest ended that did not answer, and boots the next.
func (v *VM) autopsy(ctx context.Context, steps []ops.Step, cause error) (ops.Trace, error) {
	t := ops.Trace{Kernel: v.hello.Release, Steps: steps}
	var agent *wire.FaultError
	if errors.As(cause, &agent) {
		t.End, t.Detail = ops.Refused, agent.Error()
	} else {
		t.End, t.Detail = v.ending(ctx)
	}
	v.vm.Close()
	if err := ctx.Err(); err != nil {
		return t, err
	}
	return t, v.boot(ctx)
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
