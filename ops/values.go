package ops

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Name is a name in a sequence: i0 an inner map, o0 an outer map, p0 a program.
// The first letter is a habit of the plans, not a rule of the language.
type Name string

// MarshalText writes the name; none is a dash.
func (n Name) MarshalText() ([]byte, error) {
	if n == "" {
		return []byte(nothing), nil
	}
	return []byte(n), nil
}

// nothing is the text of no name, and of a list without elements.
const nothing = "-"

// UnmarshalText accepts a lower-case letter followed by letters and digits, or a dash.
func (n *Name) UnmarshalText(b []byte) error {
	if string(b) == nothing {
		*n = ""
		return nil
	}
	if !isName(string(b)) {
		return fmt.Errorf("%q is not a name: want a lower-case letter, then letters or digits", b)
	}
	*n = Name(b)
	return nil
}

func isName(s string) bool {
	for i, r := range s {
		lower, digit := r >= 'a' && r <= 'z', r >= '0' && r <= '9'
		if !lower && (i == 0 || !digit && r != '_') {
			return false
		}
	}
	return s != ""
}

// Size is a size in bytes or a number of entries, as bpf(2) takes it.
type Size uint32

// MarshalText writes decimal.
func (n Size) MarshalText() ([]byte, error) { return strconv.AppendUint(nil, uint64(n), 10), nil }

// UnmarshalText accepts a number of 32 bits, decimal or 0x.
func (n *Size) UnmarshalText(b []byte) error {
	v, err := number(string(b), 32)
	*n = Size(v)
	return err
}

// Key is a key as a number, or the null pointer that get-next-key takes to begin.
// Bytes says how it becomes the bytes of a key of a given size.
type Key struct {
	N    uint64
	Null bool
}

// K is the key with number n.
func K(n uint64) Key { return Key{N: n} }

// MarshalText writes decimal, or the word null.
func (k Key) MarshalText() ([]byte, error) {
	if k.Null {
		return []byte("null"), nil
	}
	return strconv.AppendUint(nil, k.N, 10), nil
}

// UnmarshalText accepts a number of 64 bits, decimal or 0x, or null.
func (k *Key) UnmarshalText(b []byte) (err error) {
	if string(b) == "null" {
		*k = Key{Null: true}
		return nil
	}
	k.N, err = number(string(b), 64)
	return err
}

// Val is the value of an update: anything with a descriptor, by name (the
// descriptor is written), a number, or the null pointer instead of a value.
type Val struct {
	Name Name
	N    uint64
	Null bool
}

// MarshalText writes the name, the number in decimal, or the word null.
func (v Val) MarshalText() ([]byte, error) {
	if v.Null {
		return []byte("null"), nil
	}
	if v.Name != "" {
		return []byte(v.Name), nil
	}
	return strconv.AppendUint(nil, v.N, 10), nil
}

// UnmarshalText accepts a name, a number of 64 bits, or null.
func (v *Val) UnmarshalText(b []byte) (err error) {
	*v = Val{Null: string(b) == "null"}
	if v.Null {
		return nil
	}
	if !isName(string(b)) && (len(b) == 0 || b[0] < '0' || b[0] > '9') {
		return fmt.Errorf("%q is neither a name nor a number", b)
	}
	if len(b) > 0 && b[0] >= '0' && b[0] <= '9' {
		v.N, err = number(string(b), 64)
		return err
	}
	return v.Name.UnmarshalText(b)
}

func number(s string, bits int) (uint64, error) {
	v, err := strconv.ParseUint(s, 0, bits)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of %d bits", s, bits)
	}
	return v, nil
}

// words maps numbers of the kernel's interface to the words of the language.
// A number without a word is written as a number.
type words map[uint64]string

func (w words) text(v uint64) []byte {
	if s, ok := w[v]; ok {
		return []byte(s)
	}
	return strconv.AppendUint(nil, v, 10)
}

func (w words) parse(b []byte, what string, bits int) (uint64, error) {
	for v, s := range w {
		if s == string(b) {
			return v, nil
		}
	}
	if v, err := number(string(b), bits); err == nil {
		return v, nil
	}
	return 0, fmt.Errorf("%q is not a %s: want a number or one of %s", b, what, strings.Join(w.sorted(), " "))
}

func (w words) keys() []uint64 {
	keys := make([]uint64, 0, len(w))
	for v := range w {
		keys = append(keys, v)
	}
	sort.Slice(keys, func(a, b int) bool { return keys[a] < keys[b] })
	return keys
}

func (w words) sorted() (all []string) {
	for _, v := range w.keys() {
		all = append(all, w[v])
	}
	return all
}

// flags writes a set of bits as words joined by |, then what has no word in hex.
func (w words) flags(v uint64) []byte {
	if v == 0 {
		return []byte("0")
	}
	var parts []string
	for _, bit := range w.keys() {
		if v&bit == bit {
			parts, v = append(parts, w[bit]), v&^bit
		}
	}
	if v != 0 {
		parts = append(parts, fmt.Sprintf("%#x", v))
	}
	return []byte(strings.Join(parts, "|"))
}

func (w words) parseFlags(b []byte, what string, bits int) (v uint64, err error) {
	for part := range strings.SplitSeq(string(b), "|") {
		bit, err := w.parse([]byte(part), what, bits)
		if err != nil {
			return 0, err
		}
		v |= bit
	}
	return v, nil
}
