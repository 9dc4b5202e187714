package properties

import (
	"slices"

	"mimic/ops"
)

// goodPairs draws keys and values of which an outer map takes all.
func (d *draft) goodPairs(m *object) (keys []ops.Key, values []ops.Val) {
	fits := d.fitting(m)
	if len(fits) == 0 {
		return nil, nil
	}
	for range d.between(1, 6) {
		k := d.goodKey(m)
		keys, values = append(keys, k), append(values, ops.Val{Name: pick(d, fits)})
	}
	return keys, values
}

// batchUpdate stores several pairs at once.
func (d *draft) batchUpdate() bool {
	n, m, ok := d.outerName()
	if !ok {
		return false
	}
	keys, values := d.goodPairs(m)
	if len(keys) == 0 {
		return d.twin()
	}
	return d.add(ops.UpdateBatch{On: n, Keys: ops.KeyList(keys), Values: ops.ValList(values)})
}

// batchWrite is a batch of updates or deletions of which some may be refused,
// or of nothing.
func (d *draft) batchWrite() bool {
	n, m, ok := d.outerName()
	if !ok {
		return false
	}
	if m.outerKind() == ops.OuterHash && d.chance(3) {
		return d.add(ops.DeleteBatch{On: n, Keys: ops.KeyList(d.anyKeys(m, d.between(0, 5)))})
	}
	keys, values := d.goodPairs(m)
	if len(keys) > 0 && !d.chance(12) {
		at := d.between(0, len(keys)-1)
		if d.chance(2) {
			keys[at] = d.anyKey(m)
		} else if v := d.anyValue(m); v.Name != "" {
			values[at] = v
		}
	} else {
		keys, values = nil, nil
	}
	return d.add(ops.UpdateBatch{On: n, Keys: ops.KeyList(keys), Values: ops.ValList(values)})
}

func (d *draft) anyKeys(m *object, count int) (keys []ops.Key) {
	for range count {
		keys = append(keys, d.anyKey(m))
	}
	return keys
}

// batchDelete deletes some of the keys that are stored, each once.
func (d *draft) batchDelete() bool {
	n, m, ok := d.outerName()
	if !ok || m.outerKind() != ops.OuterHash || len(m.slots) == 0 {
		return false
	}
	var keys []ops.Key
	for _, k := range m.keys() {
		if len(keys) < 6 && !d.chance(3) {
			keys = append(keys, ops.K(k))
		}
	}
	return d.add(ops.DeleteBatch{On: n, Keys: ops.KeyList(keys)})
}

// lookupBatch draws what is read: from a cursor, about as much as there is.
func (d *draft) lookupBatch(n ops.Name, m *object) ops.LookupBatch {
	stored := len(m.slots)
	o := ops.LookupBatch{On: n, Count: pick(d, []ops.Size{0, 1, 2, ops.Size(max(1, stored-1)), ops.Size(max(1, stored)), ops.Size(stored + 1), 64})}
	if d.chance(2) {
		o.From = ops.FromNext
	}
	if d.chance(10) {
		o.From = ops.Cursor{Given: true, Number: d.cursorNumber(m)}
	}
	return o
}

// cursorNumber is any index of an array; of a hash table a bucket that is not there.
func (d *draft) cursorNumber(m *object) uint32 {
	if m.outerKind() == ops.OuterArray {
		return uint32(d.anyKey(m).N)
	}
	return pick(d, []uint32{0, uint32(buckets(m.spec.Max)), uint32(buckets(m.spec.Max)) + 1, 1 << 31, 1<<32 - 1})
}

// batchRead reads once, and now and then goes on to the end.
func (d *draft) batchRead() bool {
	n, m, ok := d.outerName()
	if !ok {
		return false
	}
	o := d.lookupBatch(n, m)
	d.add(o)
	if o.Count > 0 && d.chance(3) {
		for o.From = ops.FromNext; d.unread(n) && !d.chance(6); {
			d.add(o)
		}
	}
	return true
}

// unread says whether the last batch lookup through a name left something.
func (d *draft) unread(n ops.Name) bool {
	h := d.state.handles[n]
	return h != nil && h.cursor != nil && !h.cursor.end && len(h.cursor.behind) > 0
}

func (d *draft) batchTake() bool {
	n, m, ok := d.outerName()
	if !ok || m.outerKind() != ops.OuterHash {
		return false
	}
	o := d.lookupBatch(n, m)
	if o.From.Given {
		o.From = ops.FromStart
	}
	return d.add(ops.TakeBatch(o))
}

// batchFlags is a batch with flags of one kind or the other, or a byte behind
// its attributes.
func (d *draft) batchFlags() bool {
	n, m, ok := d.outerName()
	if !ok {
		return false
	}
	var elem, flags ops.UpdateFlags
	var tail ops.Size
	flag := pick(d, []ops.UpdateFlags{ops.NoExist, ops.Exist, ops.Lock, ops.CPU, 1 << 32, 1 << 63})
	switch d.between(0, 4) {
	case 0, 1:
		elem = flag
	case 2, 3:
		flags = flag
	case 4:
		tail = 1
	}
	r := d.lookupBatch(n, m)
	r.From, r.Elem, r.Flags, r.Tail = ops.FromStart, elem, flags, tail
	keys, values := d.goodPairs(m)
	switch d.between(0, 3) {
	case 0:
		return d.add(r)
	case 1:
		return d.add(ops.TakeBatch(r))
	case 2:
		return d.add(ops.DeleteBatch{On: n, Keys: ops.KeyList(d.anyKeys(m, d.between(0, 3))), Elem: elem, Flags: flags, Tail: tail})
	}
	return d.add(ops.UpdateBatch{On: n, Keys: ops.KeyList(keys), Values: ops.ValList(values), Elem: elem, Flags: flags, Tail: tail})
}

// batchMissing is a batch command that arrays of maps don't have, or through
// anything that is no outer map.
func (d *draft) batchMissing() bool {
	n, m, ok := d.outerName()
	if !ok {
		return false
	}
	if others := d.names(func(h *handle) bool { return h.obj == nil || !isOpenInner(h) }); len(others) > 0 && d.chance(4) {
		n = pick(d, others)
	}
	if d.chance(2) {
		return d.add(ops.TakeBatch{On: n, Count: ops.Size(d.between(0, 3))})
	}
	return d.add(ops.DeleteBatch{On: n, Keys: ops.KeyList(slices.Compact(d.anyKeys(m, d.between(0, 2))))})
}
