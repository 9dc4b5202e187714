package suite

import (
	"slices"

	"mimic/properties"
)

// moreTimes as many sequences as planned are asked at most of a row that was asked too little.
const moreTimes = 3

// askMore plans more sequences for rows of which a rule was never asked, or all
// too seldom: chance leaves one out now and then. What is still not asked then is
// not by chance. The first of them has the number from, and step of a row are run at a time.
func (x *examination) askMore(rows []properties.Key, from, step int) error {
	for first := from; first < (1+moreTimes)*from && !x.ended(); first += step {
		open := x.stillOpen(rows)
		if len(open) == 0 {
			return nil
		}
		x.planned += len(open) * step
		if err := x.runSome(open, first, first+step); err != nil {
			return err
		}
	}
	return nil
}

// open says whether a row would be inconclusive now. What a known sequence asks is
// asked later.
func (x *examination) open(key properties.Key) bool {
	if properties.ClaimByID(key.Claim).NotClaimed(x.kernel) != "" {
		return false
	}
	known := func(ref properties.Ref) bool {
		return slices.ContainsFunc(x.known, func(d shown) bool { return d.Ref == ref && d.On(x.kernel) })
	}
	return x.asked.Of(key) < leastAsked && !x.deviates(key) || x.unasked(key, known) != ""
}

// deviates says whether something was seen that the row does as known.txt has it, of which no question counts.
func (x *examination) deviates(key properties.Key) bool {
	for _, f := range x.seen {
		if f.Known != "" && slices.Contains(f.Reduced.Broken(), key) {
			return true
		}
	}
	return false
}
