package properties

import (
	"encoding/binary"
	"testing"

	"mimic/ops"
)

// bigEndian is the newest kernel on a machine whose numbers begin with the highest byte.
func bigEndian() Kernel {
	k := Newest()
	k.Lacks = map[string]string{ops.FeatureLittleEndian: "numbers begin with the highest byte"}
	return k
}

// piecewise has a program read and write pieces of a number, and user space what became of it.
const piecewise = `
i0 = map(array, key=4, value=8, max=2)
o0 = outer(array, max=2, template=i0)
o0.update(0, i0)
i0.update(1, 258)
p0 = prog(xdp, o0, find:0 check get:1 check read:0:1 write:0:1:7 read:7:1)
p0.run(0, 1)
i0.lookup(1)
`

// answersTo are what a fake kernel answers to the last operations of a sequence.
func answersTo(t *testing.T, k Kernel, text string, last int) (ops.Trace, []string) {
	t.Helper()
	seq, err := ops.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	trace := Fake{Kernel: k}.Answer(seq)
	var answers []string
	for _, s := range trace.Steps[len(trace.Steps)-last:] {
		answers = append(answers, s.Answer())
	}
	return trace, answers
}

// What a piece of a number is depends on the machine of the kernel, never on ours; a kernel that answers in
// the other order is found out.
func TestPiecesAreInTheOrderOfTheKernel(t *testing.T) {
	for _, tt := range []struct {
		name          string
		kernel, other Kernel
		run, lookup   string
	}{
		{"little-endian", Newest(), bigEndian(), "= 2 0", "= 263"},
		{"big-endian", bigEndian(), Newest(), "= 0 2", "= 504403158265495810"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trace, got := answersTo(t, tt.kernel, piecewise, 2)
			if got[0] != tt.run || got[1] != tt.lookup {
				t.Errorf("it answers %q, want %q and %q", got, tt.run, tt.lookup)
			}
			if v := Judge(tt.kernel, trace, Asked{}); v != nil {
				t.Errorf("an honest kernel is blamed at step %d of\n%v", v.Step, v.Trace)
			}
			lie, _ := answersTo(t, tt.other, piecewise, 2)
			if v := Judge(tt.kernel, lie, Asked{}); v == nil || v.Step != 5 {
				t.Errorf("a kernel that answers in the other order is not found out at its program: %v", v)
			}
		})
	}
}

// An index is a number of 32 bits: a kernel that took it in the other order would find that 1 is beyond the end.
func TestIndexInTheOtherOrderIsFoundOut(t *testing.T) {
	for _, k := range []Kernel{Newest(), bigEndian()} {
		trace, _ := answersTo(t, k, piecewise+"o0.update(1, i0)\n", 1)
		if v := Judge(k, trace, Asked{}); v != nil {
			t.Fatalf("an honest kernel is blamed at step %d of\n%v", v.Step, v.Trace)
		}
		other := binary.BigEndian.Uint32(ops.BytesIn(binary.LittleEndian, 1, 4))
		_, lie := answersTo(t, k, piecewise+"o0.update("+ops.Number(ops.Bytes(uint64(other), 4))+", i0)\n", 1)
		if err := trace.Steps[7].ParseAnswer(lie[0]); err != nil {
			t.Fatal(err)
		}
		if v := Judge(k, trace, Asked{}); v == nil || v.Step != 7 {
			t.Errorf("a kernel that answers %s to an update of the second slot is not found out", lie[0])
		}
	}
}

// Plans hold on the honest kernel of either order.
func TestPlansHoldOnABigEndianKernel(t *testing.T) {
	fake := Fake{Kernel: bigEndian()}
	for _, row := range Keys() {
		if v := Judge(fake.Kernel, fake.Answer(Plan(fake.Kernel, row, 1, 0)), Asked{}); v != nil {
			t.Errorf("%s: step %d of\n%vwant %s", row, v.Step, v.Trace, v.Wanted())
		}
	}
}
