package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mimic/vmtest"
)

// Mode is how the time of a guest passes.
type Mode string

// The modes. Fast is what Boot does without one.
const (
	Fast  Mode = "fast"  // grace periods are expedited, two processors race
	Stock Mode = "stock" // two processors, and grace periods as long as the kernel has them
	Det   Mode = "det"   // one processor whose instructions are the clock: a race goes the same way each time
)

// Modes lists them, the usual one first.
var Modes = []Mode{Fast, Stock, Det}

// ModeNames is what people can write, for messages.
func ModeNames() string {
	var names []string
	for _, m := range Modes {
		names = append(names, string(m))
	}
	return strings.Join(names, ", ")
}

// ParseMode reads one. The error lists what there is.
func ParseMode(text string) (Mode, error) {
	if m := Mode(text); slices.Contains(Modes, m) {
		return m, nil
	}
	return "", fmt.Errorf("-mode %q: want one of %s", text, ModeNames())
}

// suffix is what a description of a guest ends with; of the usual mode nothing is said.
func (m Mode) suffix() string {
	if m == Fast {
		return ""
	}
	return ", " + string(m)
}

// processors is how many a guest has: with one, nothing happens at the same time but what it is
// interrupted in.
const processors = 2

// BootMode boots a kernel as Boot does, in the way of a mode, which chooses the processors. Settings are parameters of the
// kernel, NAME=VALUE, that it is given once it has booted, so that what the cache has of it serves all of them; what
// happens the same each time has them from the beginning.
func BootMode(ctx context.Context, config vmtest.Config, mode Mode, settings ...string) (*VM, error) {
	if mode == Det {
		config.Cmdline = append(slices.Clone(config.Cmdline), settings...)
		return bootDet(ctx, config)
	}
	config.CPUs = processors
	config.OwnGracePeriods = mode == Stock
	v, err := Boot(ctx, config, settings...)
	v.mode = mode
	return v, err
}
