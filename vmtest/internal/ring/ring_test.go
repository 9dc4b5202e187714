package ring

import (
	"bytes"
	"testing"
)

// A megabyte through a ring that holds half of it arrives unchanged, in pieces of odd sizes.
func TestBytesArrive(t *testing.T) {
	memory := make([]byte, Size)
	host, guest := Host(memory), Guest(memory)
	sent := make([]byte, 3<<20)
	for i := range sent {
		sent[i] = byte(i * i >> 7)
	}
	var got []byte
	buf := make([]byte, 77777)
	for rest := sent; len(got) < len(sent); {
		n := host.Write(rest[:min(len(rest), 123457)])
		rest = rest[n:]
		got = append(got, buf[:guest.Read(buf)]...)
	}
	if !bytes.Equal(got, sent) {
		t.Error("other bytes arrived")
	}
	if n := guest.Read(buf); n != 0 {
		t.Errorf("%d bytes arrived that nobody sent", n)
	}
}

func TestFullRingTakesNoMore(t *testing.T) {
	memory := make([]byte, Size)
	guest := Guest(memory)
	if n := guest.Write(make([]byte, Size)); n != Size/2-head {
		t.Errorf("it took %d bytes", n)
	}
	if n := guest.Write([]byte{1}); n != 0 {
		t.Error("it took one more")
	}
	if n := Host(memory).Read(make([]byte, Size)); n != Size/2-head {
		t.Errorf("%d bytes arrived", n)
	}
}

// What a dying kernel leaves in the counters must not crash the host.
func TestWildCountersAreBounded(t *testing.T) {
	memory := bytes.Repeat([]byte{0xff, 0x80}, Size/2)
	host := Host(memory)
	for range 10 {
		host.Read(make([]byte, Size))
		host.Write(make([]byte, Size))
	}
}
