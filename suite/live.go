package suite

import (
	"fmt"
	"io"
	"time"
)

// refresh is how often the moving line moves.
const refresh = 200 * time.Millisecond

// live is the moving line of a terminal.
type live struct {
	w     io.Writer
	name  string
	start time.Time
	last  time.Time
}

func newLive(w io.Writer, name string) *live { return &live{w, name, time.Now(), time.Time{}} }

// show rewrites the line: sequences done, and the time that the rest will take.
func (l *live) show(done, of int) {
	if l.w == nil || done == 0 || time.Since(l.last) < refresh {
		return
	}
	l.last = time.Now()
	left := time.Duration(float64(time.Since(l.start)) * float64(of-done) / float64(done))
	fmt.Fprintf(l.w, "\r\x1b[K%s: %d of %d sequences, %v left", l.name, done, of, left.Round(time.Second))
}

func (l *live) clear() {
	if l.w != nil {
		fmt.Fprint(l.w, "\r\x1b[K")
	}
}
