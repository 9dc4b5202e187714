package ops

import (
	"slices"
	"testing"
)

// Long lists are written short, and read as they were; what is no list is refused.
func TestListsAreShort(t *testing.T) {
	var row []Key
	for n := range uint64(20) {
		row = append(row, K(n+5))
	}
	for want, list := range map[Keys][]Key{
		"5..24": row, "7*12": slices.Repeat([]Key{K(7)}, 12), "1;2;3": {K(1), K(2), K(3)}, "9;5..24;9": slices.Concat([]Key{K(9)}, row, []Key{K(9)}),
	} {
		if got := KeyList(list); got != want || !slices.Equal(got.List(), list) {
			t.Errorf("KeyList = %q, read as %v, want %q", got, got.List(), want)
		}
	}
	for _, bad := range []string{"9..5", "1..x", "..", "0..131072", "7*131073", "0..99999;0..99999"} {
		var keys Keys
		if err := keys.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is read as a list of %d", bad, len(keys.List()))
		}
	}
}
