package suite

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// refresh is how often the moving line moves.
const refresh = 200 * time.Millisecond

// live is the moving line of a terminal. It says which kernel of how many is being
// examined, how far that is, and how long all of them will take.
type live struct {
	w      io.Writer
	name   string
	i, of  int // kernels
	start  time.Time
	last   time.Time
	colour bool
}

// newLive is a line on a terminal, or one that nobody sees if w is nil or a
// terminal that cannot move back.
func newLive(w io.Writer, i, of int, name string) *live {
	if os.Getenv("TERM") == "dumb" {
		w = nil
	}
	return &live{w: w, name: name, i: i, of: of, start: time.Now(), colour: os.Getenv("NO_COLOR") == ""}
}

// follow shows what an examination does.
func (l *live) follow(x *examination) {
	l.start = time.Now()
	x.progress = func(done, of int) {
		if l.w != nil && done > 0 && time.Since(l.last) >= refresh {
			l.write(l.asking(x, done, of), x.strange())
		}
	}
	x.phase = func(what string) {
		if l.w != nil {
			l.write(what, x.strange())
		}
	}
}

// asking says how far the asking is. Of the kernels to come nothing is known but
// that this one took so long.
func (l *live) asking(x *examination, done, of int) string {
	took := time.Since(l.start)
	left := time.Duration(float64(took) / float64(done) * float64(of*(l.of-l.i)-done))
	asked, rows := x.askedEnough()
	return fmt.Sprintf("%d%%, %d of %d claims asked, %.0f ops/s, %v left",
		100*done/of, asked, rows, float64(x.answered)/took.Seconds(), left.Round(time.Second))
}

// write rewrites the line. It never fills the last column, where some terminals
// would begin another.
func (l *live) write(text string, strange int) {
	l.last = time.Now()
	line := fmt.Sprintf("%s (kernel %d of %d): %s", l.name, l.i+1, l.of, text)
	if strange > 0 {
		line += fmt.Sprintf(", %d look violated", strange)
	}
	line = cut(line, columns(l.w)-1)
	if strange > 0 && l.colour {
		line = "\x1b[31m" + line + "\x1b[0m"
	}
	fmt.Fprint(l.w, "\r\x1b[K"+line)
}

func (l *live) clear() {
	if l.w != nil {
		fmt.Fprint(l.w, "\r\x1b[K")
	}
}

func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:max(n-1, 0)]), " ") + "…"
}

// columns is how wide a terminal is; 80 if it does not say.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 80
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return 80
	}
	return int(size.Col)
}

// say tells who watches what is being done, if anybody does.
func (x *examination) say(format string, a ...any) {
	if x.phase != nil {
		x.phase(fmt.Sprintf(format, a...))
	}
}

// strange is how many kinds of violations there are that nothing explains yet.
func (x *examination) strange() (n int) {
	for _, signature := range x.order {
		if x.explain(x.seen[signature].Reduced) == "" {
			n++
		}
	}
	return n
}

// askedEnough is how many rows were asked often enough to hold, and of how many.
func (x *examination) askedEnough() (enough, of int) {
	for _, row := range x.rows {
		if x.asked.Of(row) >= leastAsked {
			enough++
		}
	}
	return enough, len(x.rows)
}
