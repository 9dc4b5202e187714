package properties

import (
	"slices"

	"mimic/ops"
)

// Operand is a field of an operation of a sequence.
type Operand struct{ Step, Field int }

// Explain finds the operands of a reduced violation that do not matter: each is tried with a few other values,
// and all show the same. try is called at most limit times; what there were no executions for is taken to matter.
func Explain(v *Violation, try func(ops.Sequence) *Violation, limit int) (idle []Operand) {
	seq := v.Trace.Sequence()
	for i, op := range seq {
		for field := range ops.Fields(op) {
			others := ops.Others(op, field, earlier(seq, i))
			if len(others) == 0 || len(others) > limit {
				continue
			}
			if !slices.ContainsFunc(others, func(other ops.Op) bool {
				limit--
				return !try(withOp(seq, i, other)).Like(v)
			}) {
				idle = append(idle, Operand{i, field})
			}
		}
	}
	return idle
}
