package progs

import (
	"slices"

	"mimic/ops"
)

// Given is what Inspect must know of the map that a body is given.
type Given struct {
	Outer bool        // it is an outer map
	Type  ops.MapType // of the inner maps, or of the map itself
	Key   ops.Size    // sizes of their keys and values
	Value ops.Size
	Max   ops.Size        // their max_entries
	Flags ops.CreateFlags // and flags
	Lock  bool            // their values have a bpf_spin_lock
	Same  bool            // they all have the same max_entries
}

// Misuse is a way in which a body uses a pointer that no verifier may let pass.
type Misuse string

// Misuses.
const (
	MisuseNull       Misuse = "null"       // a pointer that may be NULL is used
	MisuseNullValue  Misuse = "value null" // a value that may be NULL is used
	MisuseScalar     Misuse = "scalar"     // NULL, or a number, is used
	MisuseMemory     Misuse = "memory"     // a map is handed over as memory
	MisuseStore      Misuse = "store"      // something is stored in a map's own structure
	MisuseArithmetic Misuse = "arithmetic" // something is added to a map
	MisuseOuter      Misuse = "outer"      // an outer map is used as another type of map
	MisuseKind       Misuse = "kind"       // an inner map is used as another type of map
	MisuseDirect     Misuse = "direct"     // the values of an outer map are addressed
	MisuseType       Misuse = "type"       // a value is used as a map
	MisuseBounds     Misuse = "bounds"     // what lies beyond a value is used
	MisuseForbidden  Misuse = "forbidden"  // a map or value is written that programs may only read, or read that they may only write
	MisuseShort      Misuse = "short"      // a key or value that is handed over ends before that of the map does
	MisuseLock       Misuse = "lock"       // another lock is released than was taken, or none, or something else is done meanwhile
	MisuseTimer      Misuse = "timer"      // a timer is set up for another map than its own
)

// Fault is a misuse at a step.
type Fault struct {
	Step   int // 1-based
	Misuse Misuse
}

// Report is what Inspect finds.
type Report struct {
	Faults []Fault // the first on each path through the body
	Unsure bool    // there is something in it that Inspect does not judge
}

type kind uint8

const (
	nothing kind = iota // not set yet: reading it is a misuse
	outerMap
	innerMap
	value
	null
	unknown // not followed
)

type doubt uint8

const (
	never   doubt = iota
	perhaps       // some kernels know that it is not
	maybe
)

// pointer is what one of the two registers holds.
type pointer struct {
	kind      kind
	null      doubt
	second    bool // it was reached through the second map
	id        int  // pointers with the same are checked together
	of        int  // of a value: the id of its map
	low, high int64
}

// inspector follows one path through a body.
type inspector struct {
	given     [2]Given // the map, and the second one
	steps     []ops.BodyStep
	it, other pointer
	stash     pointer
	ids       int
	locked    int  // id of the value whose lock is held; 0: none is
	again     bool // in the second round of a loop
	report    *Report
}

// Inspect follows every path through a body that is given a map, and a second
// one; the same again if there is none.
func Inspect(b ops.Body, g, second Given) Report {
	var r Report
	(inspector{given: [2]Given{g, second}, steps: b.Steps(), report: &r}).from(0)
	return r
}

// reached is what it was reached through.
func (p *inspector) reached() Given {
	if p.it.second {
		return p.given[1]
	}
	return p.given[0]
}

// from follows the steps from one on. Branches are followed by a copy.
func (p inspector) from(i int) {
	for ; i < len(p.steps); i++ {
		s := p.steps[i]
		if slices.Contains(branching, s.Word) {
			p.branch(s.Word).from(i + 1)
			continue
		}
		if s.Word == ops.StepEither {
			second := p
			if misuse := p.take(ops.StepFind); misuse != "" {
				p.found(i+1, misuse)
				return
			}
			second.take(ops.StepSecond)
			second.from(i + 1)
			continue
		}
		if s.Word == ops.StepLoop {
			if again := p; !p.again { // the second round begins with what the first one left
				again.again = true
				again.from(0)
			}
			continue
		}
		misuse, ends := p.step(s)
		if misuse == "" && ends && p.locked != 0 {
			misuse = MisuseLock
		}
		if misuse != "" {
			p.found(i+1, misuse)
		}
		if misuse != "" || ends {
			return
		}
	}
	if p.locked != 0 {
		p.found(len(p.steps), MisuseLock)
	}
}

func (p *inspector) found(step int, m Misuse) {
	if f := (Fault{step, m}); !slices.Contains(p.report.Faults, f) {
		p.report.Faults = append(p.report.Faults, f)
	}
}

// branching are the steps that do something on a branch of their own.
var branching = []ops.StepWord{ops.StepMerge, ops.StepCross, ops.StepMaybe}

func (p inspector) branch(w ops.StepWord) inspector {
	switch w {
	case ops.StepMerge:
		p.it = p.other
	case ops.StepCross:
		p.it, p.other = p.other, p.it
	default:
		p.it = pointer{kind: null}
	}
	return p
}

// step follows one step: what is wrong with it, and whether the path ends.
func (p *inspector) step(s ops.BodyStep) (m Misuse, ends bool) {
	switch s.Word {
	case ops.StepCheck:
		return "", p.check()
	case ops.StepVet:
		p.report.Unsure = p.report.Unsure || p.locked != 0 // who holds a lock may call in some kernels
		return "", p.check()
	case ops.StepReturn:
		p.report.Unsure = true
		return "", true
	case ops.StepMap, ops.StepFind, ops.StepSecond, ops.StepDirect:
		return p.take(s.Word), false
	case ops.StepKeep:
		p.other = p.it
	case ops.StepSwap:
		p.it, p.other = p.other, p.it
	case ops.StepStash:
		p.stash = p.it
	case ops.StepFetch:
		p.it = p.stash
	case ops.StepSame, ops.StepDiffer:
		p.compare(s.Word)
	case ops.StepHalf:
		return "", p.isZero()
	case ops.StepSection:
		if p.locked != 0 {
			return MisuseLock, false
		}
	case ops.StepTell:
		p.report.Unsure = true // who has CAP_PERFMON may
	case ops.StepSpill, ops.StepPass, ops.StepFar, ops.StepAway, ops.StepListed, ops.StepWithin, ops.StepCalled:
	default:
		return p.use(s), false
	}
	return "", false
}

// take sets it from a map that the body is given.
func (p *inspector) take(w ops.StepWord) Misuse {
	p.it = pointer{second: w == ops.StepSecond}
	switch outer := p.reached().Outer; {
	case w == ops.StepDirect && outer:
		return MisuseDirect
	case p.locked != 0 && outer && w != ops.StepMap: // it is a call
		return MisuseLock
	case w == ops.StepDirect:
		p.it.kind = unknown
		p.report.Unsure = true
	case !outer:
		p.it.kind = innerMap
	case w == ops.StepMap:
		p.it.kind = outerMap
	default:
		p.ids++
		p.it.kind, p.it.null, p.it.id = innerMap, maybe, p.ids
	}
	return ""
}

// check passes over what is not NULL: what has been checked, and copies of it.
func (p *inspector) check() (ends bool) {
	if p.isZero() {
		return true
	}
	p.known(p.it.id, never)
	p.it.null = never
	return false
}

// isZero says whether a register is NULL on this path, as all are at first.
func (p *inspector) isZero() bool { return p.it.kind == null || p.it.kind == nothing }

// known is what is known of all copies of a pointer.
func (p *inspector) known(id int, null doubt) {
	for _, at := range []*pointer{&p.it, &p.other, &p.stash} {
		if at.id == id && id != 0 {
			at.null = null
		}
	}
}

// compare goes on where it is, or is not, other: what is equal to what is not NULL is not either, to some kernels.
func (p *inspector) compare(w ops.StepWord) {
	pointers := []kind{outerMap, innerMap, value}
	switch {
	case !slices.Contains(pointers, p.it.kind) || !slices.Contains(pointers, p.other.kind):
		p.report.Unsure = true
		p.it.kind, p.other.kind = unknown, unknown
	case w == ops.StepSame && p.it.null == never && p.other.null == maybe:
		p.known(p.other.id, perhaps)
	case w == ops.StepSame && p.it.null == maybe && p.other.null == never:
		p.known(p.it.id, perhaps)
	}
}

// use is a step that needs a pointer to something.
func (p *inspector) use(s ops.BodyStep) Misuse {
	switch {
	case p.it.kind == unknown:
		p.report.Unsure = true
		return ""
	case p.it.kind == nothing || p.it.kind == null:
		return p.useNull(s)
	case s.Word == ops.StepMemory && (p.it.kind == value || p.it.null == maybe && s.N[0] == 0):
		p.report.Unsure = true // some helpers take NULL, and no bytes at all
		return ""
	case p.it.null == maybe && p.it.kind == value:
		return MisuseNullValue
	case p.it.null == maybe:
		return MisuseNull
	case p.it.null == perhaps:
		p.report.Unsure = true
	}
	if p.locked != 0 && !slices.Contains([]ops.StepWord{ops.StepUnlock, ops.StepRead, ops.StepWrite, ops.StepCount, ops.StepAdd}, s.Word) {
		return MisuseLock
	}
	if p.it.kind == value {
		return p.useValue(s)
	}
	return p.useMap(s)
}

// useNull: there are helpers that take NULL for no memory.
func (p *inspector) useNull(s ops.BodyStep) Misuse {
	if s.Word == ops.StepMemory && s.N[0] == 0 || s.Word == ops.StepAdd {
		p.it = pointer{kind: unknown}
		p.report.Unsure = true
		return ""
	}
	return MisuseScalar
}

func (p *inspector) useMap(s ops.BodyStep) Misuse {
	switch s.Word {
	case ops.StepGet:
		return p.get(s)
	case ops.StepBeside:
		return p.beside()
	case ops.StepCall:
		return p.call(s)
	case ops.StepLend:
		p.unless(lookedUp)
		p.report.Unsure = p.report.Unsure || p.it.kind == outerMap
		return ""
	case ops.StepSum:
		return p.sum()
	case ops.StepRead: // of the kernel's own structure: allowed where it is described
		p.report.Unsure = true
		return ""
	case ops.StepWrite, ops.StepCount:
		return MisuseStore
	case ops.StepAdd:
		if !s.Key.In && s.Key.N == 0 {
			p.report.Unsure = true
			return ""
		}
		return MisuseArithmetic
	}
	return MisuseMemory
}

func (p *inspector) get(s ops.BodyStep) Misuse {
	p.ids++
	if p.it.kind == outerMap { // with the key of an inner map
		p.it = pointer{kind: innerMap, null: maybe, id: p.ids}
		p.report.Unsure = true
		return ""
	}
	p.unless(lookedUp)
	p.it = p.answered()
	if g := p.reached(); g.elides() && !s.Key.In && s.Key.N < uint64(g.Max) {
		p.it.null = perhaps
	}
	return ""
}

// beside is a lookup that only maps have that are per-CPU.
func (p *inspector) beside() Misuse {
	switch {
	case p.it.kind == outerMap:
		return MisuseOuter
	case p.shared():
		return MisuseKind
	}
	p.unless(perCPU)
	p.ids++
	p.it = p.answered()
	return ""
}

// answered is what a lookup in a map answers.
func (p *inspector) answered() pointer {
	return pointer{kind: value, null: maybe, second: p.it.second, id: p.ids, of: p.it.id}
}

// shared says whether a map has keys, and one value for all processors.
func (p *inspector) shared() bool {
	t := p.reached().Type
	return slices.Contains(lookedUp, t) && !slices.Contains(perCPU, t)
}

// sum reads values, where programs may.
func (p *inspector) sum() Misuse {
	switch {
	case p.it.kind == outerMap:
		return MisuseOuter
	case p.reached().Flags&ops.WriteOnlyProg != 0:
		return MisuseForbidden
	}
	p.unless(walked)
	p.report.Unsure = p.report.Unsure || p.it.second && !p.given[1].sized(p.given[0])
	return ""
}

// sized says whether keys and values are as long as those of another map.
func (g Given) sized(as Given) bool { return g.Key == as.Key && g.Value == as.Value }

// elides says whether kernels may know that an element is there. They must not
// where inner maps may be shorter than the template.
func (g Given) elides() bool {
	return (g.Type == ops.Array || g.Type == ops.PercpuArray) && g.Same
}

// unless doubts the body if the type of map is none of those.
func (p *inspector) unless(types []ops.MapType) {
	if !slices.Contains(types, p.reached().Type) {
		p.report.Unsure = true
	}
}

var (
	lookedUp = []ops.MapType{ops.Hash, ops.Array, ops.LRUHash, ops.PercpuHash, ops.PercpuArray, ops.LRUPercpuHash, ops.LPMTrie}
	walked   = []ops.MapType{ops.Hash, ops.Array, ops.LRUHash, ops.PercpuHash, ops.PercpuArray, ops.LRUPercpuHash}
	queues   = []ops.MapType{ops.Queue, ops.Stack}
)

// takes lists the types of map that certainly have a call.
var takes = map[string][]ops.MapType{
	"map_update_elem":   lookedUp,
	"map_delete_elem":   lookedUp,
	"for_each_map_elem": walked,
	// of which the function that is called ends the walk
	"for_each_map_elem_stop": walked,
	"map_push_elem":          queues,
	"map_pop_elem":           queues,
	"map_peek_elem":          queues,
	// which every type has, where there is the function
	"map_sum_elem_count": {},
}

// writers are the calls that change a map.
var writers = []string{"map_update_elem", "map_delete_elem", "map_push_elem", "map_pop_elem"}

func (p *inspector) call(s ops.BodyStep) Misuse {
	if p.it.kind == outerMap && s.Call.ID != 0 {
		return MisuseOuter
	}
	if p.it.kind == outerMap { // functions of the kernel take any map
		p.report.Unsure = p.report.Unsure || s.Call.Name != "map_sum_elem_count"
		return ""
	}
	if p.it.second && !p.given[1].sized(p.given[0]) { // keys and values are as long as those of the first map
		p.report.Unsure = true
		return ""
	}
	if s.Takes(ops.ArgShortKey, ops.ArgShortValue) {
		p.unless(lookedUp)
		return MisuseShort
	}
	if p.reached().Flags&ops.ReadOnlyProg != 0 && slices.Contains(writers, s.Call.Name) {
		return MisuseForbidden
	}
	if p.shared() && slices.Contains(forOthers, s.Call.Name) {
		return MisuseKind
	}
	p.unless(takes[s.Call.Name])
	return ""
}

// forOthers are calls for which maps with keys that are not per-CPU are certainly of the wrong type, to any kernel
// (kernel/bpf/verifier.c check_map_func_compatibility).
var forOthers = []string{"tail_call", "get_stackid", "perf_event_output", "map_push_elem", "map_pop_elem", "map_peek_elem", "map_lookup_percpu_elem", "redirect_map",
	"sk_storage_get", "sk_storage_delete", "current_task_under_cgroup"}

var perCPU = []ops.MapType{ops.PercpuHash, ops.PercpuArray, ops.LRUPercpuHash}

// Given is what Inspect must know of a program's map. Which kernel it is for
// is not known here: per-CPU arrays of any length can be inner maps of some.
func (r Reach) Given() Given {
	same := !r.Outer || r.MapType == ops.Array && r.MapFlags&ops.InnerMap == 0
	return Given{Outer: r.Outer, Type: r.MapType, Key: r.Key, Value: r.Value, Max: r.Max, Flags: r.MapFlags, Lock: r.Special, Same: same}
}

// Safe says whether the program may be run where the kernel takes it. Nothing in
// it is certain to be wrong; and if its values have special fields, or there is
// something in it that Inspect does not judge, the kernel has taken it directly.
func Safe(p Program, takenDirectly bool) bool {
	r := Inspect(p.Body, p.Given(), p.Second.Given())
	return len(r.Faults) == 0 && (takenDirectly || !p.Special && !p.Second.Special && !r.Unsure)
}
