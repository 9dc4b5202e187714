package properties

import (
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// Maps of which every processor has values of its own: user space writes them for all processors, programs for the one
// that they run on, and what they add is 0 elsewhere.

// perCPU says whether m is such a map.
func (m *object) perCPU() bool {
	return m.spec.Type == ops.PercpuHash || m.spec.Type == ops.PercpuArray
}

// eachKnown says whether its content is modelled.
func (m *object) eachKnown() bool { return m.perCPU() && !m.murky && plainValues(m.btf) }

// writeEach stores a value for every processor. There are more flags on some kernels.
func (s *State) writeEach(m *object, o ops.Update) []Outcome {
	if !m.eachKnown() || o.Value.Name != "" || o.Value.Null || o.Key.Null || o.Flags > ops.Exist {
		return anything(func(ops.Result) { m.murky = true })
	}
	key, value := ops.Truncate(o.Key.N, m.spec.Key), ops.Truncate(o.Value.N, m.spec.Value)
	if e := s.writeFault(m, key, o.Flags); e != 0 {
		return fails(e, s.context(m, innerWrite)...)
	}
	return does(s.context(m, innerWrite), func(ops.Result) {
		m.forget(key)
		m.data[key] = value
	})
}

// readEach answers what the processors have, each value once. Where there is one processor it has what was written last.
func (s *State) readEach(m *object, key uint64) []Outcome {
	value, present := m.data[key]
	present = present || m.indexed() && key < uint64(m.spec.Max)
	rest, differ := m.rest[key]
	switch {
	case !present:
		return fails(unix.ENOENT, s.context(m, innerAbsent)...)
	case m.stale[key] || differ && !s.Kernel.has(ops.FeatureCPUs):
		return anything(nil)
	case !differ:
		rest = value
	}
	return reads(ops.EachText(keyText(value), keyText(rest)), s.context(m, innerStored)...)
}

// runOn has m hold what a program left in a copy of it, for one processor.
func (m *object) runOn(c *object) {
	for key := range m.data {
		if _, kept := c.data[key]; !kept {
			m.forget(key)
		}
	}
	for key := range c.mine {
		value, kept := c.data[key]
		rest, had := m.data[key], !c.added[key]
		_, differ := m.rest[key]
		switch {
		case !kept:
			continue
		case had && (differ || m.stale[key]):
			m.data[key] = value
			m.smear(key)
			continue
		case !had:
			rest = 0
		}
		m.forget(key)
		if m.data[key] = value; rest != value {
			m.differ(key, rest)
		}
	}
}

func (m *object) differ(key, rest uint64) {
	if m.rest == nil {
		m.rest = map[uint64]uint64{}
	}
	m.rest[key] = rest
}

// smear says that nobody knows what the processors have under a key.
func (m *object) smear(key uint64) {
	if m.stale == nil {
		m.stale = map[uint64]bool{}
	}
	m.stale[key] = true
}

// beside looks up what another processor has, where there is another.
func (r *running) beside(step ops.BodyStep) {
	if r.it.m == nil || !r.it.m.perCPU() || !r.s.Kernel.has(ops.FeatureCPUs) {
		r.lost = true
		return
	}
	r.get(step)
	r.it.apart, r.it.asked = r.it.kind == atValue, r.promised(runBeside)
}

// bytesApart are those that another processor has under a key of which all have the same before the program: what that wrote
// is its own processor's, and 0 elsewhere if it added the key.
func (r *running) bytesApart() []byte {
	value := r.it.m.data[r.it.key]
	if r.copy(r.it.m).added[r.it.key] {
		value = 0
	}
	return ops.BytesIn(r.order(), value, r.it.m.spec.Value)
}

// wrote notes in a copy of a map what the program wrote for its processor, and whether the key was there.
func (m *object) wrote(key uint64, added bool) {
	if m.mine == nil {
		m.mine, m.added = map[uint64]bool{}, map[uint64]bool{}
	}
	m.mine[key] = true
	m.added[key] = m.added[key] || added
}
