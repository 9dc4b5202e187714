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
	if !v.Like(r.best) {
		return false
	}
	r.best = v
	if v.Step+1 < len(seq) {
		r.shorten(seq[:v.Step+1])
	}
	return true
}

// Like says whether v, nil for none, breaks nothing but promises that another violation may break: a
// reduction must not wander to another fault.
func (v *Violation) Like(other *Violation) bool {
	if v == nil || v.Trace.End != other.Trace.End || (len(v.By) == 0) != (len(other.By) == 0) {
		return false
	}
	return !slices.ContainsFunc(v.By, func(ref Ref) bool { return !slices.Contains(other.By, ref) })
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
// the one that is judged; it is tried alone.
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
	seq := r.best.Trace.Sequence()
	r.shorten(seq[:len(seq)-1])
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
	for field := 0; i < len(r.best.Trace.Steps) && field < ops.Fields(r.best.Trace.Steps[i].Op); field++ {
		for n := 0; ; {
			all := simpler(r.best.Trace.Sequence(), i, field)
			if n >= len(all) {
				break
			}
			if !r.shorten(all[n]) { // else the next is in the same place
				n++
			}
		}
	}
}

// simpler lists the sequences in which the operand of a field is simpler: first those in which the bodies of all
// programs that are the same stay the same, for what is said of one is held against the other.
func simpler(seq ops.Sequence, i, field int) (all []ops.Sequence) {
	if i >= len(seq) || field >= ops.Fields(seq[i]) {
		return nil
	}
	forms := ops.Simpler(seq[i], field, earlier(seq, i))
	for _, op := range forms {
		if same := withBody(seq, i, op); same != nil {
			all = append(all, same)
		}
	}
	for _, op := range forms {
		all = append(all, withOp(seq, i, op))
	}
	return all
}

// withBody is the sequence with another body in operation i and all that had the same; nil if no other had.
func withBody(seq ops.Sequence, i int, op ops.Op) ops.Sequence {
	old, loads := seq[i].(ops.Prog)
	if !loads || op.(ops.Prog).Body == old.Body {
		return nil
	}
	other, changed := slices.Clone(seq), 0
	for n, op2 := range seq {
		if o, ok := op2.(ops.Prog); ok && o.Body == old.Body {
			o.Body = op.(ops.Prog).Body
			other[n] = o
			changed++
		}
	}
	if changed < 2 {
		return nil
	}
	return other
}

func withOp(seq ops.Sequence, i int, op ops.Op) ops.Sequence {
	other := slices.Clone(seq)
	other[i] = op
	return other
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
			r.shorten(withOp(seq, i, op))
		}
	}
}

// without is a batch without one of its elements; nil if it has none there.
func without(op ops.Op, at int) ops.Op {
	o, ok := op.(ops.UpdateBatch)
	if !ok { // what has one list is made simpler as other operands are
		return nil
	}
	keys, values := o.Keys.List(), o.Values.List()
	if at >= min(len(keys), len(values)) {
		return nil
	}
	o.Keys, o.Values = ops.KeyList(slices.Delete(keys, at, at+1)), ops.ValList(slices.Delete(values, at, at+1))
	return o
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
