package properties

import (
	"mimic/ops"
)

// move is one thing that plans do: it appends operations and says so, or finds
// that it is not possible now.
type move struct {
	name   string
	weight int // in a plan that does not care
	draw   func(*draft) bool
}

// moves is the table of what plans do; claims name them in their focus.
var moves []move

func init() { // refers to itself through the drafts' methods
	moves = []move{
		{"inner", 2, func(d *draft) bool { return !d.full() && d.inner(false) }},
		{"inner-other", 1, func(d *draft) bool { return !d.full() && d.inner(true) }},
		{"prog-array", 1, (*draft).progArray},
		{"twin", 3, (*draft).twin},
		{"near", 2, func(d *draft) bool { return d.near((*draft).differ, d.between(1, 2)) }},
		{"near-max", 1, func(d *draft) bool { return d.near((*draft).differMax, 1) }},
		{"shorter", 1, func(d *draft) bool { return d.near((*draft).differShorter, 1) }},
		{"near-type", 1, func(d *draft) bool { return d.near((*draft).differType, 1) }},
		{"outer", 2, func(d *draft) bool { return !d.full() && d.outer() }},
		{"sized-outer", 0, (*draft).sizedOuter},
		{"nested-outer", 1, func(d *draft) bool { return d.outerFrom(d.isOpenOuter) }},
		{"prog-outer", 1, func(d *draft) bool { return d.outerFrom(isProg) }},
		{"prog-array-outer", 1, (*draft).progArrayOuter},
		{"bad-outer", 2, (*draft).badOuter},
		{"put", 6, (*draft).put},
		{"put-any", 4, (*draft).putAny},
		{"put-shorter", 1, (*draft).putShorter},
		{"put-misfit", 2, (*draft).putMisfit},
		{"put-prog", 1, func(d *draft) bool { return d.offer(isProg) }},
		{"put-nested", 1, (*draft).putNested},
		{"put-prog-array", 1, (*draft).putProgArray},
		{"get", 4, (*draft).get},
		{"delete", 3, (*draft).delete},
		{"next", 2, (*draft).next},
		{"walk", 1, (*draft).walk},
		{"write", 3, (*draft).write},
		{"read", 2, (*draft).read},
		{"info", 1, (*draft).info},
		{"close", 2, (*draft).close},
		{"close-template", 1, (*draft).closeTemplate},
		{"close-stored", 1, (*draft).closeStored},
		{"close-prog", 1, func(d *draft) bool { return d.closeOne(isProg) }},
		{"close-outer", 1, (*draft).closeOuter},
		{"reopen", 1, (*draft).reopen},
		{"linger", 0, (*draft).linger},
		{"alive", 2, (*draft).alive},
		{"gone", 1, (*draft).gone},
		{"prog", 1, (*draft).prog},
		{"run", 2, (*draft).run},
	}
}

// inner makes a map that can be a template; other: of any type.
func (d *draft) inner(other bool) bool {
	if d.chance(25) {
		return d.add(d.badMap())
	}
	types := []ops.MapType{ops.Hash, ops.Array}
	if other {
		types = d.types()
	}
	return d.add(d.mapOf(pick(d, types)))
}

func (d *draft) types() (have []ops.MapType) {
	for _, t := range TemplateTypes() {
		if t != ops.ProgArray && d.state.Kernel.has(t.Feature()) {
			have = append(have, t)
		}
	}
	return have
}

// mapOf draws a map of a type, of any spec that is possible.
func (d *draft) mapOf(t ops.MapType) ops.Map {
	r := rowOf(t)
	o := ops.Map{Def: d.fresh("i"), Type: t, Key: r.key, Value: r.value, Max: d.max(), Flags: r.needs}
	if r.key == 0 && !r.noKey {
		o.Key = max(r.minKey, pick(d, keySizes))
	}
	if r.value == 0 {
		o.Value = pick(d, valueSizes)
	}
	if d.chance(3) {
		o.Flags |= d.someFlag(r.flags)
	}
	return o
}

// badMap is a map that cannot be made.
func (d *draft) badMap() ops.Map {
	o := d.mapOf(pick(d, []ops.MapType{ops.Hash, ops.Array}))
	switch d.between(0, 2) {
	case 0:
		o.Max = 0
	case 1:
		o.Value = 0
	case 2:
		o.Key = 0
	}
	return o
}

var (
	keySizes   = []ops.Size{4, 4, 4, 8, 1, 2, 3, 12, 16, 40, 64}
	valueSizes = []ops.Size{8, 8, 4, 4, 1, 2, 3, 12, 16, 64}
	maxima     = []ops.Size{1, 2, 2, 3, 4, 4, 5, 7, 8, 9, 16, 33, 100, 257}
)

func (d *draft) max() ops.Size { return pick(d, maxima) }

// someFlag draws one of a set of flags, or none.
func (d *draft) someFlag(from ops.CreateFlags) ops.CreateFlags {
	all := []ops.CreateFlags{0}
	for bit := ops.CreateFlags(1); bit != 0 && bit <= from; bit <<= 1 {
		if from&bit != 0 {
			all = append(all, bit)
		}
	}
	return pick(d, all)
}

func (d *draft) progArray() bool {
	if d.full() || !d.state.Kernel.has(ops.ProgArray.Feature()) {
		return false
	}
	return d.add(d.mapOf(ops.ProgArray))
}

// twin makes a map like the template of an outer map.
func (d *draft) twin() bool {
	_, m, ok := d.outerName()
	if !ok || d.full() {
		return false
	}
	return d.add(d.like(m.shape))
}

func (d *draft) like(p Spec) ops.Map {
	return ops.Map{Def: d.fresh("i"), Type: p.Type, Key: p.Key, Value: p.Value, Max: p.Max, Flags: p.Flags}
}

// near makes a map that differs from a template in so many ways.
func (d *draft) near(differ func(*draft, *ops.Map), ways int) bool {
	_, m, ok := d.outerName()
	if !ok || d.full() {
		return false
	}
	o := d.like(m.shape)
	for range ways {
		differ(d, &o)
	}
	if !rowOf(o.Type).possible(Spec{o.Type, o.Key, o.Value, o.Max, o.Flags}) {
		o = d.mapOf(o.Type)
	}
	return d.add(o)
}

// cousins are types whose maps can have the same sizes.
var cousins = map[ops.MapType][]ops.MapType{
	ops.Hash:           {ops.LRUHash, ops.PercpuHash, ops.LRUPercpuHash, ops.Array},
	ops.Array:          {ops.PercpuArray, ops.Hash, ops.PerfEventArray, ops.CgroupArray},
	ops.Queue:          {ops.Stack},
	ops.Stack:          {ops.Queue},
	ops.PercpuArray:    {ops.Array, ops.Hash},
	ops.PerfEventArray: {ops.CgroupArray, ops.Array},
}

func (d *draft) differ(o *ops.Map) {
	switch d.between(0, 4) {
	case 0:
		o.Key = pick(d, keySizes)
	case 1:
		o.Value = pick(d, valueSizes)
	case 2:
		o.Flags ^= d.someFlag(rowOf(o.Type).flags)
	case 3:
		d.differMax(o)
	case 4:
		d.differType(o)
	}
}

func (d *draft) differMax(o *ops.Map) { o.Max = d.max() }

func (d *draft) differShorter(o *ops.Map) { o.Max = ops.Size(d.between(1, max(1, int(o.Max)-1))) }

func (d *draft) differType(o *ops.Map) {
	types := cousins[o.Type]
	if len(types) == 0 {
		types = []ops.MapType{ops.Hash}
	}
	if t := pick(d, types); d.state.Kernel.has(t.Feature()) {
		o.Type = t
	}
}

// outer makes an outer map of the sequence's family from any map that is open.
func (d *draft) outer() bool {
	templates := d.names(func(h *handle) bool { return isOpenInner(h) && rowOf(h.obj.spec.Type).template == 0 })
	if len(templates) == 0 {
		return false
	}
	return d.add(d.outerOf(pick(d, templates)))
}

func (d *draft) outerOf(template ops.Name) ops.Outer {
	o := ops.Outer{Def: d.fresh("o"), Kind: d.kind(), Key: 4, Value: 4, Max: d.max(), Template: template}
	if d.chance(3) {
		o.Max = pick(d, []ops.Size{1, 2, 3})
	}
	if o.Kind == ops.OuterHash {
		o.Key = pick(d, append(keySizes, 96, 200, 512))
		o.Flags = pick(d, []ops.CreateFlags{0, 0, ops.NoPrealloc, ops.NoPrealloc, ops.NUMANode, ops.ReadOnlyProg, ops.ZeroSeed})
	} else if d.chance(6) {
		o.Flags = ops.NUMANode
	}
	return o
}

func (d *draft) kind() ops.OuterKind {
	own := ops.OuterArray
	if d.family == FamilyHash {
		own = ops.OuterHash
	}
	if d.chance(8) {
		return ops.OuterHash - own
	}
	return own
}

// sizedOuter makes an outer map whose elements may be of another size than the
// template, and in which programs can look up by index.
func (d *draft) sizedOuter() bool {
	if d.full() {
		return false
	}
	typ := ops.Array
	if d.state.Kernel.has(ops.FeatureHarm) && d.state.Kernel.has(ops.PercpuArray.Feature()) && d.chance(5) { // finding F2 may take the guest each time
		typ = ops.PercpuArray
	}
	o := d.mapOf(typ)
	if typ == ops.Array {
		o.Flags |= ops.InnerMap
	}
	o.Max = max(2, o.Max)
	d.add(o)
	d.add(d.outerOf(o.Def))
	d.near((*draft).differShorter, 1)
	return d.putShorter()
}

// outerFrom asks for an outer map whose template is one of the wrong kind.
func (d *draft) outerFrom(is func(*handle) bool) bool {
	all := d.names(is)
	if len(all) == 0 {
		return false
	}
	return d.add(d.outerOf(pick(d, all)))
}

func isProgArray(h *handle) bool { return isOpenInner(h) && h.obj.spec.Type == ops.ProgArray }

func (d *draft) progArrayOuter() bool {
	if len(d.names(isProgArray)) == 0 {
		return d.progArray()
	}
	return d.outerFrom(isProgArray)
}

// badOuter asks for an outer map with one to three faults.
func (d *draft) badOuter() bool {
	o := d.outerOf(d.anyName())
	for range d.between(1, 3) {
		d.spoil(&o)
	}
	return d.add(o)
}

func (d *draft) spoil(o *ops.Outer) {
	switch d.between(0, 5) {
	case 0:
		o.Key = pick(d, []ops.Size{0, 1, 2, 3, 5, 8, 16, 513, 600})
	case 1:
		o.Value = pick(d, []ops.Size{0, 1, 2, 3, 5, 8, 16, 400})
	case 2:
		o.Max = 0
	case 3:
		if bit := ops.CreateFlags(1) << d.between(0, 31); bit != ops.ReadOnly && bit != ops.WriteOnly { // access modes of descriptors are not modelled yet
			o.Flags |= bit
		}
	case 4:
		o.Template = d.anyName()
	case 5:
		o.Flags |= pick(d, []ops.CreateFlags{
			ops.ReadOnly | ops.WriteOnly, ops.ReadOnlyProg | ops.WriteOnlyProg, ops.MMapable, ops.InnerMap, ops.NoPrealloc})
	}
}

// anyName is any name of the sequence, open or not, or one that never was.
func (d *draft) anyName() ops.Name {
	all := d.names(func(*handle) bool { return true })
	if len(all) == 0 || d.chance(12) {
		return "none"
	}
	return pick(d, all)
}
