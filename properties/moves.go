package properties

import (
	"slices"

	"mimic/ops"
)

// move is one thing that plans do: it appends operations and says so, or finds
// that it is not possible now.
type move struct {
	name   string
	weight int // in a plan that does not care, or ownOnly
	draw   func(*draft) bool
}

// ownOnly is the weight of what only the claims do that name it. Nothing is drawn for it: plans of other claims stay
// what they are.
const ownOnly = -1

// moves is the table of what plans do; claims name them in their focus.
var moves []move

func init() { // refers to itself through the drafts' methods
	moves = slices.Concat(createMoves(), elementMoves(), progMoves(), lifeMoves(), holdMoves(), manyMoves(), raceMoves(), exampleMoves(), capsMoves(), repeatMoves())
}

// createMoves make maps, and what they are made from.
func createMoves() []move {
	return []move{
		{"inner", 2, func(d *draft) bool { return !d.full() && d.inner(false) }},
		{"inner-other", 1, func(d *draft) bool { return !d.full() && d.inner(true) }},
		{"prog-array", 1, (*draft).progArray},
		{"odd", 0, (*draft).odd},
		{"exclusive", 0, (*draft).exclusive},
		{"twin", 3, (*draft).twin},
		{"near", 2, func(d *draft) bool { return d.near((*draft).differ, d.between(1, 2)) }},
		{"near-max", 1, func(d *draft) bool { return d.near((*draft).differMax, 1) }},
		{"near-name", 1, func(d *draft) bool { return d.near((*draft).differName, 1) }},
		{"near-lock", 1, func(d *draft) bool { return d.near((*draft).differLock, 1) }},
		{"near-plain", 1, func(d *draft) bool { return d.near((*draft).differPlain, 1) }},
		{"near-fields", 1, func(d *draft) bool { return d.near((*draft).differFields, 1) }},
		{"shorter", 1, func(d *draft) bool { return d.near((*draft).differLength, 1) }},
		{"near-type", 1, func(d *draft) bool { return d.near((*draft).differType, 1) }},
		{"bad-map", 1, (*draft).badMap},
		{"inner-fd", 1, (*draft).innerFD},
		{"btf", 1, (*draft).btf},
		{"btf-map", 1, (*draft).btfMap},
		{"fd", 1, (*draft).otherFD},
		{"outer", 2, func(d *draft) bool { return !d.full() && d.outer() }},
		{"other-shape", 0, func(d *draft) bool { return d.otherOuter((*draft).differShape) }},
		{"other-max", 0, func(d *draft) bool { return d.otherOuter((*draft).differMax) }},
		{"outer-btf", 0, (*draft).outerBTF},
		{"big-outer", 0, (*draft).bigOuter},
		{"tour", 0, (*draft).tour},
		{"runner", 0, (*draft).runner},
		{"sized-outer", 0, (*draft).sizedOuter},
		{"btf-outer", 0, (*draft).btfOuter},
		{"lock-outer", 1, (*draft).lockOuter},
		{"sixty-four", 0, (*draft).sixtyFour},
		{"nested-outer", 1, func(d *draft) bool { return d.outerFrom(d.isOpenOuter) }},
		{"template-prog", 1, func(d *draft) bool { return d.outerFrom(isProg) }},
		{"prog-array-outer", 1, (*draft).progArrayOuter},
		{"odd-outer", 0, (*draft).oddOuter},
		{"exclusive-outer", 0, (*draft).exclusiveOuter},
		{"bad-outer", 2, (*draft).badOuter},
		{"outer-flag", 0, (*draft).outerFlag},
	}
}

// elementMoves do something with the elements of a map.
func elementMoves() []move {
	return []move{
		{"put", 6, (*draft).put},
		{"put-any", 4, (*draft).putAny},
		{"put-shorter", 1, (*draft).putShorter},
		{"put-misfit", 2, (*draft).putMisfit},
		{"put-prog", 1, func(d *draft) bool { return d.offer(isProg) }},
		{"put-nested", 1, (*draft).putNested},
		{"put-prog-array", 1, (*draft).putProgArray},
		{"put-exclusive", 0, (*draft).putExclusive},
		{"get", 4, (*draft).get},
		{"get-any", 1, (*draft).getAny},
		{"delete", 3, (*draft).delete},
		{"take", 1, (*draft).take},
		{"next", 2, (*draft).next},
		{"walk", 1, (*draft).walk},
		{"next-again", ownOnly, (*draft).nextAgain},
		{"dump", 1, (*draft).dump},
		{"null", 1, (*draft).null},
		{"tail", 1, (*draft).tail},
		{"batch-update", 1, (*draft).batchUpdate},
		{"batch-write", 1, (*draft).batchWrite},
		{"batch-delete", 1, (*draft).batchDelete},
		{"batch-read", 2, (*draft).batchRead},
		{"batch-take", 1, (*draft).batchTake},
		{"batch-flags", 1, (*draft).batchFlags},
		{"batch-missing", 1, (*draft).batchMissing},
		{"write", 3, (*draft).write},
		{"read", 2, (*draft).read},
		{"by-program", 0, (*draft).byProgram},
	}
}

// lifeMoves open and close, and ask what is alive.
func lifeMoves() []move {
	return []move{
		{"info", 1, (*draft).info},
		{"close", 2, (*draft).close},
		{"close-template", 1, (*draft).closeTemplate},
		{"close-stored", 1, (*draft).closeStored},
		{"close-prog", 1, func(d *draft) bool { return d.closeOne(isProg) }},
		{"close-btf", 1, func(d *draft) bool { return d.closeOne(isBTF) }},
		{"close-outer", 1, (*draft).closeOuter},
		{"reopen", 1, (*draft).reopen},
		{"numbered", ownOnly, (*draft).numbered},
		{"none-left", ownOnly, (*draft).noneLeft},
		{"mode", 1, func(d *draft) bool { return d.mode(d.isOpenOuter) }},
		{"mode-inner", 1, func(d *draft) bool { return d.mode(isOpenInner) }},
		{"freeze", 1, func(d *draft) bool { return d.freeze(d.isOpenOuter) }},
		{"freeze-inner", 1, func(d *draft) bool { return d.freeze(isOpenInner) }},
		{"file", 1, (*draft).file},
		{"fdinfo", 0, (*draft).fdinfo},
		{"pin", 1, (*draft).pin},
		{"get-path", 1, (*draft).getPath},
		{"unpin", 1, (*draft).unpin},
		{"cat", 1, (*draft).cat},
		{"linger", 0, (*draft).linger},
		{"used", ownOnly, (*draft).used},
		{"alive", 2, (*draft).alive},
		{"btf-alive", 0, (*draft).btfAlive},
		{"gone", 1, (*draft).gone},
	}
}

// inner makes a map that can be a template; other: of any type.
func (d *draft) inner(other bool) bool {
	if d.chance(25) {
		return d.badMap()
	}
	types := []ops.MapType{ops.Hash, ops.Array}
	if other {
		types = d.types(func(r *typeRow) bool { return r.template == 0 })
	}
	return d.makeOf(pick(d, types))
}

func (d *draft) types(want func(*typeRow) bool) (have []ops.MapType) {
	for i := range typeRows {
		if r := &typeRows[i]; want(r) && d.state.Kernel.has(r.typ.Feature()) {
			have = append(have, r.typ)
		}
	}
	return have
}

// makeOf makes a map of a type, with the BTF that it needs.
func (d *draft) makeOf(t ops.MapType) bool {
	o := d.mapOf(t)
	if rowOf(t).btf {
		o.BTF = d.someBTF((*btfRow).plain)
		if b := d.state.openBTF(o.BTF); b != nil && o.Bound == ops.BoundFree {
			o.Value = btfRowOf(b.kind).value
		}
	}
	return d.add(o)
}

// mapOf draws a map of a type, of any spec that is possible.
func (d *draft) mapOf(t ops.MapType) ops.Map {
	r := rowOf(t)
	o := ops.Map{Def: d.fresh("i"), Type: t, Flags: r.needs, Bound: r.bound,
		Key: d.size(r.keysOn(d.state.Kernel), keySizes), Value: d.size(r.values, valueSizes), Max: d.size(r.maximaOn(d.state.Kernel), maxima)}
	if d.chance(3) {
		o.Flags |= d.someFlag(r.flags)
	}
	if r.extra > 0 && d.chance(2) {
		o.Extra = ops.Size(d.between(1, int(r.extra)))
	}
	if d.chance(12) {
		o.Label = pick(d, []ops.Label{ops.LabelGood, ops.LabelOther, ops.LabelFull})
	}
	return o
}

// size draws one of the sizes that a type allows, or one of the usual ones.
func (d *draft) size(allowed, usual []ops.Size) ops.Size {
	if allowed != nil {
		return pick(d, allowed)
	}
	return pick(d, usual)
}

// badMap asks for a map with one or two faults.
func (d *draft) badMap() bool {
	o := d.mapOf(pick(d, []ops.MapType{ops.Hash, ops.Array}))
	for range d.between(1, 2) {
		d.spoilMap(&o)
	}
	return d.add(o)
}

func (d *draft) spoilMap(o *ops.Map) {
	switch d.between(0, 8) {
	case 0:
		o.Max = 0
	case 1:
		o.Value = 0
	case 2:
		o.Key = 0
	case 3:
		o.Label = pick(d, []ops.Label{ops.LabelBad, ops.LabelLong})
	case 4:
		o.Extra = pick(d, []ops.Size{1, 1 << 31})
	case 5:
		o.Tail = pick(d, []ops.Size{1, 2})
	case 6:
		o.Flags |= ops.NUMANode
		o.Node = pick(d, badNodes)
	case 7:
		o.Flags |= modes
	case 8:
		o.BTF, o.IDs = d.anyBTF(), pick(d, []ops.BTFIDs{ops.IDsBoth, ops.IDsBoth, ops.IDsBoth, ops.IDsKey})
	}
}

// badNodes are not there; one that is none at all is allowed.
var badNodes = []ops.Size{1 << 12, 1 << 31, 1<<32 - 1}

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

// twin makes a map like the template of an outer map.
func (d *draft) twin() bool {
	_, m, ok := d.outerName()
	if !ok || d.full() {
		return false
	}
	o := d.like(m)
	if o.BTF != "" || !rowOf(o.Type).btf {
		return d.add(o)
	}
	return false
}

// like is a map like the template of an outer map.
func (d *draft) like(m *object) ops.Map {
	p, r := m.shape, rowOf(m.shape.Type)
	o := ops.Map{Def: d.fresh("i"), Type: p.Type, Key: p.Key, Value: p.Value, Max: p.Max, Flags: p.Flags &^ r.adds, Bound: r.bound}
	if b := m.template.btf; b != nil {
		o.BTF = d.someBTF(func(r *btfRow) bool { return r.kind == b.kind })
	}
	return o
}

// near makes a map that differs from a template in so many ways.
func (d *draft) near(differ func(*draft, *ops.Map), ways int) bool {
	_, m, ok := d.outerName()
	if !ok || d.full() {
		return false
	}
	o := d.like(m)
	for range ways {
		differ(d, &o)
	}
	r := rowOf(o.Type)
	if p := (Spec{o.Type, o.Key, o.Value, o.Max, o.Flags, o.Label}); !d.state.modelled(r, o, p) || r.impossible(p) {
		return d.makeOf(o.Type)
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
	ops.PerfEventArray: {ops.CgroupArray, ops.Array, ops.XSKMap},
	ops.Devmap:         {ops.Sockmap, ops.DevmapHash, ops.ReuseportSockarray, ops.CPUMap},
	ops.DevmapHash:     {ops.Devmap, ops.Sockhash},
	ops.Sockmap:        {ops.Sockhash, ops.Devmap, ops.ReuseportSockarray},
	ops.Sockhash:       {ops.Sockmap, ops.DevmapHash},
	ops.Ringbuf:        {ops.UserRingbuf},
	ops.UserRingbuf:    {ops.Ringbuf},
	ops.SKStorage:      {ops.TaskStorage, ops.InodeStorage},
	ops.TaskStorage:    {ops.InodeStorage, ops.CgroupLocalStorage},
	ops.BloomFilter:    {ops.Queue, ops.Stack},
	ops.RHash:          {ops.Hash},
}

func (d *draft) differ(o *ops.Map) {
	r := rowOf(o.Type)
	switch d.between(0, 7) {
	case 7:
		o.Extra = ops.Size(d.between(0, int(r.extra)))
	case 0:
		o.Key = d.size(r.keysOn(d.state.Kernel), keySizes)
	case 1:
		o.Value = d.size(r.values, valueSizes)
	case 2:
		o.Flags ^= d.someFlag(rowOf(o.Type).flags)
	case 3:
		d.differMax(o)
	case 4:
		d.differType(o)
	case 5:
		d.differName(o)
	case 6:
		d.differFields(o)
	}
}

func (d *draft) differMax(o *ops.Map) { o.Max = d.size(rowOf(o.Type).maximaOn(d.state.Kernel), maxima) }

func (d *draft) differName(o *ops.Map) {
	o.Label = pick(d, []ops.Label{ops.LabelGood, ops.LabelOther, ops.LabelFull})
}

// differFields gives the values other special fields, or none.
func (d *draft) differFields(o *ops.Map) {
	if r := rowOf(o.Type); !r.fields || o.Key != 4 || o.Value != btfs64 {
		return
	}
	if o.BTF != "" && d.chance(3) {
		o.BTF = ""
		return
	}
	o.Flags &^= ops.ReadOnlyProg | ops.WriteOnlyProg
	o.BTF = d.someBTF(func(r *btfRow) bool { return r.value == o.Value })
}

// btfs64 is the size of the values that package btfs describes.
const btfs64 = 64

// differLength makes a map shorter, now and then longer.
func (d *draft) differLength(o *ops.Map) {
	switch {
	case rowOf(o.Type).maxima != nil:
	case d.chance(3):
		o.Max += ops.Size(d.between(1, 4))
	default:
		o.Max = ops.Size(d.between(1, max(1, int(o.Max)-1)))
	}
}

func (d *draft) differType(o *ops.Map) {
	types := cousins[o.Type]
	if len(types) == 0 {
		types = []ops.MapType{ops.Hash}
	}
	if t := pick(d, types); d.state.Kernel.has(t.Feature()) {
		o.Type = t
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
