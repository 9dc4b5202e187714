package progs

import "mimic/ops"

func (p *inspector) useValue(s ops.BodyStep) Misuse {
	switch s.Word {
	case ops.StepRead, ops.StepWrite:
		return p.access(s)
	case ops.StepCount:
		return p.count()
	case ops.StepAdd:
		return p.add(s)
	case ops.StepGet, ops.StepBeside, ops.StepCall, ops.StepLend, ops.StepSum:
		return MisuseType
	case ops.StepTimer:
		return p.timer()
	case ops.StepLock, ops.StepUnlock:
		return p.lock(s.Word)
	}
	p.report.Unsure = true
	return ""
}

// timer is set up for the very map that the value was looked up in.
func (p *inspector) timer() Misuse {
	p.report.Unsure = true
	switch {
	case p.other.kind == unknown:
	case p.other.kind == null || p.other.kind == nothing:
		return MisuseScalar
	case p.other.null == maybe:
		return MisuseNull
	case p.other.kind == value:
		return MisuseType
	case p.other.id != p.it.of:
		return MisuseTimer
	}
	return ""
}

// lock is taken and released by the same pointer.
func (p *inspector) lock(w ops.StepWord) Misuse {
	p.report.Unsure = true
	switch {
	case p.it.second || !p.given[0].Lock: // the field is where values of the first map have it
	case w == ops.StepLock && p.locked == 0:
		p.locked = p.it.id
	case w == ops.StepUnlock && p.locked == p.it.id:
		p.locked = 0
	default:
		return MisuseLock
	}
	return ""
}

// access is within the value, or it is a misuse.
func (p *inspector) access(s ops.BodyStep) Misuse {
	offset, size := int64(0), int64(ReadSize(p.given[0].Value))
	if len(s.N) > 1 {
		offset, size = s.N[0], s.N[1]
	}
	if s.Word == ops.StepWrite {
		return p.within(offset, size, ops.ReadOnlyProg)
	}
	return p.within(offset, size, ops.WriteOnlyProg)
}

// count reads and writes, and no verifier takes it at any other address than a
// multiple of its size.
func (p *inspector) count() Misuse {
	size := countSize(p.given[0].Value)
	if p.it.low != p.it.high || p.it.low%size != 0 {
		p.report.Unsure = true
	}
	return p.within(0, size, ops.ReadOnlyProg|ops.WriteOnlyProg)
}

// within is a use of so many bytes of the value, from an offset on; maps with
// these flags do not let programs do that.
func (p *inspector) within(offset, size int64, denied ops.CreateFlags) Misuse {
	g := p.reached()
	if p.it.low+offset < 0 || p.it.high+offset+size > int64(g.Value) {
		return MisuseBounds
	}
	if g.Flags&denied != 0 {
		return MisuseForbidden
	}
	p.unless(lookedUp)
	return ""
}

// MostIn is the most that add:in adds: the lowest bits of what a run hands over.
const MostIn = 7

// add moves a pointer to a value.
func (p *inspector) add(s ops.BodyStep) Misuse {
	n, m := int64(s.Key.N), int64(s.Key.N)
	if s.Key.In {
		n, m = 0, MostIn
	}
	p.it.low, p.it.high = p.it.low+n, p.it.high+m
	return ""
}
