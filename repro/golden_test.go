package repro

import (
	"flag"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mimic/ops"
	"mimic/properties"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden holds what maintainers are sent to what somebody has read: an update that should be
// refused, a program of which the kernel dies, a race, what is done again and again.
func TestGolden(t *testing.T) {
	for _, name := range []string{"H10-lock-array", "F5-checked-array", "F7-take-batch-wait", "F1-prog-array-leak"} {
		v := violationOf(t, findings+name+".seq")
		if name == "F5-checked-array" {
			last := &v.Trace.Steps[v.Step]
			v.Trace.End, v.Trace.Detail, last.Returned, last.Got = ops.Panicked, "oopsed: NULL pointer dereference", false, ops.Result{}
		}
		about := About{Name: "6.12", Kernel: "6.12.0 in memory", Replay: "scripts/run-vm.sh 6.12 -replay findings/" + name + ".seq"}
		src, err := C(v, about)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		golden(t, name+".c.golden", src)
		if src, err = GoTest(v, about); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), name, src, 0); err != nil || !strings.Contains(src, v.Trace.Sequence().String()) {
			t.Errorf("%s: no Go test of the sequence: %v\n%s", name, err, src)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is another: go test ./repro -update, and read the difference", path)
	}
}

// TestWhatCannotBeTold holds what is refused to its reasons.
func TestWhatCannotBeTold(t *testing.T) {
	order := atTheEnd(t, aMap+"thread(times=2)\no0.update(1, i0)\njoin()")
	words := atTheEnd(t, aMap+"p0 = prog(xdp, o0, find:0 get:0 read)")
	words.Trace.Steps[words.Step].Got = ops.Result{Errno: 22, Got: "other"}
	for why, v := range map[string]*properties.Violation{
		"it is the order of what threads saw": order,
		"the reason that the kernel gives":    words,
		"a loader does it":                    atTheEnd(t, "load(array-of-maps)"),
		"there is no violation":               nil,
	} {
		if src, err := C(v, About{}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %q; %d bytes", err, why, len(src))
		}
	}
}

// TestRepeatedIsWrittenOnce: what is done with one map after the other is a loop, and what names two is not.
func TestRepeatedIsWrittenOnce(t *testing.T) {
	round := "iN = map(hash, key=4, value=4, max=4)\niN.close()\n"
	leaving := "iN = map(hash, key=4, value=4, max=4)\niN.lookup(1)\n"
	for text, loop := range map[string]bool{round: true, leaving: false} {
		var seq strings.Builder
		for i := range 20 {
			seq.WriteString(strings.ReplaceAll(text, "N", string(rune('0'+i/10))+string(rune('0'+i%10))))
		}
		src, err := C(atTheEnd(t, seq.String()+"end()"), About{})
		if err != nil || strings.Contains(src, "n < 20") != loop {
			t.Errorf("%v, want a loop: %v\n%s", err, loop, src)
		}
	}
}
