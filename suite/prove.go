package suite

import (
	"cmp"
	"slices"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/target"
)

// contradicted keeps the first trace that contradicts each sentence of the
// documentation.
func (x *examination) contradicted(t ops.Trace) {
	if x.proofs == nil {
		x.proofs = map[properties.Ref]*properties.Violation{}
	}
	for _, sentence := range properties.Sentences() {
		if x.asked[sentence] > 0 && x.proofs[sentence] == nil {
			if v := properties.Contradiction(x.kernel, t, sentence); v != nil {
				x.proofs[sentence] = v
			}
		}
	}
}

// proveLimit bounds the executions that one proof takes.
const proveLimit = 60

// prove reduces the proof of each defect of the documentation; as it is it will do where all is to be quick.
func (x *examination) prove(out *report.Kernel) error {
	limit := proveLimit
	if x.quick {
		limit = 0
	}
	for sentence, v := range x.proofs {
		x.say("reducing the proof of %s", sentence.Rule.ID)
		f := report.Finding{Original: v.Trace.Sequence(), Times: x.asked[sentence]}
		var err error
		f.Reduced = properties.Reduce(v, func(seq ops.Sequence) (again *properties.Violation) {
			if err != nil {
				return nil
			}
			f.Tries++
			err = x.runner.Run(x.ctx, []target.Job{x.job(seq)}, func(_ int, t ops.Trace) {
				again = properties.Contradiction(x.kernel, t, sentence)
			})
			return again
		}, limit)
		if err != nil {
			return err
		}
		out.Defects = append(out.Defects, f)
	}
	slices.SortFunc(out.Defects, func(a, b report.Finding) int {
		return cmp.Compare(a.Reduced.Broken()[0].String(), b.Reduced.Broken()[0].String())
	})
	return nil
}
