package properties

import "maps"

// walk is what is known of the order of the keys of a hash table: it is fixed
// while the table is not written to, but nobody says which it is.
type walk struct {
	after map[uint64]uint64 // key → the one after it
	first *uint64
	last  *uint64
}

func (w *walk) forget() { *w = walk{} }

// next lists the keys that can follow: after key k, or first if k is nil. end
// says whether there may be none.
func (w *walk) next(keys []uint64, k *uint64) (candidates []uint64, end bool) {
	if len(keys) == 0 {
		return nil, true
	}
	if known, ok := w.known(k); ok {
		return []uint64{known}, false
	}
	if k != nil && w.last != nil && *w.last == *k {
		return nil, true
	}
	for _, c := range keys {
		if w.with(k, c, false).possible(len(keys)) && !w.followed(c) {
			candidates = append(candidates, c)
		}
	}
	return candidates, k != nil && w.last == nil && w.with(k, 0, true).possible(len(keys))
}

func (w *walk) known(k *uint64) (uint64, bool) {
	if k == nil {
		if w.first == nil {
			return 0, false
		}
		return *w.first, true
	}
	next, ok := w.after[*k]
	return next, ok
}

// followed says whether it is known what comes before k.
func (w *walk) followed(k uint64) bool {
	for _, next := range w.after {
		if next == k {
			return true
		}
	}
	return w.first != nil && *w.first == k
}

// with is what would be known if next came after k, or nothing did.
func (w *walk) with(k *uint64, next uint64, end bool) *walk {
	also := &walk{after: maps.Clone(w.after), first: w.first, last: w.last}
	also.learn(k, next, end)
	return also
}

// learn notes that next came after k (nil: first), or that k was the last.
func (w *walk) learn(k *uint64, next uint64, end bool) {
	switch {
	case end && k != nil:
		w.last = k
	case end:
	case k == nil:
		w.first = &next
	default:
		if w.after == nil {
			w.after = map[uint64]uint64{}
		}
		w.after[*k] = next
	}
}

// possible says whether some order of n keys agrees with what is known: no
// circle, and no way from the first to the last key that leaves others out.
func (w *walk) possible(n int) bool {
	for k := range w.after {
		if w.chain(k, n) > n {
			return false
		}
	}
	if w.first == nil || w.last == nil {
		return true
	}
	length := w.chain(*w.first, n)
	return w.end(*w.first, length) != *w.last || length == n
}

// chain counts the keys known from k on, giving up past limit.
func (w *walk) chain(k uint64, limit int) int {
	n := 1
	for next, ok := w.after[k]; ok && n <= limit; next, ok = w.after[next] {
		n++
	}
	return n
}

// end is the key that ends a chain of that length from k.
func (w *walk) end(k uint64, length int) uint64 {
	for range length - 1 {
		k = w.after[k]
	}
	return k
}
