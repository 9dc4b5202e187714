package wire

import (
	"reflect"
	"testing"
)

func TestFind(t *testing.T) {
	for name, tt := range map[string]struct {
		text  string
		words []string
		rest  string
		ok    bool
	}{
		"line":         {string(Line("t", Exit, "3")) + "x", []string{"exit", "3"}, "x", true},
		"terminal":     {"boot\r\nvmtest t ready\r\n", []string{"ready"}, "", true},
		"unfinished":   {"\nvmtest t rea", nil, "", false},
		"other-secret": {"\nvmtest u ready\n", nil, "", false},
		"mid-line":     {"say vmtest t ready\n", nil, "", false},
	} {
		words, rest, ok := Find([]byte(tt.text), "t")
		if ok != tt.ok || ok && (!reflect.DeepEqual(words, tt.words) || string(rest) != tt.rest) {
			t.Errorf("%s: Find = %q, %q, %v; want %q, %q, %v", name, words, rest, ok,
				tt.words, tt.rest, tt.ok)
		}
	}
}

func TestPackedLists(t *testing.T) {
	for _, list := range [][]string{nil, {""}, {"a", "", "b c\n"}, {"", ""}} {
		if got := UnpackList(PackList(list)); !reflect.DeepEqual(got, list) {
			t.Errorf("list %q comes back as %q", list, got)
		}
	}
}
