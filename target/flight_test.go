package target

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"mimic/ops"
	"mimic/target/wire"
)

// cut is a connection of which only the first bytes arrived.
type cut struct{ io.Reader }

func (cut) Write(p []byte) (int, error)   { return len(p), nil }
func (cut) SetDeadline(_ time.Time) error { return nil }

// journal is what an agent says of a sequence that is done carefully, every answer ok, and the bytes that had been
// said when each operation began.
func journal(t *testing.T, seq ops.Sequence) (said []byte, begun []int) {
	t.Helper()
	var buffer bytes.Buffer
	conn := wire.New(&buffer)
	for i, op := range seq {
		if err := conn.Doing(i); err != nil {
			t.Fatal(err)
		}
		begun = append(begun, buffer.Len())
		if err := conn.Say(ops.Step{Op: op, Returned: true}.Answer()); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Done(time.Second); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes(), begun
}

// TestOperationInFlightIsNamed cuts a journal after each byte: whatever was lost, exactly one operation has no answer,
// the one that was begun last or the one that was answered last and no other begun.
func TestOperationInFlightIsNamed(t *testing.T) {
	seq := parse(t, strings.Replace(storeAndFind, "end", "o0.dump", 1)).Sequence
	said, begun := journal(t, seq)
	n := 0
	for ; n < len(said); n++ {
		s := &session{rw: cut{bytes.NewReader(said[:n])}}
		s.conn = wire.New(s.rw)
		steps, _, err := s.answers(t.Context(), Job{Sequence: seq, Carefully: true})
		if err == nil {
			break // what is left is padding
		}
		steps = lastUnanswered(steps)
		last := len(steps) - 1
		if last < 0 || steps[last].Returned {
			t.Fatalf("after %d bytes nothing is in flight: %v", n, steps)
		}
		for _, step := range steps[:last] {
			if !step.Returned {
				t.Fatalf("after %d bytes two operations are in flight: %v", n, steps)
			}
		}
		if n >= begun[last] && last+1 < len(seq) && n >= begun[last+1] || last > 0 && n < begun[last-1] {
			t.Errorf("after %d bytes operation %d is in flight; begun after %v", n, last, begun)
		}
	}
	if n < begun[len(seq)-1] {
		t.Errorf("the conversation is complete after %d of %d bytes", n, len(said))
	}
}
