package ops

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Keys is a list of keys, and Vals one of values. They are kept as their text,
// elements separated by a semicolon, so that operations can be compared.
type (
	Keys string
	Vals string
)

// KeyList and ValList make lists.
func KeyList(all []Key) Keys { return Keys(join(all)) }

// ValList is the list of these values.
func ValList(all []Val) Vals { return Vals(join(all)) }

// List are the elements.
func (l Keys) List() []Key { all, _ := split[Key](string(l)); return all }

// List are the elements.
func (l Vals) List() []Val { all, _ := split[Val](string(l)); return all }

// MarshalText writes the elements separated by semicolons, or a dash.
func (l Keys) MarshalText() ([]byte, error) { return listText(string(l)), nil }

// MarshalText writes the elements separated by semicolons, or a dash.
func (l Vals) MarshalText() ([]byte, error) { return listText(string(l)), nil }

// UnmarshalText accepts keys separated by semicolons, or a dash.
func (l *Keys) UnmarshalText(b []byte) error {
	all, err := split[Key](listOf(b))
	*l = KeyList(all)
	return err
}

// UnmarshalText accepts values separated by semicolons, or a dash.
func (l *Vals) UnmarshalText(b []byte) error {
	all, err := split[Val](listOf(b))
	*l = ValList(all)
	return err
}

func listText(s string) []byte {
	if s == "" {
		return []byte(nothing)
	}
	return []byte(s)
}

func listOf(b []byte) string {
	if string(b) == nothing {
		return ""
	}
	return string(b)
}

func join[T interface{ MarshalText() ([]byte, error) }](all []T) string {
	parts := make([]string, len(all))
	for i, e := range all {
		b, _ := e.MarshalText() // no text of the language fails
		parts[i] = string(b)
	}
	return strings.Join(parts, ";")
}

func split[T any, P interface {
	*T
	UnmarshalText([]byte) error
}](s string) (all []T, err error) {
	if s == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(s, ";") {
		var e T
		if err := P(&e).UnmarshalText([]byte(part)); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// Cursor is where a batch lookup begins: at the start, where the last one of
// the same name ended, or at a number that the kernel did not give out.
type Cursor struct {
	Next   bool
	Given  bool
	Number uint32
}

// Cursors that need no number.
var (
	FromStart = Cursor{}
	FromNext  = Cursor{Next: true}
)

// MarshalText writes start, next or a number.
func (c Cursor) MarshalText() ([]byte, error) {
	switch {
	case c.Next:
		return []byte("next"), nil
	case c.Given:
		return strconv.AppendUint(nil, uint64(c.Number), 10), nil
	}
	return []byte("start"), nil
}

// UnmarshalText accepts start, next or a number of 32 bits.
func (c *Cursor) UnmarshalText(b []byte) error {
	switch string(b) {
	case "next":
		*c = FromNext
		return nil
	case "start":
		*c = FromStart
		return nil
	}
	v, err := number(string(b), 32)
	if err != nil {
		return fmt.Errorf("%q is no cursor: want start, next or a number of 32 bits", b)
	}
	*c = Cursor{Given: true, Number: uint32(v)}
	return nil
}

// CompareKeys orders the texts of keys: numbers by size, anything else after.
func CompareKeys(a, b string) int {
	n, errA := strconv.ParseUint(a, 10, 64)
	m, errB := strconv.ParseUint(b, 10, 64)
	if errA != nil || errB != nil {
		return strings.Compare(a, b)
	}
	return cmp.Compare(n, m)
}
