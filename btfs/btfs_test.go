package btfs

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestTypes holds every kind to its golden listing of types.
func TestTypes(t *testing.T) {
	for _, row := range Kinds {
		t.Run(string(row.Kind), func(t *testing.T) {
			golden(t, string(row.Kind)+".txt", listing(t, build(t, row.Kind)))
		})
	}
}

func TestSizesAreThoseOfTheTypes(t *testing.T) {
	for _, row := range Kinds {
		o := build(t, row.Kind)
		spec := parse(t, o)
		for id, want := range map[uint32]uint32{o.Key: o.KeySize, o.Value: o.ValueSize} {
			typ, err := spec.TypeByID(btf.TypeID(id))
			if err != nil {
				t.Fatalf("%s: %v", row.Kind, err)
			}
			if size, err := btf.Sizeof(typ); err != nil || uint32(size) != want {
				t.Errorf("%s: %v has %d bytes, want %d; %v", row.Kind, typ, size, want, err)
			}
		}
		if o.ValueSize != row.ValueSize || o.KeySize != KeySize {
			t.Errorf("%s: sizes %d and %d, want %d and %d", row.Kind, o.KeySize, o.ValueSize, KeySize, row.ValueSize)
		}
	}
}

func TestBuildIsRepeatable(t *testing.T) {
	for _, row := range Kinds {
		if a, b := build(t, row.Kind), build(t, row.Kind); !bytes.Equal(a.Blob, b.Blob) {
			t.Errorf("%s: two builds differ", row.Kind)
		}
	}
}

func TestWordsAreUnique(t *testing.T) {
	seen := map[Kind]bool{}
	for _, row := range Kinds {
		if seen[row.Kind] || row.What == "" || row.Since == "" {
			t.Errorf("%s is there twice, or nobody knows what or since when it is", row.Kind)
		}
		seen[row.Kind] = true
	}
}

func TestUnknownKind(t *testing.T) {
	if o, err := Build("lokc"); err == nil || !strings.Contains(err.Error(), `"lokc"`) {
		t.Errorf("Build = %v, %v; want an error that names the word", o, err)
	}
}

// Kernels before 5.16 know no declaration tags, before 5.17 no type tags: only the kinds that
// cannot do without have them.
func TestOnlyWhatNeedsTagsHasThem(t *testing.T) {
	for _, kind := range []Kind{Int, Plain, Lock, Lock16, Timer, Timer16, LockTimer, Refcount, Wq, ResLock, TaskWork} {
		if text := listing(t, build(t, kind)); strings.Contains(text, "Tag") || strings.Contains(text, "tag") {
			t.Errorf("%s has tags:\n%s", kind, text)
		}
	}
}

func build(t *testing.T, kind Kind) Object {
	t.Helper()
	o, err := Build(kind)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func parse(t *testing.T, o Object) *btf.Spec {
	t.Helper()
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(o.Blob))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// listing is the object as text: one line a type, one a member.
func listing(t *testing.T, o Object) string {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "key %d value %d\n", o.Key, o.Value)
	spec := parse(t, o)
	for typ, err := range spec.All() {
		if err != nil {
			t.Fatal(err)
		}
		id, err := spec.TypeID(typ)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%d %v\n", id, typ)
		if s, ok := typ.(*btf.Struct); ok {
			for _, m := range s.Members {
				fmt.Fprintf(&text, "\t%d %s %v %q\n", m.Offset.Bytes(), m.Name, m.Type, m.Tags)
			}
		}
	}
	return text.String()
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
		t.Fatalf("%v (go test ./btfs -update writes it)", err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./btfs -update rewrites it):\n%s", path, got)
	}
}
