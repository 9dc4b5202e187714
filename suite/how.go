package suite

import (
	"fmt"

	"mimic/target"
	"mimic/vmtest"
)

// How is the way in which guests are run.
type How struct {
	Mode    target.Mode
	Backend string // what starts them, see vmtest.Config; "" is the usual one
	Cold    bool   // they are booted, also if an earlier run kept one that had booted
}

// ParseHow reads what -mode and -backend take. The error is a *UsageError.
func ParseHow(mode, backend string) (How, error) {
	m, err := target.ParseMode(mode)
	if err == nil {
		err = vmtest.ParseBackend(backend)
	}
	switch {
	case err != nil:
		return How{}, &UsageError{err.Error()}
	case m == target.Det && backend == vmtest.VNG:
		return How{}, &UsageError{fmt.Sprintf("-mode %s -backend %s: a guest whose instructions are counted is kept by its monitor, which %s does not hand on; leave one of them out", m, backend, backend)}
	}
	return How{Mode: m, Backend: backend}, nil
}

// onlyGuests errs if a way was asked for of what is no guest.
func onlyGuests(what string, how How) error {
	if how.Mode != target.Fast {
		return &UsageError{fmt.Sprintf("-mode %s: nobody can choose how the time of %s passes; name kernels to boot with -vm, or leave -mode out", how.Mode, what)}
	}
	if how.Backend == vmtest.VNG {
		return &UsageError{fmt.Sprintf("-backend %s: nobody starts %s; name kernels to boot with -vm, or leave -backend out", how.Backend, what)}
	}
	return nil
}
