package properties

import (
	"fmt"

	"mimic/ops"
)

// raceLocked begins with inner maps with a lock in their values, and changes these with the lock held: by a program, and
// by system calls beside it.
func (d *draft) raceLocked() bool {
	types := d.runnable([]ops.ProgType{ops.XDP, ops.SchedCLS})
	b := d.someBTF(func(r *btfRow) bool { return r.kind == lockBehind })
	row := d.state.openBTF(b)
	if len(types) == 0 || row == nil {
		return d.race(d.stage(), (*stage).mixed)
	}
	s := &stage{d: d, keys: []uint64{0, 1, 2}[:d.between(2, 3)]}
	s.beginWith(ops.Map{Def: d.fresh("i"), Type: ops.Array, Key: 4, Value: btfRowOf(row.kind).value, Max: ops.Size(d.between(1, 3)), BTF: b}, 8)
	if s.outer == nil { // up to 6.11
		return d.race(d.stage(), (*stage).mixed)
	}
	s.fill()
	return d.race(s, func(s *stage) []part { return s.locked(pick(d, types)) })
}

// lockedFar is how far a program counts with the lock held: long enough for others to want it meanwhile.
const lockedFar = 3000

// locked has programs add to a number, and system calls write and read it.
func (s *stage) locked(t ops.ProgType) []part {
	d, k := s.d, s.full()
	element := ops.K(uint64(d.between(0, int(s.outer.shape.Max)-1)))
	inner := s.outer.slots[k].name
	o := ops.Prog{Def: d.fresh("p"), Type: t, Map: inner, Body: ops.Body(fmt.Sprintf("find:%d check get:%d check lock count:%d read unlock", k, element.N, lockedFar+d.between(0, 500)))}
	d.add(o) // which is where a verifier is at home: else the agent does not run the other
	o.Def, o.Map = d.fresh("p"), s.on
	d.add(o)
	write := func() ops.Op {
		return ops.Update{On: inner, Key: element, Value: ops.Val{N: uint64(d.between(0, 9))}, Flags: ops.Lock}
	}
	look := ops.Lookup{On: inner, Key: element, Flags: ops.Lock}
	count := part{ops: []ops.Op{ops.Run{On: o.Def, Key: ops.K(k), Inner: element}}, times: d.between(16, 32)}
	parts := []part{count, {ops: []ops.Op{write(), write()}, times: ofOneProgram, until: ops.UntilAlone}}
	if d.chance(2) {
		parts[1].ops = append(parts[1].ops, look)
	}
	if d.chance(2) {
		parts = append(parts, part{ops: []ops.Op{look, look, write()}, times: ofOneProgram, until: ops.UntilAlone, shift: d.between(0, 1)})
	}
	if d.chance(4) {
		parts = append(parts, part{ops: count.ops, times: 8})
	}
	return parts
}

// runnable are those of some types of program that this kernel runs.
func (d *draft) runnable(types []ops.ProgType) (all []ops.ProgType) {
	for _, t := range types {
		if d.state.Kernel.loads(t, 0) && d.state.Kernel.runs(t, 0) {
			all = append(all, t)
		}
	}
	return all
}
