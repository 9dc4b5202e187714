package ops

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRaceLength(t *testing.T) {
	for src, want := range map[string]int{
		"o0.lookup(1)\nthread()\njoin()":                              0,
		"thread()\no0.lookup(1)\nthread(cpu=1)\njoin()\no0.lookup(1)": 4,
		"thread()\no0.lookup(1)\nend()":                               2,
		"thread()\no0.lookup(1)":                                      2,
		"join()":                                                      0,
	} {
		seq, err := Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		if got := RaceLength(seq); got != want {
			t.Errorf("%s: %d operations, want %d", strings.ReplaceAll(src, "\n", "; "), got, want)
		}
	}
}

func TestHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var events []Event
		got := rapid.SampledFrom([]Result{OK, Read("i1"), {Errno: 2}, {Errno: 2, Got: "1 4=i0"}, Read("7 null@2")})
		for range rapid.IntRange(0, 5).Draw(t, "times") {
			call := rapid.IntRange(0, 1000).Draw(t, "call")
			events = append(events, Event{call, call + rapid.IntRange(1, 9).Draw(t, "took"), got.Draw(t, "got")})
		}
		answer, err := ParseResult(History(events).String())
		if err != nil {
			t.Fatal(err)
		}
		back, err := answer.Events()
		if err != nil || !reflect.DeepEqual(back, events) {
			t.Fatalf("%v: %v, %v", answer, back, err)
		}
	})
	for _, bad := range []string{"3 ok", "x-3 ok", "3-4", "3-4 nonsense"} {
		if _, err := Read(bad).Events(); err == nil {
			t.Errorf("%q was taken for a history", bad)
		}
	}
}
