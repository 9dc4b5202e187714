package properties

import (
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

// run predicts what a program answers, step by step.
func (s *State) run(o ops.Run) []Outcome {
	p := s.openProg(o.On)
	if p == nil && s.handles[o.On].fd() {
		return fails(unix.EINVAL, on(FamilyInner, otherFD)...)
	}
	switch {
	case p == nil:
		return fails(unix.EBADF, on(FamilyInner, closedFD)...)
	case p.free || p.uses == nil || p.uses.free || p.second.free || !p.uses.keyedAs(p.second) || !s.Kernel.runs(p.typ, p.flags) || o.Key.Null || o.Inner.Null:
		return anything(func(ops.Result) { s.disturb() })
	case p.typ == ops.Tracing && s.attachedAny():
		return anything(func(ops.Result) { s.disturb() })
	}
	r := s.follow(p, o, 0)
	all := []Outcome{r.outcome()}
	if r.allocs > 0 && !r.lost && s.Kernel.does(timersLackMemory) {
		for short := uint(1); short <= 3; short++ { // a body has two timers at most
			all = append(all, s.follow(p, o, short).outcome())
		}
	}
	return all
}

// follow goes through the steps of a program; short says which of its allocations find no memory.
func (s *State) follow(p *program, o ops.Run, short uint) *running {
	r := &running{s: s, p: p, op: o, short: short, copies: map[*object]*object{}}
	r.steps()
	return r
}

func (r *running) outcome() Outcome {
	if r.lost {
		return anything(func(ops.Result) { r.forget() })[0]
	}
	return Outcome{Want: ops.Read(r.text()), By: r.by(), Blame: r.blame, Then: func(ops.Result) { r.commit() }}
}

// keyedAs says whether m and another map are looked up in with the same keys, and what is reached through them is.
func (m *object) keyedAs(as *object) bool {
	return m == as || m.spec.Key == as.spec.Key && m.inside().Key == as.inside().Key
}

// place is what a register of a program holds.
type place struct {
	kind  placeKind
	m     *object // the map, or that of the value
	in    *object // the map of the program that it was reached through
	key   uint64  // of a value
	off   int64   // from its beginning
	apart bool    // it is that of another processor
	asked []Ref   // what promises that it is NULL, or that it is not
}

type placeKind uint8

const (
	atNull placeKind = iota
	atMap
	atValue
)

// said is one answer of a program, and what promises it.
type said struct {
	text string
	by   []Ref
}

// running is a program while the model follows it. It changes copies of maps.
type running struct {
	s         *State
	p         *program
	op        ops.Run
	it, other place
	stash     place
	copies    map[*object]*object
	said      []said
	checks    map[int][]Ref // what promises that a check was passed
	short     uint          // which allocations find no memory, a bit each
	allocs    int           // how many there were
	lost      bool          // something is not modelled
}

func (r *running) steps() {
	r.checks = map[int][]Ref{}
	for i, step := range r.p.body.Steps() {
		if ends := r.step(i, step); ends || r.lost {
			return
		}
	}
}

func (r *running) step(i int, step ops.BodyStep) (ends bool) {
	switch step.Word {
	case ops.StepMap:
		r.it = place{kind: atMap, m: r.p.uses, in: r.p.uses}
	case ops.StepFind:
		r.find(step, r.p.uses, runFound, runNull)
	case ops.StepSecond:
		r.find(step, r.p.second, runFound, runNull)
	case ops.StepEither:
		r.either(i, step)
	case ops.StepGet:
		r.get(step)
	case ops.StepBeside:
		r.beside(step)
	case ops.StepCheck, ops.StepVet, ops.StepHalf: // no address has a lower half of 0
		r.checks[i+1] = r.it.asked
		if r.it.kind == atNull {
			r.say("null@"+strconv.Itoa(i+1), r.it.asked)
			return true
		}
	case ops.StepKeep:
		r.other = r.it
	case ops.StepSwap:
		r.it, r.other = r.other, r.it
	case ops.StepStash:
		r.stash = r.it
	case ops.StepFetch:
		r.it = r.stash
	case ops.StepSame, ops.StepDiffer:
		return r.compare(i, step.Word == ops.StepSame)
	case ops.StepMerge, ops.StepCross, ops.StepMaybe:
		r.branch(i, step.Word)
	case ops.StepSpill, ops.StepPass, ops.StepSection, ops.StepFar, ops.StepAway, ops.StepListed, ops.StepWithin, ops.StepCalled, ops.StepLock, ops.StepUnlock:
	case ops.StepLoop: // what only looks sees the same every time
		r.lost = writes(r.p.body)
	case ops.StepReturn:
		return true
	default:
		r.use(step)
	}
	return false
}

// compare ends the program unless it is other, or if it is.
func (r *running) compare(i int, same bool) (ends bool) {
	by := union(r.it.asked, r.other.asked)
	r.checks[i+1] = by
	if r.it.equal(r.other) == same {
		return false
	}
	r.say("null@"+strconv.Itoa(i+1), by)
	return true
}

// equal says whether two registers hold the same address.
func (p place) equal(q place) bool {
	return p.kind == q.kind && (p.kind == atNull || p.m == q.m && p.key == q.key && p.off == q.off && p.apart == q.apart)
}

// taken says whether the branch of a step is taken.
func (r *running) taken(i int) bool { return uint32(r.op.Branches)>>i&1 != 0 }

// either is a lookup that is reached with one map or another.
func (r *running) either(i int, step ops.BodyStep) {
	m := r.p.uses
	if r.taken(i) {
		m = r.p.second
	}
	r.find(step, m, runEither, runEither)
}

func (r *running) branch(i int, w ops.StepWord) {
	if !r.taken(i) {
		return
	}
	switch w {
	case ops.StepMerge:
		r.it = r.other
	case ops.StepCross:
		r.it, r.other = r.other, r.it
	default:
		r.it = place{asked: r.it.asked}
	}
}

func (r *running) use(step ops.BodyStep) {
	switch {
	case step.Word == ops.StepTimer && r.it.kind == atValue:
		r.timer()
	case step.Word == ops.StepStop && r.it.kind == atValue:
		r.stop()
	case r.it.m != nil && !plainValues(r.it.m.btf):
		r.lost = true
	case step.Word == ops.StepRead && r.it.kind == atValue:
		r.read(step)
	case step.Word == ops.StepWrite && r.it.kind == atValue:
		r.write(step)
	case step.Word == ops.StepCount && r.it.kind == atValue:
		r.count(step.N[0])
	case step.Word == ops.StepAdd && r.it.kind == atValue:
		n := step.Key.N
		if step.Key.In {
			n = r.op.Inner.N & progs.MostIn
		}
		r.it.off += int64(n)
	case step.Word == ops.StepLend && r.it.kind == atMap:
		r.lend()
	case step.Word == ops.StepSum && r.it.kind == atMap:
		r.sum()
	case step.Word == ops.StepCall && r.it.kind == atMap:
		r.call(step)
	default:
		r.lost = true
	}
}

func (r *running) say(text string, by []Ref) { r.said = append(r.said, said{text, by}) }

// find looks up in a map; the rules promise that something is found, or nothing.
func (r *running) find(step ops.BodyStep, m *object, found, null *Rule) {
	if !m.outer {
		r.it = place{kind: atMap, m: m, in: m}
		return
	}
	key := r.op.Key.N
	if !step.Key.In {
		key = step.Key.N
	}
	inner := m.slots[ops.Truncate(key, m.spec.Key)]
	r.it = place{asked: r.s.context(m, null)}
	if inner != nil {
		r.it = place{kind: atMap, m: inner, in: m, asked: r.s.context(m, found)}
		r.lost = inner.free
	}
}

func (r *running) innerKey(step ops.BodyStep) ops.Key {
	if step.Key.In {
		return r.op.Inner
	}
	return ops.K(step.Key.N)
}

func (r *running) get(step ops.BodyStep) {
	m, in := r.it.m, r.it.in
	if r.it.kind != atMap || m.outer || m.murky || !rowOf(m.spec.Type).lookup || !plainValues(m.btf) && !m.timed() {
		r.lost = true
		return
	}
	k := r.innerKey(step)
	key := ops.Truncate(k.N, m.spec.Key)
	asked := r.s.runBy(in, m, k)
	if asked[0].Rule == runBeyond && !step.Key.In {
		asked[0].Rule = runBeyondConst
	}
	if r.it = (place{asked: asked}); r.copy(m).holds(key) {
		r.it = place{kind: atValue, m: m, in: in, key: key, asked: asked}
	}
}

// holds says whether a program finds a key in an inner map.
func (m *object) holds(key uint64) bool {
	if m.indexed() {
		return key < uint64(m.spec.Max)
	}
	_, present := m.data[key]
	return present
}

// runBy is what promises what a program finds. An index between the
// end of an inner map and that of its template is a question of its own, before
// any other: code that was made for the template must not answer it.
func (s *State) runBy(m, inner *object, k ops.Key) []Ref {
	if !m.outer {
		return on(FamilyInner, runDirect)
	}
	index, end, other := ops.Truncate(k.N, 4), uint64(inner.spec.Max), uint64(m.shape.Max)
	switch {
	case !inner.indexed() || (index < end) == (index < other):
		return s.context(m, runFound)
	case index < end && inner.spec.Type == ops.PercpuArray:
		return append(on(m.family(), runUnseenPercpu), s.context(m)...)
	case index < end:
		return s.context(m, runFound)
	}
	if inner.spec.Type == ops.PercpuArray {
		return append(on(m.family(), runBeyondPercpu), s.context(m)...)
	}
	return append(on(m.family(), runBeyond), s.context(m)...)
}

// indexed says whether m has elements from the beginning.
func (m *object) indexed() bool { return m.spec.Type == ops.Array || m.spec.Type == ops.PercpuArray }

// copy is the copy of a map that the program may have changed.
func (r *running) copy(m *object) *object {
	c := r.copies[m]
	if c == nil {
		c = &object{spec: m.spec, data: maps.Clone(m.data), queue: slices.Clone(m.queue), slots: m.slots, outer: m.outer, timers: timersOf(m)}
		r.copies[m] = c
	}
	return c
}

func (r *running) bytes() []byte {
	return ops.BytesIn(r.order(), r.copy(r.it.m).data[r.it.key], r.it.m.spec.Value)
}

// order is that of the bytes of the kernel's numbers.
func (r *running) order() binary.ByteOrder { return r.s.Kernel.Order() }

func (r *running) read(step ops.BodyStep) {
	b, off, size := r.bytes(), r.it.off, int64(progs.ReadSize(r.p.uses.inside().Value))
	if len(step.N) > 1 {
		off, size = off+step.N[0], step.N[1]
	}
	if r.it.apart {
		b = r.bytesApart()
	}
	if off < 0 || off+size > int64(len(b)) || r.stale() {
		r.lost = true
		return
	}
	r.say(ops.NumberIn(r.order(), b[off:off+size]), r.it.asked)
}

// write changes a value, if what becomes of it has a number.
func (r *running) write(step ops.BodyStep) {
	b, off, size := r.bytes(), r.it.off+step.N[0], step.N[1]
	if off < 0 || off+size > int64(len(b)) || r.stale() || r.it.apart || !r.it.m.writable() {
		r.lost = true
		return
	}
	copy(b[off:off+size], ops.BytesIn(r.order(), uint64(step.N[2]), ops.Size(size)))
	n, err := strconv.ParseUint(ops.NumberIn(r.order(), b), 10, 64)
	if r.lost = err != nil; !r.lost {
		c := r.copy(r.it.m)
		c.data[r.it.key] = n
		c.wrote(r.it.key, false)
	}
}

// writable says whether the model follows programs that write to values of m.
func (m *object) writable() bool { return rowOf(m.spec.Type).content || m.perCPU() }

// stale says whether it depends on the processor what the value is, and it was not written by this run.
func (r *running) stale() bool {
	m, key := r.it.m, r.it.key
	_, differ := m.rest[key]
	return (m.stale[key] || differ) && (r.it.apart || !r.copy(m).mine[key])
}

// count adds to the number that begins a value, if what becomes of the value has
// a number.
func (r *running) count(times int64) {
	b, size := r.bytes(), min(r.p.uses.inside().Value, 8)
	if r.it.off != 0 || r.it.apart || size < 4 || !rowOf(r.it.m.spec.Type).content {
		r.lost = true
		return
	}
	size = size / 8 * 8
	if size == 0 {
		size = 4
	}
	was, err := strconv.ParseUint(ops.NumberIn(r.order(), b[:size]), 10, 64)
	if err == nil {
		copy(b, ops.BytesIn(r.order(), was+uint64(times), size))
	}
	n, bad := strconv.ParseUint(ops.NumberIn(r.order(), b), 10, 64)
	if r.lost = err != nil || bad != nil; !r.lost {
		r.copy(r.it.m).data[r.it.key] = n
	}
}

// text is what the run answers.
func (r *running) text() string {
	if len(r.said) == 0 {
		return "end"
	}
	all := make([]string, len(r.said))
	for i, s := range r.said {
		all[i] = s.text
	}
	return strings.Join(all, " ")
}

// by is what promises the answer: each part of it, and that checks were passed.
func (r *running) by() (refs []Ref) {
	for _, s := range slices.Backward(r.said) {
		refs = union(refs, s.by)
	}
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(r.checks))) {
		refs = union(refs, r.checks[n])
	}
	return refs
}

// blame is what promised the first part of the answer that is another.
func (r *running) blame(got ops.Result) []Ref {
	texts := strings.Fields(got.Got)
	for i, s := range r.said {
		if i >= len(texts) || texts[i] != s.text {
			if i < len(texts) && strings.HasPrefix(texts[i], "null@") {
				n, _ := strconv.Atoi(strings.TrimPrefix(texts[i], "null@"))
				if by := r.checks[n]; len(by) > 0 {
					return by
				}
			}
			return s.by
		}
	}
	if by := r.by(); len(by) > 0 {
		return by
	}
	return r.promised(runFound)
}

// commit makes the changes real; forget makes maps murky that may have changed.
func (r *running) commit() {
	for m, c := range r.copies {
		if !maps.Equal(m.data, c.data) {
			m.walk.forget()
		}
		if m.perCPU() {
			m.runOn(c)
			continue
		}
		m.data, m.queue, m.timers = c.data, c.queue, c.timers
	}
}

func (r *running) forget() {
	for m := range r.copies {
		m.murky = true
	}
	if m := r.it.m; m != nil && !m.outer {
		m.murky = true
	}
}
