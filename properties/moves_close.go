package properties

import "mimic/ops"

// closesRow stores a row of maps, one by one, while another thread closes them in the same order: each is stored, or is no
// descriptor of a map any more. It looks at something between, so that neither is always ahead.
func (s *stage) closesRow() []part {
	o := ops.Outer{Def: s.d.fresh("o"), Kind: s.outer.outerKind(), Key: 4, Value: 4, Max: 32, Template: s.inners[0]}
	s.d.add(o)
	var stores, closes []ops.Op
	pause := s.d.between(0, 3)
	for k := range s.d.between(8, 16) {
		twin := s.d.like(s.outer)
		s.d.add(twin)
		stores = append(stores, ops.Update{On: o.Def, Key: ops.K(uint64(k)), Value: ops.Val{Name: twin.Def}})
		for range pause {
			closes = append(closes, ops.Lookup{On: o.Def, Key: ops.K(uint64(k))})
		}
		closes = append(closes, ops.Close{On: twin.Def})
	}
	return []part{{ops: stores, times: 1}, {ops: closes, times: 1}}
}
