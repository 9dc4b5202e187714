package target

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mimic/ops"
	"mimic/vmtest"
)

// preemptible lets a kernel that can interrupt itself anywhere do so: else threads on one processor
// take turns only where a command ends. Kernels that cannot, up to 5.10, ignore it.
const preemptible = "preempt=full"

// bootDet boots a kernel once, up to where the agent waits for questions, and keeps it.
func bootDet(ctx context.Context, config vmtest.Config) (*VM, error) {
	config.CPUs, config.ForceTCG, config.Counted, config.OwnGracePeriods = 1, true, true, true
	config.Cmdline = append([]string{preemptible}, config.Cmdline...)
	for tries := 1; ; tries++ {
		v, err := Boot(ctx, config)
		if err != nil {
			return v, err
		}
		v.mode, v.stale = Det, true
		if v.snapshot, err = v.vm.Snapshot(); err == nil {
			delete(v.hello.Lacks, ops.FeatureCPUs) // the agent does not know that its processor will do for races
			return v, nil
		}
		v.vm.Close()
		if tries == keepTries || !errors.Is(err, vmtest.ErrDrifted) {
			return v, fmt.Errorf("-mode det of %s, boot %d: %w", config.Kernel.Name, tries, err)
		}
	}
}

// keepTries is how often a kernel is booted until it can be kept.
const keepTries = 10

// runDet runs every race in a guest of its own, that of the snapshot, and all other jobs before in one.
func (v *VM) runDet(ctx context.Context, jobs []Job, each func(int, ops.Trace)) error {
	var plain []Job
	var places, races []int
	for i, job := range jobs {
		if ops.Races(job.Sequence) {
			races = append(races, i)
			continue
		}
		plain, places = append(plain, job), append(places, i)
	}
	err := v.inOrder(ctx, plain, func(i int, t ops.Trace) { each(places[i], t) })
	for _, i := range races {
		if err != nil {
			return err
		}
		var t ops.Trace
		if t, err = v.alone(ctx, jobs[i]); err == nil {
			each(i, t)
		}
	}
	return err
}

// raceLate is how long after a race the kernel may complain of it: its time runs many times as fast as
// ours while it waits.
const raceLate = 50 * time.Millisecond

// alone runs a sequence in a fresh guest that finds it there as soon as it runs: nothing that happens
// there depends on when we do anything. It is always asked in the same way, carefully, for the answers
// before the last take time, too.
func (v *VM) alone(ctx context.Context, job Job) (t ops.Trace, err error) {
	if err := v.leave(); err != nil {
		return t, err
	}
	if err := v.resume(func(s *session) error { return s.conn.Ask(job.Sequence, true) }); err != nil {
		return t, err
	}
	defer v.abandon()
	defer context.AfterFunc(ctx, v.session.hangUp)()
	steps, took, cause := v.session.answers(ctx, job)
	if cause == nil {
		v.quietFor(ctx, raceLate)
	}
	switch {
	case ctx.Err() != nil:
		return t, ctx.Err()
	case cause == nil && v.vm.Quiet():
		return ops.Trace{Kernel: v.hello.Release, Steps: steps, End: ops.Completed, Took: took}, nil
	}
	t, _ = v.postMortem(steps, cause)
	return t, nil
}

// abandon ends a guest that is not to be asked again: while it waits it keeps a processor of ours busy.
func (v *VM) abandon() {
	v.vm.Kill("its sequence is answered")
	v.stale = true
}

// resume replaces the guest, which is gone, by one of the snapshot. What is asked here it finds.
func (v *VM) resume(ask func(*session) error) error {
	vm, err := v.snapshot.Resume(v.life, func(vm *vmtest.VM) (err error) {
		if v.session, v.hello, err = greet(vm, vm.MaxOutstanding(), greetLimit); err == nil {
			err = ask(v.session)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("boot %s: %w", v.config.Kernel.Name, err)
	}
	v.vm, v.stale, v.told = vm, false, false
	v.session.quiet = vm.Quiet
	return nil
}

func nothing(*session) error { return nil }
