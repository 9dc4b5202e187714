package suite

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
)

// watched is an examination on the second of three kernels, a quarter of it done.
func watched(l *live) *examination {
	x := &examination{rows: properties.Keys()[:4], answered: 5000, asked: properties.Asked{}, seen: map[string]*report.Finding{}}
	l.follow(x)
	l.start = time.Now().Add(-10 * time.Second)
	return x
}

func TestLive(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	var b bytes.Buffer
	l := newLive(newScreen(&b), 1, 3, 1, "6.12")
	x := watched(l)
	x.progress(25, 100)
	if want := "\r\x1b[K6.12 (kernel 2 of 3): 25%, 0 of 4 claims asked, 500 ops/s, 1m10s left"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
	b.Reset()
	x.progress(26, 100)
	if b.Len() > 0 {
		t.Errorf("too soon it says %q", b.String())
	}
	x.say("reducing violation %d of %d", 1, 2)
	if want := "\r\x1b[K6.12 (kernel 2 of 3): reducing violation 1 of 2"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestLiveColoursAreOptional(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for _, noColor := range []string{"", "1"} {
		t.Setenv("NO_COLOR", noColor)
		var b bytes.Buffer
		x := watched(newLive(newScreen(&b), 0, 1, 1, "6.12"))
		x.order = []string{"a"}
		x.seen["a"] = &report.Finding{Reduced: &properties.Violation{Trace: ops.Trace{}}}
		x.say("x")
		if text := b.String(); !strings.Contains(text, "1 look violated") || strings.Contains(text, "\x1b[31m") != (noColor == "") {
			t.Errorf("NO_COLOR=%q: %q", noColor, text)
		}
	}
}

func TestLiveIsQuiet(t *testing.T) {
	var b bytes.Buffer
	t.Setenv("TERM", "dumb")
	l := newLive(newScreen(&b), 0, 1, 1, "6.12")
	x := watched(l)
	x.progress(25, 100)
	x.say("x")
	l.clear()
	if b.Len() > 0 {
		t.Errorf("a dumb terminal is told %q", b.String())
	}
	x = watched(newLive(newScreen(nil), 0, 1, 1, "6.12"))
	x.progress(25, 100)
	x.say("x")
}

func TestLiveFitsItsLine(t *testing.T) {
	if got := cut("é123456789", 8); got != "é123456…" {
		t.Errorf("got %q", got)
	}
}

// TestLiveShowsSeveral watches two kernels that are examined at the same time, up to the end of one.
func TestLiveShowsSeveral(t *testing.T) {
	t.Setenv("TERM", "xterm")
	var b bytes.Buffer
	s := newScreen(&b)
	one, other := newLive(s, 0, 2, 2, "6.12"), newLive(s, 1, 2, 2, "7.2")
	for _, l := range []*live{one, other} {
		watched(l).say("x")
	}
	if want := "\r\x1b[K6.12 (kernel 1 of 2): x | 7.2 (kernel 2 of 2): x"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("got %q, want %q at the end", b.String(), want)
	}
	one.clear()
	if want := "\r\x1b[K7.2 (kernel 2 of 2): x"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("got %q, want %q at the end", b.String(), want)
	}
}
