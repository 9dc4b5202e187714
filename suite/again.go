package suite

import (
	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/vmtest"
)

// A wait of which the kernel made nothing is looked at again: a machine under
// load can keep a kernel from forgetting, or from answering, in time. againOnce is how often, and
// oftenEnough how often it was seen when there is no need to.
const againOnce, oftenEnough = 4, 3

// shownAgain says whether a finding stays one: anything but a wait that was too
// long does, and that if it is too long again.
func (x *examination) shownAgain(f *report.Finding) (bool, error) {
	if !waited(f.Reduced) {
		return true, nil
	}
	for range againOnce {
		f.Tries++
		v, err := x.try(f.Original)
		if err != nil || v != nil && died(v) == died(f.Reduced) { // what it lives to show is another matter
			return true, err
		}
	}
	x.slow++
	if f.Reduced.Trace.End != ops.Completed {
		x.late++
	}
	return false, nil
}

// waited says whether the answer that breaks a promise is one that was waited for, or did not come in time, or who
// ended QEMU or the emulator itself may be to blame.
func waited(v *properties.Violation) bool {
	if v.Trace.End == ops.Hung || v.Trace.End == ops.Lost || vmtest.EmulatorOops(v.Trace.Detail) {
		return true
	}
	step := v.Trace.Steps[v.Step]
	if v.Trace.End != ops.Completed || !step.Returned {
		return false
	}
	switch step.Op.(type) {
	case ops.Gone, ops.End, ops.Load:
		return true
	}
	return false
}
