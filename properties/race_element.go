package properties

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// done is a deed with the elements of an outer map that depends on what is stored.
func (r *race) done(m *object, d deed) *flaw {
	at := func(k ops.Key) *history { return r.slot(m, ops.Truncate(k.N, m.spec.Key)) }
	switch o := d.op.(type) {
	case ops.Update:
		return r.put(m, at(o.Key), d, o.Flags, string(r.nameOf(o.Value.Name)), d.Got.Errno)
	case ops.Sys:
		if o.Command == ops.ByDelete {
			return r.delete(m, at(o.Key), d, d.Got.Errno)
		}
		return r.put(m, at(o.Key), d, o.Flags, string(r.nameOf(o.Value.Name)), d.Got.Errno)
	case ops.Renew:
		return r.renew(m, at(o.Key), d, o)
	case ops.Delete:
		return r.delete(m, at(o.Key), d, d.Got.Errno)
	case ops.Lookup:
		return r.lookup(m, at(o.Key), d)
	case ops.Next:
		return r.next(m, d)
	case ops.UpdateBatch:
		return r.updateBatch(m, d, o)
	case ops.DeleteBatch:
		return r.deleteBatch(m, d, o)
	case ops.LookupBatch:
		return r.readBatch(m, d, int(o.Count), o.From == ops.FromStart, false)
	case ops.TakeBatch:
		return r.readBatch(m, d, int(o.Count), o.From == ops.FromStart, true)
	}
	return nil
}

// nameOf is the name under which a map was made that a name stands for.
func (r *race) nameOf(n ops.Name) ops.Name {
	if o := r.s.objectOf(n); o != nil {
		return o.name
	}
	return n
}

// put is a write under one key, by itself or in a batch.
func (r *race) put(m *object, h *history, d deed, flags ops.UpdateFlags, value string, e ops.Errno) *flaw {
	before := map[ops.UpdateFlags]func(string) bool{ops.Any: whatever, ops.NoExist: is(no), ops.Exist: something}[flags]
	switch {
	case e == 0 && before != nil:
		h.write(d, "= "+value, before, value)
	case e == ops.Errno(unix.EEXIST) && flags == ops.NoExist:
		h.refused(d, "exists", something)
	case e == ops.Errno(unix.ENOENT) && flags == ops.Exist:
		h.refused(d, "does not exist", is(no))
	case r.short(m, e):
	default:
		return r.odd(m, d)
	}
	return nil
}

// odd is an answer that nothing of the race explains, and neither would one thread be answered so.
func (r *race) odd(m *object, d deed) *flaw {
	if d.Got.Errno != 0 && r.alike(d) {
		return nil
	}
	return &flaw{want: "another answer than " + d.Got.String() + " of " + d.op.String(), by: on(m.family(), raceLinear)}
}

// short says whether a write may fail for want of room: a hash without elements
// of its own gets them from an allocator that is refilled some time later, and a
// hash may be full for a moment.
func (r *race) short(m *object, e ops.Errno) bool {
	switch {
	case m.outerKind() != ops.OuterHash:
		return false
	case e == ops.Errno(unix.ENOMEM):
		return m.spec.Flags&ops.NoPrealloc != 0
	}
	threads := 0
	for _, step := range r.steps {
		if _, begins := step.Op.(ops.Thread); begins {
			threads++
		}
	}
	return e == ops.Errno(unix.E2BIG) && len(r.keysOf(m))+threads > int(m.spec.Max)
}

func (r *race) renew(m *object, h *history, d deed, o ops.Renew) *flaw {
	if d.Got.Errno != 0 {
		return r.put(m, h, d, o.Flags, "", d.Got.Errno)
	}
	if !m.template.renewable() || !strings.HasPrefix(d.Got.Got, "new") {
		r.lawless[m] = true
		return nil
	}
	r.renewed[d.Got.Got] = &object{name: ops.Name(d.Got.Got), spec: m.template.spec, data: map[uint64]uint64{}, homes: []*object{m}}
	return r.put(m, h, d, o.Flags, d.Got.Got, 0)
}

func (r *race) delete(m *object, h *history, d deed, e ops.Errno) *flaw {
	switch e {
	case 0:
		h.write(d, "deleted", something, no)
	case ops.Errno(unix.ENOENT):
		h.refused(d, "nothing to delete", is(no))
	default:
		return r.odd(m, d)
	}
	return nil
}

// Answers of lookups that are no names.
const (
	zeroID = "id 0"
	noSuch = "an id of no map of the sequence"
)

func (r *race) lookup(m *object, h *history, d deed) *flaw {
	switch {
	case d.Got.Errno == ops.Errno(unix.ENOENT):
		h.found(d, byAbsent, no)
	case d.Got.Errno != 0 || d.Got.Got == "":
		return r.odd(m, d)
	default:
		h.found(d, byValue, d.Got.Got)
	}
	return nil
}

// next is a step of a walk: what it answers was there, and if it answers at the
// beginning that there is nothing, each key was absent at some time.
func (r *race) next(m *object, d deed) *flaw {
	k, err := strconv.ParseUint(d.Got.Got, 10, 64)
	switch {
	case d.Got.Errno == 0 && err == nil:
		r.slot(m, k).add(observation{deed: d, source: byNext, says: "is there", allowed: something})
	case d.Got.Errno == ops.Errno(unix.ENOENT) && d.op.(ops.Next).Key.Null:
		for k := range r.keysOf(m) {
			r.slot(m, k).found(d, byNext, no)
		}
	case d.Got.Errno != ops.Errno(unix.ENOENT):
		return r.odd(m, d)
	}
	return nil
}

func (r *race) updateBatch(m *object, d deed, o ops.UpdateBatch) *flaw {
	keys, values := o.Keys.List(), o.Values.List()
	n, err := strconv.Atoi(d.Got.Got)
	if err != nil || n > len(keys) || n > len(values) || (d.Got.Errno == 0) != (n == len(keys)) {
		return r.miscounted(m, d)
	}
	var slots []*history
	written := map[*history][]string{}
	for i, k := range keys[:n] {
		h := r.slot(m, ops.Truncate(k.N, m.spec.Key))
		if written[h] == nil {
			slots = append(slots, h)
		}
		written[h] = append(written[h], string(r.nameOf(values[i].Name)))
	}
	for _, h := range slots {
		h.writes(d, written[h])
	}
	if d.Got.Errno != 0 && !r.short(m, d.Got.Errno) {
		return r.refusedIn(m, d)
	}
	return nil
}

// refusedIn is a batch that stopped for a reason that is not of the race: the
// model of one call says what would do.
func (r *race) refusedIn(m *object, d deed) *flaw {
	if r.alike(d) {
		return nil
	}
	return r.miscounted(m, d)
}

// alike says whether one thread, before the race, might be answered the same errno.
func (r *race) alike(d deed) bool {
	return slices.ContainsFunc(r.s.Step(d.op), func(o Outcome) bool { return o.Free || o.Want.Errno == d.Got.Errno })
}

func (r *race) miscounted(m *object, d deed) *flaw {
	return &flaw{want: "what was done, counted, of " + d.op.String() + " and not " + d.Got.String(), by: on(m.family(), raceBatch)}
}

func (r *race) deleteBatch(m *object, d deed, o ops.DeleteBatch) *flaw {
	keys := o.Keys.List()
	n, err := strconv.Atoi(d.Got.Got)
	if err != nil || n > len(keys) || (d.Got.Errno == 0) != (n == len(keys)) {
		return r.miscounted(m, d)
	}
	for _, k := range keys[:n] {
		r.slot(m, ops.Truncate(k.N, m.spec.Key)).write(d, "deleted", something, no)
	}
	if n < len(keys) {
		return r.delete(m, r.slot(m, ops.Truncate(keys[n].N, m.spec.Key)), d, d.Got.Errno)
	}
	return nil
}

// readBatch is a batch that reads: what it answers was there, and if it got to
// the end from the beginning, what it does not answer was absent at some time.
func (r *race) readBatch(m *object, d deed, count int, fromStart, take bool) *flaw {
	n, pairs, ok := pairsOf(d.Got)
	ended := d.Got.Errno == ops.Errno(unix.ENOENT)
	short := m.outerKind() == ops.OuterHash && len(r.keysOf(m)) > count // a bucket may have more than is asked for
	switch {
	case d.Got.Errno == ops.Errno(unix.ENOSPC) && n == 0 && short:
		return nil
	case !ok || n != len(pairs) || n > count || d.Got.Errno != 0 && !ended,
		d.Got.Errno == 0 && n < count && !(short && n > 0):
		return r.miscounted(m, d)
	}
	for k, value := range pairs {
		if h := r.slot(m, k); take {
			h.write(d, "took "+value, is(value), no)
		} else {
			h.found(d, byBatch, value)
		}
	}
	for k := range r.keysOf(m) {
		if _, answered := pairs[k]; !answered && ended && fromStart {
			r.slot(m, k).found(d, byBatch, no)
		}
	}
	return nil
}

// pairsOf reads the answer of a batch: the count, and names by key.
func pairsOf(got ops.Result) (n int, pairs map[uint64]string, ok bool) {
	count, rest, _ := strings.Cut(got.Got, ":")
	n, err := strconv.Atoi(count)
	pairs = map[uint64]string{}
	for text := range strings.FieldsSeq(rest) {
		key, name, _ := strings.Cut(text, "=")
		k, bad := strconv.ParseUint(key, 10, 64)
		if bad != nil {
			return n, pairs, false
		}
		pairs[k] = name
	}
	return n, pairs, err == nil
}

// run is a run of a program: what it found in its outer map, by key.
func (r *race) run(d deed, o ops.Run) *flaw {
	p := r.s.openProg(o.On)
	if p == nil || strings.HasPrefix(d.Got.Got, "not ") || !r.use(d, o.On) {
		return nil
	}
	if d.Got.Errno != 0 {
		return r.failed(p, d)
	}
	if m := p.uses; m != nil && m.outer && !m.free && !p.free && !p.body.Second() {
		r.glimpses(m, p, o, d)
	}
	f := r.whole(p, o, d)
	if n := r.numbers; n != nil && writes(p.body) {
		f = r.locked(d, n.far)
	}
	r.disturbs(p)
	return f
}

// failed is a run that answers an errno, which nothing of a race makes it do.
func (r *race) failed(p *program, d deed) *flaw {
	m := p.uses
	if m == nil || !m.outer || m.free || r.alike(d) {
		return nil
	}
	return &flaw{want: "an answer of " + d.op.String(), by: on(m.family(), raceLinear)}
}

// glimpses follows a program through its answers.
func (r *race) glimpses(m *object, p *program, o ops.Run, d deed) {
	said := strings.Fields(d.Got.Got)
	var at *history // where the map that it holds was looked for
	checked, inside := false, ops.Key{}
	for i, step := range p.body.Steps() {
		null := len(said) > 0 && said[0] == "null@"+strconv.Itoa(i+1)
		switch step.Word {
		case ops.StepFind:
			key := step.Key.N
			if step.Key.In {
				key = o.Key.N
			}
			at, checked = r.slot(m, ops.Truncate(key, m.spec.Key)), false
		case ops.StepCheck, ops.StepVet:
			if at == nil {
				return
			}
			if null && !checked {
				at.found(d, byAbsent, no)
			}
			if null {
				return
			}
			if !checked {
				at.add(observation{deed: d, source: byValue, says: "is there", allowed: something})
			}
			checked = true
		case ops.StepGet:
			inside = ops.K(step.Key.N)
			if step.Key.In {
				inside = o.Inner
			}
		case ops.StepRead:
			if len(said) > 0 && at != nil {
				r.recognise(at, m, inside, d, said[0])
				said = said[1:]
			}
		case ops.StepCount, ops.StepLoop, ops.StepFar, ops.StepAway, ops.StepListed, ops.StepWithin, ops.StepCalled:
		default:
			return
		}
	}
}

// recognise says of what a program read which maps it can have come from.
func (r *race) recognise(h *history, m *object, inside ops.Key, d deed, number string) {
	var names []string
	for _, inner := range r.s.objects {
		if inner.outer || inner.kind != "" || !inner.modelled() {
			continue
		}
		if v, has := inner.data[ops.Truncate(inside.N, inner.spec.Key)]; has && strconv.FormatUint(v, 10) == number {
			names = append(names, string(inner.name))
		}
	}
	if number == "0" || len(names) == 0 { // of a map that was made meanwhile, or written to
		return
	}
	h.add(observation{deed: d, source: byValue, says: "is " + strings.Join(names, " or "), value: names[0],
		allowed: func(s string) bool { return slices.ContainsFunc(names, func(n string) bool { return mayBe(s, n) }) }})
}

// disturbs notes that nobody knows any more what is in the maps that a program
// may write to.
func (r *race) disturbs(p *program) {
	if !writes(p.body) || p.uses == nil {
		return
	}
	for _, inner := range r.s.objects {
		if !inner.outer && inner.kind == "" {
			inner.murky = true
		}
	}
}

func writes(b ops.Body) bool {
	return slices.ContainsFunc(b.Steps(), func(s ops.BodyStep) bool {
		return s.Word == ops.StepCount || s.Word == ops.StepWrite || s.Word == ops.StepCall
	})
}
