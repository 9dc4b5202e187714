package progs

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mimic/ops"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var bodies = []ops.Body{ops.BodyLookup, ops.BodyUpdate, ops.BodyDelete, ops.BodyPush, ops.BodyPop, ops.BodyPeek}

// TestDisassembly holds every body to its golden disassembly: in a program with
// a packet, and in one without.
func TestDisassembly(t *testing.T) {
	shape := Shape{Outer: 5, OuterKey: 12, InnerKey: 4, InnerValue: 3}
	for _, typ := range []ops.ProgType{ops.XDP, ops.SchedCLS, ops.Kprobe} {
		for _, body := range bodies {
			ins, err := Instructions(typ, body, shape)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, fmt.Sprintf("%s-%s.txt", typ, body), fmt.Sprintf("%v", ins))
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
		t.Fatalf("%v (go test ./progs -update writes it)", err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./progs -update rewrites it):\n%s", path, got)
	}
}

func TestEveryProgramAssembles(t *testing.T) {
	for _, typ := range ops.ProgTypes {
		for _, body := range bodies {
			for _, size := range []ops.Size{0, 1, 4, 13, MaxKey} {
				code, err := Assemble(typ, body, Shape{Outer: -1, OuterKey: size, InnerKey: size, InnerValue: size})
				if err != nil || len(code) == 0 || len(code)%8 != 0 {
					t.Errorf("%s %s with keys of %d bytes: %d bytes of code, %v", typ, body, size, len(code), err)
				}
			}
		}
	}
	if len(Nothing()) != 16 {
		t.Errorf("nothing is %d bytes of code, want two instructions", len(Nothing()))
	}
}

func TestTooLongKeysAreRefused(t *testing.T) {
	_, err := Assemble(ops.XDP, ops.BodyLookup, Shape{OuterKey: MaxKey + 1, InnerKey: 4, InnerValue: 4})
	if err == nil || !strings.Contains(err.Error(), "97 and 4 bytes, want at most 96") {
		t.Errorf("got %v", err)
	}
}

func TestReadSize(t *testing.T) {
	for value, want := range map[ops.Size]ops.Size{1: 1, 2: 2, 3: 2, 4: 4, 7: 4, 8: 8, 64: 8} {
		if got := ReadSize(value); got != want {
			t.Errorf("of %d bytes %d are read, want %d", value, got, want)
		}
	}
}
