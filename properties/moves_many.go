package properties

import "mimic/ops"

// manyMoves do more of one thing than chance would: a fault may show only in a full
// map, in what is stored in many places, or in the second of two calls.
func manyMoves() []move {
	return []move{
		{"fill", 0, (*draft).fill},
		{"every-index", 0, (*draft).everyIndex},
		{"sparse", ownOnly, (*draft).sparse},
		{"crowded", ownOnly, (*draft).crowded},
		{"two-readers", ownOnly, (*draft).twoReaders},
		{"alike-keys", ownOnly, (*draft).alikeKeys},
		{"wide", ownOnly, (*draft).wide},
		{"spread", 0, (*draft).spread},
		{"again", 0, (*draft).again},
		{"refused-freeze", 0, (*draft).refusedFreeze},
		{"mapped-freeze", ownOnly, (*draft).mappedFreeze},
		{"refused-btf", 0, (*draft).refusedBTF},
	}
}

// filledAtOnce is how much of a map is filled by a batch.
const filledAtOnce = 64

// fillable is the size of the largest map that is filled: where there are no batches, each
// element waits for programs.
func (d *draft) fillable() ops.Size {
	if d.state.Kernel.does(batchOps) {
		return 300
	}
	return 70
}

// fill stores something under every key that there is room for, one more, and again
// where something was deleted; then it looks at all of it.
func (d *draft) fill() bool {
	n, m, ok := d.outerName()
	if d.chance(2) {
		n, m, ok = d.roomy()
	}
	if !ok || m.spec.Max > d.fillable() || m.outerKind() == ops.OuterHash && m.spec.Key < 2 && m.spec.Max > 200 {
		return false
	}
	fits := d.fitting(m)
	if len(fits) == 0 {
		return d.twin()
	}
	d.fillAll(n, m, fits)
	if m.outerKind() == ops.OuterHash && len(m.slots) > 0 {
		more := ops.Update{On: n, Key: ops.K(uint64(m.spec.Max) + 7), Value: ops.Val{Name: pick(d, fits)}}
		d.add(more)
		d.add(ops.Delete{On: n, Key: ops.K(pick(d, m.keys()))})
		d.add(more)
		more.Key.N++
		d.add(more)
	}
	return d.lookAtAll(n, m)
}

// roomy makes an outer map for more elements than others have.
func (d *draft) roomy() (ops.Name, *object, bool) {
	templates := d.templates()
	if len(templates) == 0 || d.full() {
		return "", nil, false
	}
	o := d.outerOf(pick(d, templates))
	o.Max = pick(d, []ops.Size{9, 17, 33, 65, 129, 200, 257, 300})
	o.Flags &= ops.NoPrealloc | ops.ZeroSeed
	if o.Kind == ops.OuterHash && d.chance(2) {
		o.Flags |= ops.NoPrealloc
	}
	d.add(o)
	m := d.state.open(o.Def)
	return o.Def, m, m != nil
}

// fillAll stores in batches where there are any.
func (d *draft) fillAll(n ops.Name, m *object, fits []ops.Name) {
	batches := d.state.Kernel.does(batchOps)
	for first := uint64(0); first < uint64(m.spec.Max); first += filledAtOnce {
		var keys []ops.Key
		var values []ops.Val
		for k := first; k < min(first+filledAtOnce, uint64(m.spec.Max)); k++ {
			keys, values = append(keys, ops.K(k)), append(values, ops.Val{Name: pick(d, fits)})
		}
		if batches {
			d.add(ops.UpdateBatch{On: n, Keys: ops.KeyList(keys), Values: ops.ValList(values)})
			continue
		}
		for i := range keys {
			d.add(ops.Update{On: n, Key: keys[i], Value: values[i]})
		}
	}
}

// lookAtAll reads a map that may be large, one way or another.
func (d *draft) lookAtAll(n ops.Name, m *object) bool {
	if d.chance(2) || !d.state.Kernel.does(batchOps) {
		return d.add(ops.Dump{On: n})
	}
	o := ops.LookupBatch{On: n, Count: pick(d, []ops.Size{3, 16, 17, 64, m.spec.Max, m.spec.Max + 1})}
	d.add(o)
	for o.From = ops.FromNext; d.unread(n) && d.state.handles[n].open; {
		before := len(d.state.handles[n].cursor.behind)
		d.add(o)
		if c := d.state.handles[n].cursor; c == nil || len(c.behind) == before {
			break // a bucket has more than a batch takes
		}
	}
	return true
}

// outerFor makes an outer map, and answers the names of what can be stored in it: nil, nil if it was refused.
func (d *draft) outerFor(o ops.Outer) (m *object, fits []ops.Name) {
	d.add(o)
	if m = d.state.open(o.Def); m != nil {
		fits = d.fitting(m)
	}
	return m, fits
}

// sparse makes an outer map for many elements, stores a few far apart, and reads all of it, or takes it out.
func (d *draft) sparse() bool {
	templates := d.templates()
	if len(templates) == 0 || d.full() || !d.state.Kernel.does(batchOps) {
		return false
	}
	o := d.outerOf(pick(d, templates))
	o.Max = pick(d, []ops.Size{200, 500, 1000, 2000})
	m, fits := d.outerFor(o)
	if len(fits) == 0 {
		return true
	}
	var keys []ops.Key
	var values []ops.Val
	for k := uint64(d.between(0, 99)); k < uint64(o.Max); k += uint64(d.between(1, int(o.Max)/12)) {
		keys, values = append(keys, ops.K(k)), append(values, ops.Val{Name: pick(d, fits)})
	}
	d.add(ops.UpdateBatch{On: o.Def, Keys: ops.KeyList(keys), Values: ops.ValList(values)})
	d.lookAtAll(o.Def, m)
	d.add(ops.LookupBatch{On: o.Def, Count: o.Max})
	if o.Kind == ops.OuterHash {
		d.add(ops.TakeBatch{On: o.Def, Count: o.Max})
	}
	return d.add(ops.Dump{On: o.Def})
}

// spread stores one map in several places, of one outer map or two, takes it out of
// some of them, and asks whether it is there.
func (d *draft) spread() bool {
	n, m, ok := d.outerName()
	if !ok || m.spec.Max < 2 {
		return false
	}
	fits := d.fitting(m)
	if len(fits) == 0 {
		return d.twin()
	}
	x := pick(d, fits)
	var keys []ops.Key
	for range d.between(2, 5) {
		k := d.goodKey(m)
		keys = append(keys, k)
		d.add(ops.Update{On: n, Key: k, Value: ops.Val{Name: x}})
	}
	if d.chance(2) {
		d.add(ops.Close{On: x})
	}
	for _, k := range keys {
		d.takeOut(n, m, k)
		d.add(ops.Alive{On: x})
	}
	return true
}

// takeOut takes out what is stored under a key, one way or another.
func (d *draft) takeOut(n ops.Name, m *object, k ops.Key) {
	one := ops.KeyList([]ops.Key{k})
	switch others := d.fitting(m); {
	case len(others) > 0 && d.chance(2):
		d.add(ops.Update{On: n, Key: k, Value: ops.Val{Name: pick(d, others)}})
	case m.outerKind() == ops.OuterHash && d.state.Kernel.does(batchOps) && d.chance(2):
		d.add(ops.DeleteBatch{On: n, Keys: one})
	default:
		d.add(ops.Delete{On: n, Key: k})
	}
}

// again replaces what is stored by itself, closes it, and asks whether it is there
// before and after it is taken out.
func (d *draft) again() bool {
	n, m, ok := d.outerName()
	if !ok {
		return false
	}
	fits := d.fitting(m)
	if len(fits) == 0 {
		return d.twin()
	}
	o := ops.Update{On: n, Key: d.goodKey(m), Value: ops.Val{Name: pick(d, fits)}}
	d.add(o)
	if m.outerKind() == ops.OuterHash && d.chance(2) {
		o.Flags = ops.Exist
	}
	for range d.between(1, 2) {
		d.add(o)
	}
	d.add(ops.Close{On: o.Value.Name})
	d.add(ops.Alive{On: o.Value.Name})
	d.takeOut(n, m, o.Key)
	return d.add(ops.Alive{On: o.Value.Name})
}

// mappedFreeze freezes an array that was mapped into memory, and is no more, and looks at it; mostly one that is stored.
func (d *draft) mappedFreeze() bool {
	if d.full() {
		return false
	}
	o := d.mapOf(ops.Array)
	o.Flags, o.BTF = ops.MMapable, ""
	d.add(o)
	if d.state.open(o.Def) == nil {
		return true
	}
	if !d.chance(4) {
		d.homeOf(o.Def)
	}
	d.add(ops.File{On: o.Def, Use: ops.FileMapWrite})
	d.add(ops.Freeze{On: o.Def})
	return d.add(ops.Update{On: o.Def, Key: ops.K(0), Value: ops.Val{N: 7}})
}

// refusedFreeze has a write refused, in one of many ways, and freezes the map then.
func (d *draft) refusedFreeze() bool {
	n, m, ok := d.outerName()
	if !ok || len(d.state.handles) > 24 {
		return false
	}
	through := n
	if d.chance(2) {
		read := ops.Reopen{Def: d.fresh("r"), Of: n, Flags: ops.ReadOnly}
		d.add(read)
		through = read.Def
	}
	for range d.between(1, 2) {
		d.add(d.refusedWrite(through, m))
	}
	return d.add(ops.Freeze{On: n})
}

// refusedWrite is a write in which something is wrong, if only the descriptor.
func (d *draft) refusedWrite(n ops.Name, m *object) ops.Op {
	key, null := d.goodKey(m), ops.Key{Null: true}
	one := ops.KeyList([]ops.Key{key})
	batch := ops.Op(ops.Take{On: n, Key: key})
	if d.state.Kernel.does(batchOps) {
		batch = pick(d, []ops.Op{
			ops.UpdateBatch{On: n, Keys: one, Values: ops.ValList([]ops.Val{{N: 1<<32 - 1}})},
			ops.DeleteBatch{On: n, Keys: one},
			ops.TakeBatch{On: n, Count: 2},
		})
	}
	return pick(d, []ops.Op{
		ops.Update{On: n, Key: null, Value: d.anyValue(m)},
		ops.Update{On: n, Key: key, Value: ops.Val{Null: true}},
		ops.Update{On: n, Key: key, Value: ops.Val{N: 1<<32 - 1}},
		ops.Update{On: n, Key: key, Value: d.anyValue(m), Flags: 8},
		ops.Delete{On: n, Key: null},
		ops.Take{On: n, Key: key},
		batch, batch,
	})
}

// refusedBTF asks, with a template that BTF describes, for an outer map that is
// refused late, and looks whether the BTF goes with the template.
func (d *draft) refusedBTF() bool {
	if d.full() {
		return false
	}
	k := d.state.Kernel
	t := d.described(func(r *btfRow) bool { return r.refusal(k, ops.Hash) == 0 && !r.lock })
	d.add(t)
	if t.BTF == "" || d.state.open(t.Def) == nil {
		return true
	}
	o := d.outerOf(t.Def)
	switch d.between(0, 2) {
	case 0:
		o.Max = max(o.Max, d.absurdMax(&o))
	case 1:
		o.Label = ops.LabelBad
	default:
		d.spoil(&o)
		o.Template = t.Def
	}
	d.add(o)
	for _, n := range []ops.Name{t.BTF, t.Def} {
		d.add(ops.Close{On: n})
	}
	return d.add(ops.Gone{On: t.Def}) && d.add(ops.Alive{On: t.BTF})
}

// modestly makes a template and an outer map of it, now and then without the privilege that spares programs the masking
// of indices (array->index_mask, bypass_spec_v1).
func (d *draft) modestly(t ops.Map) (o ops.Outer) {
	k, before := d.state.Kernel, d.state.may
	modest := d.chance(3) && ClaimByID("U1").NotClaimed(k) == "" && before.Set == ops.CapsAll
	if modest {
		d.add(ops.Caps{Set: ops.CapBPF, Disabled: before.Disabled})
	}
	d.add(t)
	o = d.outerOf(t.Def)
	o.Flags &= ops.NoPrealloc
	d.add(o)
	if modest {
		d.add(before)
	}
	return o
}

// everyIndex stores an array with a number of its own in each element, and has a program
// look at some of them, from the first to what is behind the last. Lookups in it are
// inlined, unless it is one of any length.
func (d *draft) everyIndex() bool {
	if d.full() || !d.state.Kernel.runs(ops.XDP, 0) || !d.state.Kernel.loads(ops.XDP, 0) {
		return false
	}
	t := ops.Map{Def: d.fresh("i"), Type: ops.Array, Key: 4, Value: pick(d, valueSizes), Max: pick(d, []ops.Size{2, 3, 8, 9, 16, 17, 33})}
	if d.chance(4) {
		t.Flags = ops.InnerMap
	}
	o := d.modestly(t)
	outer, inner := d.state.open(o.Def), d.state.open(t.Def)
	if outer == nil || inner == nil {
		return true
	}
	for k := range uint64(t.Max) {
		d.add(ops.Update{On: t.Def, Key: ops.K(k), Value: ops.Val{N: k + 1}})
	}
	key := d.goodKey(outer)
	d.add(ops.Update{On: o.Def, Key: key, Value: ops.Val{Name: t.Def}})
	p := ops.Prog{Def: d.fresh("p"), Type: ops.XDP, Map: o.Def, Body: "find:in check get:in check read:0:1"}
	if d.chance(3) {
		p.Body = "far " + p.Body
	}
	p.Body = d.framed(p.Body)
	d.add(p)
	runs := append(d.aside(o.Def, t.Def), ops.Run{Key: ops.K(uint64(o.Max))})
	for _, k := range []uint64{0, uint64(t.Max) / 2, uint64(t.Max) - 1, uint64(t.Max), uint64(d.between(0, int(t.Max)))} {
		runs = append(runs, ops.Run{Key: key, Inner: ops.K(k)})
	}
	for _, run := range runs {
		if run.On = p.Def; d.state.openProg(p.Def) != nil && d.bearable(d.state.openProg(p.Def), run) {
			d.add(run)
		}
	}
	return true
}

// aside stores a map under some more keys of an outer map, and runs a program, whichever, on those and on others: on every key
// of an array that has few.
func (d *draft) aside(outer, inner ops.Name) (runs []ops.Run) {
	m := d.state.open(outer)
	for range 2 {
		d.add(ops.Update{On: outer, Key: d.goodKey(m), Value: ops.Val{Name: inner}})
	}
	for i := range min(m.spec.Max, 9) {
		key := d.goodKey(m)
		if m.spec.Max <= 9 {
			key = ops.K(uint64(i))
		}
		runs = append(runs, ops.Run{Key: key, Inner: ops.K(0)})
	}
	return runs
}

// alikeKeys stores maps under keys of any size that are the same but for a byte or two, its very last among them, and
// looks at all of them. The kernel hashes keys by words where it can, and by bytes elsewhere.
func (d *draft) alikeKeys() bool {
	templates := d.templates()
	if len(templates) == 0 || d.full() || d.family != FamilyHash {
		return false
	}
	o := ops.Outer{Def: d.fresh("o"), Kind: ops.OuterHash, Key: ops.Size(d.between(5, 21)), Value: 4, Max: pick(d, []ops.Size{8, 16}),
		Flags: pick(d, []ops.CreateFlags{0, ops.NoPrealloc}), Template: pick(d, templates)}
	m, fits := d.outerFor(o)
	if len(fits) == 0 {
		return m == nil || d.twin()
	}
	for range 5 {
		d.add(ops.Update{On: o.Def, Key: d.hashKey(1, o.Key), Value: ops.Val{Name: pick(d, fits)}})
	}
	d.add(ops.Delete{On: o.Def, Key: d.hashKey(1, o.Key)})
	for range 4 {
		d.add(ops.Lookup{On: o.Def, Key: d.hashKey(1, o.Key)})
	}
	return d.lookAtAll(o.Def, m)
}
