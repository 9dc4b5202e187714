package properties

import (
	"maps"
	"slices"

	"mimic/ops"
	"mimic/progs"
)

// put stores a fitting map under a key that can be stored.
func (d *draft) put() bool {
	n, m, ok := d.outerName()
	if !ok {
		return false
	}
	fits := d.fitting(m)
	if len(fits) == 0 {
		return d.twin()
	}
	o := ops.Update{On: n, Key: d.goodKey(m), Value: ops.Val{Name: pick(d, fits)}}
	if m.outerKind() == ops.OuterHash && d.chance(4) {
		o.Flags = d.fittingFlag(m, o.Key)
	}
	return d.add(o)
}

// fittingFlag is the flag with which the update of that key succeeds.
func (d *draft) fittingFlag(m *object, k ops.Key) ops.UpdateFlags {
	if _, present := m.slots[ops.Truncate(k.N, m.spec.Key)]; present {
		return ops.Exist
	}
	return ops.NoExist
}

// goodKey is a key below max_entries of an array, or one of a few of a hash.
func (d *draft) goodKey(m *object) ops.Key {
	limit := uint64(m.spec.Max)
	if m.outerKind() == ops.OuterArray {
		return ops.K(pick(d, []uint64{0, limit - 1, uint64(d.between(0, int(limit)-1))}))
	}
	return d.hashKey(limit, m.spec.Key)
}

// hashKey draws from a few numbers that differ at either end of a key of that
// size, its very last byte included.
func (d *draft) hashKey(limit uint64, size ops.Size) ops.Key {
	low := uint64(d.between(0, int(min(limit, 6))))
	if d.chance(2) {
		return ops.K(low)
	}
	last := 8 * (min(uint64(size), 8) - 1)
	if size > 8 && d.chance(2) {
		last = 32
	}
	return ops.K(ops.Truncate(low|uint64(d.between(1, 2))<<last, size))
}

// anyKey is any key: mostly stored ones and neighbours of the limits.
func (d *draft) anyKey(m *object) ops.Key {
	keys := m.keys()
	if m.outer && d.chance(3) {
		keys = slices.Sorted(maps.Keys(m.written)) // emptied ones too
	}
	limit := uint64(m.spec.Max)
	switch d.between(0, 3) {
	case 0:
		if len(keys) > 0 {
			return ops.K(pick(d, keys))
		}
	case 1:
		return ops.K(pick(d, []uint64{0, limit - 1, limit, limit + 1, limit * 2, 1 << 28, 1 << 29, 1 << 30, 1 << 31, 1<<32 - 1, 255, 256, 65536}))
	case 2:
		if m.spec.Key > 0 {
			return d.hashKey(limit, m.spec.Key)
		}
	}
	return ops.K(uint64(d.between(0, int(limit))))
}

// putAny is an update with any key, value and flags.
func (d *draft) putAny() bool {
	n, m, ok := d.outerName()
	if !ok {
		return false
	}
	return d.add(ops.Update{On: n, Key: d.anyKey(m), Value: d.anyValue(m), Flags: d.anyFlag()})
}

func (d *draft) anyValue(m *object) ops.Val {
	if fits := d.fitting(m); len(fits) > 0 && !d.chance(3) {
		return ops.Val{Name: pick(d, fits)}
	}
	if d.chance(12) {
		return ops.Val{N: pick(d, []uint64{1<<32 - 1, 1 << 31, 1<<31 - 1, 1 << 30})}
	}
	return ops.Val{Name: d.anyName()}
}

func (d *draft) anyFlag() ops.UpdateFlags {
	return pick(d, []ops.UpdateFlags{0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 8, 16, 1 << 5, 1 << 31, 1 << 32, 1 << 63, 1<<64 - 1})
}

// putShorter stores a map that ends before the template does.
func (d *draft) putShorter() bool {
	n, m, ok := d.outerName()
	if !ok {
		return false
	}
	all := slices.DeleteFunc(d.fitting(m), func(n ops.Name) bool { return d.state.objectOf(n).spec.Max == m.shape.Max })
	if len(all) == 0 {
		return false
	}
	return d.add(ops.Update{On: n, Key: d.goodKey(m), Value: ops.Val{Name: pick(d, all)}})
}

// putMisfit offers a map that does not fit, with nothing else wrong.
func (d *draft) putMisfit() bool {
	n, m, ok := d.outerName()
	if !ok {
		return false
	}
	all := d.names(func(h *handle) bool { return isOpenInner(h) && d.state.misfit(m, h.obj) != nil })
	if len(all) == 0 {
		return false
	}
	return d.add(ops.Update{On: n, Key: d.goodKey(m), Value: ops.Val{Name: pick(d, all)}})
}

// putNested and putProgArray offer what can never be an element.
func (d *draft) putNested() bool { return d.offer(d.isOpenOuter) }

func (d *draft) putProgArray() bool {
	if len(d.names(isProgArray)) == 0 {
		return d.progArray()
	}
	return d.offer(isProgArray)
}

func (d *draft) offer(what func(*handle) bool) bool {
	n, m, ok := d.outerName()
	all := d.names(what)
	if !ok || len(all) == 0 {
		return false
	}
	return d.add(ops.Update{On: n, Key: d.goodKey(m), Value: ops.Val{Name: pick(d, all)}})
}

func (d *draft) get() bool {
	n, m, ok := d.outerName()
	if !ok {
		return d.add(ops.Lookup{On: d.anyName()})
	}
	return d.add(ops.Lookup{On: n, Key: d.anyKey(m)})
}

func (d *draft) delete() bool {
	n, m, ok := d.outerName()
	if !ok {
		return false
	}
	return d.add(ops.Delete{On: n, Key: d.anyKey(m)})
}

// next begins a walk, goes on with one, or asks for what follows any key.
func (d *draft) next() bool {
	n, m, ok := d.outerName()
	if d.chance(5) {
		n, m, ok = d.contentName()
	}
	if !ok {
		return false
	}
	cursor, walking := d.cursor[n]
	if !walking {
		cursor = ops.Key{Null: true}
	}
	if d.chance(5) {
		cursor = d.anyKey(m)
	}
	return d.add(ops.Next{On: n, Key: cursor})
}

// nextAgain asks what comes after a key, changes what does, and asks again, with nothing else between.
func (d *draft) nextAgain() bool {
	n, m, ok := d.outerName()
	if !ok || m.outerKind() != ops.OuterHash || len(m.slots) == 0 {
		return false
	}
	keys := m.keys()
	from := ops.Next{On: n, Key: pick(d, []ops.Key{{Null: true}, ops.K(keys[0]), ops.K(keys[len(keys)-1])})}
	for _, k := range keys[:min(len(keys), 4)] {
		d.add(from)
		d.add(ops.Delete{On: n, Key: ops.K(k)})
		d.add(from)
	}
	if fits := d.fitting(m); len(fits) > 0 {
		d.add(ops.Update{On: n, Key: ops.K(keys[0]), Value: ops.Val{Name: pick(d, fits)}})
	}
	return d.add(from)
}

// walk visits every key of an outer map that has few, from the beginning.
func (d *draft) walk() bool {
	n, m, ok := d.outerName()
	if !ok || m.outerKind() == ops.OuterHash && len(m.slots) < 2 || m.outerKind() == ops.OuterArray && m.spec.Max > 9 {
		return false
	}
	d.cursor[n] = ops.Key{Null: true}
	for range 10 {
		d.add(ops.Next{On: n, Key: d.cursor[n]})
		if d.cursor[n].Null {
			break
		}
	}
	return true
}

// contentName picks an open inner map whose content is modelled.
func (d *draft) contentName() (ops.Name, *object, bool) {
	all := d.names(func(h *handle) bool { return isOpenInner(h) && h.obj.modelled() })
	if len(all) == 0 {
		return "", nil, false
	}
	n := pick(d, all)
	return n, d.state.objectOf(n), true
}

func (d *draft) write() bool {
	n, m, ok := d.contentName()
	if !ok {
		return false
	}
	if d.chance(6) {
		return d.add(ops.Delete{On: n, Key: d.anyKey(m)})
	}
	o := ops.Update{On: n, Key: d.anyKey(m), Value: ops.Val{N: uint64(d.between(1, 1<<40))}}
	if d.chance(5) {
		o.Flags = pick(d, []ops.UpdateFlags{1, 2, 3})
	}
	return d.add(o)
}

func (d *draft) read() bool {
	n, m, ok := d.contentName()
	if !ok {
		return false
	}
	return d.add(ops.Lookup{On: n, Key: d.anyKey(m)})
}

func (d *draft) info() bool {
	return d.add(ops.Info{On: d.anyName()})
}

// anyOuterOrContent is an open outer map, or now and then a modelled inner one.
func (d *draft) anyOuterOrContent() (ops.Name, *object, bool) {
	if d.chance(4) {
		if n, m, ok := d.contentName(); ok {
			return n, m, true
		}
	}
	return d.outerName()
}

// getAny is a lookup with any flags through any name.
func (d *draft) getAny() bool {
	n, m, ok := d.anyOuterOrContent()
	if !ok {
		return false
	}
	key := d.anyKey(m)
	if d.chance(4) {
		n = d.anyName()
	}
	return d.add(ops.Lookup{On: n, Key: key, Flags: pick(d, []ops.UpdateFlags{0, 1, 2, 4, 4, 8, 0x100, 1 << 32, 1 << 63})})
}

func (d *draft) take() bool {
	n, m, ok := d.anyOuterOrContent()
	if !ok {
		return false
	}
	return d.add(ops.Take{On: n, Key: d.anyKey(m), Flags: pick(d, []ops.UpdateFlags{0, 0, 0, 0, 1, 2, 4, 8, 1 << 32})})
}

func (d *draft) dump() bool {
	n, m, ok := d.outerName()
	if !ok || m.outerKind() == ops.OuterArray && m.spec.Max > 33 {
		return false
	}
	return d.add(ops.Dump{On: n})
}

// null gives no key, or no value.
func (d *draft) null() bool {
	n, m, ok := d.anyOuterOrContent()
	if !ok {
		return false
	}
	null := ops.Key{Null: true}
	switch d.between(0, 4) {
	case 0:
		return d.add(ops.Lookup{On: n, Key: null})
	case 1:
		return d.add(ops.Delete{On: n, Key: null})
	case 2:
		return d.add(ops.Take{On: n, Key: null})
	}
	if !m.outer {
		return false
	}
	if d.chance(2) {
		return d.add(ops.Update{On: n, Key: null, Value: d.anyValue(m), Flags: d.anyFlag()})
	}
	return d.add(ops.Update{On: n, Key: d.anyKey(m), Value: ops.Val{Null: true}, Flags: d.anyFlag()})
}

// tail is a command with a byte behind its last attribute, through any name.
func (d *draft) tail() bool {
	n, m, ok := d.anyOuterOrContent()
	if !ok {
		return false
	}
	key, tail := d.anyKey(m), pick(d, []ops.Size{1, 1 << 31})
	value := ops.Val{N: 1<<32 - 1}
	if m.outer {
		value = d.anyValue(m)
	}
	if d.chance(4) {
		n = d.anyName()
	}
	switch d.between(0, 5) {
	case 4:
		return d.add(ops.Take{On: n, Key: key, Tail: tail})
	case 5:
		return d.add(ops.Freeze{On: n, Tail: tail})
	case 0:
		return d.add(ops.Lookup{On: n, Key: key, Tail: tail, Flags: pick(d, []ops.UpdateFlags{0, 1})})
	case 1:
		return d.add(ops.Delete{On: n, Key: key, Tail: tail})
	case 2:
		return d.add(ops.Next{On: n, Key: key, Tail: tail})
	}
	return d.add(ops.Update{On: n, Key: key, Value: value, Tail: tail})
}

// byProgram has a program update or delete.
func (d *draft) byProgram() bool {
	n, m, ok := d.outerName()
	if !ok || !d.state.Kernel.has(ops.FeatureSys) || m.spec.Key > progs.MaxKey {
		return false
	}
	if d.chance(3) {
		return d.add(ops.Sys{On: n, Command: ops.ByDelete, Key: d.anyKey(m)})
	}
	o := ops.Sys{On: n, Key: d.goodKey(m), Value: d.anyValue(m)}
	if d.chance(4) {
		o.Key, o.Flags = d.anyKey(m), d.anyFlag()
	}
	return d.add(o)
}
