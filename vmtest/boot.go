package vmtest

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// How long a guest may stay silent before the next recipe is tried. Real KVM boots in under a
// second. A kernel that is new to us gets less time on the microvm than it has altogether.
const (
	kvmPatience = 6 * time.Second
	newPatience = 30 * time.Second
)

// BootError says why no guest became ready. Kind is how the last attempt ended, Detail the
// reason in one line, Console all that the kernel printed.
type BootError struct {
	Kind    EndKind
	Detail  string
	Console string
	Recipe  Recipe
	Command []string // the command line of QEMU
}

func (e *BootError) Error() string {
	text := fmt.Sprintf("boot (%s) %s: %s", e.Recipe, e.Kind, e.Detail)
	if e.Kind == Hung && e.Console == "" {
		text += "; the kernel printed nothing"
	}
	if e.Kind == Hung {
		text += "; give it longer with ReadyTimeout"
	}
	return text
}

// attempt is one way to boot, how long to wait, and whether there is another way after it.
type attempt struct {
	recipe   Recipe
	patience time.Duration
	last     bool
}

// Boot starts the kernel and returns when init has called guest.Open. It tries the recipes that
// suit the host and the kernel, fastest first, and remembers which one worked. When ctx ends, so
// does the guest. Any error but one about the configuration is a *BootError.
func Boot(ctx context.Context, c Config) (*VM, error) {
	c, err := c.prepare()
	if err != nil {
		return nil, err
	}
	memory := recall(c)
	for _, a := range plan(c, memory) {
		vm, failed := try(ctx, c, a)
		if failed != nil && EmulatorOops(failed.Detail) && a.recipe.Accel != KVM && ctx.Err() == nil {
			c.Progress(fmt.Sprintf("the emulator let the kernel trip over code that it was changing (%s); booting again", failed.Detail))
			vm, failed = try(ctx, c, a)
		}
		if failed == nil {
			if c.Recipe == (Recipe{}) { // what the caller insists on proves nothing
				memory.worked(a.recipe)
			}
			return vm, nil
		}
		if a.last || ctx.Err() != nil || !failed.inconclusive() {
			return nil, failed
		}
		memory.failed(a.recipe, failed)
		c.Progress(a.recipe.nextAfter(failed))
	}
	panic("vmtest: a plan without a last attempt")
}

// prepare checks the configuration, fills in defaults, and finds the programs.
func (c Config) prepare() (Config, error) {
	c, err := c.complete()
	if err != nil {
		return c, err
	}
	if c.QEMU, err = exec.LookPath(c.QEMU); err != nil {
		return c, &BootError{Kind: Unstarted, Recipe: c.Recipe,
			Detail: err.Error() + "; " + archOf(c.Kernel.Arch).installs() + " installs QEMU"}
	}
	if program := backendOf(c.Backend).program; program != "" {
		if _, err := exec.LookPath(program); err != nil {
			return c, &BootError{Kind: Unstarted, Recipe: c.Recipe, Detail: err.Error() + "; scripts/setup.sh " + c.Backend + " installs it"}
		}
	}
	return c, nil
}

// nextAfter says in a sentence that a recipe failed and what is tried next.
func (r Recipe) nextAfter(why *BootError) string {
	switch {
	case r.Accel != KVM:
		return fmt.Sprintf("no success on a %s (%s); trying a pc, which is slower", r.Board, why.Detail)
	case why.Console != "":
		return fmt.Sprintf("no success with /dev/kvm (%s); trying emulation", why.Detail)
	}
	return fmt.Sprintf("/dev/kvm opens but is of no use (%s); emulating until this host reboots",
		why.Detail)
}

// plan lists the recipes to try.
func plan(c Config, m *memory) []attempt {
	if c.Recipe != (Recipe{}) {
		return []attempt{{c.Recipe, c.ReadyTimeout, true}}
	}
	boards := backendOf(c.Backend).boardsFor(archOf(c.Kernel.Arch))
	switch {
	case len(boards) == 1:
	case m.board != "":
		boards = []string{m.board}
	case c.Kernel.Image == "":
		boards = boards[:1] // pc boots an ELF too, but it would not be another try
	}
	var list []attempt
	if m.kvm && !c.ForceTCG {
		list = append(list, attempt{recipe: Recipe{KVM, boards[0]}, patience: kvmPatience})
	}
	for _, b := range boards {
		list = append(list, attempt{recipe: Recipe{TCG, b}, patience: newPatience})
	}
	for i := range list {
		list[i].patience = min(list[i].patience, c.ReadyTimeout)
	}
	list[len(list)-1].patience, list[len(list)-1].last = c.ReadyTimeout, true
	return list
}

// EmulatorOops says whether a kernel oopsed of a breakpoint. It puts one where it is about to change its code, and
// takes it away again; QEMU's TCG, with several processors on a busy host, runs into those that are gone already.
func EmulatorOops(detail string) bool { return strings.Contains(detail, "Oops: int3: 0000") }

// inconclusive says whether a boot failed in a way that may speak against the recipe instead of
// the kernel.
func (e *BootError) inconclusive() bool {
	return e.Kind == Hung || e.Kind == Lost || e.Kind == Unstarted
}

// try boots once.
func try(ctx context.Context, c Config, a attempt) (*VM, *BootError) {
	vm, err := start(ctx, c, a.recipe)
	if err != nil {
		return nil, &BootError{Kind: Unstarted, Detail: err.Error(), Recipe: a.recipe}
	}
	if vm.awaitReady(a.patience) {
		return vm, nil
	}
	defer vm.Close()
	end := vm.Wait(context.Background())
	if end.Kind == Lost && vm.neverRan() {
		end.Kind = Unstarted
	}
	return nil, &BootError{end.Kind, end.Reason, vm.Console(), a.recipe, vm.command}
}
