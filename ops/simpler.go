package ops

import (
	"reflect"
	"slices"
	"strings"
)

// operand is what each type of a field of an operation knows of its values.
type operand interface {
	// simpler lists values that are simpler, simplest first; names are those defined before.
	simpler(names []Name) []any
	// others lists a few values that are no simpler: none if each would be another question.
	others(names []Name) []any
}

// Simpler lists the forms of an operation in which the operand of a field is simpler, simplest first. A
// value that is not written is the simplest there is. Names are those that are defined before it. Going
// from form to form ends.
func Simpler(o Op, field int, names []Name) []Op {
	if field == rowOf(o).def {
		return nil
	}
	v := valueOf(o).Field(field).Interface()
	unwritten, optional := Default(o, field)
	if optional && v == unwritten {
		return nil
	}
	all := v.(operand).simpler(names)
	if optional {
		all = slices.Insert(slices.DeleteFunc(all, func(c any) bool { return c == unwritten }), 0, unwritten)
	}
	if _, size := v.(Size); size && optional && unwritten == Size(0) { // no size, but an attribute
		all = all[:1]
	}
	return withEach(o, field, all)
}

// Others lists the forms of an operation in which the operand of a field is another and not simpler: a few,
// to see whether it matters. There are none of what is not written, and of what there are simpler forms of.
func Others(o Op, field int, names []Name) []Op {
	v := valueOf(o).Field(field).Interface()
	unwritten, optional := Default(o, field)
	if field == rowOf(o).def || optional && v == unwritten || len(Simpler(o, field, names)) > 0 {
		return nil
	}
	return withEach(o, field, v.(operand).others(names))
}

// withEach are the operations with each value in the field.
func withEach(o Op, field int, values []any) (all []Op) {
	for _, value := range values {
		v := reflect.New(reflect.TypeOf(o)).Elem()
		v.Set(valueOf(o))
		v.Field(field).Set(reflect.ValueOf(value))
		all = append(all, v.Interface().(Op))
	}
	return all
}

// Fields is how many operands an operation has, the name that it defines among them.
func Fields(o Op) int { return valueOf(o).NumField() }

// FieldName is what people call a field of an operation.
func FieldName(o Op, field int) string { return strings.ToLower(valueOf(o).Type().Field(field).Name) }

// below are the values of a list, simplest first, that are simpler than x: all of them if it is not there.
func below[T comparable](x T, ranked ...T) (all []any) {
	for _, r := range ranked {
		if r == x {
			break
		}
		all = append(all, r)
	}
	return all
}

// but are the values of a list without x.
func but[T comparable](x T, list ...T) (all []any) {
	for _, v := range list {
		if v != x {
			all = append(all, v)
		}
	}
	return all
}

// fewerBits lists sets of flags with fewer bits: none, each alone, and all but one.
func fewerBits[F ~uint32 | ~uint64](set F) []any {
	singles, rests := []any{F(0)}, []any{}
	for bit := F(1); bit != 0 && bit <= set; bit <<= 1 {
		if set&bit != 0 && set != bit {
			singles, rests = append(singles, bit), append(rests, set&^bit)
		}
	}
	if len(rests) == 2 { // they are the singles
		rests = nil
	}
	if set == 0 {
		return nil
	}
	return append(singles, rests...)
}

// great is a size that is worth halving.
const great = 16

func (n Size) simpler([]Name) []any {
	all := below(n, 4, 1, 2, 8)
	if n >= great {
		all = append(all, n/2)
	}
	return all
}

func (n Size) others([]Name) []any         { return but(n, 1, 8, 16) }
func (k Key) simpler([]Name) []any         { return below(k, K(0), K(1), K(2), K(3), K(4), K(5)) }
func (k Key) others([]Name) []any          { return but(k, K(1), K(7)) }
func (f CreateFlags) simpler([]Name) []any { return fewerBits(f) }
func (f CreateFlags) others([]Name) []any  { return nil }
func (f UpdateFlags) simpler([]Name) []any { return fewerBits(f) }
func (f UpdateFlags) others([]Name) []any  { return nil }
func (f ProgFlags) simpler([]Name) []any   { return fewerBits(f) }
func (f ProgFlags) others([]Name) []any    { return nil }
func (t MapType) simpler([]Name) []any     { return below(t, Hash, Array) }
func (t MapType) others([]Name) []any      { return but(t, Array, LRUHash) }
func (k OuterKind) simpler([]Name) []any   { return below(k, OuterArray) }
func (k OuterKind) others([]Name) []any    { return but(k, OuterHash) }
func (t ProgType) simpler([]Name) []any    { return below(t, XDP) }
func (t ProgType) others([]Name) []any     { return but(t, SchedCLS, SocketFilter) }
func (k BTFKind) simpler([]Name) []any     { return below(k, "plain", "lock", "timer") }
func (k BTFKind) others([]Name) []any      { return but(k, "lock", "timer") }
func (k FDKind) simpler([]Name) []any      { return below(k, FDMinusOne, FDPipe) }
func (k FDKind) others([]Name) []any       { return but(k, FDPipe, FDFile) }
func (u FileUse) simpler([]Name) []any     { return below(u, FileRead) }
func (u FileUse) others([]Name) []any      { return but(u, FileWrite, FilePoll) }
func (c Command) simpler([]Name) []any     { return below(c, ByUpdate) }
func (c Command) others([]Name) []any      { return but(c, ByDelete) }
func (l Label) simpler([]Name) []any       { return below(l, LabelNone, LabelGood) }
func (l Label) others([]Name) []any        { return nil }
func (n FDNumber) simpler([]Name) []any    { return below(n, NumberAny) }
func (n FDNumber) others([]Name) []any     { return nil }
func (k Bound) simpler([]Name) []any       { return below(k, BoundFree) }
func (k Bound) others([]Name) []any        { return nil }
func (k BTFIDs) simpler([]Name) []any      { return below(k, IDsBoth) }
func (k BTFIDs) others([]Name) []any       { return nil }
func (u Until) simpler([]Name) []any       { return below(u, UntilDone) }
func (u Until) others([]Name) []any        { return nil }
func (c Cursor) simpler([]Name) []any      { return below(c, FromStart, FromNext) }
func (c Cursor) others([]Name) []any       { return nil }
func (e Example) simpler([]Name) []any     { return nil }
func (e Example) others([]Name) []any      { return nil }
func (n Name) simpler(names []Name) []any  { return below(n, names...) }
func (n Name) others(names []Name) []any   { return but(n, names...) }
func (b Body) others([]Name) []any         { return nil }
func (l Keys) others([]Name) []any         { return nil }
func (l Vals) others([]Name) []any         { return nil }
func (l Keys) simpler(names []Name) []any  { return simplerList(l.List(), names, KeyList) }
func (l Vals) simpler(names []Name) []any  { return simplerList(l.List(), names, ValList) }

func (v Val) simpler(names []Name) (all []any) {
	if v.Name == "" {
		return below(v, Val{N: 0}, Val{N: 1})
	}
	for _, n := range v.Name.simpler(names) {
		all = append(all, Val{Name: n.(Name)})
	}
	return all
}

func (v Val) others(names []Name) (all []any) {
	if v.Name == "" {
		return but(v, Val{N: 1}, Val{N: 7})
	}
	for _, n := range v.Name.others(names) {
		all = append(all, Val{Name: n.(Name)})
	}
	return all
}

// simplerList leaves each element out, last first, and makes each simpler.
func simplerList[T operand, L any](list []T, names []Name, listOf func([]T) L) (all []any) {
	if half := len(list) / 2; half >= shortRun { // one by one takes too long
		same := slices.Repeat(list[:1], len(list))
		if all = []any{listOf(list[:half]), listOf(list[half:])}; !reflect.DeepEqual(same, list) {
			all = append(all, listOf(same))
		}
		return append(all, listOf(list[:len(list)-1]))
	}
	for at := len(list) - 1; at >= 0; at-- {
		all = append(all, listOf(slices.Delete(slices.Clone(list), at, at+1)))
	}
	for at, element := range list {
		for _, simple := range element.simpler(names) {
			changed := slices.Clone(list)
			changed[at] = simple.(T)
			all = append(all, listOf(changed))
		}
	}
	return all
}

// simpler leaves each step out, last first, and makes each simpler.
func (b Body) simpler([]Name) (all []any) {
	steps := strings.Fields(string(b))
	for at := len(steps) - 1; at >= 0 && len(steps) > 1; at-- {
		all = append(all, Body(strings.Join(slices.Delete(slices.Clone(steps), at, at+1), " ")))
	}
	for at, step := range steps {
		for _, simple := range simplerSteps(step) {
			changed := slices.Clone(steps)
			changed[at] = simple
			all = append(all, Body(strings.Join(changed, " ")))
		}
	}
	return all
}

// simplerSteps lists forms of a step that are simpler, simplest first: without
// arguments, and with zeros.
func simplerSteps(step string) (all []string) {
	parts := strings.Split(step, ":")
	for n := 1; n < len(parts); n++ {
		all = append(all, strings.Join(parts[:n], ":"))
	}
	for n := len(parts) - 1; n > 0; n-- {
		for _, simple := range below(parts[n], "0", "1") {
			changed := slices.Clone(parts)
			changed[n] = simple.(string)
			all = append(all, strings.Join(changed, ":"))
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { _, err := parseBody(s); return err != nil })
}
