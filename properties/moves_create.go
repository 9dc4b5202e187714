package properties

import "mimic/ops"

// someBTF is the name of an open BTF object of a kind that is wanted; a new one
// if there is none.
func (d *draft) someBTF(want func(*btfRow) bool) ops.Name {
	all := d.names(func(h *handle) bool { return isBTF(h) && want(btfRowOf(h.obj.kind)) })
	if len(all) > 0 && !d.chance(4) {
		return pick(d, all)
	}
	kinds := d.state.Kernel.btfKinds(want)
	if len(kinds) == 0 || !d.state.mayLoadBTF() {
		return ""
	}
	o := ops.BTF{Def: d.fresh("b"), Kind: pick(d, kinds)}
	d.add(o)
	return o.Def
}

// anyBTF is a BTF object of any kind, or now and then something else.
func (d *draft) anyBTF() ops.Name {
	if d.chance(3) {
		return d.anyName()
	}
	return d.someBTF(anyKind)
}

func (d *draft) btf() bool { return d.someBTF(anyKind) != "" }

// btfMap makes a hash or an array whose values are described.
func (d *draft) btfMap() bool {
	if d.full() {
		return false
	}
	return d.add(d.described(func(r *btfRow) bool { return !r.plain() }))
}

func (d *draft) described(want func(*btfRow) bool) ops.Map {
	o := d.mapOf(pick(d, []ops.MapType{ops.Hash, ops.Array, ops.Hash, ops.Array, ops.LRUHash, ops.PercpuHash, ops.PercpuArray}))
	o.Flags &^= ops.ReadOnlyProg | ops.WriteOnlyProg
	o.Key = 4
	if o.BTF = d.someBTF(want); o.BTF != "" {
		o.Value = btfRowOf(d.state.openBTF(o.BTF).kind).value
	}
	return o
}

// btfOuter makes an outer map whose template has special fields, if this kernel
// can have one.
func (d *draft) btfOuter() bool {
	if d.full() {
		return false
	}
	k := d.state.Kernel
	o := d.described(func(r *btfRow) bool {
		return r.special(k) && r.refusal(k, ops.Hash) == 0 && (!r.lock || k.does(locksInside))
	})
	d.add(o)
	return d.add(d.outerOf(o.Def))
}

func isLocked(h *handle) bool { return isOpenInner(h) && h.obj.hasLock() }

// lockOuter asks for an outer map whose template has a lock in its values.
func (d *draft) lockOuter() bool {
	if len(d.names(isLocked)) > 0 {
		return d.outerFrom(isLocked)
	}
	return !d.full() && d.add(d.described(func(r *btfRow) bool { return r.lock }))
}

// sixtyFour makes an outer map whose template has values of the size of those
// that package btfs describes, but nothing special.
func (d *draft) sixtyFour() bool {
	if d.full() {
		return false
	}
	o := d.mapOf(pick(d, []ops.MapType{ops.Hash, ops.Array}))
	o.Key, o.Value = 4, btfs64
	o.Flags &^= ops.ReadOnlyProg | ops.WriteOnlyProg
	if d.chance(2) {
		o.BTF = d.someBTF(func(r *btfRow) bool { return r.kind == "plain" })
	}
	d.add(o)
	return d.add(d.outerOf(o.Def))
}

func (d *draft) progArray() bool {
	if d.full() || !d.state.Kernel.has(ops.ProgArray.Feature()) {
		return false
	}
	return d.add(d.mapOf(ops.ProgArray))
}

func isOdd(h *handle) bool {
	return isOpenInner(h) && h.obj.spec.Type != ops.ProgArray && rowOf(h.obj.spec.Type).template != 0
}

// odd makes a map of a type that is no template.
func (d *draft) odd() bool {
	types := d.types(func(r *typeRow) bool { return r.template != 0 && r.typ != ops.ProgArray })
	if d.full() || len(types) == 0 {
		return false
	}
	return d.makeOf(pick(d, types))
}

func (d *draft) oddOuter() bool {
	if len(d.names(isOdd)) == 0 {
		return d.odd()
	}
	return d.outerFrom(isOdd)
}

func isExclusive(h *handle) bool { return isOpenInner(h) && h.obj.bound == ops.BoundProgram }

// exclusive makes a map that is bound to a program, like a template if there is one.
func (d *draft) exclusive() bool {
	if d.full() || !d.state.Kernel.does(exclusiveMaps) {
		return false
	}
	o := d.mapOf(pick(d, []ops.MapType{ops.Hash, ops.Array}))
	if _, m, ok := d.outerName(); ok && rowOf(m.shape.Type).content && m.template.btf == nil {
		o = d.like(m)
	}
	o.Bound = ops.BoundProgram
	return d.add(o)
}

func (d *draft) exclusiveOuter() bool {
	if len(d.names(isExclusive)) == 0 {
		return d.exclusive()
	}
	return d.outerFrom(isExclusive)
}

func (d *draft) putExclusive() bool {
	if len(d.names(isExclusive)) == 0 {
		return d.exclusive()
	}
	return d.offer(isExclusive)
}

// innerFD makes a map that is no outer map, with an inner_map_fd all the same.
func (d *draft) innerFD() bool {
	if d.full() {
		return false
	}
	o := d.mapOf(pick(d, []ops.MapType{ops.Hash, ops.Array, ops.Hash, ops.PercpuArray}))
	o.Inner = d.anyName()
	return d.add(o)
}

// otherFD opens something that is no map.
func (d *draft) otherFD() bool {
	if len(d.state.handles) > 24 {
		return false
	}
	return d.add(ops.FD{Def: d.fresh("f"), Kind: pick(d, ops.FDKinds())})
}

// sizedOuter makes an outer map whose elements may be of another size than the
// template, and in which programs can look up by index.
func (d *draft) sizedOuter() bool {
	if d.full() {
		return false
	}
	typ := ops.Array
	if d.state.Kernel.has(ops.FeatureHarm) && d.state.Kernel.has(ops.PercpuArray.Feature()) && d.chance(2) { // finding F2 may take the guest each time
		typ = ops.PercpuArray
	}
	o := d.mapOf(typ)
	o.Max = max(o.Max, 2)
	if typ == ops.Array {
		o.Flags |= ops.InnerMap
	}
	o.Max = max(2, o.Max)
	d.add(o)
	d.add(d.outerOf(o.Def))
	n, m, ok := d.outerName()
	switch {
	case ok && d.chance(2):
		longer := d.like(m)
		longer.Max += ops.Size(d.between(1, 9))
		d.add(longer)
	case ok && m.shape.Max > 1 && !d.chance(3):
		shorter := d.like(m)
		shorter.Max = ops.Size(d.between(1, int(shorter.Max)-1))
		d.add(shorter)
	default:
		d.near((*draft).differLength, 1)
	}
	if !ok || m.free || !d.state.Kernel.loads(ops.XDP, 0) {
		return d.putShorter()
	}
	p := ops.Prog{Def: d.fresh("p"), Type: ops.XDP, Map: n, Body: ops.BodyLookup}
	d.add(p)
	stored := d.putShorter() && d.runBehind(p.Def, m)
	d.runConstant()
	return stored
}

// runBehind has a program look at what a longer map has behind the end of the template; now and then, behind the end
// of a shorter one, too.
func (d *draft) runBehind(n ops.Name, m *object) bool {
	p := d.state.openProg(n)
	for _, key := range m.keys() {
		inner := m.slots[key]
		from, to := min(inner.spec.Max, m.shape.Max), max(inner.spec.Max, m.shape.Max)
		shorter := inner.spec.Max < m.shape.Max
		if p == nil || p.free || from == to || shorter && !d.chance(3) || !d.state.Kernel.runs(ops.XDP, 0) {
			continue
		}
		run := ops.Run{On: n, Key: ops.K(key), Inner: ops.K(uint64(d.between(int(from), int(to)-1)))}
		if d.bearable(p, run) {
			d.add(run)
		}
	}
	return true
}

// tours is how many types one tour of them tries.
const tours = 8

// tour makes, of several types of map, one that is a template and another like it
// that is an element.
func (d *draft) tour() bool {
	host := ops.Map{Def: d.fresh("i"), Type: ops.Hash, Key: 4, Value: 4, Max: 2}
	d.add(host)
	outer := d.outerOf(host.Def)
	outer.Flags &^= modes
	d.add(outer)
	for range tours {
		d.tryType(pick(d, d.types(func(r *typeRow) bool { return true })), outer.Def)
	}
	return true
}

// tryType tries a type as a template and as an element; one that cannot be a
// template as an element of another outer map.
func (d *draft) tryType(t ops.MapType, home ops.Name) {
	d.makeOf(t)
	first, ok := d.seq[len(d.seq)-1].(ops.Map)
	if !ok {
		return
	}
	o := d.outerOf(first.Def)
	o.Flags &^= modes
	d.add(o)
	if m := d.state.open(o.Def); m != nil {
		d.tryElement(o.Def, m, d.like(m))
		near := d.like(m)
		d.differ(&near)
		if p := (Spec{near.Type, near.Key, near.Value, near.Max, near.Flags, near.Label}); d.state.modelled(rowOf(near.Type), near, p) {
			d.tryElement(o.Def, m, near)
		}
		d.add(ops.Close{On: o.Def})
	} else if m := d.state.open(home); m != nil {
		d.add(ops.Update{On: home, Key: d.goodKey(m), Value: ops.Val{Name: first.Def}})
	}
	d.add(ops.Close{On: first.Def})
}

// tryElement makes a map, stores it and closes it.
func (d *draft) tryElement(outer ops.Name, m *object, o ops.Map) {
	d.add(o)
	d.add(ops.Update{On: outer, Key: d.goodKey(m), Value: ops.Val{Name: o.Def}})
	d.add(ops.Close{On: o.Def})
}

// otherOuter makes an outer map from a map of any type, another map that differs
// from the template in one way, and offers that.
func (d *draft) otherOuter(differ func(*draft, *ops.Map)) bool {
	if d.full() {
		return false
	}
	if d.chance(4) {
		hash := d.mapOf(ops.Hash)
		hash.Flags = ops.NoPrealloc
		d.add(hash)
	} else {
		d.makeOf(pick(d, d.types(func(r *typeRow) bool { return r.template == 0 })))
	}
	n := ops.Defines(d.seq[len(d.seq)-1])
	if !isOpenInner(d.state.handles[n]) {
		return true
	}
	o := d.outerOf(n)
	d.add(o)
	m := d.state.objectOf(o.Def)
	if m == nil || d.full() {
		return true
	}
	i := d.like(m)
	differ(d, &i)
	if r, p := rowOf(i.Type), (Spec{i.Type, i.Key, i.Value, i.Max, i.Flags, i.Label}); !d.state.modelled(r, i, p) || r.impossible(p) {
		return true
	}
	d.add(i)
	d.add(ops.Update{On: o.Def, Key: d.goodKey(m), Value: ops.Val{Name: i.Def}})
	if d.chance(2) {
		d.add(ops.Info{On: i.Def})
	}
	return true
}

// differShape changes a size or a flag that the type leaves open, if any.
func (d *draft) differShape(o *ops.Map) {
	r := rowOf(o.Type)
	var ways []func()
	if r.keys == nil || len(r.keys) > 1 {
		ways = append(ways, func() { o.Key = d.size(r.keysOn(d.state.Kernel), keySizes) })
	}
	if r.values == nil || len(r.values) > 1 {
		ways = append(ways, func() { o.Value = d.size(r.values, valueSizes) })
	}
	if free := r.flags &^ r.needs; free != 0 {
		ways = append(ways, func() { o.Flags ^= d.someFlag(free) })
	}
	if len(ways) > 0 {
		pick(d, ways)()
	}
}

// outerBTF asks for an outer map with nothing wrong but BTF that would describe it.
func (d *draft) outerBTF() bool {
	templates := d.templates()
	if len(templates) == 0 {
		return false
	}
	o := d.outerOf(pick(d, templates))
	o.Key = 4
	o.BTF = d.someBTF(func(r *btfRow) bool { return r.value == 4 })
	o.IDs = pick(d, []ops.BTFIDs{ops.IDsBoth, ops.IDsBoth, ops.IDsValue})
	return d.add(o)
}

// differPlain has BTF describe values in which nothing is special, or not.
func (d *draft) differPlain(o *ops.Map) {
	switch {
	case o.BTF != "":
		o.BTF = ""
	case o.Key == 4 && o.Value == btfs64 && rowOf(o.Type).fields:
		o.BTF = d.someBTF(func(r *btfRow) bool { return r.kind == "plain" })
	}
}

// differLock has a lock among the values.
func (d *draft) differLock(o *ops.Map) {
	if o.Key == 4 && o.Value == btfs64 && rowOf(o.Type).fields {
		o.Flags &^= ops.ReadOnlyProg | ops.WriteOnlyProg
		o.BTF = d.someBTF(func(r *btfRow) bool { return r.lock })
	}
}

// runner makes an outer map with an element in which programs find something,
// mostly a hash of another size than the template, and a program to run.
func (d *draft) runner() bool {
	o := d.mapOf(pick(d, []ops.MapType{ops.Hash, ops.Hash, ops.Array}))
	o.Flags &= ops.NoPrealloc
	if o.Type == ops.Array {
		o.Flags = ops.InnerMap
	}
	d.add(o)
	outer := d.outerOf(o.Def)
	outer.Flags &= ops.NoPrealloc
	d.add(outer)
	m := d.state.open(outer.Def)
	if m == nil {
		return true
	}
	i := d.like(m)
	i.Max = d.max()
	d.add(i)
	d.add(ops.Update{On: outer.Def, Key: d.goodKey(m), Value: ops.Val{Name: i.Def}})
	for range 3 {
		d.add(ops.Update{On: i.Def, Key: d.anyKey(d.state.open(i.Def)), Value: ops.Val{N: uint64(d.between(1, 1<<40))}})
	}
	d.runnableProg()
	return true
}
