package executor

import (
	"testing"

	"github.com/cilium/ebpf/btf"
)

// TestFindFunctions compares with what the library that wrote the object says.
func TestFindFunctions(t *testing.T) {
	b, err := btf.NewBuilder(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	number := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	proto := &btf.FuncProto{Return: number, Params: []btf.FuncParam{{Name: "a", Type: number}, {Name: "b", Type: number}}}
	members := []btf.Member{{Name: "m", Type: number}, {Name: "bpf_it", Type: number, Offset: 32}}
	for _, typ := range []btf.Type{
		&btf.Struct{Name: "s", Size: 8, Members: members}, &btf.Union{Name: "u", Size: 8, Members: members[:1]},
		&btf.Enum{Name: "e", Size: 4, Values: []btf.EnumValue{{Name: "v", Value: 1}}},
		&btf.Enum{Name: "l", Size: 8, Values: []btf.EnumValue{{Name: "w", Value: 1}}},
		&btf.Array{Index: number, Type: number, Nelems: 3}, &btf.Var{Name: "bpf_var", Type: number},
		&btf.Typedef{Name: "bpf_typedef", Type: number}, &btf.Func{Name: "bpf_its", Type: proto},
	} {
		if _, err := b.Add(typ); err != nil {
			t.Fatal(err)
		}
	}
	want, err := b.Add(&btf.Func{Name: "bpf_it", Type: proto})
	if err != nil {
		t.Fatal(err)
	}
	blob, err := b.Marshal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := findFunctions(blob, []string{"bpf_it", "bpf_var", "bpf_none"})
	if len(got) != 1 || got["bpf_it"] != uint32(want) {
		t.Errorf("found %v, want bpf_it with id %d and no other", got, want)
	}
}

func TestNoBTFHasNoFunctions(t *testing.T) {
	for _, blob := range []string{"", "no BTF at all", "\x9f\xeb\x01\x00\x18\x00\x00\x00\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f"} {
		if got := findFunctions([]byte(blob), []string{"bpf_it"}); len(got) > 0 {
			t.Errorf("%q: found %v", blob, got)
		}
	}
}
