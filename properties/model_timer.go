package properties

import (
	"maps"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// timed says whether the model follows the timers in the values of m: those of
// arrays, whose elements are there from the beginning to the end, and of hashes.
func (m *object) timed() bool { return m.spec.Type == ops.Array && m.hasTimer() || m.timedHash() }

func (m *object) timedHash() bool { return m.spec.Type == ops.Hash && m.hasTimer() }

func (m *object) hasTimer() bool {
	return m.btf != nil && strings.Contains(string(m.btf.kind), "timer")
}

// renewed is a call that makes an element of a hash with timers new, or removes it, if it succeeds: its timer is gone.
// Values are not followed.
func (m *object) renewed(k ops.Key, there bool) []Outcome {
	return anything(func(got ops.Result) {
		key := ops.Truncate(k.N, m.spec.Key)
		if got != ops.OK || k.Null {
			return
		}
		delete(m.timers, key)
		delete(m.data, key)
		if there {
			m.data[key] = 0
		}
	})
}

// byUser says whether user space holds m: by a descriptor, a path or an iterator.
func (m *object) byUser() bool { return m.fds > 0 || m.pins > 0 || m.held > 0 }

// unused lets go of the timers of m if user space does not hold it any more: at
// once if that was known by a call that closed it, else some time soon.
func (m *object) unused(later bool) {
	switch {
	case m.byUser():
	case later:
		m.untimed = true
	default:
		clear(m.timers)
	}
}

// timer sets up the timer of an element: once, and only while user space holds
// the map, for an outer map would keep it beyond what can end it
// (kernel/bpf/helpers.c __bpf_async_init).
func (r *running) timer() {
	m, key := r.it.m, r.it.key
	if r.lost = !m.timed() || m.untimed; r.lost {
		return
	}
	c := r.copy(m)
	switch {
	case c.timers[key]:
		r.sayTimer(unix.EBUSY, timerOnce)
	case r.noMemory():
		r.sayTimer(unix.ENOMEM, timerOnce)
	case !m.byUser():
		r.sayTimer(unix.EPERM, timerAlone)
	default:
		c.timers[key] = true
		r.sayTimer(0, timerOnce)
	}
}

// noMemory counts an allocation, and says whether there is no memory for it.
func (r *running) noMemory() bool {
	r.allocs++
	return r.short>>(r.allocs-1)&1 != 0
}

// sayTimer says what a call answered, which is promised of a map that a program is given, too.
func (r *running) sayTimer(e unix.Errno, by *Rule) {
	r.say(strconv.Itoa(-int(e)), r.s.context(r.it.in, by))
}

// stop cancels the timer of an element, which stays set up. That may have to be waited for, so who is called from an interrupt
// cannot (kernel/bpf/helpers.c bpf_timer_cancel; only from 7.0 on such programs may have timers), which a kprobe may be.
func (r *running) stop() {
	m := r.it.m
	switch r.lost = !m.timed() || m.untimed || r.p.typ == ops.Kprobe; {
	case r.lost:
	case r.p.typ == ops.PerfEvent:
		r.sayTimer(unix.EOPNOTSUPP, timerOnce)
	case r.copy(m).timers[r.it.key]:
		r.sayTimer(0, timerOnce)
	default:
		r.sayTimer(unix.EINVAL, timerOnce)
	}
}

// timersOf is a copy of those that are set up.
func timersOf(m *object) map[uint64]bool {
	if c := maps.Clone(m.timers); c != nil {
		return c
	}
	return map[uint64]bool{}
}
