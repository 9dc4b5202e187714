package properties

import "mimic/ops"

// stage is what the threads of a race have to do with.
type stage struct {
	d      *draft
	on     ops.Name // the outer map
	outer  *object
	inners []ops.Name // maps that fit
	keys   []uint64   // the first half of them hold something
	made   bool       // by the loader of programs
	after  []ops.Op   // what is asked when all threads have ended
}

// company opens a map once more, or pins it: for what is done through its first descriptor that is all the same.
func (d *draft) company(n ops.Name) {
	if d.state.Kernel.has(ops.FeaturePins) && d.chance(2) {
		d.add(ops.Pin{Def: d.fresh("n"), Of: n})
		return
	}
	d.add(ops.Reopen{Def: d.fresh("r"), Of: n})
}

// stage makes an outer map, maps for it with a number of their own each, and
// stores some of them.
func (d *draft) stage() *stage {
	s := &stage{d: d}
	s.begin(pick(d, []ops.Size{8, 8, 16, 64}), false)
	first, most := s.firstKey(), d.between(2, 4)
	for k := range most {
		s.keys = append(s.keys, first+uint64(k))
	}
	s.fill()
	return s
}

// firstKey is the first of four keys: mostly 0, or any that there may be.
func (s *stage) firstKey() uint64 {
	if !s.d.chance(3) {
		return 0
	}
	if s.outer.outerKind() == ops.OuterArray {
		return uint64(s.d.between(0, int(s.outer.spec.Max)-4))
	}
	return pick(s.d, []uint64{1, 1000, 1<<31 - 2, 1<<32 - 4})
}

// begin makes the maps; most is the size of a hash, and far says whether inner arrays are to be far apart.
func (s *stage) begin(most ops.Size, far bool) {
	d := s.d
	t := ops.Map{Def: d.fresh("i"), Type: pick(d, []ops.MapType{ops.Array, ops.Array, ops.Hash}), Key: 4, Value: pick(d, []ops.Size{8, 8, 16}), Max: ops.Size(d.between(1, 4))}
	switch {
	case t.Type == ops.Array && far:
		t.Max = apart
	case t.Type == ops.Array && d.chance(3):
		t.Flags = pick(d, []ops.CreateFlags{ops.InnerMap, ops.InnerMap, ops.MMapable})
	}
	s.beginWith(t, most)
	for i, n := range s.inners {
		d.add(ops.Update{On: n, Key: ops.K(0), Value: ops.Val{N: uint64(101 + i)}})
	}
}

// apart is how many elements an array has whose address differs from that of another in more than the lower 16 bits.
const apart = 9000

// beginWith makes a template, the outer map and maps that fit.
func (s *stage) beginWith(t ops.Map, most ops.Size) {
	d := s.d
	d.add(t)
	s.inners = []ops.Name{t.Def}
	o := ops.Outer{Def: d.fresh("o"), Kind: ops.OuterArray, Key: 4, Value: 4, Max: pick(d, []ops.Size{4, 8, 8, 5, 16}), Template: t.Def}
	if d.family == FamilyHash {
		o.Kind, o.Max = ops.OuterHash, most
		o.Key = pick(d, []ops.Size{4, 4, 8, 12})
		o.Flags = pick(d, []ops.CreateFlags{0, 0, ops.NoPrealloc})
	}
	if d.chance(8) {
		o.Flags |= ops.NUMANode
	}
	d.add(o)
	s.on, s.outer = o.Def, d.state.open(o.Def)
	for range d.between(2, 4) {
		twin := t
		if twin.Def = d.fresh("i"); t.Flags&ops.InnerMap != 0 {
			twin.Max = ops.Size(d.between(1, 8))
		}
		d.add(twin)
		s.inners = append(s.inners, twin.Def)
	}
}

// fill stores a map under the first keys.
func (s *stage) fill() {
	for _, k := range s.keys[:(len(s.keys)+1)/2] {
		s.d.add(s.store(k, ops.Any))
	}
}

func (s *stage) store(k uint64, f ops.UpdateFlags) ops.Op {
	return ops.Update{On: s.on, Key: ops.K(k), Value: ops.Val{Name: pick(s.d, s.inners)}, Flags: f}
}

// full is a key that holds something at the beginning, any one that may.
func (s *stage) full() uint64 { return s.keys[s.d.choose((len(s.keys)+1)/2)] }
func (s *stage) any() uint64  { return pick(s.d, s.keys) }
