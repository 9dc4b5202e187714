package properties

import (
	"slices"

	"mimic/ops"
)

// wideMaxima are more entries than 12 or 16 bits can tell apart.
var wideMaxima = []ops.Size{4097, 8192, 65536, 65537, 70001, wideMax}

// wide makes an outer map of many entries, looks at its last ones and at those that a number would point to which has lost
// its upper bits, and closes it, for to walk it takes long.
func (d *draft) wide() bool {
	templates := d.templates()
	if len(templates) == 0 || d.full() {
		return false
	}
	o := ops.Outer{Def: d.fresh("o"), Kind: d.kind(), Key: 4, Value: 4, Max: pick(d, wideMaxima), Template: pick(d, templates)}
	if o.Kind == ops.OuterHash {
		o.Key, o.Flags = pick(d, []ops.Size{4, 8}), pick(d, []ops.CreateFlags{0, ops.NoPrealloc, ops.NoPrealloc})
	}
	m, fits := d.outerFor(o)
	if m == nil {
		return true
	}
	if len(fits) > 0 {
		d.storeFarApart(o, pick(d, fits), pick(d, fits))
	}
	return d.add(ops.Close{On: o.Def})
}

// storeFarApart stores a map near the end of an outer map of many entries, and perhaps another one at its beginning, or in
// all of it, and looks at them from user space and by a program.
func (d *draft) storeFarApart(o ops.Outer, late, early ops.Name) {
	last := uint64(o.Max) - 1
	high := uint64(d.between(int(last/2), int(last)))
	keys := []uint64{high, last, high & (1<<12 - 1), high & (1<<16 - 1), high - 1}
	if o.Kind == ops.OuterArray && d.state.Kernel.does(batchOps) && d.chance(2) {
		d.storeEverywhere(o, early)
	} else if d.chance(2) {
		d.add(ops.Update{On: o.Def, Key: ops.K(pick(d, keys[2:])), Value: ops.Val{Name: early}})
	}
	d.add(ops.Update{On: o.Def, Key: ops.K(high), Value: ops.Val{Name: late}})
	d.lookAt(o.Def, keys)
	if o.Kind == ops.OuterArray {
		d.add(ops.Next{On: o.Def, Key: ops.K(pick(d, keys))})
	} else if d.add(ops.Delete{On: o.Def, Key: ops.K(high)}); d.chance(2) {
		d.lookAt(o.Def, keys[:1])
	}
}

// storeEverywhere stores one map under every key of an array: it has as many references then.
func (d *draft) storeEverywhere(o ops.Outer, inner ops.Name) {
	var keys []ops.Key
	for k := range uint64(o.Max) {
		keys = append(keys, ops.K(k))
	}
	values := slices.Repeat([]ops.Val{{Name: inner}}, len(keys))
	d.add(ops.UpdateBatch{On: o.Def, Keys: ops.KeyList(keys), Values: ops.ValList(values)})
}

// lookAt looks keys of an outer map up, from user space and by a program.
func (d *draft) lookAt(outer ops.Name, keys []uint64) {
	for _, k := range keys {
		d.add(ops.Lookup{On: outer, Key: ops.K(k)})
	}
	if !d.state.Kernel.runs(ops.XDP, 0) || !d.state.Kernel.loads(ops.XDP, 0) {
		return
	}
	p := ops.Prog{Def: d.fresh("p"), Type: ops.XDP, Map: outer, Body: words(d.far(), "find:in check")}
	d.add(p)
	for _, k := range keys {
		if d.state.openProg(p.Def) != nil {
			d.add(ops.Run{On: p.Def, Key: ops.K(k)})
		}
	}
}

// crowdedMax elements, as many as there are buckets, make it likely that a bucket of a hash table has more of them than a
// batch makes room for at first (kernel/bpf/hashtab.c __htab_map_lookup_and_delete_batch: 5).
const crowdedMax = 4096

// crowded fills a large hash of maps with one map, reads all of it in one batch, or takes it out, and writes to it then.
func (d *draft) crowded() bool {
	templates := d.templates()
	if d.family != FamilyHash || len(templates) == 0 || d.full() || !d.state.Kernel.does(batchOps) {
		return false
	}
	o := ops.Outer{Def: d.fresh("o"), Kind: ops.OuterHash, Key: pick(d, []ops.Size{4, 4, 6, 8}), Value: 4, Max: crowdedMax,
		Flags: pick(d, []ops.CreateFlags{0, ops.NoPrealloc}), Template: pick(d, templates)}
	m, fits := d.outerFor(o)
	if len(fits) == 0 {
		return m == nil || d.twin()
	}
	d.storeEverywhere(o, pick(d, fits))
	all := ops.LookupBatch{On: o.Def, Count: crowdedMax}
	d.add(all)
	if d.chance(2) {
		d.add(ops.TakeBatch(all))
	}
	for range 8 {
		k := ops.K(uint64(d.between(0, crowdedMax-1)))
		d.add(ops.Delete{On: o.Def, Key: k})
		d.add(ops.Update{On: o.Def, Key: k, Value: ops.Val{Name: pick(d, fits)}})
	}
	d.add(ops.LookupBatch{On: o.Def, Count: 64})
	return d.add(ops.Close{On: o.Def})
}

// twoReaders reads a map in batches through two descriptors in turn.
func (d *draft) twoReaders() bool {
	n, m, ok := d.roomy()
	if !ok || !d.state.Kernel.does(batchOps) {
		return ok
	}
	fits := d.fitting(m)
	if len(fits) == 0 {
		return d.twin()
	}
	d.fillAll(n, m, fits)
	other := ops.Reopen{Def: d.fresh("r"), Of: n}
	d.add(other)
	reads := []ops.LookupBatch{{On: n, Count: ops.Size(d.between(3, 8))}, {On: other.Def, Count: ops.Size(d.between(8, 64))}}
	for range 4 {
		for i := range reads {
			d.add(reads[i])
			reads[i].From = ops.FromNext
		}
	}
	return d.add(ops.Close{On: other.Def})
}
