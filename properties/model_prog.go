package properties

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

// program is a loaded program.
type program struct {
	typ    ops.ProgType
	flags  ops.ProgFlags
	body   ops.Body
	uses   *object   // the map that it is given
	second *object   // the second one; the same again if it looks in no other
	bound  []*object // others that were bound to it
	free   bool      // nothing is claimed of what it does
	refs   int       // descriptors, paths, links, processes

	attached bool // to its function, once
}

// load predicts what the verifier says of a program.
func (s *State) load(o ops.Prog) []Outcome {
	m := s.open(o.Map)
	second := s.second(o, m)
	switch {
	case !s.Kernel.loads(o.Type, o.Flags) || m == nil && (o.Body.Second() || !s.Kernel.callable(o.Body)): // functions are looked at before maps
		return s.unknownProg(o, ops.OK)
	case s.openOther(o.Map) || o.Body.Second() && s.openOther(o.With):
		return notAMap(unix.EINVAL, otherFD)
	case m == nil || second == nil:
		return notAMap(unix.EBADF, closedFD)
	case !m.followed() || !second.followed() || m.outer != second.outer:
		return s.unknownProg(o, ops.OK)
	case m.outer:
		return s.loadThrough(o, m, second)
	case m != second:
		return s.unknownProg(o, ops.OK)
	}
	return s.loadDirectly(o, m)
}

// second is the second map of a program, m again if it looks in no other; nil if it is no open map.
func (s *State) second(o ops.Prog, m *object) *object {
	if o.With == "" || !o.Body.Second() {
		return m
	}
	return s.open(o.With)
}

// followed says whether it can be said what a program that is given m reaches.
func (m *object) followed() bool {
	return !m.free && m.inside().Key <= progs.MaxKey && m.spec.Key <= progs.MaxKey && m.inside().Value <= progs.RoomSize
}

// inside is the spec of the maps that a program reaches through m: the
// template's, or that of m itself.
func (m *object) inside() Spec {
	if m.outer {
		return m.shape
	}
	return m.spec
}

// insideBTF is what describes the values of those maps.
func (m *object) insideBTF() *object {
	if m.outer {
		return m.template.btf
	}
	return m.btf
}

// given is what Inspect must know of a program's map.
func (s *State) given(m *object) progs.Given {
	p, b := m.inside(), m.insideBTF()
	return progs.Given{
		Outer: m.outer, Type: p.Type, Key: p.Key, Value: p.Value, Max: p.Max, Flags: p.Flags,
		Lock: b != nil && btfRowOf(b.kind).lock, Same: !m.outer || rowOf(p.Type).sameMax(s.Kernel, p),
	}
}

// way names what a program is and what it reaches, so that the same program can
// be recognised when it is given a map directly and within another.
func (s *State) way(o ops.Prog, m *object) string {
	p := m.inside()
	p.Label = ops.LabelNone
	fields := ""
	if b := m.insideBTF(); b != nil {
		fields = string(b.kind)
	}
	return fmt.Sprint(o.Type, o.Flags, o.Body, p, fields)
}

// unknownProg is a load that the model does not predict; it guesses.
func (s *State) unknownProg(o ops.Prog, guess ops.Result) []Outcome {
	return []Outcome{{Free: true, Want: guess, Then: func(got ops.Result) {
		if got == ops.OK {
			s.loaded(o, s.open(o.Map), true)
		}
	}}}
}

// loadDirectly remembers what the verifier says of a program that is given a map
// that is no outer map. Nothing is claimed of it by itself.
func (s *State) loadDirectly(o ops.Prog, m *object) []Outcome {
	return []Outcome{{Free: true, Want: s.guess(o, m), Then: func(got ops.Result) {
		s.direct[s.way(o, m)] = got
		if got == ops.OK {
			s.loaded(o, m, false)
		}
	}}}
}

// loadThrough predicts what the verifier says of a program that is given an
// outer map: nothing that is wrong is taken, and nothing that it refuses when
// the program is given such a map directly.
func (s *State) loadThrough(o ops.Prog, m, second *object) []Outcome {
	report := progs.Inspect(o.Body, s.given(m), s.given(second))
	known, tried := s.direct[s.way(o, m)]
	tried = tried && m == second
	f := m.family()
	switch {
	case sleeps(o) && !s.Kernel.does(sleepInside):
		return rejected(ops.Result{Errno: ops.Errno(unix.EINVAL), Got: "sleepable"}, []string{anyClass}, on(f, sleepRefused))
	case len(report.Faults) > 0:
		return s.misused(o, m, second, report)
	case tried && (!comparable(m, known) || s.perfLean(o, m)):
		return s.unknownProg(o, s.guess(o, m))
	case tried && known.Errno != 0:
		return rejected(known, []string{anyClass}, on(f, s.asymmetry(o, known)))
	case tried:
		return s.taken(o, m, alikeTaken)
	case report.Unsure || !s.plainly(o, m) || !s.plainly(o, second):
		return s.unknownProg(o, s.guess(o, m))
	case sleeps(o):
		return s.taken(o, m, sleepTaken)
	case counts(o.Body):
		return s.taken(o, m, progCount)
	}
	return s.taken(o, m, progLookup)
}

// comparable says whether what the verifier said of a program that is given a map
// directly is about what it does with it. That an arena is mapped is asked of
// those alone whose memory a program addresses; and a refusal without a reason
// came after the verifier, for the sake of other programs that use the map
// (kernel/bpf/core.c bpf_prog_map_compatible).
func comparable(m *object, direct ops.Result) bool {
	return m.shape.Type != ops.Arena && (direct.Errno == 0 || direct.Got != "" && direct.Got != "none")
}

func (s *State) taken(o ops.Prog, m *object, by *Rule) []Outcome {
	return does(s.context(m, by), func(ops.Result) { s.loaded(o, m, s.unrun(o, m)) })
}

// unrun says whether the agent does not run a program, though the kernel takes it: it does not know of which kernel it is
// true that per-CPU arrays inside have the length of the template (progs.Reach.Given).
func (s *State) unrun(o ops.Prog, m *object) bool {
	seen := func(m *object) progs.Given {
		g := s.given(m)
		g.Same = g.Same && g.Type != ops.PercpuArray
		return g
	}
	return m.outer && m.shape.Type == ops.PercpuArray && len(progs.Inspect(o.Body, seen(m), seen(s.second(o, m))).Faults) > 0
}

// rejected is a program that is refused: with a reason of one of the classes, or any.
func rejected(want ops.Result, classes []string, by []Ref) []Outcome {
	return []Outcome{{Want: want, By: by, Accepts: func(got ops.Result) bool {
		return got.Errno != 0 && (slices.Contains(classes, anyClass) || slices.Contains(classes, got.Got))
	}}}
}

// anyClass stands for whatever reason the verifier gives.
const anyClass = "any"

// notAMap is a program that is refused because a descriptor of it is of no map.
func notAMap(e unix.Errno, r *Rule) []Outcome {
	return []Outcome{{Want: ops.Failed(e), By: on(FamilyInner, r), Accepts: func(got ops.Result) bool { return got.Errno == ops.Errno(e) }}}
}

func (s *State) loaded(o ops.Prog, m *object, free bool) {
	p := &program{typ: o.Type, flags: o.Flags, body: o.Body, uses: m, second: s.second(o, m), free: free, refs: 1}
	for _, m := range p.maps() {
		m.progs++
		m.served = true
	}
	s.handles[o.Def] = &handle{prog: p, open: true}
}

// plainly says that nothing about the program's type or flags gets in its way.
func (s *State) plainly(o ops.Prog, m *object) bool {
	switch {
	case !s.Kernel.callable(o.Body):
		return false
	case !plainValues(m.insideBTF()) || m.spec.Flags&(ops.ReadOnlyProg|ops.WriteOnlyProg) != 0:
		return false
	case sleeps(o):
		return m.shape.Type == ops.Hash || m.shape.Type == ops.Array
	case s.perfLean(o, m):
		return false
	}
	return true
}

// plainValues says that no kernel finds anything special in values: where one may,
// the agent runs only what was taken directly.
func plainValues(btf *object) bool { return btf == nil || btfRowOf(btf.kind).plain() }

// askew says whether a step may access a number elsewhere than at a multiple of its size.
func askew(s ops.BodyStep) bool {
	switch s.Word {
	case ops.StepAdd:
		return true
	case ops.StepRead, ops.StepWrite:
		return len(s.N) > 1 && s.N[1] > 0 && s.N[0]%s.N[1] != 0
	}
	return false
}

// callable says whether the kernel certainly has what a body calls.
func (k Kernel) callable(b ops.Body) bool {
	if progs.CallsBack(b) && (!k.does(callbacks) || !k.has(ops.FeatureJIT)) || b.Has(ops.StepListed) && !k.does(mapLists) || b.Has(ops.StepBeside) && !k.does(percpuLookups) {
		return false
	}
	return !slices.ContainsFunc(b.Steps(), func(s ops.BodyStep) bool {
		return askew(s) && !k.has(ops.FeatureUnaligned) || len(s.Functions()) > 0 && !k.callsKernel()
	})
}

// counts says whether a body counts elements.
func counts(b ops.Body) bool { return strings.Contains(string(b), "map_sum_elem_count") }

// misuse says what breaks where a program does something wrong and is taken.
type misuse struct {
	rule    *Rule
	want    ops.Result
	classes []string // of reasons for which it may be refused
}

func refusedFor(e unix.Errno, classes ...string) misuse {
	return misuse{nil, ops.Result{Errno: ops.Errno(e), Got: classes[0]}, classes}
}

func (m misuse) by(r *Rule) misuse {
	m.rule = r
	return m
}

// otherType is a map that a helper for another type of map is called with.
var otherType = refusedFor(unix.EINVAL, "maptype", "callback", "tailcall", "type", "forbidden", "bounds", "reference")

// misuses is the table of them; those of a pointer that may be NULL are told
// apart by position.
var misuses = map[progs.Misuse]misuse{
	progs.MisuseNull:       refusedFor(unix.EACCES, "null", "type"),
	progs.MisuseNullValue:  refusedFor(unix.EACCES, "null", "type").by(nullValue),
	progs.MisuseScalar:     refusedFor(unix.EACCES, "scalar", "null", "type").by(nullBranch),
	progs.MisuseMemory:     refusedFor(unix.EACCES, "type", "size", "lock", "timer", "arithmetic").by(ptrMemory),
	progs.MisuseStore:      refusedFor(unix.EACCES, "readonly").by(ptrStore),
	progs.MisuseArithmetic: refusedFor(unix.EACCES, "arithmetic").by(ptrAdd),
	progs.MisuseOuter:      otherType.by(progOther),
	progs.MisuseKind:       otherType.by(ptrKind),
	progs.MisuseDirect:     refusedFor(unix.EINVAL, "value").by(progDirect),
	progs.MisuseType:       refusedFor(unix.EACCES, "type", "null").by(valueAsMap),
	progs.MisuseBounds:     refusedFor(unix.EACCES, "bounds", "forbidden", "null").by(valueBounds),
	progs.MisuseShort:      refusedFor(unix.EACCES, "bounds", "forbidden").by(handsEnough),
	progs.MisuseForbidden:  refusedFor(unix.EACCES, "forbidden", "bounds", "null").by(progForbidden),
	progs.MisuseLock:       refusedFor(unix.EINVAL, "lock", "progtype").by(lockPairs),
	progs.MisuseTimer:      refusedFor(unix.EINVAL, "timer", "progtype").by(timerOwn),
}

// misused is a program that is wrong on at least one path. Which path the
// verifier follows first is its own matter, and so is what else it finds there.
func (s *State) misused(o ops.Prog, m, second *object, r progs.Report) []Outcome {
	classes := []string{"helper", "sleepable"}                           // whether there is such a helper for such a program is looked at first
	if !plainValues(m.insideBTF()) || !plainValues(second.insideBTF()) { // on a path where all else is right
		classes = append(classes, progs.ReasonField)
	}
	if r.Unsure || s.hampered(o, m) || s.hampered(o, second) {
		classes = append(classes, anyClass)
	}
	var by []Ref
	for _, f := range r.Faults {
		row := misuses[f.Misuse]
		classes = append(append(classes, row.classes...), fieldClasses[o.Body.Steps()[f.Step-1].Word]...)
		if f.Misuse == progs.MisuseStore && !s.Kernel.has(ops.FeatureKernelBTF) {
			classes = append(classes, progs.ReasonOpaque)
		}
		if m != second && !s.whichever(o.Body, f, m, second) {
			by = append(by, on(m.family(), eachTemplate)...)
		}
		by = append(by, on(m.family(), s.wrong(o, f, row.rule)...)...)
	}
	return rejected(misuses[r.Faults[0].Misuse].want, classes, by)
}

// whichever says whether a fault is one whichever of some maps a body is given.
func (s *State) whichever(b ops.Body, f progs.Fault, maps ...*object) bool {
	return !slices.ContainsFunc(maps, func(m *object) bool {
		return !slices.Contains(progs.Inspect(b, s.given(m), s.given(m)).Faults, f)
	})
}

// fieldClasses are reasons that the verifier finds first where it is about a special field.
var fieldClasses = map[ops.StepWord][]string{
	ops.StepLock: {"lock", "progtype"}, ops.StepUnlock: {"lock", "progtype"}, ops.StepTimer: {"timer", "progtype"}, ops.StepStop: {"timer", "progtype"},
}

// hampered says whether the kernel may find something else first: what it does
// not know at all, how it words what is wrong with a function of its own, or that
// there is no socket or task to hand over.
func (s *State) hampered(o ops.Prog, m *object) bool {
	return !s.Kernel.callable(o.Body) || s.perfLean(o, m) || slices.ContainsFunc(o.Body.Steps(), func(s ops.BodyStep) bool {
		return s.Call != nil && s.Call.ID == 0 || s.Takes(ops.ArgSocket, ops.ArgTask)
	})
}

// perfLean says whether a program is of a type that cannot use its map.
func (s *State) perfLean(o ops.Prog, m *object) bool {
	return o.Type == ops.PerfEvent && (m.spec.Flags|m.inside().Flags)&ops.NoPrealloc != 0 && s.Kernel.does(perfPreallocated)
}

// wrong is what promises that a fault is found: how the pointer got there, which
// reduction leaves where it matters, and what is done with it.
func (s *State) wrong(o ops.Prog, f progs.Fault, r *Rule) (rules []*Rule) {
	steps := o.Body.Steps()[:f.Step]
	last := steps[f.Step-1]
	if f.Misuse == progs.MisuseNull || f.Misuse == progs.MisuseNullValue || f.Misuse == progs.MisuseScalar {
		for _, way := range nullWays {
			if slices.ContainsFunc(steps, func(s ops.BodyStep) bool { return s.Word == way.word }) {
				rules = append(rules, way.rule)
			}
		}
	}
	switch {
	case r != nil:
	case last.Word == ops.StepCall && last.Call.ID == 0:
		r = nullKfunc
	default:
		r = nullIn[last.Word]
	}
	if f.Misuse == progs.MisuseOuter && last.Call != nil && (last.Call.Name == "map_update_elem" || last.Call.Name == "map_delete_elem") {
		r = progWrite
	}
	if f.Misuse == progs.MisuseOuter && (last.Word == ops.StepSum || last.Call != nil && slices.Contains(walking, last.Call.Name)) {
		r = progEach
	}
	return append(rules, r)
}

// nullWays are ways of a pointer that was not checked, or on one branch only.
var nullWays = []struct {
	word ops.StepWord
	rule *Rule
}{{ops.StepMerge, nullBranch}, {ops.StepCross, nullBranch}, {ops.StepMaybe, nullBranch}, {ops.StepSpill, nullSpill}, {ops.StepPass, nullPass}}

// nullIn says by the step what is done with a pointer that was not checked.
var nullIn = map[ops.StepWord]*Rule{
	ops.StepRead: nullRead, ops.StepWrite: nullWrite, ops.StepAdd: nullAdd, ops.StepGet: nullMap, ops.StepCall: nullMap, ops.StepLend: nullMap, ops.StepBeside: nullMap, ops.StepSum: nullMap,
	ops.StepMemory: nullMemory, ops.StepAsKey: nullMemory, ops.StepAsVal: nullMemory,
	ops.StepLock: nullField, ops.StepUnlock: nullField, ops.StepTimer: nullField, ops.StepStop: nullField,
}

// sleeps says whether a program can sleep: those of type syscall always can.
func sleeps(o ops.Prog) bool { return o.Type == ops.Syscall || o.Flags&ops.Sleepable != 0 }

// asymmetry is the rule that breaks where a program is refused that is given a
// map directly, and taken when it reaches such a map through another.
func (s *State) asymmetry(o ops.Prog, direct ops.Result) *Rule {
	switch {
	case sleeps(o):
		return twoSleep
	case direct.Got == "progtype":
		return twoType
	}
	return twoRefused
}

// sleeping are the types of map that sleepable programs may use directly.
var sleeping = []ops.MapType{
	ops.Hash, ops.Array, ops.LRUHash, ops.PercpuHash, ops.PercpuArray, ops.LRUPercpuHash, ops.Ringbuf, ops.UserRingbuf,
	ops.SKStorage, ops.InodeStorage, ops.TaskStorage, ops.CgroupLocalStorage, ops.Queue, ops.Stack, ops.Arena, ops.ArrayOfMaps, ops.HashOfMaps,
}

// guess is what the verifier probably says where nothing is claimed: it steers
// plans, and is what kernels in memory answer.
func (s *State) guess(o ops.Prog, m *object) ops.Result {
	refused := func(class string) ops.Result { return ops.Result{Errno: ops.Errno(unix.EINVAL), Got: class} }
	faults := progs.Inspect(o.Body, s.given(m), s.given(m)).Faults
	switch {
	case len(faults) > 0:
		return misuses[faults[0].Misuse].want
	case s.given(m).Lock && slices.Contains(noLocks, o.Type):
		return refused("progtype")
	case !m.outer && sleeps(o) && !slices.Contains(sleeping, m.spec.Type):
		return refused("sleepable")
	case slices.ContainsFunc(o.Body.Steps(), func(s ops.BodyStep) bool { return strange(s, m.inside().Type) }):
		return refused("maptype")
	}
	return ops.OK
}

// strange says whether a step is probably not for maps of that type.
func strange(s ops.BodyStep, t ops.MapType) bool {
	lookup := rowOf(t) != nil && rowOf(t).lookup
	switch {
	case s.Word == ops.StepGet || s.Word == ops.StepLend || s.Word == ops.StepSum:
		return !lookup
	case s.Word != ops.StepCall || s.Call.ID == 0 || slices.Contains(callsOf[t], s.Call.Name):
		return false
	}
	return !lookup || !slices.Contains(append([]string{"map_update_elem", "map_delete_elem"}, walking...), s.Call.Name)
}

// walking are the calls that hand each element to a function of the program.
var walking = []string{"for_each_map_elem", "for_each_map_elem_stop"}

// noLocks are types of program that cannot use bpf_spin_lock.
var noLocks = []ops.ProgType{ops.SocketFilter, ops.Kprobe, ops.Tracepoint, ops.RawTracepoint, ops.PerfEvent}

// bySyscall predicts what a program of type syscall does to an outer map: the
// same as user space. Each answer shows that it can.
func (s *State) bySyscall(o ops.Sys) []Outcome {
	m := s.open(o.On)
	if !s.Kernel.has(ops.FeatureSys) || m == nil || !m.outer || m.free || m.spec.Key > progs.MaxKey || o.Key.Null {
		return anything(func(ops.Result) {
			if m != nil {
				m.free, m.murky = true, true
			}
		})
	}
	var all []Outcome
	if o.Command == ops.ByUpdate {
		all = s.update(ops.Update{On: o.On, Key: o.Key, Value: o.Value, Flags: o.Flags})
	} else {
		all = s.delete(ops.Delete{On: o.On, Key: o.Key})
	}
	for i := range all {
		if all[i].Want == ops.OK {
			all[i].By, all[i].Blame = append(on(m.family(), sysWrites), all[i].By...), nil
		}
	}
	return all
}
