package suite

import (
	"slices"

	"mimic/properties"
)

// moreRounds is how often the rows that were asked too little are asked as much again.
const moreRounds = 3

// askMore plans more sequences for rows of which a rule was never asked, or all
// too seldom: chance leaves one out now and then. What is still not asked then is
// not by chance.
func (x *examination) askMore(rows []properties.Key, perRow int) error {
	for round := 1; round <= moreRounds && !x.ended(); round++ {
		open := slices.DeleteFunc(slices.Clone(rows), func(key properties.Key) bool { return !x.open(key) })
		if len(open) == 0 || perRow < DefaultSequences {
			return nil
		}
		x.planned += len(open) * perRow
		if err := x.runSome(open, round*perRow, (round+1)*perRow); err != nil {
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
	return x.asked.Of(key) < leastAsked || x.unasked(key, known) != ""
}
