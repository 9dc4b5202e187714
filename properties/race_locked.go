package properties

import (
	"slices"
	"strconv"

	"mimic/ops"
)

// What is done to a value in an inner map while its bpf_spin_lock is held is done as a whole: a program that adds to the
// number at its beginning, and user space that writes or reads it with BPF_F_LOCK, come one after the other.

// addsLocked is what a program adds to a number in what it finds, so far, with the lock held, and answers it; ok says
// whether it is such a program.
func addsLocked(b ops.Body) (far uint64, ok bool) {
	words, far := wordsOf(b)
	return far, slices.Equal(words, []ops.StepWord{ops.StepFind, ops.StepCheck, ops.StepGet, ops.StepCheck, ops.StepLock, ops.StepCount, ops.StepRead, ops.StepUnlock})
}

// numbered says whether values of an inner map begin with a number and have a lock behind it.
func (m *object) numbered() bool {
	return !m.outer && m.spec.Type == ops.Array && m.btf != nil && m.btf.kind == lockBehind
}

// lockBehind is what describes values that begin with no lock, but have one.
const lockBehind = "lock16"

// numbers is what is known of the numbers in values of inner maps, in a race that changes them with their locks held only.
type numbers struct {
	family Family   // of the outer map
	far    uint64   // what programs add each time
	begun  []uint64 // what there is before, and what user space writes
}

// lockedNumbers is nil if anything changes them otherwise, or programs do not.
func (r *race) lockedNumbers() *numbers {
	written := func(o *object) bool { return !o.outer && o.kind == "" && o.murky }
	if r.s.attachedAny() || slices.ContainsFunc(r.s.objects, written) {
		return nil
	}
	n := &numbers{begun: []uint64{0}}
	for _, d := range r.deeds {
		if !r.noteNumber(n, d) {
			return nil
		}
	}
	if n.far == 0 {
		return nil
	}
	return n
}

// noteNumber says whether a deed leaves the numbers alone, or holds the lock.
func (r *race) noteNumber(n *numbers, d deed) bool {
	name := ops.Uses(d.op)[0]
	if p := r.s.openProg(name); p != nil {
		far, ok := addsLocked(p.body)
		if !writes(p.body) || !ok || p.uses == nil || !p.uses.outer {
			return !writes(p.body)
		}
		again := n.far == 0 || n.far == far && n.family == p.uses.family()
		n.far, n.family = far, p.uses.family()
		return again
	}
	m := r.s.open(name)
	if m == nil || m.outer || !isWrite(d.op) {
		return m != nil
	}
	o, is := d.op.(ops.Update)
	n.begun = append(n.begun, o.Value.N)
	return is && o.Flags == ops.Lock && o.Value.Name == "" && m.numbered()
}

// locked judges an answer of a program or of user space that held the lock: at least so much was added to what was there.
func (r *race) locked(d deed, least uint64) *flaw {
	n := r.numbers
	number, err := strconv.ParseUint(d.Got.Got, 10, 64)
	if n == nil || err != nil || d.Got.Errno != 0 {
		return nil
	}
	if slices.ContainsFunc(r.deeds, func(w deed) bool { return w.thread != d.thread && w.overlaps(d) && r.holdsLock(w.op) }) {
		r.asked[Ref{raceLocked, n.family}]++
	}
	return miscounted(d, number, n.begun, least, n.far, Ref{raceLocked, n.family})
}

// holdsLock says whether an operation holds the lock of a value while it uses it.
func (r *race) holdsLock(op ops.Op) bool {
	switch o := op.(type) {
	case ops.Update:
		return o.Flags&ops.Lock != 0
	case ops.Lookup:
		return o.Flags&ops.Lock != 0
	case ops.Run:
		p := r.s.openProg(o.On)
		return p != nil && p.body.Has(ops.StepLock)
	}
	return false
}
