package ops

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Keys is a list of keys, and Vals one of values. They are kept as their text,
// elements separated by a semicolon, so that operations can be compared. An element that comes
// more than shortRun times in a row is written once, as in 7*100, and so are as many numbers that follow each other, as in 0..99.
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
	return strings.Join(shortened(parts), ";")
}

// shortRun is how often an element is written out that is repeated, and longestList how long a list can be.
const shortRun, longestList = 8, 1 << 17

func shortened(parts []string) (runs []string) {
	for len(parts) > 0 {
		n := slices.IndexFunc(parts, func(s string) bool { return s != parts[0] })
		if n < 0 {
			n = len(parts)
		}
		up := ascending(parts)
		switch {
		case n > shortRun:
			runs = append(runs, fmt.Sprintf("%s*%d", parts[0], n))
		case up > shortRun:
			n = up
			runs = append(runs, parts[0]+rangeMark+parts[n-1])
		default:
			runs = append(runs, parts[:n]...)
		}
		parts = parts[n:]
	}
	return runs
}

// rangeMark stands between the first and the last of numbers that follow each other.
const rangeMark = ".."

// ascending is how many of the first parts are numbers of which each is one more than the one before; 0 if the first is none.
func ascending(parts []string) (n int) {
	first, err := strconv.ParseUint(parts[0], 10, 32)
	for err == nil && n < len(parts) && parts[n] == strconv.FormatUint(first+uint64(n), 10) {
		n++
	}
	return n
}

// spelled are the elements that a part of a list stands for, as texts, and how often each is repeated.
func spelled(part string) (texts []string, times int, err error) {
	low, high, is := strings.Cut(part, rangeMark)
	if !is {
		text, times, err := repeated(part)
		return []string{text}, times, err
	}
	from, err1 := strconv.ParseUint(low, 10, 32)
	to, err2 := strconv.ParseUint(high, 10, 32)
	if err1 != nil || err2 != nil || to < from || to-from >= longestList {
		return nil, 0, fmt.Errorf("%q: want two numbers, the second not less than the first, and at most %d of them", part, longestList)
	}
	for n := from; n <= to; n++ {
		texts = append(texts, strconv.FormatUint(n, 10))
	}
	return texts, 1, nil
}

// repeated is how often an element is to be repeated, and its text.
func repeated(part string) (text string, times int, err error) {
	text, count, is := strings.Cut(part, "*")
	if !is {
		return part, 1, nil
	}
	if times, err = strconv.Atoi(count); err != nil || times < 1 || times > longestList {
		return "", 0, fmt.Errorf("%q: want how often it is repeated, from 1 to %d, after the *", part, longestList)
	}
	return text, times, nil
}

func split[T any, P interface {
	*T
	UnmarshalText([]byte) error
}](s string) (all []T, err error) {
	if s == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(s, ";") {
		texts, times, err := spelled(part)
		if err != nil {
			return nil, err
		}
		for _, text := range texts {
			var e T
			if err := P(&e).UnmarshalText([]byte(text)); err != nil {
				return nil, err
			}
			all = append(all, slices.Repeat([]T{e}, times)...)
		}
		if len(all) > longestList {
			return nil, fmt.Errorf("a list of more than %d elements", longestList)
		}
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
