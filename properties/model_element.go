package properties

import (
	"slices"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

func (s *State) update(m *object, o ops.Update) []Outcome {
	switch {
	case o.Key.Null:
		return anything(nil)
	case m.outer:
		return s.put(m, o)
	case o.Value.Name != "" || !rowOf(m.spec.Type).content:
		return anything(func(ops.Result) { m.murky = true })
	}
	return s.write(m, ops.Truncate(o.Key.N, m.spec.Key), ops.Truncate(o.Value.N, m.spec.Value), o.Flags)
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

// put is an update of an outer map.
func (s *State) put(m *object, o ops.Update) []Outcome {
	key := ops.Truncate(o.Key.N, m.spec.Key)
	inner, valueFault := s.valueFault(m, o.Value)
	if inner != nil && inner.free || o.Value.Name == "" && o.Value.N < 1<<20 {
		return anything(nil) // what a small number is as a descriptor, nobody knows
	}
	faults, order := s.arrayFaults(m, key, o.Flags, valueFault), orderArray
	if m.kind() == ops.OuterHash {
		faults, order = s.hashFaults(m, key, o.Flags, valueFault), orderHash
	}
	if len(faults) > 0 {
		return refusal(m.family(), order, faults, func(ops.Result) {
			if inner != nil {
				inner.remember(deadRefused, m.family())
			}
		})
	}
	by := m.putBy(key, o.Flags, inner)
	blame := func(got ops.Result) []Ref {
		if got.Errno == ops.Errno(unix.E2BIG) && m.kind() == ops.OuterHash {
			return append(on(m.family(), putCapacity), by...)
		}
		return by
	}
	return []Outcome{{Want: ops.OK, By: by, Blame: blame, Then: func(ops.Result) { s.store(m, key, inner) }}}
}

func (s *State) arrayFaults(m *object, key uint64, flags ops.UpdateFlags, value []fault) (faults []fault) {
	if flags != ops.Any {
		faults = append(faults, wrong(unix.EINVAL, putFlagArray))
	}
	if key >= uint64(m.spec.Max) {
		faults = append(faults, wrong(unix.E2BIG, putIndex))
	}
	return append(faults, value...)
}

func (s *State) hashFaults(m *object, key uint64, flags ops.UpdateFlags, value []fault) (faults []fault) {
	if s.earlyFlags(flags) {
		faults = append(faults, wrong(unix.EINVAL, putFlagHash))
	}
	faults = append(faults, value...)
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
	case s.openProg(v.Name) != nil:
		return nil, []fault{wrong(unix.EINVAL, putNotMap)}
	case inner == nil:
		return nil, []fault{wrong(unix.EBADF, putNoFD)}
	}
	if r := s.misfit(m.shape, inner.spec); r != nil {
		return inner, []fault{wrong(unix.EINVAL, r)}
	}
	return inner, nil
}

// misfit is the rule by which a map is no element beside that template, or nil.
func (s *State) misfit(want, have Spec) *Rule {
	row := rowOf(want.Type)
	switch {
	case have.Type == ops.ArrayOfMaps || have.Type == ops.HashOfMaps:
		return putNested
	case have.Type == ops.ProgArray:
		return putProgArray
	case have.Type != want.Type:
		return putType
	case have.Key != want.Key || have.Value != want.Value || have.Flags != want.Flags:
		return putShape
	case have.Max != want.Max && row.sameMax(s.Kernel, want):
		return putMax
	}
	return nil
}

// putBy is what promises that a fitting map is stored.
func (m *object) putBy(key uint64, flags ops.UpdateFlags, inner *object) []Ref {
	var by []*Rule
	if inner.spec.Max != m.shape.Max {
		by = append(by, putMaxFree)
	}
	_, present := m.slots[key]
	if m.kind() == ops.OuterHash && !present && len(m.slots) == int(m.spec.Max)-1 {
		by = append(by, putCapacity)
	}
	switch {
	case flags != ops.Any:
		by = append(by, putFlag)
	case present:
		by = append(by, putReplace)
	case m.kind() == ops.OuterHash && len(m.slots)+m.freed >= int(m.spec.Max):
		by = append(by, putRoom)
	default:
		by = append(by, putNew)
	}
	return m.context(by...)
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

// removed takes one reference of an outer map from what it stored.
func (s *State) removed(old, m *object) {
	old.remember(deadRemoved, m.family())
	s.lost(old, false)
}

// at asks about a key of a map: one thing of an outer map, another of an inner
// map whose content is modelled.
func at(m *object, k ops.Key, outer, inner func(*object, uint64) []Outcome) []Outcome {
	key := ops.Truncate(k.N, m.spec.Key)
	switch {
	case k.Null:
		return anything(nil)
	case m.outer:
		return outer(m, key)
	case !rowOf(m.spec.Type).content:
		return anything(nil)
	}
	return inner(m, key)
}

func (s *State) lookupOuter(m *object, key uint64) []Outcome {
	inner, stored := m.slots[key]
	switch {
	case stored:
		want := ops.Read(string(inner.name))
		blame := func(got ops.Result) []Ref {
			if got.Errno == 0 {
				return m.context(getID)
			}
			return m.context(getStored)
		}
		return []Outcome{{Want: want, By: m.context(getStored, getID), Blame: blame}}
	case m.kind() == ops.OuterHash:
		return fails(unix.ENOENT, m.context(getAbsent)...)
	case key >= uint64(m.spec.Max):
		return fails(unix.ENOENT, m.context(getIndex)...)
	case !m.written[key]:
		return fails(unix.ENOENT, m.context(getEmpty)...)
	}
	return fails(unix.ENOENT, m.context(getAbsent)...)
}

func (s *State) deleteOuter(m *object, key uint64) []Outcome {
	old, stored := m.slots[key]
	switch {
	case stored:
		return does(m.context(delStored), func(ops.Result) {
			delete(m.slots, key)
			m.freed++
			m.walk.forget()
			s.removed(old, m)
		})
	case m.kind() == ops.OuterArray && key >= uint64(m.spec.Max):
		return fails(unix.E2BIG, m.context(delIndex)...)
	}
	return fails(unix.ENOENT, m.context(delAbsent)...)
}

func (s *State) next(m *object, k ops.Key) []Outcome {
	by := on(FamilyInner, innerWalk)
	switch {
	case m.outer && m.kind() == ops.OuterArray:
		by = m.context(nextIndex)
	case m.outer:
		by = m.context(nextKey)
	case !rowOf(m.spec.Type).content:
		return anything(nil)
	}
	if m.spec.Type == ops.Array || m.spec.Type == ops.ArrayOfMaps {
		return nextIndexOf(m, k, by)
	}
	return nextKeyOf(m, k, by)
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

// write, read and erase are the content of an inner hash or array.

func (s *State) write(m *object, key, value uint64, flags ops.UpdateFlags) []Outcome {
	if e := s.writeFault(m, key, flags); e != 0 {
		return fails(e, on(FamilyInner, innerWrite)...)
	}
	return does(on(FamilyInner, innerWrite), func(ops.Result) {
		m.data[key] = value
		m.walk.forget()
	})
}

func (s *State) writeFault(m *object, key uint64, flags ops.UpdateFlags) unix.Errno {
	array := m.spec.Type == ops.Array
	_, present := m.data[key]
	switch {
	case flags > ops.Exist:
		return unix.EINVAL
	case array && key >= uint64(m.spec.Max):
		return unix.E2BIG
	case flags == ops.NoExist && (array || present):
		return unix.EEXIST
	case flags == ops.Exist && !array && !present:
		return unix.ENOENT
	case !array && !present && len(m.data) >= int(m.spec.Max):
		return unix.E2BIG
	}
	return 0
}

func (s *State) read(m *object, key uint64) []Outcome {
	value, present := m.data[key]
	if m.spec.Type == ops.Array {
		present = key < uint64(m.spec.Max)
	}
	if !present {
		return fails(unix.ENOENT, on(FamilyInner, innerAbsent)...)
	}
	return reads(keyText(value), on(FamilyInner, innerStored)...)
}

func (s *State) erase(m *object, key uint64) []Outcome {
	if m.spec.Type == ops.Array {
		return fails(unix.EINVAL, on(FamilyInner, innerWrite)...)
	}
	if _, present := m.data[key]; !present {
		return fails(unix.ENOENT, on(FamilyInner, innerAbsent)...)
	}
	return does(on(FamilyInner, innerWrite), func(ops.Result) {
		delete(m.data, key)
		m.walk.forget()
	})
}
