package suite

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// refresh is how often the moving line moves.
const refresh = 200 * time.Millisecond

// screen is the moving line of a terminal. Each kernel that is being examined has a part of it.
type screen struct {
	mu     sync.Mutex
	w      io.Writer // nil: nobody sees it
	colour bool
	parts  []*live // in the order in which they were begun
}

// newScreen is the line of a terminal, or one that nobody sees if w is nil or a
// terminal that cannot move back.
func newScreen(w io.Writer) *screen {
	if os.Getenv("TERM") == "dumb" {
		w = nil
	}
	return &screen{w: w, colour: os.Getenv("NO_COLOR") == ""}
}

// show writes the line again. It never fills the last column, where some terminals
// would begin another.
func (s *screen) show() {
	if s.w == nil {
		return
	}
	line := "\r\x1b[K"
	for i, l := range s.parts {
		if i > 0 {
			line += " | "
		}
		line += s.paint(cut(l.text, (columns(s.w)-1)/len(s.parts)-3*min(i, 1)), l.strange)
	}
	fmt.Fprint(s.w, line)
}

func (s *screen) paint(text string, red bool) string {
	if red && s.colour {
		return "\x1b[31m" + text + "\x1b[0m"
	}
	return text
}

// live is what the moving line says of one kernel: which it is of how many, how far it is, and how
// long all of them will take.
type live struct {
	*screen
	name        string
	i, of, jobs int // kernels, and how many are examined at the same time
	start       time.Time
	last        time.Time
	text        string
	strange     bool
}

func newLive(s *screen, i, of, jobs int, name string) *live {
	return &live{screen: s, name: name, i: i, of: of, jobs: jobs, start: time.Now()}
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
	after := (l.of - l.i - 1 + l.jobs - 1) / l.jobs // turns
	left := time.Duration(float64(took) / float64(done) * float64(of*(1+after)-done))
	asked, rows := x.askedEnough()
	return fmt.Sprintf("%d%%, %d of %d claims asked, %.0f ops/s, %v left",
		100*done/of, asked, rows, float64(x.answered)/took.Seconds(), left.Round(time.Second))
}

// write says something else of the kernel.
func (l *live) write(text string, strange int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = time.Now()
	l.text, l.strange = fmt.Sprintf("%s (kernel %d of %d): %s", l.name, l.i+1, l.of, text), strange > 0
	if strange > 0 {
		l.text += fmt.Sprintf(", %d look violated", strange)
	}
	if !slices.Contains(l.parts, l) {
		l.parts = append(l.parts, l)
	}
	l.show()
}

// clear takes a kernel from the line.
func (l *live) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parts = slices.DeleteFunc(l.parts, func(other *live) bool { return other == l })
	l.show()
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
