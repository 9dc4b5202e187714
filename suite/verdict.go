package suite

import (
	"fmt"
	"slices"

	"mimic/properties"
	"mimic/report"
)

// leastAsked is how often a row must have been asked before it is said to hold.
const leastAsked = 5

func (x *examination) verdicts(rows []properties.Key, out *report.Kernel) {
	broken := map[properties.Key]*report.Finding{}
	for i := range out.Findings {
		f := &out.Findings[i]
		for _, key := range f.Reduced.Broken() {
			if broken[key] == nil || broken[key].Known != "" {
				broken[key] = f
			}
		}
	}
	for _, key := range properties.Keys() {
		switch f := broken[key]; {
		case slices.Contains(rows, key) || f != nil && f.Known == "":
			out.Rows = append(out.Rows, x.verdict(key, f))
		case f != nil: // nobody asked for this row, so it may lack questions
			out.Rows = append(out.Rows, report.Row{Key: key, Asked: x.asked.Of(key), Verdict: report.Deviates, Reason: f.Known})
		}
	}
}

func (x *examination) verdict(key properties.Key, broken *report.Finding) report.Row {
	row := report.Row{Key: key, Asked: x.asked.Of(key)}
	row.Verdict, row.Reason = x.decide(row, broken)
	row.Stale = row.Verdict == report.Violated && (broken == nil || broken.Known != "")
	return row
}

func (x *examination) decide(row report.Row, broken *report.Finding) (report.Verdict, string) {
	if broken != nil && broken.Known == "" {
		return report.Violated, broken.Reduced.By[0].Rule.Says
	}
	if why := properties.ClaimByID(row.Key.Claim).NotClaimed(x.kernel); why != "" {
		return report.NotClaimed, why
	}
	if d := x.staleOf(row.Key); d != nil {
		return report.Violated, "known.txt lists a deviation that " + d.Sequence + " no longer shows: " + d.Reason
	}
	if broken == nil && row.Asked < leastAsked {
		return report.Inconclusive, fmt.Sprintf("asked %d times, want %d", row.Asked, leastAsked)
	}
	if row.Key.Claim == "P00" && x.late > 0 {
		return report.Inconclusive, fmt.Sprintf("%d sequences did not end in time, or QEMU did before, or the kernel died of a breakpoint, and ended when they were run %d more times: a machine under load, its emulator, or what is rare", x.late, againOnce)
	}
	if undecided := x.undecided(row.Key); undecided != "" {
		return report.Inconclusive, undecided
	}
	shown := func(ref properties.Ref) bool { return broken != nil && broken.Reduced.By[0] == ref }
	if unasked := x.unasked(row.Key, shown); unasked != "" {
		return report.Inconclusive, "never asked: " + unasked
	}
	for _, d := range x.known {
		if d.On(x.kernel) && slices.Contains(d.Ref.Keys(), row.Key) {
			return report.Deviates, d.Reason
		}
	}
	for ref := range x.proofs {
		if slices.Contains(ref.Keys(), row.Key) {
			return report.Defect, "kernels do otherwise than it says: " + ref.Rule.Says
		}
	}
	return report.Holds, ""
}

func (x *examination) staleOf(key properties.Key) *shown {
	for i := range x.stale {
		if slices.Contains(x.stale[i].Ref.Keys(), key) {
			return &x.stale[i]
		}
	}
	return nil
}

// undecided says that there was no time to find out whether what was asked of a row
// has an explanation, or "".
func (x *examination) undecided(key properties.Key) string {
	for ref, times := range x.tally.Unknown {
		if slices.Contains(ref.Keys(), key) {
			return fmt.Sprintf("%d histories could not be decided (%s)", times, ref.Rule.ID)
		}
	}
	return ""
}

// unasked is a rule of the row that no answer was judged under and that has no
// excuse, or "".
func (x *examination) unasked(key properties.Key, excused func(properties.Ref) bool) string {
	for _, ref := range properties.RulesOf(key, x.kernel) {
		if ref.Rule.Demanded() && x.asked[ref] == 0 && !excused(ref) {
			return fmt.Sprintf("%s (%s)", ref.Rule.ID, ref.Rule.Says)
		}
	}
	return ""
}
