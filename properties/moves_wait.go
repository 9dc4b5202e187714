package properties

import (
	"fmt"
	"strings"

	"mimic/ops"
	"mimic/progs"
)

// countedFar is how far a program counts each time: long enough for a write that
// does not wait to return meanwhile.
const countedFar = 4000

// farther is how far one counts under which a map is to be freed: a worker of the kernel does that, or a grace period
// that does not wait for it has to pass.
func (k Kernel) farther() int {
	if k.does(callbacks) && k.has(ops.FeatureJIT) {
		return progs.MaxCount
	}
	return 10 * countedFar
}

// ofOneProgram is how often it runs at most.
const ofOneProgram = 2000

// counter is a program that counts in what is stored under a key, and does what comes then, again and again as
// long as others work.
func (s *stage) counter(types []ops.ProgType, k uint64, far int, then string) (p part, ok bool) {
	prog, ok := s.load(types, strings.TrimSpace(fmt.Sprintf("find:%d check get:0 check count:%d %s", k, far, then)))
	return part{ops: []ops.Op{ops.Run{On: prog, Key: ops.K(k)}}, times: ofOneProgram, until: ops.UntilAlone}, ok
}

// waits writes while a program counts in what is taken out, and looks whether it
// stands still then.
func (s *stage) waits() []part {
	k := s.full()
	x, other := s.inners[0], s.inners[1]
	s.d.add(ops.Update{On: s.on, Key: ops.K(k), Value: ops.Val{Name: x}})
	counter, ok := s.counter(raceTypes, k, countedFar, "")
	if !ok {
		return s.present()
	}
	look := ops.Still{On: x, Key: ops.K(0)}
	var list []ops.Op
	writes := s.takeOuts(k, other)
	for i := s.d.choose(len(writes)); len(list) < 16; i += 2 { // half of them: all are asked about as often
		// The first look lasts until the program is at work in the map.
		list = append(list, ops.Update{On: s.on, Key: ops.K(k), Value: ops.Val{Name: x}}, look, writes[i%len(writes)], look)
	}
	parts := []part{{ops: list, times: s.d.between(2, 4)}, counter}
	if s.d.chance(4) {
		again, ok := s.counter(raceTypes, k, countedFar, "")
		parts = with(parts, again, ok)
	}
	return parts
}

// waitsOrNot has a program that is not waited for now and then.
func (s *stage) waitsOrNot() []part {
	if s.d.state.Kernel.does(sleepInside) && s.d.chance(6) {
		return s.sleeps()
	}
	if s.d.chance(4) {
		s.d.sleeper(s.on)
	}
	return s.waits()
}

// sleeper loads a program that may sleep and uses an outer map; it is never run.
func (d *draft) sleeper(on ops.Name) (n ops.Name, ok bool) {
	t, flags, ok := d.sleepType("")
	if ok {
		n = d.fresh("p")
		d.add(ops.Prog{Def: n, Type: t, Map: on, Body: "find:in check", Flags: flags})
	}
	return n, ok && d.state.openProg(n) != nil
}

// sleeps writes while a program counts in what is taken out that may sleep: nobody
// waits for it, but what it uses is not freed under it.
func (s *stage) sleeps() []part {
	k := s.full()
	counter, ok := s.counter([]ops.ProgType{ops.Syscall}, k, countedFar, "")
	if !ok {
		return s.waits()
	}
	list := []ops.Op{ops.Renew{On: s.on, Key: ops.K(k)}}
	for _, op := range s.takeOuts(k, s.inners[0]) {
		list = append(list, op, ops.Renew{On: s.on, Key: ops.K(k)})
	}
	return []part{{ops: list, times: s.d.between(2, 4)}, counter}
}

// takeOuts are the writes that take out what is stored under a key, also batches that stop after it.
func (s *stage) takeOuts(k uint64, other ops.Name) []ops.Op {
	one, value := ops.KeyList([]ops.Key{ops.K(k)}), ops.Val{Name: other}
	all := []ops.Op{ops.Update{On: s.on, Key: ops.K(k), Value: value}, ops.Delete{On: s.on, Key: ops.K(k)}, ops.Renew{On: s.on, Key: ops.K(k)}}
	if s.d.state.Kernel.has(ops.FeatureSys) && s.outer.spec.Key <= progs.MaxKey {
		all = append(all, pick(s.d, []ops.Op{ops.Sys{On: s.on, Command: ops.ByUpdate, Key: ops.K(k), Value: value}, ops.Sys{On: s.on, Command: ops.ByDelete, Key: ops.K(k)}}))
	}
	if s.d.state.Kernel.does(batchOps) {
		last := s.keys[len(s.keys)-1]
		all = append(all, ops.UpdateBatch{On: s.on, Keys: one, Values: ops.ValList([]ops.Val{value})},
			ops.UpdateBatch{On: s.on, Keys: ops.KeyList([]ops.Key{ops.K(k), ops.K(last)}), Values: ops.ValList([]ops.Val{value, {Name: s.on}})})
		if s.outer.outerKind() == ops.OuterHash {
			all = append(all, ops.DeleteBatch{On: s.on, Keys: one}, ops.TakeBatch{On: s.on, Count: 64},
				ops.DeleteBatch{On: s.on, Keys: ops.KeyList([]ops.Key{ops.K(k), ops.K(last + 1)})})
		}
	}
	return all
}

// frees replaces what a program counts in, and makes others of its size meanwhile: if the one was free already, they
// would be in its place. Those that are refused wait for nobody.
func (s *stage) frees() []part {
	if s.outer.shape.Type != ops.Array {
		return s.waitsOrNot()
	}
	types, far := raceTypes, countedFar
	sleep := s.d.state.Kernel.does(sleepInside) && s.d.chance(2)
	if sleep {
		types, far = []ops.ProgType{ops.Syscall}, s.d.state.Kernel.farther()
	}
	k, other := s.keys[0], s.keys[len(s.keys)-1]
	s.d.add(s.store(other, ops.Any))
	counter, ok := s.counter(types, k, far, "read:0:8")
	if !ok {
		return s.present()
	}
	renew := ops.Renew{On: s.on, Key: ops.K(k)}
	s.d.add(renew)
	writer := part{ops: []ops.Op{renew, renew, pick(s.d, s.takeOuts(k, s.inners[0]))}, times: s.d.between(4, 8)}
	if sleep && s.d.chance(2) || s.d.chance(4) {
		writer = s.outlived(k)
	}
	return []part{
		counter,
		writer,
		{ops: []ops.Op{ops.Renew{On: s.on, Key: ops.K(other), Flags: ops.NoExist}}, times: ofOneProgram, until: ops.UntilAlone, shift: 1},
	}
}

// outlived stores one map after the other, waits until a program is at work in it, takes it out, and only then closes its
// descriptor, or the other outer map that it is in: what defers that it is freed was asked for while something else still
// held it.
func (s *stage) outlived(k uint64) part {
	var list []ops.Op
	for range s.d.between(6, 10) {
		o := s.d.like(s.outer)
		s.d.add(o)
		last := o.Def
		if s.d.chance(2) {
			last = s.alsoIn(o.Def)
		}
		list = append(list, ops.Update{On: s.on, Key: ops.K(k), Value: ops.Val{Name: o.Def}}, ops.Still{On: o.Def, Key: ops.K(0)})
		if last != o.Def {
			list = append(list, ops.Close{On: o.Def})
		}
		list = append(list, pick(s.d, []ops.Op{ops.Update{On: s.on, Key: ops.K(k), Value: ops.Val{Name: s.inners[0]}}, ops.Delete{On: s.on, Key: ops.K(k)}}), ops.Close{On: last})
	}
	return part{ops: list, times: 1}
}

// alsoIn is a new outer map that a map is in, too.
func (s *stage) alsoIn(n ops.Name) ops.Name {
	o := ops.Outer{Def: s.d.fresh("o"), Kind: pick(s.d, []ops.OuterKind{ops.OuterArray, ops.OuterHash}), Key: 4, Value: 4, Max: 1, Template: n}
	s.d.add(o)
	s.d.add(ops.Update{On: o.Def, Key: ops.K(0), Value: ops.Val{Name: n}})
	return o.Def
}
