package properties

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// source is how something was seen; what is judged by a rule of its own has a
// source of its own.
type source string

const (
	byWrite  source = "write"
	byAbsent source = "absent" // a lookup that found nothing
	byValue  source = "value"  // a lookup that found a map
	byNext   source = "next"
	byBatch  source = "batch"
	byEnd    source = "end" // when all threads had ended
)

// observation is one thing that was seen of a matter at some time within a
// deed: it was in one of the states that allow it, and is in another then.
type observation struct {
	deed
	source  source
	says    string
	value   string // that was found, of a lookup
	allowed func(state string) bool
	becomes *string // nil: as it was
	frozen  *deed   // that froze the map while this was written: it was done by then
	turn    turn
	times   int // that earlier writes are
}

// turn is when one call wrote of the writes of its own to the same key.
type turn int

const (
	onlyWrite     turn = iota
	earlierWrites      // all of them but the last
	lastWrite
)

func is(want string) func(string) bool { return func(s string) bool { return mayBe(s, want) } }

// or joins the names of the maps of which a key holds one or the other, as it is written to more than
// once by one call.
const or = "|"

// mayBe says whether a state can be that a map of this name is stored.
func mayBe(state, name string) bool {
	return state == name || strings.Contains(state, or) && slices.Contains(strings.Split(state, or), name)
}

func something(s string) bool { return s != "" }
func whatever(string) bool    { return true }

func (h *history) add(o observation) { h.seen = append(h.seen, o) }

// found is a lookup of a map, or of nothing.
func (h *history) found(d deed, how source, value string) {
	if how == byValue && value == "" {
		how = byAbsent
	}
	says := "is " + value
	if value == "" {
		says = "is absent"
	}
	h.add(observation{deed: d, source: how, says: says, value: value, allowed: is(value)})
}

// write is a successful write: what was allowed before, and what is there then.
func (h *history) write(d deed, says string, allowed func(string) bool, then string) {
	h.add(observation{deed: d, source: byWrite, says: says, allowed: allowed, becomes: &then, frozen: h.frozenIn(d)})
}

// frozenIn is what froze the outer map in the time of a write of an element, which must have been done
// before; nil if nothing did.
func (h *history) frozenIn(d deed) (first *deed) {
	for i, f := range h.freezes {
		if d.Call < f.Return && f.Return < d.Return && (first == nil || f.Return < first.Return) {
			first = &h.freezes[i]
		}
	}
	return first
}

// writes are those of one call to one key, in order: on the way any of them may be seen.
func (h *history) writes(d deed, names []string) {
	last := names[len(names)-1]
	all := slices.Compact(slices.Sorted(slices.Values(names)))
	if len(all) > 1 {
		h.write(d, "= "+strings.Join(all, " or "), whatever, strings.Join(all, or))
		h.seen[len(h.seen)-1].turn, h.seen[len(h.seen)-1].times = earlierWrites, len(names)-1
	}
	h.write(d, "= "+last, whatever, last)
	if len(all) > 1 {
		h.seen[len(h.seen)-1].turn = lastWrite
	}
}

// refused is a write that failed because of what was there.
func (h *history) refused(d deed, says string, allowed func(string) bool) {
	h.add(observation{deed: d, source: byWrite, says: says, allowed: allowed})
}

// observe adds what one deed says of everything that it is about.
func (r *race) observe(d deed) *flaw {
	switch o := d.op.(type) {
	case ops.Close:
		return r.closed(d, o.On)
	case ops.Freeze:
		return r.freeze(d, o)
	case ops.Pin:
		return r.pin(d, o)
	case ops.Unpin:
		return r.unpin(d, o)
	case ops.Bind:
		return r.bound(d, o)
	case ops.Run:
		return r.run(d, o)
	case ops.Still:
		return nil // judged together with the writes before it
	}
	return r.element(d)
}

// use says of every descriptor that a deed used that it was open, or closed.
// It answers false if it was not done for want of one.
func (r *race) use(d deed, names ...ops.Name) bool {
	var closable []*history
	for _, n := range names {
		if h := r.descriptor(n); h != nil {
			closable = append(closable, h)
		}
	}
	if d.Got.Errno != ops.Errno(unix.EBADF) {
		for _, h := range closable {
			if d.Got.Errno == 0 {
				h.add(observation{deed: d, source: byValue, says: "was used", allowed: is(yes)})
			}
		}
		return true
	}
	if len(closable) == 1 {
		closable[0].add(observation{deed: d, source: byValue, says: "was not open", allowed: is(no)})
	}
	return len(closable) == 0
}

func (r *race) closed(d deed, n ops.Name) *flaw {
	h := r.descriptor(n)
	switch d.Got {
	case ops.OK:
		h.write(d, "closed", is(yes), no)
	case ops.Failed(unix.EBADF):
		h.refused(d, "not open", is(no))
	default:
		return &flaw{want: "ok or EBADF of " + d.op.String(), by: on(FamilyInner, raceClose)}
	}
	return nil
}

func (r *race) freeze(d deed, o ops.Freeze) *flaw {
	m := r.s.open(o.On)
	if m == nil || !m.outer || m.free || !r.use(d, o.On) {
		return nil
	}
	h := r.frozen(m)
	busy := slices.ContainsFunc(r.deeds, func(w deed) bool { return w.overlaps(d) && isWrite(w.op) && r.s.objectOf(ops.Uses(w.op)[0]) == m })
	if busy {
		r.asked[Ref{raceFreeze, m.family()}]++
		r.asked[Ref{raceFreezeLate, m.family()}]++
	}
	switch {
	case d.Got == ops.OK:
		h.write(d, "frozen", is(no), yes)
	case d.Got == ops.Failed(unix.EBUSY) && busy:
	case d.Got == ops.Failed(unix.EBUSY), d.Got == ops.Failed(unix.EPERM):
		h.refused(d, "was frozen", is(yes))
	default:
		return r.exactly(d, r.s.Step(o))
	}
	return nil
}

func isWrite(op ops.Op) bool {
	switch op.(type) {
	case ops.Update, ops.Delete, ops.UpdateBatch, ops.DeleteBatch, ops.TakeBatch, ops.Renew, ops.Sys:
		return true
	}
	return false
}

func (r *race) pin(d deed, o ops.Pin) *flaw {
	asked := d
	if d.Got == ops.Failed(unix.EINVAL) { // what it says to a descriptor that is not open
		d.Got = ops.Failed(unix.EBADF)
	}
	if !r.use(d, o.Of) || !r.s.Kernel.has(ops.FeaturePins) {
		return nil
	}
	switch d.Got {
	case ops.OK:
		r.path(o.Def).write(d, "made", is(no), yes)
	case ops.Failed(unix.EEXIST):
		r.path(o.Def).refused(d, "is there", is(yes))
	default:
		return r.exactly(asked, r.s.Step(o))
	}
	return nil
}

func (r *race) unpin(d deed, o ops.Unpin) *flaw {
	if !r.s.Kernel.has(ops.FeaturePins) {
		return nil
	}
	switch d.Got {
	case ops.OK:
		r.path(o.On).write(d, "removed", is(yes), no)
	case ops.Failed(unix.ENOENT):
		r.path(o.On).refused(d, "is not there", is(no))
	default:
		return r.exactly(d, r.s.Step(o))
	}
	return nil
}

// bound is a map that was bound to a program, or was already.
func (r *race) bound(d deed, o ops.Bind) *flaw {
	if !r.use(d, o.On, o.Map) {
		return nil
	}
	return r.exactly(d, r.s.Step(o))
}

// element is a deed with the elements of a map.
func (r *race) element(d deed) *flaw {
	m := r.s.open(ops.Uses(d.op)[0])
	switch {
	case m == nil:
		return r.exactly(d, r.s.Step(d.op)) // whatever else is the case, it is no map
	case !m.outer:
		m.murky = m.murky || isWrite(d.op)
		if o, looks := d.op.(ops.Lookup); looks && o.Flags == ops.Lock && m.numbered() {
			return r.locked(d, 0)
		}
		return nil
	case m.free || r.lawless[m]:
		return nil
	}
	if outcomes := r.fixed(m, d.op); outcomes != nil && !r.excused(m, d) {
		return r.exactly(d, outcomes)
	}
	if !r.use(d, ops.Uses(d.op)...) || !r.permitted(m, d) {
		return nil
	}
	return r.done(m, d)
}

// exactly is an answer that does not depend on what happens at the same time.
func (r *race) exactly(d deed, outcomes []Outcome) *flaw {
	if match(outcomes, d.Got) != nil {
		return nil
	}
	return &flaw{want: outcomes[0].Want.String() + " of " + d.op.String(), by: outcomes[0].refs(d.Got)}
}

// excused says whether a deed failed because of a descriptor that is closed, or
// a map that is frozen, meanwhile.
func (r *race) excused(m *object, d deed) bool {
	closable := slices.ContainsFunc(ops.Uses(d.op), func(n ops.Name) bool { return r.descriptor(n) != nil })
	return d.Got.Errno == ops.Errno(unix.EBADF) && closable || d.Got.Errno == ops.Errno(unix.EPERM) && r.frozen(m) != nil
}

// permitted says of a map that it was frozen, or was not. It answers false if
// the deed was not done because it was.
func (r *race) permitted(m *object, d deed) bool {
	h := r.frozen(m)
	if h == nil || !isWrite(d.op) {
		return true
	}
	if d.Got.Errno == ops.Errno(unix.EPERM) {
		h.add(observation{deed: d, source: byValue, says: "was frozen", allowed: is(yes)})
		return false
	}
	h.add(observation{deed: d, source: byValue, says: "was not frozen", allowed: is(no)})
	return true
}

// someMap stands for any map that fits.
var someMap = &object{name: "any"}

// fixed is what an operation on an outer map answers if that is the same whatever
// is stored there, and an errno; else nil.
func (r *race) fixed(m *object, op ops.Op) []Outcome {
	slots, keys := m.slots, r.keysOf(m)
	defer func() { m.slots = slots }()
	m.slots = map[uint64]*object{}
	absent := r.s.Step(op)
	if len(absent) == 0 || absent[0].Free {
		r.lawless[m] = true
		return nil
	}
	switch op.(type) {
	case ops.LookupBatch, ops.TakeBatch, ops.UpdateBatch, ops.DeleteBatch:
		if e := absent[0].Want.Errno; slices.Contains(outright, unix.Errno(e)) && absent[0].Want.Got == given(op) {
			return absent
		}
		return nil
	case ops.Next:
		if m.outerKind() == ops.OuterArray || slices.Contains(outright, unix.Errno(absent[0].Want.Errno)) {
			return absent
		}
		return nil
	}
	for k := range keys {
		m.slots[k] = someMap
	}
	present := r.s.Step(op)
	if absent[0].Want.Errno != 0 && present[0].Want.Errno == absent[0].Want.Errno {
		return absent
	}
	return nil
}

// outright are the errnos of batches that are refused as a whole.
var outright = []unix.Errno{unix.EINVAL, unix.EFAULT, unix.EBADF, unix.EPERM, unix.Errno(ops.ENOTSUPP)}

// keysOf are the keys of an outer map that the race can be about.
func (r *race) keysOf(m *object) map[uint64]bool {
	keys := map[uint64]bool{}
	for k := range m.slots {
		keys[k] = true
	}
	for _, step := range r.steps {
		if names := ops.Uses(step.Op); len(names) == 0 || r.s.objectOf(names[0]) != m {
			continue
		}
		for _, k := range keysIn(step.Op) {
			keys[ops.Truncate(k.N, m.spec.Key)] = true
		}
	}
	return keys
}

func keysIn(op ops.Op) []ops.Key {
	switch o := op.(type) {
	case ops.Update:
		return []ops.Key{o.Key}
	case ops.Lookup:
		return []ops.Key{o.Key}
	case ops.Delete:
		return []ops.Key{o.Key}
	case ops.Renew:
		return []ops.Key{o.Key}
	case ops.Sys:
		return []ops.Key{o.Key}
	case ops.UpdateBatch:
		return o.Keys.List()
	case ops.DeleteBatch:
		return o.Keys.List()
	}
	return nil
}

// observeEnd adds what the outer maps held when all threads had ended.
func (r *race) observeEnd() {
	if !r.joined {
		return
	}
	end := deed{thread: -1, op: ops.Join{}, Event: ops.Event{Call: math.MaxInt32 - 1, Return: math.MaxInt32}}
	for _, m := range r.outers() {
		pairs, told := r.final[m.name]
		if r.lawless[m] || !told && r.losable(m) {
			continue
		}
		keys := r.keysOf(m)
		for k := range pairs {
			keys[k] = true
		}
		for k := range keys {
			r.slot(m, k).found(end, byEnd, pairs[k])
		}
	}
}

// outers are the outer maps that the race is about.
func (r *race) outers() []*object { return r.s.outersOf(r.sequence()) }

func (r *race) sequence() ops.Sequence { return ops.Trace{Steps: r.steps}.Sequence() }

// losable says whether the race may have closed the last descriptor of a map.
func (r *race) losable(m *object) bool {
	return slices.ContainsFunc(r.steps, func(s ops.Step) bool {
		c, is := s.Op.(ops.Close)
		return is && r.s.objectOf(c.On) == m
	})
}

// finals reads the answer of a join: by outer map and key the name of what is
// stored there.
func finals(got ops.Result) map[ops.Name]map[uint64]string {
	all := map[ops.Name]map[uint64]string{}
	for text := range strings.FieldsSeq(got.Got) {
		outer, pair, _ := strings.Cut(text, ":")
		key, inner, _ := strings.Cut(pair, "=")
		k, err := strconv.ParseUint(key, 10, 64)
		if err != nil {
			continue
		}
		if all[ops.Name(outer)] == nil {
			all[ops.Name(outer)] = map[uint64]string{}
		}
		all[ops.Name(outer)][k] = inner
	}
	return all
}
