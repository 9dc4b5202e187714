package properties

import (
	"slices"

	"mimic/ops"
)

// repeat predicts what doing everything again and again leaves behind: nothing. That is claimed of what has to do with
// outer maps.
func (s *State) repeat() []Outcome {
	if len(s.touched) == 0 {
		return anything(nil)
	}
	var by []Ref
	for _, f := range s.touched {
		by = append(by, on(f, memoryLevel)...)
	}
	return reads(ops.WordLevel, by...)
}

// touch notes that an operation was about outer maps of a family.
func (s *State) touch(op ops.Op) {
	if f := s.familyOfOp(op); f != FamilyInner && !slices.Contains(s.touched, f) {
		s.touched = append(s.touched, f)
	}
}

// repeatMoves end what is done many times.
func repeatMoves() []move {
	return []move{
		{"repeat", ownOnly, (*draft).repeat},
		{"kept-outer", ownOnly, (*draft).keptOuter},
	}
}

// keptOuter begins with what memory is easily kept of: special fields, and pairs that are allocated one by one.
func (d *draft) keptOuter() bool {
	switch {
	case d.chance(3):
		return d.btfOuter()
	case d.family == FamilyHash && d.chance(2):
		template := d.mapOf(pick(d, []ops.MapType{ops.Hash, ops.Array}))
		d.add(template)
		o := d.outerOf(template.Def)
		if o.Kind == ops.OuterHash {
			o.Flags = ops.NoPrealloc
		}
		return d.add(o)
	}
	return false
}

// Each round of a repetition is to take about as long, in operations on elements; loading a program takes as long as many.
const (
	roundCost = 800
	loadCost  = 15
)

func (d *draft) repeat() bool {
	cost := 0
	for _, op := range d.seq {
		cost++
		if _, loads := op.(ops.Prog); loads {
			cost += loadCost
		}
	}
	return d.add(ops.Repeat{Times: ops.Size(max(roundCost/cost, 20))})
}
