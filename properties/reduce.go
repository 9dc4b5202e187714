package properties

import (
	"reflect"
	"slices"

	"mimic/ops"
)

// Reduce makes a violation's sequence shorter and simpler: no operation can be
// left out and no operand made simpler without the violation going away or
// another claim breaking. try runs a sequence and judges it; it is called at
// most limit times and never twice with the same sequence.
func Reduce(v *Violation, try func(ops.Sequence) *Violation, limit int) *Violation {
	r := &reducer{try: try, left: limit, best: v, seen: map[string]bool{}}
	r.seen[v.Trace.Sequence().String()] = true
	r.shorten(v.Trace.Sequence()[:v.Step+1])
	r.simplifyOp(len(r.best.Trace.Steps) - 1) // while there is all to choose from
	for r.left > 0 {
		before := r.best
		r.dropNames()
		r.drop()
		r.renameKeys()
		r.simplify()
		if r.best == before {
			break
		}
	}
	return r.best
}

type reducer struct {
	try  func(ops.Sequence) *Violation
	left int
	best *Violation
	seen map[string]bool
}

// shorten takes seq if it still shows the violation, and says so.
func (r *reducer) shorten(seq ops.Sequence) bool {
	text := seq.String()
	if len(seq) == 0 || r.seen[text] || r.left == 0 {
		return false
	}
	r.seen[text] = true
	r.left--
	v := r.try(seq)
	if v == nil || !r.same(v) {
		return false
	}
	r.best = v
	if v.Step+1 < len(seq) {
		r.shorten(seq[:v.Step+1])
	}
	return true
}

// same says whether v breaks nothing but promises that the violation may
// break: a reduction must not wander to another fault.
func (r *reducer) same(v *Violation) bool {
	if v.Trace.End != r.best.Trace.End || (len(v.By) == 0) != (len(r.best.By) == 0) {
		return false
	}
	return !slices.ContainsFunc(v.By, func(ref Ref) bool { return !slices.Contains(r.best.By, ref) })
}

// dropNames leaves out a name with all that uses it, last defined first.
func (r *reducer) dropNames() {
	for _, name := range slices.Backward(earlier(r.best.Trace.Sequence(), len(r.best.Trace.Steps))) {
		r.shorten(slices.DeleteFunc(r.best.Trace.Sequence(), func(op ops.Op) bool {
			return ops.Defines(op) == name || slices.Contains(ops.Uses(op), name)
		}))
	}
}

// drop leaves out runs of operations, long ones first. The last operation is
// the one that is judged.
func (r *reducer) drop() {
	for size := len(r.best.Trace.Steps) / 2; size > 0; size /= 2 {
		for at := len(r.best.Trace.Steps) - 1 - size; at >= 0; at -= size {
			seq := r.best.Trace.Sequence()
			if at+size > len(seq) {
				continue
			}
			r.shorten(slices.Delete(slices.Clone(seq), at, at+size))
		}
	}
}

// renameKeys gives each key a small number wherever it stands: one at a time
// would take apart what has to stay the same.
func (r *reducer) renameKeys() {
	small := map[uint64]uint64{}
	r.shorten(mapKeys(r.best.Trace.Sequence(), func(n uint64) uint64 {
		if _, seen := small[n]; !seen {
			small[n] = uint64(len(small))
		}
		return small[n]
	}))
}

func mapKeys(seq ops.Sequence, rename func(uint64) uint64) ops.Sequence {
	other := slices.Clone(seq)
	for i, op := range seq {
		v := reflect.New(reflect.TypeOf(op)).Elem()
		v.Set(reflect.ValueOf(op))
		for f := range v.NumField() {
			switch k := v.Field(f).Interface().(type) {
			case ops.Key:
				if !k.Null {
					v.Field(f).Set(reflect.ValueOf(ops.K(rename(k.N))))
				}
			case ops.Keys:
				v.Field(f).Set(reflect.ValueOf(renamed(k, rename)))
			}
		}
		other[i] = v.Interface().(ops.Op)
	}
	return other
}

func renamed(list ops.Keys, rename func(uint64) uint64) ops.Keys {
	keys := list.List()
	for i, k := range keys {
		keys[i] = ops.K(rename(k.N))
	}
	return ops.KeyList(keys)
}

// simplify makes operands simpler, one at a time.
func (r *reducer) simplify() {
	for i := 0; i < len(r.best.Trace.Steps); i++ {
		r.simplifyOp(i)
	}
}

func (r *reducer) simplifyOp(i int) {
	r.shortenBatch(i)
	r.shortenBody(i)
	for field := 0; ; field++ {
		seq := r.best.Trace.Sequence()
		if i >= len(seq) || field >= reflect.TypeOf(seq[i]).NumField() {
			return
		}
		r.simplifyField(seq, i, field)
	}
}

// maxElements is how many of a batch are tried.
const maxElements = 16

// shortenBatch leaves out elements of a batch, last first.
func (r *reducer) shortenBatch(i int) {
	for at := maxElements; at >= 0; at-- {
		seq := r.best.Trace.Sequence()
		if i >= len(seq) {
			return
		}
		if op := without(seq[i], at); op != nil {
			candidate := slices.Clone(seq)
			candidate[i] = op
			r.shorten(candidate)
		}
	}
}

// without is a batch without one of its elements; nil if it has none there.
func without(op ops.Op, at int) ops.Op {
	switch o := op.(type) {
	case ops.UpdateBatch:
		keys, values := o.Keys.List(), o.Values.List()
		if at < min(len(keys), len(values)) {
			o.Keys, o.Values = ops.KeyList(slices.Delete(keys, at, at+1)), ops.ValList(slices.Delete(values, at, at+1))
			return o
		}
	case ops.DeleteBatch:
		if keys := o.Keys.List(); at < len(keys) {
			o.Keys = ops.KeyList(slices.Delete(keys, at, at+1))
			return o
		}
	}
	return nil
}

func (r *reducer) simplifyField(seq ops.Sequence, i, field int) {
	for _, simpler := range simplerValues(seq, i, field) {
		op := reflect.New(reflect.TypeOf(seq[i])).Elem()
		op.Set(reflect.ValueOf(seq[i]))
		op.Field(field).Set(reflect.ValueOf(simpler))
		candidate := slices.Clone(seq)
		candidate[i] = op.Interface().(ops.Op)
		if r.shorten(candidate) {
			return
		}
	}
}

// simplerValues lists values simpler than that of a field, simplest first.
func simplerValues(seq ops.Sequence, i, field int) []any {
	v := reflect.ValueOf(seq[i]).Field(field).Interface()
	all := candidates(v, seq, i, field)
	if simplest, ok := ops.Default(seq[i], field); ok {
		all = slices.Insert(slices.DeleteFunc(all, func(c any) bool { return c == simplest }), 0, simplest)
		if _, size := v.(ops.Size); size && simplest == ops.Size(0) { // no size, but an attribute
			all = all[:1]
		}
	}
	if at := slices.Index(all, v); at >= 0 {
		return all[:at]
	}
	return all
}

func candidates(v any, seq ops.Sequence, i, field int) (all []any) {
	switch x := v.(type) {
	case ops.Size:
		return []any{ops.Size(4), ops.Size(1), ops.Size(2), ops.Size(8)}
	case ops.Key:
		return []any{ops.K(0), ops.K(1), ops.K(2), ops.K(3), ops.K(5)}
	case ops.CreateFlags:
		return bits(x, uint64(x))
	case ops.UpdateFlags:
		return bits(x, uint64(x))
	case ops.MapType:
		return []any{ops.Hash, ops.Array}
	case ops.ProgType:
		return []any{ops.XDP}
	case ops.BTFKind:
		return []any{ops.BTFKind("plain"), ops.BTFKind("lock"), ops.BTFKind("timer")}
	case ops.FDKind:
		return []any{ops.FDMinusOne, ops.FDPipe}
	case ops.Val:
		if x.Name == "" {
			return []any{ops.Val{N: 0}, ops.Val{N: 1}}
		}
		for _, n := range earlier(seq, i) {
			all = append(all, ops.Val{Name: n})
		}
	case ops.Name:
		if x == ops.Defines(seq[i]) {
			return nil
		}
		for _, n := range earlier(seq, i) {
			all = append(all, n)
		}
	}
	return all
}

// bits lists sets of flags with fewer bits: none, then each alone.
func bits[F ~uint32 | ~uint64](_ F, v uint64) []any {
	all := []any{F(0)}
	for bit := uint64(1); bit != 0 && bit <= v; bit <<= 1 {
		if v&bit != 0 {
			all = append(all, F(bit))
		}
	}
	return all
}

// earlier lists the names that are defined before operation i.
func earlier(seq ops.Sequence, i int) (names []ops.Name) {
	for _, op := range seq[:i] {
		if n := ops.Defines(op); n != "" {
			names = append(names, n)
		}
	}
	return names
}
