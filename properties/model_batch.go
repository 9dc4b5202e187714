package properties

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// cursor is where a batch lookup ended: an index of an array of maps; of a hash
// of maps a bucket, of which is known what lies before it and what behind.
type cursor struct {
	index  uint64
	before map[uint64]bool // keys of buckets that were visited
	behind map[uint64]bool // keys that were there and not answered: still to come
	end    bool            // nothing is behind
}

// pairs is the text of what an outer map stores under keys.
func pairs(m *object, keys []uint64) string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = keyText(k) + "=" + string(m.slots[k].name)
	}
	return strings.Join(texts, " ")
}

func counted(e ops.Errno, n int, m *object, keys []uint64) ops.Result {
	got := strconv.Itoa(n)
	if len(keys) > 0 {
		got += ": " + pairs(m, keys)
	}
	return ops.Result{Errno: e, Got: got}
}

// batchCall is what all batch commands are given.
type batchCall struct {
	on          ops.Name
	count       int
	elem, flags ops.UpdateFlags
	tail        ops.Size

	need     access
	has      func(*object) bool // whether the type has the command
	elemRule *Rule              // by which NOEXIST and EXIST are refused
}

// batch asks about the outer map that a batch command is given. The count is
// answered unchanged where the kernel does not get to it.
func (s *State) batch(c batchCall, ask func(*object) []Outcome) []Outcome {
	n, count, need := c.on, c.count, c.need
	refuse := func(e ops.Errno, by []Ref) []Outcome {
		return []Outcome{{Want: counted(e, count, nil, nil), By: by}}
	}
	if c.tail != 0 {
		return refuse(ops.Errno(unix.EINVAL), on(s.familyAt(n), tailRefused))
	}
	if refused := s.noMap(n); refused != nil {
		return refuse(refused[0].Want.Errno, refused[0].By)
	}
	m := s.open(n)
	s.via = s.handles[n]
	if !m.outer || m.free {
		return anything(func(ops.Result) { m.murky = true })
	}
	switch denied := s.denied(m, need); {
	case denied != nil:
		return refuse(ops.Errno(unix.EPERM), on(m.family(), denied))
	case !s.Kernel.does(batchOps):
		return refuse(ops.ENOTSUPP, s.context(m, batchAbsent))
	case !c.has(m):
		return refuse(ops.ENOTSUPP, s.context(m, batchMissing))
	case c.elem == ops.NoExist || c.elem == ops.Exist:
		return refuse(ops.Errno(unix.EINVAL), s.context(m, c.elemRule))
	case c.elem != 0:
		return refuse(ops.Errno(unix.EINVAL), s.context(m, batchFlags))
	case c.flags != 0 && need&toLook != 0 && m.outerKind() == ops.OuterHash:
		return refuse(ops.Errno(unix.EINVAL), s.context(m, batchFlags))
	case count == 0:
		return refuse(0, s.context(m, batchNone))
	}
	return ask(m)
}

func anyOuter(*object) bool    { return true }
func hashOuter(m *object) bool { return m.outerKind() == ops.OuterHash }

// updateBatch stores pair after pair until one is refused.
func (s *State) updateBatch(o ops.UpdateBatch) []Outcome {
	keys, values := o.Keys.List(), o.Values.List()
	return s.batch(batchCall{o.On, len(keys), o.Elem, o.Flags, o.Tail, toWrite, anyOuter, batchElem}, func(m *object) []Outcome {
		ahead := *m // what the map will be, pair by pair
		ahead.slots = maps.Clone(m.slots)
		var offered []*object
		var by []*Rule
		for i, k := range keys {
			var v ops.Val
			if i < len(values) {
				v = values[i]
			}
			if v.Name == "" {
				return anything(func(ops.Result) { m.free = true })
			}
			inner, fault := s.valueFault(&ahead, v)
			if inner != nil && inner.free {
				return anything(func(ops.Result) { m.free = true })
			}
			offered = append(offered, inner)
			key := ops.Truncate(k.N, m.spec.Key)
			if faults, order := s.putFaults(&ahead, ops.K(k.N), key, 0, false, fault); len(faults) > 0 {
				refused := s.partly(m, by, faults, order, i, func() { s.storeAll(m, keys[:i], offered) })
				if inner != nil {
					own := on(m.family(), s.particularBeside(&ahead, v.Name, inner, fault)...)
					refused[0].Blame = orParticular(refused[0].Blame, own, faults)
					if len(fault) == 0 {
						refused[0].Rests = own
					}
				}
				return refused
			}
			if i == 0 || v != values[i-1] {
				by = append(by, s.particular(&ahead, v.Name, inner)...)
			}
			ahead.slots[key] = inner
		}
		promised := s.context(m, append(by, batchUpdate)...)
		return []Outcome{{Want: counted(0, len(keys), nil, nil), By: promised, Then: func(ops.Result) { s.storeAll(m, keys, offered) }}}
	})
}

func (s *State) storeAll(m *object, keys []ops.Key, values []*object) {
	for i, k := range keys {
		s.store(m, ops.Truncate(k.N, m.spec.Key), values[i])
	}
}

// partly is a batch of which n elements were done before one was refused.
func (s *State) partly(m *object, by []*Rule, faults []fault, order *Rule, n int, done func()) []Outcome {
	o := refusal(m.family(), order, faults, nil)[0]
	first := s.context(m, append(by, batchPartly)...)
	o.Want.Got = strconv.Itoa(n)
	o.By = append(first, o.By...)
	wrongErrno := o.Blame
	want := o.Want.Errno
	o.Blame = func(got ops.Result) []Ref {
		if got.Errno == want {
			return first
		}
		return append(slices.Clone(first), wrongErrno(got)...)
	}
	o.Then = func(ops.Result) { done() }
	return []Outcome{o}
}

// deleteBatch deletes key after key until one is refused.
func (s *State) deleteBatch(o ops.DeleteBatch) []Outcome {
	keys := o.Keys.List()
	return s.batch(batchCall{o.On, len(keys), o.Elem, o.Flags, o.Tail, toWrite, hashOuter, batchFlags}, func(m *object) []Outcome {
		ahead := *m
		ahead.slots = maps.Clone(m.slots)
		for i, k := range keys {
			key := ops.Truncate(k.N, m.spec.Key)
			if e, r := ahead.deleteFault(key); e != 0 {
				return s.partly(m, nil, []fault{wrong(e, r)}, r, i, func() { s.dropAll(m, keys[:i]) })
			}
			delete(ahead.slots, key)
		}
		return []Outcome{{Want: counted(0, len(keys), nil, nil), By: s.context(m, batchDelete), Then: func(ops.Result) { s.dropAll(m, keys) }}}
	})
}

func (s *State) dropAll(m *object, keys []ops.Key) {
	for _, k := range keys {
		s.drop(m, ops.Truncate(k.N, m.spec.Key))
	}
}

// readBatch predicts the commands that answer pairs; take also removes them.
func (s *State) readBatch(o ops.LookupBatch, take bool) []Outcome {
	need, has, r := toLook, anyOuter, batchLookup
	if take {
		need, has, r = toLook|toWrite, hashOuter, batchTake
	}
	return s.batch(batchCall{o.On, int(o.Count), o.Elem, o.Flags, o.Tail, need, has, batchFlags}, func(m *object) []Outcome {
		h := s.via
		if m.outerKind() == ops.OuterArray {
			return s.readArray(m, h, o, s.context(m, r))
		}
		return s.readHash(m, h, o, take, s.context(m, r))
	})
}

// readArray answers the elements that are not empty, in order of their index.
func (s *State) readArray(m *object, h *handle, o ops.LookupBatch, by []Ref) []Outcome {
	next := uint64(0)
	switch {
	case o.From.Given:
		next = uint64(o.From.Number) + 1
	case o.From.Next && h.cursor != nil:
		next = h.cursor.index + 1
	}
	if next > uint64(m.spec.Max) { // a cursor that is no index begins anew
		next = 0
	}
	var found []uint64
	for ; next < uint64(m.spec.Max) && len(found) < int(o.Count); next++ {
		if m.slots[next] != nil {
			found = append(found, next)
		}
	}
	want := counted(0, len(found), m, found)
	if len(found) < int(o.Count) {
		want.Errno = ops.Errno(unix.ENOENT)
	}
	return []Outcome{{Want: want, By: by, Then: func(ops.Result) {
		if len(found) > 0 {
			h.cursor = &cursor{index: next - 1, behind: m.storedFrom(next)}
		}
	}}}
}

// storedFrom has the keys of an array of maps, from one on, that hold a map.
func (m *object) storedFrom(first uint64) map[uint64]bool {
	all := map[uint64]bool{}
	for _, k := range m.keys() {
		if k >= first {
			all[k] = true
		}
	}
	return all
}

// readHash answers whole buckets, in an order that nobody knows.
func (s *State) readHash(m *object, h *handle, o ops.LookupBatch, take bool, by []Ref) []Outcome {
	c := &cursor{}
	switch {
	case o.From.Given && uint64(o.From.Number) >= buckets(m.spec.Max), o.From.Next && h.cursor != nil && h.cursor.end:
		return []Outcome{{Want: counted(ops.Errno(unix.ENOENT), 0, nil, nil), By: by}}
	case o.From.Given && o.From.Number != 0:
		return anything(func(ops.Result) { m.free = m.free || take; h.cursor = nil })
	case o.From.Next && h.cursor != nil:
		c = h.cursor
	}
	var candidates []uint64
	for _, k := range m.keys() {
		if !c.before[k] {
			candidates = append(candidates, k)
		}
	}
	then := func(got ops.Result) {
		_, keys, err := parsePairs(m, got)
		if err != nil {
			return // only a lying kernel answers so
		}
		h.cursor = c.after(keys, candidates, got.Errno == ops.Errno(unix.ENOENT))
		for _, k := range keys {
			if take {
				s.drop(m, k)
			}
		}
	}
	return []Outcome{{Want: plausible(m, candidates, int(o.Count)), By: by, Then: then,
		Accepts: func(got ops.Result) bool { return c.accepts(m, candidates, int(o.Count), got) }}}
}

// buckets is how many a hash table of that size has.
func buckets(max ops.Size) uint64 {
	n := uint64(1)
	for n < uint64(max) {
		n *= 2
	}
	return n
}

// plausible is an answer that a kernel could give, the same whenever it is asked.
func plausible(m *object, candidates []uint64, count int) ops.Result {
	errno := ops.Errno(unix.ENOENT)
	if len(candidates) > count {
		candidates = slices.Clone(candidates)
		slices.SortFunc(candidates, func(a, b uint64) int { return int(bucketOf(a)) - int(bucketOf(b)) })
		errno, candidates = 0, candidates[:count]
		slices.Sort(candidates)
	}
	return counted(errno, len(candidates), m, candidates)
}

func bucketOf(k uint64) uint16 {
	h := fnv.New32a()
	fmt.Fprint(h, k)
	return uint16(h.Sum32())
}

// accepts says whether a hash of maps may answer so from this cursor on.
func (c *cursor) accepts(m *object, candidates []uint64, count int, got ops.Result) bool {
	n, keys, err := parsePairs(m, got)
	if err != nil || n != len(keys) || n > count {
		return false
	}
	for _, k := range keys {
		if !slices.Contains(candidates, k) {
			return false
		}
	}
	switch unix.Errno(got.Errno) {
	case unix.ENOENT: // all that is certainly still to come was answered
		return !slices.ContainsFunc(candidates, func(k uint64) bool { return c.due(k) && !slices.Contains(keys, k) })
	case unix.ENOSPC:
		return n == 0 && len(candidates) > count
	case 0:
		return n > 0 && len(candidates) > count
	}
	return false
}

// due says whether a key that is present lies behind the cursor for certain.
func (c *cursor) due(k uint64) bool { return c.behind == nil || c.behind[k] }

// after is the cursor after an answer.
func (c *cursor) after(answered, candidates []uint64, end bool) *cursor {
	next := &cursor{before: map[uint64]bool{}, behind: map[uint64]bool{}, end: end}
	maps.Copy(next.before, c.before)
	maps.Copy(next.behind, c.behind)
	for _, k := range candidates {
		if c.due(k) {
			next.behind[k] = true
		}
	}
	for _, k := range answered {
		next.before[k] = true
		delete(next.behind, k)
	}
	return next
}

// parsePairs reads the answer of a batch; the error says what is stored otherwise.
func parsePairs(m *object, got ops.Result) (n int, keys []uint64, err error) {
	count, rest, _ := strings.Cut(got.Got, ":")
	if n, err = strconv.Atoi(count); err != nil {
		return 0, nil, err
	}
	for text := range strings.FieldsSeq(rest) {
		key, name, _ := strings.Cut(text, "=")
		k, err := strconv.ParseUint(key, 10, 64)
		if err != nil {
			return 0, nil, err
		}
		if inner := m.slots[k]; inner == nil || string(inner.name) != name || slices.Contains(keys, k) {
			return 0, nil, fmt.Errorf("%s is not stored", text)
		}
		keys = append(keys, k)
	}
	return n, keys, nil
}
