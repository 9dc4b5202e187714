package ops

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anyValue draws a value for a field of the language; every field type must be here.
func anyValue(t *rapid.T, typ reflect.Type, label string) reflect.Value {
	name := rapid.StringMatching(`[a-z][a-z0-9]{0,3}`).Filter(func(s string) bool { return s != "null" })
	switch reflect.Zero(typ).Interface().(type) {
	case Name:
		return reflect.ValueOf(Name(name.Draw(t, label)))
	case Key:
		if rapid.Bool().Draw(t, label) {
			return reflect.ValueOf(Key{Null: true})
		}
		return reflect.ValueOf(K(rapid.Uint64().Draw(t, label)))
	case Val:
		if rapid.Bool().Draw(t, label) {
			return reflect.ValueOf(Val{Name: Name(name.Draw(t, label))})
		}
		if rapid.Bool().Draw(t, label) {
			return reflect.ValueOf(Val{Null: true})
		}
		return reflect.ValueOf(Val{N: rapid.Uint64().Draw(t, label)})
	case Keys:
		return reflect.ValueOf(KeyList(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Key { return K(rapid.Uint64().Draw(t, "key")) }), 0, 3).Draw(t, label)))
	case Vals:
		return reflect.ValueOf(ValList(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Val { return Val{Name: Name(name.Draw(t, "val"))} }), 0, 3).Draw(t, label)))
	case Cursor:
		return reflect.ValueOf(rapid.SampledFrom([]Cursor{FromStart, FromNext, {Given: true, Number: 7}}).Draw(t, label))
	case FDKind:
		return reflect.ValueOf(rapid.SampledFrom(FDKinds()).Draw(t, label))
	case Command:
		return reflect.ValueOf(Command(rapid.IntRange(0, 1).Draw(t, label)))
	case FileUse:
		return reflect.ValueOf(rapid.SampledFrom(FileUses()).Draw(t, label))
	case CapSet:
		return reflect.ValueOf(rapid.SampledFrom([]CapSet{CapsNone, CapsAll, CapBPF, CapBPF | CapPerfmon, CapNetAdmin | CapSysAdmin}).Draw(t, label))
	case Disabled:
		return reflect.ValueOf(rapid.SampledFrom([]Disabled{NotDisabled, DisabledByNow}).Draw(t, label))
	case Until:
		return reflect.ValueOf(rapid.SampledFrom([]Until{UntilDone, UntilAlone}).Draw(t, label))
	case Label:
		return reflect.ValueOf(Label(rapid.IntRange(0, len(labels)-1).Draw(t, label)))
	case Bound:
		return reflect.ValueOf(Bound(rapid.IntRange(0, len(bounds)-1).Draw(t, label)))
	case FDNumber:
		return reflect.ValueOf(FDNumber(rapid.IntRange(0, len(numbers)-1).Draw(t, label)))
	case BTFIDs:
		return reflect.ValueOf(BTFIDs(rapid.IntRange(0, len(btfIDs)-1).Draw(t, label)))
	case BTFKind:
		return reflect.ValueOf(BTFKind(name.Draw(t, label)))
	case Example:
		return reflect.ValueOf(Example(rapid.StringMatching(`[a-z-]{1,9}`).Draw(t, label)))
	case OuterKind:
		return reflect.ValueOf(OuterKind(rapid.IntRange(0, 1).Draw(t, label)))
	case Body:
		return reflect.ValueOf(rapid.SampledFrom([]Body{BodyLookup, "direct write:0:8:-1", "find:3 call:map_update_elem:in:7:2 mem:csum_diff:8"}).Draw(t, label))
	case UpdateFlags:
		return reflect.ValueOf(UpdateFlags(rapid.Uint64().Draw(t, label)))
	}
	return reflect.ValueOf(rapid.Uint32().Draw(t, label)).Convert(typ)
}

func anyOp(t *rapid.T, def Name) Op {
	r := table[rapid.IntRange(0, len(table)-1).Draw(t, "op")]
	v := reflect.New(r.typ).Elem()
	for i := range v.NumField() {
		if i == r.def {
			v.Field(i).Set(reflect.ValueOf(def))
			continue
		}
		v.Field(i).Set(anyValue(t, v.Field(i).Type(), r.typ.Field(i).Name))
	}
	return v.Interface().(Op)
}

func anySequence(t *rapid.T) (s Sequence) {
	for i := range rapid.IntRange(0, 20).Draw(t, "length") {
		s = append(s, anyOp(t, Name(fmt.Sprintf("n%d", i))))
	}
	return s
}

func TestSequenceTextIsInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySequence(t)
		back, err := Parse(s.String())
		if err != nil {
			t.Fatalf("parse %q: %v", s, err)
		}
		if !reflect.DeepEqual(s, back) {
			t.Fatalf("%q came back as %q", s, back)
		}
	})
}

func anyResult(t *rapid.T) Result {
	if rapid.Bool().Draw(t, "read") {
		return Read(rapid.SampledFrom([]string{"i0", "7", "no map", "hash key=4", "x00ff"}).Draw(t, "got"))
	}
	return Result{Errno: Errno(rapid.IntRange(0, 600).Draw(t, "errno")), Got: rapid.SampledFrom([]string{"", "2: 0=i0 1=i1"}).Draw(t, "got")}
}

func TestTraceTextIsInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Trace{Kernel: "6.12.117", End: Ending(rapid.IntRange(1, int(Refused)).Draw(t, "end")), Detail: "why"}
		want.Lacks = rapid.SampledFrom([]map[string]string{nil, {"btf": "it is: off"}, {"a": "b", "b": "c"}}).Draw(t, "lacks")
		for _, op := range anySequence(t) {
			step := Step{Op: op, Returned: rapid.Bool().Draw(t, "returned")}
			if step.Returned {
				step.Got = anyResult(t)
				step.Note = rapid.SampledFrom([]string{"", "R1 type=map_ptr expected=fp # = ok"}).Draw(t, "note")
			}
			want.Steps = append(want.Steps, step)
		}
		got, err := ParseTrace(want.String())
		if err != nil {
			t.Fatalf("parse %q: %v", want, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q came back as %q", want, got)
		}
	})
}

func TestEveryTextThatParsesPrintsTheSame(t *testing.T) {
	for _, src := range []string{
		"o0=outer( array ,template=i0, max = 0x4 )", "i0.update(1, 2, NOEXIST|0x80)", "i0.next(null)  # begin", "caps( sys_admin|bpf , disabled=0)", "caps(all)", "",
	} {
		s, err := Parse(src)
		if err != nil {
			t.Fatalf("parse %q: %v", src, err)
		}
		again, err := Parse(s.String())
		if err != nil || !reflect.DeepEqual(s, again) {
			t.Errorf("%q: %q came back as %q, %v", src, s, again, err)
		}
	}
}

func TestBadTextSaysLineColumnReason(t *testing.T) {
	for _, c := range []struct {
		src          string
		line, column int
		reason       string
	}{
		{"frob(1)", 1, 1, `"frob" is not an operation`},
		{"end()\n o0.frob(1)", 2, 5, `"frob" is not an operation`},
		{"lookup(1)", 1, 1, "lookup is written name.lookup(…)"},
		{"o0 = lookup(1)", 1, 6, "lookup is written name.lookup(…)"},
		{"o0.lookup(x)", 1, 11, `"x" is not a number of 64 bits`},
		{"o0.lookup()", 1, 11, "lookup needs its argument number 1"},
		{"o0.lookup(1", 1, 12, "want , or ) in the arguments of lookup"},
		{"o0.lookup(1, 2, 3)", 1, 17, "lookup has no argument number 3"},
		{"-.lookup(1)", 1, 1, `"-" is not a name`},
		{"o0.update_batch(1;x, i0)", 1, 17, `"x" is not a number of 64 bits`},
		{"o0.lookup_batch(1, from=there)", 1, 25, `"there" is no cursor`},
		{"f0 = fd(door)", 1, 9, `"door" is not a kind of descriptor`},
		{"o0.lookup(1) x", 1, 14, `"x" after the operation`},
		{"O0.lookup(1)", 1, 1, `"O0" is not a name`},
		{"i0 = map(hash, key=4, value=8)", 1, 30, "map needs its argument max"},
		{"i0 = map(hsh, key=4, value=8, max=1)", 1, 10, `"hsh" is not a map type`},
		{"i0 = map(hash, key=4, key=4, value=8, max=1)", 1, 23, "argument key of map is given twice"},
		{"i0 = map(hash, key=4294967296, value=8, max=1)", 1, 20, `"4294967296" is not a number of 32 bits`},
		{"i0.update(1, 2, FOO)", 1, 17, `"FOO" is not a flag of an update`},
		{"p0 = prog(xdp, o0, 99)", 1, 20, `"99" in the body of a program: there is no such step`},
		{"p0 = prog(xdp, o0, find:0 write:0:3:1)", 1, 20, `"write:0:3:1" in the body of a program: 3 bytes, want 1, 2, 4 or 8`},
		{"i0 = reopen(i1)\ni0 = reopen(i1)", 2, 1, "i0 is defined already, at line 1"},
		{"caps(root)", 1, 6, `"root" is not a capability: want a number or one of bpf perfmon net_admin sys_admin, or none or all`},
		{"caps(none|bpf)", 1, 6, `"none" is not a capability`},
		{"caps(16)", 1, 6, "16 is not the number of a capability"},
		{"caps(none, disabled=1)", 1, 21, "1 is not the number of a value of kernel.unprivileged_bpf_disabled that can be taken back"},
		{"end", 1, 4, "want ( after end"},
	} {
		_, err := Parse(c.src)
		var se *SyntaxError
		if !errors.As(err, &se) {
			t.Errorf("%q: error %v, want a SyntaxError", c.src, err)
			continue
		}
		if se.Line != c.line || se.Column != c.column || !strings.Contains(se.Reason, c.reason) {
			t.Errorf("%q: got %v, want line %d, column %d: %s", c.src, se, c.line, c.column, c.reason)
		}
	}
}

func TestEveryBadLineIsReported(t *testing.T) {
	_, err := Parse("x\nend()\ny")
	if err == nil || !strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("got %v, want lines 1 and 3", err)
	}
}

func TestBadTraces(t *testing.T) {
	for src, want := range map[string]string{
		"end() ok\nended: completed":         "line 1, column 9",
		"end()  yes\nended: completed":       "line 1, column 8",
		"end()  ok":                          "does not say how it ended",
		"lacks: btf\nended: completed":       "line 1, column 8: want a feature",
		"end()  ok\nended: well":             `line 2, column 8: "well" is not an ending`,
		"o0.lookup(x)  ok\nended: completed": "line 1, column 11",
	} {
		if _, err := ParseTrace(src); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", src, err, want)
		}
	}
}

func TestBytesAndNumberAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, size := rapid.Uint64().Draw(t, "n"), Size(rapid.IntRange(1, 40).Draw(t, "size"))
		want, _ := K(Truncate(n, size)).MarshalText()
		if got := Number(Bytes(n, size)); got != string(want) {
			t.Fatalf("%d in %d bytes came back as %s", n, size, got)
		}
	})
	if got := Number([]byte{1, 0, 0, 0, 9, 0, 0, 0, 0}); got != "x010000000900000000" {
		t.Errorf("bytes that no number has came back as %s", got)
	}
}

func TestGrammarHasEveryOperation(t *testing.T) {
	if got := strings.Join(Grammar(), "\n"); !strings.Contains(got, "name = outer(kind, [key=key]") ||
		!strings.Contains(got, "name.update(key, value, [flags], [tail=tail])") || len(Grammar()) != len(table) {
		t.Errorf("grammar:\n%s", got)
	}
}

func BenchmarkParse(b *testing.B) {
	src := strings.Repeat("o0.update(1, i1, NOEXIST)\n", 1000)
	for b.Loop() {
		if _, err := Parse(src); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/line")
}
