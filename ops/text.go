package ops

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
)

// row is one operation's grammar, read off the tags of its struct.
type row struct {
	verb    string
	typ     reflect.Type
	def, on int // field numbers, -1 without
	args    []arg
}

type arg struct {
	field    int
	name     string // "" for a positional argument
	optional bool
	def      string
}

func describe[T Op](verb string) *row {
	r := &row{verb: verb, typ: reflect.TypeFor[T](), def: -1, on: -1}
	for i := range r.typ.NumField() {
		tag := r.typ.Field(i).Tag
		def, optional := tag.Lookup("default")
		switch word := tag.Get("text"); word {
		case "def":
			r.def = i
		case "on":
			r.on = i
		case "arg":
			r.args = append(r.args, arg{i, "", optional, def})
		default:
			r.args = append(r.args, arg{i, word, optional, def})
		}
	}
	return r
}

func rowOf(o Op) *row {
	typ := reflect.TypeOf(o)
	for _, r := range table {
		if r.typ == typ {
			return r
		}
	}
	panic(fmt.Sprintf("ops: %T is not in the table of operations", o))
}

func valueOf(o Op) reflect.Value { return reflect.ValueOf(o) }

// text prints an operation from its row.
func text(o Op) string {
	r, v := rowOf(o), valueOf(o)
	var b strings.Builder
	if r.def >= 0 {
		b.WriteString(fieldText(v, r.def) + " = ")
	}
	if r.on >= 0 {
		b.WriteString(fieldText(v, r.on) + ".")
	}
	return b.String() + r.verb + "(" + strings.Join(r.argTexts(v), ", ") + ")"
}

func (r *row) argTexts(v reflect.Value) (all []string) {
	for _, a := range r.args {
		s := fieldText(v, a.field)
		if a.optional && s == a.def {
			continue
		}
		if a.name != "" {
			s = a.name + "=" + s
		}
		all = append(all, s)
	}
	return all
}

func fieldText(v reflect.Value, i int) string {
	b, err := v.Field(i).Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil { // no type of the language has text that fails
		panic(err)
	}
	return string(b)
}

// set parses s into field i of v, which is addressable.
func set(v reflect.Value, i int, s string) error {
	return v.Field(i).Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
}

// Default is the value of a field of an operation that is not written, and
// whether it has one.
func Default(o Op, field int) (any, bool) {
	for _, a := range rowOf(o).args {
		if a.field == field && a.optional {
			v := reflect.New(reflect.TypeOf(o)).Elem()
			err := set(v, field, a.def)
			return v.Field(field).Interface(), err == nil
		}
	}
	return nil, false
}

// Grammar lists the form of every operation, a line each, from the table.
func Grammar() (lines []string) {
	for _, r := range table {
		var args []string
		for _, a := range r.args {
			s := strings.ToLower(r.typ.Field(a.field).Name)
			if a.name != "" {
				s = a.name + "=" + s
			}
			if a.optional {
				s = "[" + s + "]"
			}
			args = append(args, s)
		}
		lines = append(lines, r.head()+"("+strings.Join(args, ", ")+")")
	}
	return lines
}

func (r *row) head() string {
	switch {
	case r.def >= 0:
		return "name = " + r.verb
	case r.on >= 0:
		return "name." + r.verb
	}
	return r.verb
}
