package properties

import (
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// write, read, erase and takeInner are the content of an inner hash or array.

func (s *State) write(m *object, key, value uint64, flags ops.UpdateFlags) []Outcome {
	by := s.context(m, innerWrite)
	if e := s.writeFault(m, key, flags); e != 0 {
		return fails(e, by...)
	}
	return does(by, func(ops.Result) {
		m.data[key] = value
		m.walk.forget()
	})
}

func (s *State) writeFault(m *object, key uint64, flags ops.UpdateFlags) unix.Errno {
	array := m.indexed()
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
		return fails(unix.ENOENT, s.context(m, innerAbsent)...)
	}
	return reads(keyText(value), s.context(m, innerStored)...)
}

func (s *State) erase(m *object, key uint64) []Outcome {
	if m.indexed() {
		return fails(unix.EINVAL, s.context(m, innerWrite)...)
	}
	if _, present := m.data[key]; !present {
		return fails(unix.ENOENT, s.context(m, innerAbsent)...)
	}
	return does(s.context(m, innerWrite), func(ops.Result) { m.forget(key) })
}

// takeInner is an erasure that answers what it erased.
func (s *State) takeInner(m *object, key uint64) []Outcome {
	value, present := m.data[key]
	if !present {
		return fails(unix.ENOENT, s.context(m, innerAbsent)...)
	}
	return []Outcome{{Want: ops.Read(keyText(value)), By: s.context(m, innerStored), Then: func(ops.Result) { m.forget(key) }}}
}

func (m *object) forget(key uint64) {
	delete(m.data, key)
	delete(m.rest, key)
	delete(m.stale, key)
	m.walk.forget()
}
