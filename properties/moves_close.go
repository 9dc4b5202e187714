package properties

import (
	"fmt"
	"slices"

	"mimic/ops"
)

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

// spared replaces everything but one map, as fast as can be, and looks for that: who walks a bucket may come by what is used
// again elsewhere meanwhile.
func (s *stage) spared() []part {
	k := s.full()
	look := s.looker(k, k)
	if prog, ok := s.load(raceTypes, fmt.Sprintf("find:%d check loop:%d", k, rounds)); ok && !s.d.chance(4) {
		look = part{ops: []ops.Op{ops.Run{On: prog}}, times: ofOneProgram / 2, until: ops.UntilAlone}
	}
	return []part{s.floodBut(k), look}
}

// floodBut replaces what is under every key but one, by batches where there are any: they wait for programs at their end only.
func (s *stage) floodBut(k uint64) part {
	var list []ops.Op
	var keys []ops.Key
	var values []ops.Val
	for _, other := range s.keys {
		if other != k {
			v := ops.Val{Name: pick(s.d, s.inners)}
			keys, values = append(keys, ops.K(other)), append(values, v)
			list = append(list, ops.Update{On: s.on, Key: ops.K(other), Value: v})
		}
	}
	if !s.d.state.Kernel.does(batchOps) {
		return s.part(2*eventful, list...)
	}
	n := torrential / 2 / len(keys)
	flood := ops.UpdateBatch{On: s.on, Keys: ops.KeyList(slices.Repeat(keys, n)), Values: ops.ValList(slices.Repeat(values, n))}
	return part{ops: []ops.Op{flood}, times: s.d.between(8, 16)}
}

// lives closes, pins and unloads what others use.
func (s *stage) lives() []part {
	if s.d.chance(3) {
		return s.closesRow()
	}
	n, p := pick(s.d, s.inners), s.d.fresh("n")
	other := s.inners[(slices.Index(s.inners, n)+1)%len(s.inners)] // is not closed
	parts := []part{
		s.part(eventful/2, ops.Update{On: s.on, Key: ops.K(s.any()), Value: ops.Val{Name: n}}, ops.Delete{On: s.on, Key: ops.K(s.any())}, s.store(s.any(), ops.Any)),
		{ops: []ops.Op{ops.Lookup{On: s.on, Key: ops.K(s.any())}, ops.Close{On: n}}, times: s.d.between(1, 4)},
	}
	if s.d.state.Kernel.has(ops.FeaturePins) {
		pinned := pick(s.d, []ops.Name{s.on, n, other, other})
		parts = append(parts, s.part(6*eventful, ops.Pin{Def: p, Of: pinned}, ops.Unpin{On: p}),
			part{ops: []ops.Op{ops.Unpin{On: p}}, times: 20 * eventful, until: ops.UntilAlone}) // or they hardly meet
	}
	if s.d.chance(3) {
		parts[1].ops = append(parts[1].ops, ops.Close{On: s.on})
	}
	if w, ok := s.watcher(s.any()); ok && s.d.chance(2) {
		parts = append(parts, w)
		parts[1].ops = append(parts[1].ops, ops.Close{On: w.ops[0].(ops.Run).On})
	}
	return parts
}
