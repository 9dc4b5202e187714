package properties

import (
	"slices"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// update predicts an update of any map.
func (s *State) update(o ops.Update) []Outcome {
	if o.Tail != 0 {
		return fails(unix.EINVAL, on(s.familyAt(o.On), tailRefused)...)
	}
	return s.element(o.On, toWrite, func(m *object) []Outcome {
		switch {
		case m.outer:
			return s.put(m, o)
		case m.perCPU():
			return s.writeEach(m, o)
		case m.timedHash():
			return m.renewed(o.Key, true)
		case o.Value.Name != "" || o.Value.Null || o.Key.Null || !m.modelled():
			return anything(func(ops.Result) { m.murky = true })
		}
		return s.write(m, ops.Truncate(o.Key.N, m.spec.Key), ops.Truncate(o.Value.N, m.spec.Value), o.Flags)
	})
}

// familyAt is the family of the map that a name stands for.
func (s *State) familyAt(n ops.Name) Family {
	if m := s.objectOf(n); m != nil {
		return m.family()
	}
	return FamilyInner
}

// modelled says whether the content of an inner map is.
func (m *object) modelled() bool {
	row := rowOf(m.spec.Type) // nil: a type that is not in the table
	return row != nil && row.content && !m.murky && plainValues(m.btf)
}

// earlyFlags says whether flags are refused before anything else is looked at.
func (s *State) earlyFlags(f ops.UpdateFlags) bool {
	if f&ops.Lock != 0 {
		return true
	}
	if !s.Kernel.does(opFlagsFirst) {
		return false
	}
	return f&(ops.CPU|ops.AllCPUs) != 0 || f>>32 != 0
}

// strayed says that nobody knows what was stored under a key: what was there may be gone.
func (m *object) strayed(key uint64) {
	m.free = true
	if old := m.slots[key]; old != nil {
		old.remember(deadRemoved, m.family())
	}
}

// put is an update of an outer map.
func (s *State) put(m *object, o ops.Update) []Outcome {
	key := ops.Truncate(o.Key.N, m.spec.Key)
	inner, valueFault := s.valueFault(m, o.Value)
	if inner != nil && inner.free || !o.Value.Null && o.Value.Name == "" && o.Value.N < 1<<20 {
		return anything(func(got ops.Result) { // what a small number is as a descriptor, nobody knows
			if got == ops.OK {
				m.strayed(key)
			}
		})
	}
	faults, order := s.putFaults(m, o.Key, key, o.Flags, o.Value.Null, valueFault)
	if len(faults) > 0 {
		refused := refusal(m.family(), order, faults, nil)
		if inner != nil {
			by := on(m.family(), s.particularBeside(m, o.Value.Name, inner, valueFault)...)
			refused[0].Blame = orParticular(refused[0].Blame, by, faults)
			if len(valueFault) == 0 {
				refused[0].Rests = by
			}
		}
		return refused
	}
	by := s.putBy(m, key, o, inner)
	blame := func(got ops.Result) []Ref {
		if got.Errno == ops.Errno(unix.E2BIG) && m.outerKind() == ops.OuterHash {
			return append(on(m.family(), putCapacity), by...)
		}
		return by
	}
	return []Outcome{{Want: ops.OK, By: by, Blame: blame, Then: func(ops.Result) { s.store(m, key, inner) }}}
}

// putFaults lists what is wrong with an update of an outer map, in the kernel's
// order: what is copied from user space stands between the flags that no map
// knows and all else.
func (s *State) putFaults(m *object, k ops.Key, key uint64, flags ops.UpdateFlags, noValue bool, value []fault) (faults []fault, order *Rule) {
	order = orderArray
	if m.outerKind() == ops.OuterHash {
		order = orderHash
	}
	if s.earlyFlags(flags) {
		faults = append(faults, wrong(unix.EINVAL, m.flagRule()))
	}
	if k.Null || noValue {
		return append(faults, wrong(unix.EFAULT, putFault)), order
	}
	if m.outerKind() == ops.OuterHash {
		return append(faults, m.hashFaults(key, flags, value)...), order
	}
	return append(faults, m.arrayFaults(key, flags, value)...), order
}

func (m *object) flagRule() *Rule {
	if m.outerKind() == ops.OuterHash {
		return putFlagHash
	}
	return putFlagArray
}

func (m *object) arrayFaults(key uint64, flags ops.UpdateFlags, value []fault) (faults []fault) {
	if flags != ops.Any {
		faults = append(faults, wrong(unix.EINVAL, putFlagArray))
	}
	if key >= uint64(m.spec.Max) {
		faults = append(faults, wrong(unix.E2BIG, putIndex))
	}
	return append(faults, value...)
}

func (m *object) hashFaults(key uint64, flags ops.UpdateFlags, value []fault) []fault {
	faults := slices.Clone(value)
	_, present := m.slots[key]
	switch {
	case flags > ops.Exist:
		faults = append(faults, wrong(unix.EINVAL, putFlagHash))
	case flags == ops.NoExist && present:
		faults = append(faults, wrong(unix.EEXIST, putExists))
	case flags == ops.Exist && !present:
		faults = append(faults, wrong(unix.ENOENT, putAbsent))
	}
	if !present && len(m.slots) >= int(m.spec.Max) {
		faults = append(faults, wrong(unix.E2BIG, putFull))
	}
	return faults
}

// valueFault says what is wrong with v as an element of m, if anything.
func (s *State) valueFault(m *object, v ops.Val) (inner *object, faults []fault) {
	inner = s.open(v.Name)
	switch {
	case v.Name != "" && s.openOther(v.Name):
		return nil, []fault{wrong(unix.EINVAL, putNotMap)}
	case inner == nil:
		return nil, []fault{wrong(unix.EBADF, putNoFD)}
	case inner.bound == ops.BoundProgram:
		return inner, []fault{{ops.ENOTSUPP, exclusiveElement, ""}}
	}
	if r := s.misfit(m, inner); r != nil {
		return inner, []fault{wrong(unix.EINVAL, r)}
	}
	return inner, nil
}

// misfit is the rule by which a map is no element of an outer map, or nil.
func (s *State) misfit(m, inner *object) *Rule {
	want, have := m.shape, inner.spec
	row := rowOf(want.Type)
	switch {
	case inner.outer:
		return putNested
	case have.Type == ops.ProgArray:
		return putProgArray
	case have.Type != want.Type:
		return putType
	case have.Key != want.Key || have.Value != want.Value || have.Flags != want.Flags:
		return putShape
	case have.Max != want.Max && row.sameMax(s.Kernel, want):
		return putMax
	case inner.fields(s.Kernel) == m.template.fields(s.Kernel):
		return nil
	case inner.hasLock() && !m.template.hasLock():
		return putLock
	}
	return putFields
}

// particular is what is special about a fitting map beside the template: each is
// a promise of its own that it is taken all the same.
func (s *State) particular(m *object, v ops.Name, inner *object) (by []*Rule) {
	if inner.frozen || s.handles[v].unusual() {
		by = append(by, anyAccess)
	}
	if m.template.fields(s.Kernel) != "" {
		by = append(by, putAlike)
	}
	if !describedAlike(m.template, inner) {
		by = append(by, putPlain)
	}
	if inner.spec.Max != m.shape.Max {
		by = append(by, putMaxFree)
	}
	if inner.spec.Label != m.shape.Label {
		by = append(by, putLabel)
	}
	return by
}

// particularBeside leaves of what is particular what matters beside a fault of the map.
func (s *State) particularBeside(m *object, v ops.Name, inner *object, valueFault []fault) (by []*Rule) {
	return slices.DeleteFunc(s.particular(m, v, inner), func(r *Rule) bool { return len(valueFault) > 0 && r != anyAccess })
}

// putBy is what promises that a fitting map is stored.
func (s *State) putBy(m *object, key uint64, o ops.Update, inner *object) []Ref {
	by := s.particular(m, o.Value.Name, inner)
	_, present := m.slots[key]
	if m.outerKind() == ops.OuterHash && !present && len(m.slots) == int(m.spec.Max)-1 {
		by = append(by, putCapacity)
	}
	switch {
	case o.Flags != ops.Any:
		by = append(by, putFlag)
	case present:
		by = append(by, putReplace)
	case m.outerKind() == ops.OuterHash && len(m.slots)+m.freed >= int(m.spec.Max):
		by = append(by, putRoom)
	default:
		by = append(by, putNew)
	}
	return s.context(m, by...)
}

func (s *State) store(m *object, key uint64, inner *object) {
	old := m.slots[key]
	m.slots[key] = inner
	m.written[key] = true
	m.walk.forget()
	if !slices.Contains(inner.homes, m) {
		inner.homes = append(inner.homes, m)
	}
	if old != nil {
		s.removed(old, m)
	}
}

// drop takes what is stored under a key out of an outer map.
func (s *State) drop(m *object, key uint64) {
	old := m.slots[key]
	delete(m.slots, key)
	m.freed++
	m.walk.forget()
	s.removed(old, m)
}

// removed takes one reference of an outer map from what it stored.
func (s *State) removed(old, m *object) {
	old.remember(deadRemoved, m.family())
	s.lost(old, false)
}

// lookup predicts a lookup in any map.
func (s *State) lookup(o ops.Lookup) []Outcome {
	f := s.familyAt(o.On)
	switch {
	case o.Tail != 0:
		return fails(unix.EINVAL, on(f, tailRefused)...)
	case o.Flags&^ops.Lock != 0 && !s.Kernel.does(lookupFlagsLate):
		return fails(unix.EINVAL, on(f, lookupFlags)...)
	}
	return s.element(o.On, toLook, func(m *object) []Outcome {
		key := ops.Truncate(o.Key.N, m.spec.Key)
		switch {
		case m.eachKnown() && o.Flags == 0 && !o.Key.Null:
			return s.readEach(m, key)
		case !m.outer && !m.modelled():
			return anything(nil)
		case o.Flags != 0:
			return fails(unix.EINVAL, on(f, lookupFlags)...)
		case o.Key.Null:
			return fails(unix.EFAULT, on(f, keyFault)...)
		case m.outer:
			return s.lookupOuter(m, key)
		}
		return s.read(m, key)
	})
}

func (s *State) lookupOuter(m *object, key uint64) []Outcome {
	inner, stored := m.slots[key]
	switch {
	case stored:
		want := ops.Read(string(inner.name))
		by := s.context(m, m.unharmed(getStored, getID)...)
		lost, other := s.context(m, m.unharmed(getStored)...), s.context(m, m.unharmed(getID)...)
		blame := func(got ops.Result) []Ref {
			if got.Errno == 0 {
				return other
			}
			return lost
		}
		return []Outcome{{Want: want, By: by, Blame: blame}}
	case m.outerKind() == ops.OuterHash:
		return fails(unix.ENOENT, s.context(m, m.unharmed(getAbsent)...)...)
	case key >= uint64(m.spec.Max):
		return fails(unix.ENOENT, s.context(m, getIndex)...)
	case !m.written[key]:
		return fails(unix.ENOENT, s.context(m, m.unharmed(getEmpty)...)...)
	}
	return fails(unix.ENOENT, s.context(m, m.unharmed(getAbsent)...)...)
}

// unharmed puts before rules, if the last call that could change m was refused,
// that it changed nothing: reduction leaves that call only if it matters.
func (m *object) unharmed(rules ...*Rule) []*Rule {
	if m.failed {
		return append([]*Rule{dumpFailed}, rules...)
	}
	return rules
}

// delete predicts the deletion of a key of any map.
func (s *State) delete(o ops.Delete) []Outcome {
	f := s.familyAt(o.On)
	if o.Tail != 0 {
		return fails(unix.EINVAL, on(f, tailRefused)...)
	}
	return s.element(o.On, toWrite, func(m *object) []Outcome {
		key := ops.Truncate(o.Key.N, m.spec.Key)
		switch {
		case m.eachKnown() && !o.Key.Null:
			return s.erase(m, key)
		case m.timedHash():
			return m.renewed(o.Key, false)
		case !m.outer && !m.modelled():
			return anything(func(ops.Result) { m.murky = true })
		case o.Key.Null:
			return fails(unix.EFAULT, on(f, keyFault)...)
		case m.outer:
			return s.deleteOuter(m, key)
		}
		return s.erase(m, key)
	})
}

func (s *State) deleteOuter(m *object, key uint64) []Outcome {
	if e, r := m.deleteFault(key); e != 0 {
		return fails(e, s.context(m, r)...)
	}
	return does(s.context(m, delStored), func(ops.Result) { s.drop(m, key) })
}

// deleteFault is why a key of an outer map cannot be deleted; 0 if it can.
func (m *object) deleteFault(key uint64) (unix.Errno, *Rule) {
	_, stored := m.slots[key]
	switch {
	case stored:
		return 0, nil
	case m.outerKind() == ops.OuterArray && key >= uint64(m.spec.Max):
		return unix.E2BIG, delIndex
	}
	return unix.ENOENT, delAbsent
}

// take predicts lookup-and-delete, which outer maps don't have.
func (s *State) take(o ops.Take) []Outcome {
	f := s.familyAt(o.On)
	allowed := ops.Lock
	if !s.Kernel.does(takesHash) {
		allowed = 0
	}
	switch {
	case o.Tail != 0:
		return fails(unix.EINVAL, on(f, tailRefused)...)
	case o.Flags&^allowed != 0:
		return fails(unix.EINVAL, on(f, takeFlags)...)
	}
	return s.element(o.On, toLook|toWrite, func(m *object) []Outcome {
		switch {
		case !m.outer && !m.modelled():
			return anything(func(ops.Result) { m.murky = true })
		case o.Flags != 0:
			return fails(unix.EINVAL, on(f, takeFlags)...)
		case o.Key.Null:
			return fails(unix.EFAULT, on(f, keyFault)...)
		case m.outer, m.spec.Type == ops.Array, !s.Kernel.does(takesHash):
			return []Outcome{{Want: ops.Result{Errno: ops.ENOTSUPP}, By: s.context(m, takeRefused)}}
		}
		return s.takeInner(m, ops.Truncate(o.Key.N, m.spec.Key))
	})
}

// dump predicts a walk that looks up every key.
func (s *State) dump(o ops.Dump) []Outcome {
	return s.element(o.On, toLook, func(m *object) []Outcome {
		if !m.outer {
			return anything(nil)
		}
		return reads("{"+pairs(m, m.keys())+"}", s.context(m, m.unharmed(dumpAll)...)...)
	})
}

func (s *State) next(o ops.Next) []Outcome {
	f := s.familyAt(o.On)
	if o.Tail != 0 {
		return fails(unix.EINVAL, on(f, tailRefused)...)
	}
	return s.element(o.On, toLook, func(m *object) []Outcome {
		by := s.context(m, innerWalk)
		switch {
		case m.outer && m.outerKind() == ops.OuterArray:
			by = s.context(m, nextIndex)
		case m.outer:
			by = s.context(m, nextKey)
		case !m.modelled():
			return anything(nil)
		}
		if m.spec.Type == ops.Array || m.spec.Type == ops.ArrayOfMaps {
			return nextIndexOf(m, o.Key, by)
		}
		return nextKeyOf(m, o.Key, by)
	})
}

func nextIndexOf(m *object, k ops.Key, by []Ref) []Outcome {
	index := ops.Truncate(k.N, m.spec.Key)
	switch {
	case k.Null || index >= uint64(m.spec.Max):
		return reads("0", by...)
	case index == uint64(m.spec.Max)-1:
		return fails(unix.ENOENT, by...)
	}
	return reads(keyText(index+1), by...)
}

func keyText(n uint64) string {
	b, _ := ops.K(n).MarshalText() // cannot fail
	return string(b)
}

// keys are the keys present in a hash table, sorted.
func (m *object) keys() (keys []uint64) {
	for k := range m.slots {
		keys = append(keys, k)
	}
	for k := range m.data {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func nextKeyOf(m *object, k ops.Key, by []Ref) (all []Outcome) {
	keys := m.keys()
	var after *uint64
	if key := ops.Truncate(k.N, m.spec.Key); !k.Null && slices.Contains(keys, key) {
		after = &key
	}
	candidates, end := m.walk.next(keys, after)
	for _, c := range candidates {
		all = append(all, Outcome{Want: ops.Read(keyText(c)), By: by, Then: func(ops.Result) { m.walk.learn(after, c, false) }})
	}
	if end {
		all = append(all, Outcome{Want: ops.Failed(unix.ENOENT), By: by, Then: func(ops.Result) { m.walk.learn(after, 0, true) }})
	}
	return all
}
