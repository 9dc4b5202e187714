package properties

import (
	"fmt"
	"slices"
	"strings"

	"mimic/ops"
)

// part is what one thread does: operations, and how many times. Threads are on the processors in turn, but for those
// that are shifted.
type part struct {
	ops   []ops.Op
	times int
	until ops.Until
	shift int
}

// raceMoves begin a plan with a race: each asks about something else.
func raceMoves() []move {
	race := func(name string, cast func(*stage) []part) move {
		return move{name, 0, func(d *draft) bool { return d.race(d.stage(), cast) }}
	}
	return []move{
		{"race-present", 0, (*draft).racePresent},
		{"race-locked", ownOnly, (*draft).raceLocked},
		race("race-ids", (*stage).ids),
		race("race-waits", (*stage).waitsOrNot),
		race("race-free", (*stage).frees),
		race("race-reuse", (*stage).reuse),
		race("race-mixed", (*stage).mixed),
		race("race-freeze", (*stage).freezes),
		race("race-walk", (*stage).walks),
		race("race-batch", (*stage).batches),
		race("race-life", (*stage).lives),
	}
}

// race sets the stage, lets threads run, and looks at what they left.
func (d *draft) race(s *stage, cast func(*stage) []part) bool {
	parts := cast(s)
	if d.chance(4) {
		d.company(s.on)
	}
	cpu := d.between(0, 1)
	for i, p := range parts {
		d.add(ops.Thread{CPU: ops.Size(cpu + i + p.shift), Times: ops.Size(p.times), Until: p.until})
		for _, op := range p.ops {
			d.add(op)
		}
	}
	d.add(ops.Join{})
	d.add(ops.Live{})
	for _, op := range s.after {
		d.add(op)
	}
	if d.chance(3) { // all writers are gone
		d.add(ops.Freeze{On: s.on})
		d.add(ops.Update{On: s.on, Key: ops.K(0), Value: ops.Val{N: 1<<32 - 1}})
	}
	d.raced = true
	return true
}

// times is how often a thread does its operations: more of few than of many.
func (s *stage) times(n, most int) int { return max(1, s.d.between(most/2, most)/max(n, 1)) }

func (s *stage) part(most int, list ...ops.Op) part {
	return part{ops: list, times: s.times(len(list), most)}
}

// eventful is about how many operations a thread does in all.
const eventful = 60

// replacer replaces what is stored under a key again and again.
func (s *stage) replacer(k uint64) part {
	var list []ops.Op
	for range s.d.between(2, 4) {
		flags := pick(s.d, []ops.UpdateFlags{ops.Any, ops.Any, ops.Exist})
		if s.outer.outerKind() == ops.OuterArray {
			flags = ops.Any
		}
		list = append(list, s.store(k, flags))
	}
	return s.part(eventful, list...)
}

// renewer replaces it by maps that nothing else keeps.
func (s *stage) renewer(k uint64) part {
	return s.part(eventful/2, ops.Renew{On: s.on, Key: ops.K(k)})
}

// looker looks up by system call, often.
func (s *stage) looker(keys ...uint64) part {
	var list []ops.Op
	for _, k := range keys {
		list = append(list, ops.Lookup{On: s.on, Key: ops.K(k)})
	}
	return s.part(2*eventful, list...)
}

// rounds is how often a program looks up, at most, while it runs once.
const rounds = 300

// watcher looks up by program; nothing, if no program can be run.
func (s *stage) watcher(keys ...uint64) (p part, ok bool) {
	var steps []string
	for i := range s.d.between(1, 4) {
		steps = append(steps, fmt.Sprintf("find:%d check", keys[i%len(keys)]))
	}
	if s.d.chance(3) && s.outer.shape.Type == ops.Array {
		steps = append(steps, "get:0 check read")
	} else {
		steps = append(steps, fmt.Sprintf("loop:%d", s.d.between(2, rounds)))
	}
	prog, ok := s.load(raceTypes, strings.Join(steps, " "))
	return s.part(eventful, ops.Run{On: prog, Key: ops.K(keys[0])}), ok
}

// raceTypes are types of program that are run by a call that does nothing else:
// to attach and detach others takes longer than what they do.
var raceTypes = []ops.ProgType{ops.XDP, ops.SchedCLS, ops.SocketFilter, ops.CgroupSKB, ops.RawTracepoint}

// load loads a program for the outer map of one of the types, if this kernel runs any.
func (s *stage) load(types []ops.ProgType, body string) (ops.Name, bool) {
	if types = s.d.runnable(types); len(types) == 0 {
		return "", false
	}
	p := ops.Prog{Def: s.d.fresh("p"), Type: pick(s.d, types), Map: s.on, Body: ops.Body(body)}
	s.d.add(p)
	return p.Def, true
}

// with adds a part that may not be possible.
func with(parts []part, p part, ok bool) []part {
	if ok {
		parts = append(parts, p)
	}
	return parts
}

// racePresent is about keys that always hold something: mostly about as many as
// there is room for, so that some share a bucket.
func (d *draft) racePresent() bool {
	switch d.between(0, 4) {
	case 4:
		return d.race(d.crowd(), (*stage).spared)
	case 0:
		return d.race(d.stage(), (*stage).present)
	case 1:
		return d.race(d.stage(), (*stage).torrent)
	}
	return d.race(d.crowd(), (*stage).crowded)
}

// crowd is a stage whose outer map holds something under every key that threads use.
func (d *draft) crowd() *stage {
	s := &stage{d: d}
	s.begin(pick(d, []ops.Size{4, 8, 8}), d.chance(4))
	s.keys = nil
	for k := range min(8, s.outer.spec.Max) {
		s.keys = append(s.keys, uint64(k))
		s.d.add(s.store(uint64(k), ops.Any))
	}
	return s
}

// crowded replaces everything in turn, and looks everywhere.
func (s *stage) crowded() []part {
	var list []ops.Op
	flags := ops.Any
	if s.outer.outerKind() == ops.OuterHash {
		flags = pick(s.d, []ops.UpdateFlags{ops.Any, ops.Exist})
	}
	for _, k := range s.keys {
		list = append(list, s.store(k, flags))
	}
	write := s.part(5*eventful, list...)
	find, again, most := "find:%d check", fmt.Sprintf("loop:%d", rounds), len(s.keys)
	if s.outer.shape.Type == ops.Array && s.d.chance(3) { // what is found is a whole map, too
		find, again, most = find+" get:0 check read", "", 4 // 20 of the 31 steps that a body has at most
	}
	var steps []string
	for _, k := range s.keys[:most] {
		steps = append(steps, fmt.Sprintf(find, k))
	}
	prog, ok := s.load(raceTypes, strings.TrimSpace(strings.Join(append(steps, again), " ")))
	if !ok || s.d.chance(4) {
		return []part{write, s.looker(s.keys...)}
	}
	return []part{write, s.part(2*eventful, ops.Run{On: prog})}
}

// torrent replaces what is stored under one key as fast as can be, with batches: each waits
// for programs only at its end. A program looks at it all the time.
func (s *stage) torrent() []part {
	k := s.full()
	prog, ok := s.load(raceTypes, fmt.Sprintf("find:%d check loop:%d", k, rounds))
	if !ok || !s.d.state.Kernel.does(batchWaitsOnce) {
		return s.present()
	}
	look := part{ops: []ops.Op{ops.Run{On: prog}}, times: ofOneProgram / 2, until: ops.UntilAlone}
	return []part{{ops: []ops.Op{s.flood(k, 4, torrential/4)}, times: s.d.between(8, 16)}, look}
}

// torrential is how often a batch writes to one key.
const torrential = 400

// present replaces keys that always hold something, and looks.
func (s *stage) present() []part {
	k := s.full()
	parts := []part{s.replacer(k)}
	if s.d.chance(3) {
		parts[0] = s.renewer(k)
	}
	if s.d.chance(3) {
		parts = append(parts, s.replacer(s.full()))
	}
	if s.d.chance(2) {
		parts = append(parts, s.looker(k))
	}
	w, ok := s.watcher(k)
	if parts = with(parts, w, ok); len(parts) == 1 {
		parts = append(parts, s.looker(k))
	}
	return parts
}

// ids looks up what is replaced by maps that nothing else keeps.
func (s *stage) ids() []part {
	k := s.full()
	parts := []part{s.renewer(k), s.looker(k, k)}
	if s.d.chance(2) {
		parts = append(parts, s.renewer(pick(s.d, []uint64{k, s.any()})))
	}
	if s.d.chance(2) {
		parts = append(parts, s.looker(k, s.any()))
	}
	return parts
}

// reuse deletes keys and stores others, and looks.
func (s *stage) reuse() []part {
	a, b := s.keys[0], s.keys[len(s.keys)-1]
	own := func(k uint64, n ops.Name) part {
		return s.part(eventful, ops.Delete{On: s.on, Key: ops.K(k)}, ops.Update{On: s.on, Key: ops.K(k), Value: ops.Val{Name: n}})
	}
	return []part{own(a, s.inners[0]), own(b, s.inners[1]), s.looker(a, b)}
}

// mixed does everything.
func (s *stage) mixed() []part {
	switch s.d.between(0, 5) {
	case 0:
		return s.freezesTwice()
	case 1:
		return s.elementsTwice()
	}
	var parts []part
	threads := s.d.between(2, 4)
	if s.d.chance(6) {
		threads = s.d.between(5, 8)
	}
	for range threads {
		var list []ops.Op
		for range s.d.between(1, 4) {
			list = append(list, s.anything())
		}
		parts = append(parts, s.part(2*eventful/threads, list...))
	}
	if s.d.chance(2) {
		w, ok := s.watcher(s.any(), s.any())
		parts = with(parts, w, ok)
	}
	return parts
}

func (s *stage) anything() ops.Op {
	k := ops.K(s.any())
	flags := pick(s.d, []ops.UpdateFlags{ops.Any, ops.NoExist, ops.Exist})
	if s.outer.outerKind() == ops.OuterArray && !s.d.chance(4) {
		flags = ops.Any
	}
	switch s.d.between(0, 9) {
	case 0, 1, 2, 3:
		return s.store(k.N, flags)
	case 4, 5:
		return ops.Delete{On: s.on, Key: k}
	case 6:
		return s.batch()
	case 7:
		return ops.Renew{On: s.on, Key: k, Flags: flags}
	}
	return ops.Lookup{On: s.on, Key: k}
}

// freezesTwice, a kind of mixture, has two threads freeze the same maps: each is frozen by one of them.
func (s *stage) freezesTwice() []part {
	all := []ops.Op{ops.Freeze{On: s.on}}
	for range s.d.between(16, 24) {
		o := ops.Outer{Def: s.d.fresh("o"), Kind: s.outer.outerKind(), Key: 4, Value: 4, Max: 1, Template: s.inners[0]}
		s.d.add(o)
		all = append(all, ops.Freeze{On: o.Def})
	}
	return []part{{ops: all, times: 1}, {ops: all, times: 1}}
}

// elementsTwice, a kind of mixture, has two threads store under the same row of keys, and delete them: what is stored
// where nothing was, or deleted, is so by one of them.
func (s *stage) elementsTwice() []part {
	row := s.d.between(12, 24)
	o := ops.Outer{Def: s.d.fresh("o"), Kind: s.outer.outerKind(), Key: 4, Value: 4, Max: 32, Template: s.inners[0]}
	s.d.add(o)
	flags := ops.Any
	if o.Kind == ops.OuterHash {
		flags = ops.NoExist
	}
	times := s.d.between(3, 6)
	thread := func(n ops.Name) part {
		var list []ops.Op
		for k := range row {
			list = append(list, ops.Update{On: o.Def, Key: ops.K(uint64(k)), Value: ops.Val{Name: n}, Flags: flags})
		}
		for k := range row {
			list = append(list, ops.Delete{On: o.Def, Key: ops.K(uint64(k))})
		}
		return part{ops: list, times: times}
	}
	return []part{thread(s.inners[0]), thread(s.inners[1])}
}

// freezes freezes beside writers, or beside another who freezes.
func (s *stage) freezes() []part {
	if s.d.chance(6) {
		return s.freezesTwice()
	}
	k := s.full()
	look := ops.Lookup{On: s.on, Key: ops.K(k)}
	list := slices.Repeat([]ops.Op{look}, s.d.between(1, 6))
	list = append(list, ops.Freeze{On: s.on}, look, look, look, look, ops.Lookup{On: s.on, Key: ops.K(s.any())})
	parts := []part{s.replacer(k), {ops: list, times: s.d.between(2, 12)}}
	if s.d.state.Kernel.does(batchOps) && s.d.chance(2) {
		parts[0] = part{ops: []ops.Op{s.flood(k, floodLength, 1)}, times: s.d.between(1, 4)}
		return parts
	}
	if s.d.chance(2) {
		parts = append(parts, s.part(eventful, ops.Delete{On: s.on, Key: ops.K(s.any())}, s.batch(), s.store(s.any(), ops.Any)))
	}
	return parts
}

// walks walks beside writers.
func (s *stage) walks() []part {
	walk := []ops.Op{ops.Next{On: s.on, Key: ops.Key{Null: true}}}
	for _, k := range s.keys {
		walk = append(walk, ops.Next{On: s.on, Key: ops.K(k)})
	}
	churn := s.part(eventful, ops.Delete{On: s.on, Key: ops.K(s.any())}, s.store(s.any(), ops.Any), s.store(s.full(), ops.Any))
	return []part{s.part(eventful, walk...), churn, s.replacer(s.full())}
}

// flood is a batch that writes to one key again and again: so many maps in turn, each so many times.
func (s *stage) flood(k uint64, turns, times int) ops.Op {
	keys := slices.Repeat([]ops.Key{ops.K(k)}, turns*times)
	var values []ops.Val
	for range turns {
		values = append(values, slices.Repeat([]ops.Val{{Name: pick(s.d, s.inners)}}, times)...)
	}
	return ops.UpdateBatch{On: s.on, Keys: ops.KeyList(keys), Values: ops.ValList(values)}
}

// floodLength is long enough for others to do something meanwhile.
const floodLength = 200

// batch is one of the batch commands, of some keys.
func (s *stage) batch() ops.Op {
	var keys []ops.Key
	var values []ops.Val
	for _, k := range s.keys {
		if s.d.chance(2) {
			keys, values = append(keys, ops.K(k)), append(values, ops.Val{Name: pick(s.d, s.inners)})
		}
	}
	if keys == nil {
		keys, values = []ops.Key{ops.K(s.any())}, []ops.Val{{Name: pick(s.d, s.inners)}}
	}
	switch s.d.between(0, 3) {
	case 0:
		return ops.UpdateBatch{On: s.on, Keys: ops.KeyList(keys), Values: ops.ValList(values)}
	case 1:
		return ops.DeleteBatch{On: s.on, Keys: ops.KeyList(keys)}
	case 2:
		return ops.TakeBatch{On: s.on, Count: ops.Size(s.d.between(1, 16))}
	}
	return ops.LookupBatch{On: s.on, Count: ops.Size(s.d.between(1, 16))}
}

// batches does batches beside each other and single writes.
func (s *stage) batches() []part {
	read := s.part(eventful/2, ops.LookupBatch{On: s.on, Count: pick(s.d, []ops.Size{16, 16, 16, 2})})
	parts := []part{read, s.part(eventful/2, s.batch(), s.batch())}
	if s.d.chance(2) {
		parts = append(parts, s.replacer(s.full()))
	}
	return append(parts, s.part(eventful, s.store(s.any(), ops.Any), ops.Delete{On: s.on, Key: ops.K(s.any())}))
}
