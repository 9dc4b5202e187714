package vmtest

import (
	"strings"
	"testing"
)

// What has been written is there for who asks, though nobody has listened yet.
func TestDrainTakesWhatHasCome(t *testing.T) {
	l, err := openLines(false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.closeOurs()
	defer l.closeTheirs()
	var got strings.Builder
	s := newStream(l.ours[0], &got)
	said := strings.Repeat("WARNING: x\n", 4000) // more than one piece
	if _, err := l.theirs[0].WriteString(said); err != nil {
		t.Fatal(err)
	}
	s.drain()
	if got.String() != said {
		t.Errorf("drained %d bytes, want %d", got.Len(), len(said))
	}
	l.closeTheirs()
	s.copy()
	s.drain() // of one that is gone
	if !s.over() {
		t.Error("the stream is not over when the other side is gone")
	}
}

// One that copies and one that asks share the stream: nothing is lost, and all stays in order.
func TestDrainBesideCopy(t *testing.T) {
	l, err := openLines(false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.closeOurs()
	var got strings.Builder
	s, done := newStream(l.ours[0], &got), make(chan struct{})
	go func() { s.copy(); close(done) }()
	var want strings.Builder
	for i := range 3000 {
		line := strings.Repeat("x", i%97) + "\n"
		want.WriteString(line)
		l.theirs[0].WriteString(line)
		if i%3 == 0 {
			s.drain()
		}
	}
	l.closeTheirs()
	<-done
	if got.String() != want.String() {
		t.Errorf("%d bytes came, want %d, in order", got.Len(), want.Len())
	}
}
