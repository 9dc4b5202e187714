package properties

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mimic/ops"
	"mimic/progs"
)

// progMoves load programs and run them.
func progMoves() []move {
	through := func(body func(*draft, *object) ops.Body) func(*draft) bool {
		return func(d *draft) bool { return d.progThrough(body) }
	}
	return []move{
		{"prog", 1, (*draft).prog},
		{"prog-plain", 0, through((*draft).plainBody)},
		{"prog-outer", 0, through((*draft).outerBody)},
		{"prog-each", 0, through(func(*draft, *object) ops.Body { return "map call:for_each_map_elem" })},
		{"prog-direct", 0, through(func(d *draft, _ *object) ops.Body { return ops.Body("direct " + d.use()) })},
		{"prog-count", 0, through(func(*draft, *object) ops.Body { return "map call:map_sum_elem_count" })},
		{"prog-null", 0, through((*draft).nullBody)},
		{"prog-misuse", 0, through((*draft).misuseBody)},
		{"prog-fields", 0, through((*draft).fieldsBody)},
		{"prog-sleep", 0, (*draft).progSleep},
		{"both-ways", 0, func(d *draft) bool { return d.bothWays((*draft).wildBody, d.anyProgType) }},
		{"both-ways-fields", 0, func(d *draft) bool { return d.bothWays((*draft).fieldsBody, d.fieldType) }},
		{"both-ways-sleep", 0, func(d *draft) bool { return d.bothWays((*draft).wildBody, d.sleepType) }},
		{"effects", 0, (*draft).effects},
		{"each-processor", ownOnly, (*draft).eachProcessor},
		{"counted", ownOnly, (*draft).counted},
		{"ways", 0, (*draft).ways},
		{"ways-tour", 0, (*draft).waysTour},
		{"modes-ways", 0, (*draft).modesWays},
		{"fields-ways", 0, (*draft).fieldsWays},
		{"two-ways", 0, (*draft).twoWays},
		{"bind", 0, (*draft).bind},
		{"bound", ownOnly, (*draft).bound},
		{"prog-info", 0, (*draft).progInfo},
		{"timer-ways", 0, (*draft).timerWays},
		{"run", 2, (*draft).run},
		{"run-constant", 0, (*draft).runConstant},
	}
}

// progThrough loads a program with a body for an outer map.
func (d *draft) progThrough(body func(*draft, *object) ops.Body) bool {
	n, m, ok := d.outerName()
	if !ok || m.free {
		return false
	}
	b := d.framed(body(d, m))
	o := ops.Prog{Map: n, Body: b}
	if o.Type, o.Flags, ok = d.anyProgType(b); !ok || b == "" {
		return false
	}
	o.Flags |= d.eachState(b)
	o.Def = d.fresh("p")
	return d.add(o)
}

// prog is any program that is given any map, mostly one that looks up in an outer map.
func (d *draft) prog() bool {
	body := pick(d, []func(*draft, *object) ops.Body{
		(*draft).lookupBody, (*draft).lookupBody, (*draft).plainBody, (*draft).outerBody, (*draft).nullBody, (*draft).misuseBody,
	})
	if !d.chance(15) {
		return d.progThrough(body)
	}
	n := d.anyName()
	if was := d.state.objectOf(n); was != nil && !was.outer || !d.state.Kernel.has(ops.XDP.Feature()) {
		return false
	}
	return d.add(ops.Prog{Def: d.fresh("p"), Type: ops.XDP, Map: n, Body: ops.BodyLookup})
}

func (d *draft) lookupBody(m *object) ops.Body {
	if !rowOf(m.shape.Type).lookup {
		return ""
	}
	return ops.BodyLookup
}

// progTypeFor is a type of program that has what a body calls, mostly.
func (d *draft) progTypeFor(b ops.Body) (ops.ProgType, ops.ProgFlags, bool) {
	types := d.state.Kernel.progTypes()
	for _, s := range b.Steps() {
		if s.Call != nil && s.Call.In != nil && !d.chance(8) {
			types = slices.DeleteFunc(slices.Clone(s.Call.In), func(t ops.ProgType) bool { return !d.state.Kernel.loads(t, 0) })
		}
	}
	if len(types) == 0 {
		return 0, 0, false
	}
	if slices.Contains(types, ops.XDP) && d.chance(3) {
		return ops.XDP, 0, true
	}
	return pick(d, types), 0, true
}

func (d *draft) anyProgType(b ops.Body) (ops.ProgType, ops.ProgFlags, bool) {
	if d.chance(2) {
		return d.progTypeFor(b)
	}
	return d.classType(b)
}

// classType is a type of each class as often as of the others.
func (d *draft) classType(b ops.Body) (ops.ProgType, ops.ProgFlags, bool) {
	if typ, flags, ok := d.sleepType(b); ok && d.chance(3) {
		return typ, flags, true
	}
	types := []ops.ProgType{ops.XDP, ops.SchedCLS, ops.SocketFilter, ops.CgroupSKB}
	if d.chance(2) {
		types = []ops.ProgType{ops.Kprobe, ops.Tracepoint, ops.RawTracepoint, ops.PerfEvent}
	}
	types = slices.DeleteFunc(types, func(t ops.ProgType) bool { return !d.state.Kernel.loads(t, 0) })
	if len(types) == 0 {
		return 0, 0, false
	}
	return pick(d, types), 0, true
}

// sleepType is a type of program that can sleep.
func (d *draft) sleepType(ops.Body) (ops.ProgType, ops.ProgFlags, bool) {
	types := slices.DeleteFunc(slices.Clone(ops.SleepTypes), func(t ops.ProgType) bool { return !d.state.Kernel.loads(t, ops.Sleepable) })
	if len(types) == 0 {
		return 0, 0, false
	}
	return pick(d, types), ops.Sleepable, true
}

// fieldType is mostly a type of program that may not use all special fields.
func (d *draft) fieldType(b ops.Body) (ops.ProgType, ops.ProgFlags, bool) {
	types := slices.DeleteFunc(slices.Clone(noLocks), func(t ops.ProgType) bool { return !d.state.Kernel.loads(t, 0) })
	if len(types) == 0 || d.chance(4) {
		return d.anyProgType(b)
	}
	return pick(d, types), 0, true
}

func (d *draft) progSleep() bool {
	n, m, ok := d.outerName()
	typ, flags, can := d.sleepType("")
	if !ok || !can || m.free {
		return false
	}
	body := d.plainBody(m)
	if d.chance(2) {
		body = d.lookupBody(m)
	}
	body = d.framed(body)
	return body != "" && d.add(ops.Prog{Def: d.fresh("p"), Type: typ, Map: n, Body: body, Flags: flags})
}

// knows says whether the kernel certainly, or perhaps, has a call.
func (k Kernel) knows(c *ops.HelperCall) bool {
	return c.ID != 0 || k.callsKernel()
}

// callsKernel says whether programs can call functions of the kernel, and their ids are told.
func (k Kernel) callsKernel() bool { return hasKfuncs(k) && k.has(ops.FeatureKernelBTF) }

// bothWays loads a program twice: given a map directly, and given an outer map
// that holds maps like it.
func (d *draft) bothWays(body func(*draft, *object) ops.Body, typeFor func(ops.Body) (ops.ProgType, ops.ProgFlags, bool)) bool {
	n, m, ok := d.outerName()
	if !ok || m.free {
		return false
	}
	direct, ok := d.directMap(m)
	if !ok {
		return false
	}
	o := ops.Prog{Body: d.framed(body(d, m))}
	if o.Type, o.Flags, ok = typeFor(o.Body); !ok || o.Body == "" {
		return false
	}
	o.Flags |= d.eachState(o.Body)
	o.Def, o.Map = d.fresh("p"), direct
	d.add(o)
	o.Def, o.Map = d.fresh("p"), n
	return d.add(o)
}

// eachState has the verifier keep what it has seen, now and then; of what goes round it would be too much.
func (d *draft) eachState(b ops.Body) ops.ProgFlags {
	round := slices.ContainsFunc(b.Steps(), func(s ops.BodyStep) bool { return s.Word == ops.StepCount || s.Word == ops.StepLoop })
	if round || !d.chance(3) {
		return 0
	}
	return ops.EachState
}

// directMap is an open map that is the same, to a program, as those in an outer map.
func (d *draft) directMap(m *object) (ops.Name, bool) {
	all := d.names(func(h *handle) bool {
		return isOpenInner(h) && d.state.way(ops.Prog{}, h.obj) == d.state.way(ops.Prog{}, m)
	})
	if len(all) > 0 {
		return pick(d, all), true
	}
	if d.full() || m.template.bound != ops.BoundFree {
		return "", false
	}
	o := d.like(m)
	d.add(o)
	return o.Def, d.state.open(o.Def) != nil
}

// effects begins with maps that programs can change: hashes and arrays, per-CPU
// arrays, or queues and stacks.
func (d *draft) effects() bool {
	if d.state.Kernel.has(ops.PercpuArray.Feature()) && d.chance(5) {
		return d.perCPUEffects()
	}
	if d.chance(4) && d.eachProcessor() {
		return true
	}
	if d.chance(2) || !d.state.Kernel.has(ops.Queue.Feature()) || !d.state.Kernel.has(ops.Stack.Feature()) {
		return d.runner()
	}
	d.makeOf(pick(d, []ops.MapType{ops.Queue, ops.Stack}))
	d.waysOf()
	return d.runnableProg() || true
}

// perCPUEffects begins with a per-CPU array in an outer map, and a program that
// writes to some of its elements and reads others.
func (d *draft) perCPUEffects() bool {
	o := d.mapOf(ops.PercpuArray)
	o.BTF, o.Max = "", max(o.Max, 2)
	d.add(o)
	n := d.homeOf(o.Def)
	m := d.state.open(n)
	if m == nil || m.free || !d.state.Kernel.loads(ops.XDP, 0) {
		return true
	}
	last := int(o.Max) - 1
	at := func() string { return fmt.Sprint(pick(d, []int{0, 1, last, d.between(0, last)})) }
	element := func(what string) string {
		return string(words("keep", "get:"+at(), "check", d.inValue(m.shape, what), "swap"))
	}
	p := ops.Prog{Def: d.fresh("p"), Type: ops.XDP, Map: n, Body: words("find:in check", element("write"), element("write"), element("read"), element("read"))}
	d.add(p)
	if d.state.openProg(p.Def) != nil && d.state.Kernel.runs(ops.XDP, 0) {
		for _, key := range m.keys() {
			d.add(ops.Run{On: p.Def, Key: ops.K(key)})
		}
	}
	return true
}

// ways begins with an outer map of any type of inner map, and a map like its template.
func (d *draft) ways() bool {
	types := d.types(func(r *typeRow) bool { return r.template == 0 })
	switch d.between(0, 5) {
	case 0, 1:
		types = []ops.MapType{ops.Hash, ops.Array}
	case 2, 3:
		if perCPU := d.types(func(r *typeRow) bool { return innerClass(r.typ) == perCPUTables }); len(perCPU) > 0 {
			types = perCPU
		}
	}
	d.makeOf(pick(d, types))
	return d.waysOf()
}

// waysOf makes an outer map from what was made last, and puts a map in it.
func (d *draft) waysOf() bool {
	o, ok := d.seq[len(d.seq)-1].(ops.Map)
	if !ok || d.state.open(o.Def) == nil {
		return true
	}
	d.homeOf(o.Def)
	return true
}

// homeOf makes an outer map from a map, and puts that in it, if it can be put anywhere. It answers the name of the outer map.
func (d *draft) homeOf(n ops.Name) ops.Name {
	outer := d.outerOf(n)
	outer.Flags &^= modes | ops.ReadOnlyProg | ops.WriteOnlyProg
	d.add(outer)
	if m := d.state.open(outer.Def); m != nil && m.template != nil && m.template.bound == ops.BoundFree {
		d.add(ops.Update{On: outer.Def, Key: d.goodKey(m), Value: ops.Val{Name: n}})
	}
	return outer.Def
}

// waysTour begins with an outer map of any type of inner map, and a program for
// each position of a pointer, unchecked and checked.
func (d *draft) waysTour() bool {
	d.ways()
	n, m, ok := d.outerName()
	if !ok || m.free {
		return true
	}
	for position := range positionCount {
		for _, checked := range []string{"", "check"} {
			o := ops.Prog{Map: n, Body: words("find:in", checked, d.useOf(position))}
			if o.Type, o.Flags, ok = d.classType(o.Body); ok {
				o.Def = d.fresh("p")
				d.add(o)
			}
		}
	}
	return true
}

// modesWays begins with maps that programs may only read, or only write; or that nobody writes any more, of which a verifier
// may know what they hold.
func (d *draft) modesWays() bool {
	if d.chance(3) {
		return d.constantWays()
	}
	o := d.mapOf(pick(d, []ops.MapType{ops.Hash, ops.Array}))
	o.Flags = o.Flags&^(ops.ReadOnlyProg|ops.WriteOnlyProg|ops.MMapable) | pick(d, []ops.CreateFlags{ops.ReadOnlyProg, ops.WriteOnlyProg})
	d.add(o)
	d.waysOf()
	d.eachWay()
	return true
}

// eachWay loads a program that reads a value of what was made last, one that writes to it, and one that does both at once.
func (d *draft) eachWay() {
	n, m, ok := d.outerName()
	if !ok || m.free || m.shape.Value < 4 || !d.state.Kernel.loads(ops.XDP, 0) {
		return
	}
	for _, use := range []string{d.inValue(m.shape, "read"), d.inValue(m.shape, "write"), "count:1"} {
		d.add(ops.Prog{Def: d.fresh("p"), Type: ops.XDP, Map: n, Body: words("find:in check", d.getStep(), d.moved(), "check", use)})
	}
}

// constantWays begins with an array that programs may only read, and that is frozen before it is a template.
func (d *draft) constantWays() bool {
	o := d.mapOf(ops.Array)
	o.Flags, o.Max, o.BTF = ops.ReadOnlyProg, ops.Size(pick(d, []int{1, 1, 1, 2, 5})), ""
	d.add(o)
	for key := range uint64(o.Max) {
		d.add(ops.Update{On: o.Def, Key: ops.K(key), Value: ops.Val{N: uint64(d.between(1, 1<<20))}})
	}
	d.add(ops.Freeze{On: o.Def})
	d.readBothWays(o.Def, d.homeOf(o.Def))
	return true
}

// readBothWays has programs read a value of a map directly, now and then, and of one in its outer map, where it is looked at,
// too. What is refused directly for what the map holds says nothing of the other.
func (d *draft) readBothWays(inner, outer ops.Name) {
	m := d.state.open(outer)
	if m == nil {
		return
	}
	typ := pick(d, []ops.ProgType{ops.XDP, ops.SocketFilter})
	if !d.state.Kernel.loads(typ, 0) {
		return
	}
	at := d.between(0, int(m.shape.Max)-1)
	p := ops.Prog{Type: typ, Body: words("find:in check", fmt.Sprintf("get:%d", at), "check", d.inValue(m.shape, "read"))}
	for _, of := range []ops.Name{inner, outer}[d.between(0, 1):] {
		p.Def, p.Map = d.fresh("p"), of
		d.add(p)
	}
	if d.state.openProg(p.Def) != nil && d.state.Kernel.runs(typ, 0) {
		for _, key := range m.keys() {
			d.add(ops.Run{On: p.Def, Key: ops.K(key), Inner: ops.K(uint64(at))})
		}
	}
}

// fieldsWays begins with maps whose values have a lock or a timer.
func (d *draft) fieldsWays() bool {
	k := d.state.Kernel
	o := d.described(func(r *btfRow) bool {
		field := strings.HasPrefix(string(r.kind), "lock") || strings.HasPrefix(string(r.kind), "timer")
		return field && r.special(k) && r.refusal(k, ops.Hash) == 0 && (!r.lock || k.does(locksInside))
	})
	d.add(o)
	return d.waysOf()
}

// run runs a program, mostly on keys that are stored.
func (d *draft) run() bool {
	all := d.names(func(h *handle) bool {
		return isProg(h) && !h.prog.free && h.prog.uses != nil && d.state.Kernel.runs(h.prog.typ, h.prog.flags)
	})
	if len(all) == 0 {
		return d.runnableProg()
	}
	quick := slices.DeleteFunc(slices.Clone(all), func(n ops.Name) bool { return slices.Contains(slowTypes, d.state.handles[n].prog.typ) })
	if len(quick) > 0 && !d.chance(6) {
		all = quick
	} else if len(quick) == 0 && !d.chance(3) {
		return d.runnableProg()
	}
	n := pick(d, all)
	p := d.state.handles[n].prog
	o := ops.Run{On: n, Key: d.anyKey(p.uses), Inner: d.hashKey(4, 8)}
	if d.chance(2) {
		o.Branches = ops.Size(d.between(0, 1<<31-1))
	}
	if keys := p.uses.keys(); p.uses.outer && len(keys) > 0 && d.chance(2) {
		o.Key = ops.K(pick(d, keys))
	}
	return d.runInto(p, o, p.uses)
}

// runInto runs a program, unless that is more than a kernel bears, on a key of what it finds in a map, if it finds something.
func (d *draft) runInto(p *program, o ops.Run, from *object) bool {
	inner := from
	if from.outer {
		inner = from.slots[ops.Truncate(o.Key.N, from.spec.Key)]
	}
	if inner != nil {
		o.Inner = d.innerKey(from, inner)
	}
	return d.bearable(p, o) && d.add(o)
}

// bearable says whether a run does not ask what is known to harm the kernel in a
// way that it is not to be asked: findings F2, with more than a look, and F5.
func (d *draft) bearable(p *program, o ops.Run) bool {
	expected := d.state.run(o)[0]
	by := expected.By
	asks := func(r *Rule) bool { return slices.ContainsFunc(by, func(ref Ref) bool { return ref.Rule == r }) }
	switch {
	case expected.Free: // nobody knows what it does
		return false
	case asks(runBeyondPercpu):
		return d.state.Kernel.has(ops.FeatureHarm) && p.body == ops.BodyLookup
	case asks(runBeyondConst):
		return d.state.Kernel.has(ops.FeatureHarm)
	}
	return true
}

// runConstant looks up a constant index that is beyond the end of an inner array
// and within the template, or the other way round.
func (d *draft) runConstant() bool {
	n, m, ok := d.outerName()
	if !ok || m.shape.Type != ops.Array || m.free || !d.state.Kernel.runs(ops.XDP, 0) || !d.state.Kernel.loads(ops.XDP, 0) {
		return false
	}
	shorterFirst := func(a, b uint64) int { return cmp.Compare(m.slots[a].spec.Max, m.slots[b].spec.Max) }
	for _, key := range slices.SortedStableFunc(slices.Values(m.keys()), shorterFirst) {
		inner := m.slots[key]
		from, to := min(inner.spec.Max, m.shape.Max), max(inner.spec.Max, m.shape.Max)
		if from == to {
			continue
		}
		index := d.between(int(from), int(to)-1)
		o := ops.Prog{Def: d.fresh("p"), Type: ops.XDP, Map: n, Body: words("find:in check", fmt.Sprintf("get:%d", index), "check read")}
		d.add(o)
		run := ops.Run{On: o.Def, Key: ops.K(key)}
		if p := d.state.openProg(o.Def); p != nil && !p.free && d.bearable(p, run) {
			d.add(run)
		}
		return true
	}
	return false
}

// innerKey is any key of an inner map, often one between its end and that of
// the template.
func (d *draft) innerKey(m, inner *object) ops.Key {
	end, other := int(inner.spec.Max), int(m.inside().Max)
	if from, to := min(end, other), max(end, other); inner.indexed() && from < to && d.chance(2) {
		return ops.K(uint64(d.between(from, to-1)))
	}
	return d.anyKey(inner)
}

// slowTypes are program types of which a run costs as much as hundreds of others:
// something has to be attached and detached.
var slowTypes = []ops.ProgType{ops.Kprobe, ops.Tracepoint, ops.Tracing}

// runnableProg loads a program that can be run, if the kernel can run any.
func (d *draft) runnableProg() bool {
	n, m, ok := d.outerName()
	types := slices.DeleteFunc(slices.Clone(ops.RunTypes), func(t ops.ProgType) bool { return !d.state.Kernel.loads(t, 0) || !d.state.Kernel.runs(t, 0) })
	if !ok || len(types) == 0 || m.free || m.spec.Flags&(ops.ReadOnlyProg|ops.WriteOnlyProg) != 0 {
		return false
	}
	o := ops.Prog{Type: pick(d, types), Map: n, Body: d.lookupBody(m)}
	if d.chance(2) {
		o.Body = d.plainBody(m)
	}
	if slices.Contains(slowTypes, o.Type) && !d.chance(6) {
		o.Type = types[0]
	}
	if o.Body = d.framed(o.Body); o.Body == "" || len(o.Body.Steps()) > progs.MaxSteps {
		return false
	}
	o.Def = d.fresh("p")
	return d.add(o)
}
