package properties

import (
	"cmp"
	"math"
	"strconv"

	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

// call follows a program into a helper or kfunc that works on a map.
func (r *running) call(step ops.BodyStep) {
	m := r.it.m
	if in := r.it.in; in != r.p.uses && in.inside().Value != r.p.uses.inside().Value {
		r.lost = true // it hands over values of the first map
		return
	}
	if m.murky || m.outer && step.Call.Name != "map_sum_elem_count" || !plainValues(m.btf) {
		r.lost = true
		return
	}
	do := callModels[step.Call.Name]
	if do == nil {
		r.lost = true
		return
	}
	value, flags := uint64(0), ops.UpdateFlags(0)
	if len(step.N) > 0 {
		value = ops.Truncate(uint64(step.N[0]), m.spec.Value)
	}
	if len(step.N) > 1 {
		flags = ops.UpdateFlags(step.N[1])
	}
	do(r, r.copy(m), callArgs{ops.Truncate(r.innerKey(step).N, m.spec.Key), value, flags})
}

type callArgs struct {
	key, value uint64
	flags      ops.UpdateFlags
}

// callModels is what the calls do that are modelled, and answer.
var callModels = map[string]func(r *running, m *object, a callArgs){
	"map_update_elem":    (*running).updates,
	"map_delete_elem":    (*running).deletes,
	"map_push_elem":      (*running).pushes,
	"map_pop_elem":       func(r *running, m *object, _ callArgs) { r.pops(m, true) },
	"map_peek_elem":      func(r *running, m *object, _ callArgs) { r.pops(m, false) },
	"for_each_map_elem":  func(r *running, m *object, a callArgs) { r.visits(m, a, math.MaxInt) },
	"map_sum_elem_count": (*running).counts,
	// its function ends the walk with the first
	"for_each_map_elem_stop": func(r *running, m *object, a callArgs) { r.visits(m, a, 1) },
}

// answers says what a call returned: 0, or an errno.
func (r *running) answers(e unix.Errno, by *Rule) { r.say(strconv.Itoa(-int(e)), r.promised(by)) }

func (r *running) promised(by *Rule) []Ref {
	m := cmp.Or(r.it.in, r.p.uses)
	if !m.outer {
		return on(FamilyInner, runDirect)
	}
	return r.s.context(m, by)
}

func (r *running) updates(m *object, a callArgs) {
	if r.lost = !m.writable() || m.perCPU() && a.flags > ops.Exist; r.lost { // kernels have more flags for them
		return
	}
	e := r.s.writeFault(m, a.key, a.flags)
	if e == 0 {
		_, present := m.data[a.key]
		m.data[a.key] = a.value
		m.wrote(a.key, !present && !m.indexed())
	}
	r.answers(e, runWrites)
}

func (r *running) deletes(m *object, a callArgs) {
	_, present := m.data[a.key]
	switch {
	case !m.writable():
		r.lost = true
		return
	case m.indexed():
		r.answers(unix.EINVAL, runWrites)
		return
	case !present:
		r.answers(unix.ENOENT, runWrites)
		return
	}
	delete(m.data, a.key)
	r.answers(0, runWrites)
}

// pushes adds to a queue or stack; EXIST makes room by dropping the oldest.
func (r *running) pushes(m *object, a callArgs) {
	full := len(m.queue) >= int(m.spec.Max)
	switch {
	case !m.queues():
		r.lost = true
		return
	case a.flags != 0 && a.flags != ops.Exist:
		r.answers(unix.EINVAL, runQueues)
		return
	case full && a.flags == 0:
		r.answers(unix.E2BIG, runQueues)
		return
	case full:
		m.queue = m.queue[1:]
	}
	m.queue = append(m.queue, a.value)
	r.answers(0, runQueues)
}

func (m *object) queues() bool { return m.spec.Type == ops.Queue || m.spec.Type == ops.Stack }

func (r *running) pops(m *object, remove bool) {
	if r.lost = !m.queues(); r.lost {
		return
	}
	if len(m.queue) == 0 {
		r.answers(unix.ENOENT, runQueues)
		return
	}
	at := 0
	if m.spec.Type == ops.Stack {
		at = len(m.queue) - 1
	}
	r.answers(0, runQueues)
	r.say(ops.Number(ops.Bytes(m.queue[at], m.spec.Value)), r.promised(runQueues))
	if remove {
		m.queue = append(append([]uint64{}, m.queue[:at]...), m.queue[at+1:]...)
	}
}

// visits answers how many elements a callback was given, which ends that after so many.
func (r *running) visits(m *object, a callArgs, most int) {
	switch {
	case !m.writable():
		r.lost = true
	case a.flags != 0:
		r.answers(unix.EINVAL, runVisits)
	case m.indexed():
		r.say(strconv.Itoa(min(most, int(m.spec.Max))), r.promised(runVisits))
	default:
		r.say(strconv.Itoa(min(most, len(m.data))), r.promised(runVisits))
	}
}

// counts answers how many elements a hash table has; arrays don't count theirs.
func (r *running) counts(m *object, _ callArgs) {
	switch {
	case m.outer && m.spec.Type == ops.HashOfMaps:
		r.say(strconv.Itoa(len(m.slots)), r.promised(outerCount))
	case m.outer:
		r.say("0", r.promised(outerCount))
	case m.spec.Type == ops.Hash:
		r.say(strconv.Itoa(len(m.data)), r.promised(runVisits))
	default:
		r.lost = true
	}
}

// lend answers whether a subprogram finds in a map what the run hands over.
func (r *running) lend() {
	here := r.it
	r.get(ops.BodyStep{Word: ops.StepGet, Key: ops.BodyKey{In: true}})
	found := "0"
	if r.it.kind == atValue {
		found = "1"
	}
	if !r.lost {
		r.say(found, r.it.asked)
	}
	r.it = here
}

// sum answers the sum of what the values begin with.
func (r *running) sum() {
	m := r.it.m
	if r.lost = m.outer || m.murky || !rowOf(m.spec.Type).content || !plainValues(m.btf) || r.it.in.inside().Value != r.p.uses.inside().Value; r.lost {
		return
	}
	size, sum := ops.Size(progs.ReadSize(m.spec.Value)), uint64(0)
	for _, value := range r.copy(m).data {
		n, err := strconv.ParseUint(ops.NumberIn(r.order(), ops.BytesIn(r.order(), value, m.spec.Value)[:size]), 10, 64)
		r.lost = r.lost || err != nil
		sum += n
	}
	r.say(strconv.FormatUint(sum, 10), r.promised(runVisits))
}
