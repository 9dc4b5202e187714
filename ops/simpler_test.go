package ops

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// TestEveryOperandCanBeSimpler: a type of the language without an order would never be made simpler.
func TestEveryOperandCanBeSimpler(t *testing.T) {
	for _, r := range table {
		for i := range r.typ.NumField() {
			if _, ok := reflect.Zero(r.typ).Field(i).Interface().(operand); !ok {
				t.Errorf("%s of %s has no order", r.typ.Field(i).Name, r.verb)
			}
		}
	}
}

// TestSimplerEnds: whatever is made simpler is another operation of the language, which parses, and however one
// goes on there is an end.
func TestSimplerEnds(t *testing.T) {
	names := []Name{"i0", "o0"}
	rapid.Check(t, func(t *rapid.T) {
		op := anyOp(t, "x0")
		for steps := 0; ; steps++ {
			var all []Op
			for field := range Fields(op) {
				all = append(all, Simpler(op, field, names)...)
			}
			if len(all) == 0 {
				return
			}
			next := rapid.SampledFrom(all).Draw(t, "simpler")
			if back, err := Parse(next.String() + "\n"); err != nil || back[0] != next || next == op || steps > 1000 {
				t.Fatalf("after %d steps %s is made simpler as %s: %v", steps, op, next, err)
			}
			op = next
		}
	})
}

func TestSimplerAndOthers(t *testing.T) {
	names := []Name{"i0", "o0", "i1"}
	seen := func(op Op, field string, list func(Op, int, []Name) []Op) (texts string) {
		for i := range Fields(op) {
			if FieldName(op, i) == field {
				for _, o := range list(op, i, names) {
					texts += o.String() + ";"
				}
			}
		}
		return texts
	}
	for _, c := range []struct{ op, field, simpler, others string }{
		{"o0.update(7, i1)", "value", "o0.update(7, i0);o0.update(7, o0);", ""},
		{"o0.update(2, i1, EXIST|LOCK)", "flags", "o0.update(2, i1);o0.update(2, i1, EXIST);o0.update(2, i1, LOCK);", ""},
		{"o0.update(0, i1)", "key", "", "o0.update(1, i1);o0.update(7, i1);"},
		{"o0.update(0, i1)", "flags", "", ""},
		{"o0.delete_batch(0;4)", "keys", "o0.delete_batch(0);o0.delete_batch(4);o0.delete_batch(0;0);o0.delete_batch(0;1);o0.delete_batch(0;2);o0.delete_batch(0;3);", ""},
		{"thread(times=40)", "times", "thread();thread(times=4);thread(times=2);thread(times=8);thread(times=20);", ""},
		{"p0 = prog(xdp, o0, find:in check)", "body", "p0 = prog(xdp, o0, find:in);p0 = prog(xdp, o0, check);p0 = prog(xdp, o0, find:0 check);p0 = prog(xdp, o0, find:1 check);", ""},
		{"p0 = prog(xdp, o0, find:in check)", "type", "", "p0 = prog(sched_cls, o0, find:in check);p0 = prog(socket_filter, o0, find:in check);"},
		{"caps(bpf|sys_admin)", "set", "caps(all);caps(none);caps(bpf);caps(sys_admin);", ""},
		{"i2 = map(array, key=4, value=8, max=1)", "def", "", ""},
	} {
		seq, err := Parse(c.op + "\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := seen(seq[0], c.field, Simpler); got != c.simpler {
			t.Errorf("%s: simpler %s:\n%s\nwant\n%s", c.op, c.field, got, c.simpler)
		}
		if got := seen(seq[0], c.field, Others); got != c.others {
			t.Errorf("%s: other %s:\n%s\nwant\n%s", c.op, c.field, got, c.others)
		}
	}
}
