package vmtest

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"mimic/vmtest/internal/wire"
)

// What Console keeps of a guest that floods its console.
const (
	consoleHead = 64 << 10
	consoleTail = 256 << 10
	longestLine = 4 << 10 // what is looked at in one piece
	overlap     = 256     // what two pieces of one line have in common
)

// console keeps the beginning and the end of what the kernel prints, and notes how it crashed and
// what it complained of.
type console struct {
	mu         sync.Mutex
	head, tail []byte
	dropped    int
	line, last []byte // the line that is not complete, and the one before that is not empty
	crash      crash
	lines      int           // complete lines so far
	bugAt      int           // the line that crash.bug was in
	panicked   chan struct{} // closed at the first line of a panic

	allowed   func(Splat) bool
	noticed   chan struct{} // one word that there is a report to wait for
	reporting chan struct{} // closed when the report that is being printed is decided about; nil if there is none
	report    []Splat       // of it
	splat     Splat         // the first that is not allowed
}

// crash is what the console says about the end of a kernel; empty strings if it does not.
type crash struct {
	bug   string // the last complaint before it
	oops  string // the first line of the oops itself
	rip   string // the function it happened in
	panic string // why the kernel gave up
}

// newConsole makes a console that forgives the splats that allowed accepts; nil accepts none.
func newConsole(allowed func(Splat) bool) *console {
	if allowed == nil {
		allowed = func(Splat) bool { return false }
	}
	return &console{panicked: make(chan struct{}), allowed: allowed, noticed: make(chan struct{}, 1)}
}

// Write takes console output in pieces of any size. It never fails.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(p)
	for rest := p; len(rest) > 0; {
		piece, after, ended := bytes.Cut(rest, []byte("\n"))
		c.extend(piece)
		if ended {
			c.endLine()
		}
		rest = after
	}
	return len(p), nil
}

// extend adds to the line that is not complete; a long one is looked at piece by piece.
func (c *console) extend(piece []byte) {
	for len(piece) > 0 {
		n := min(longestLine-len(c.line), len(piece))
		c.line, piece = append(c.line, piece[:n]...), piece[n:]
		if len(c.line) == longestLine {
			c.look(string(c.line))
			c.line = append(c.line[:0], c.line[longestLine-overlap:]...)
		}
	}
}

// endLine is called with a complete line.
func (c *console) endLine() {
	c.look(string(c.line))
	c.lines++
	if len(bytes.TrimSpace(c.line)) > 0 && !wire.IsLine(c.line) {
		c.last = append(c.last[:0], c.line...)
	}
	c.line = c.line[:0]
}

func (c *console) keep(p []byte) {
	n := min(len(p), consoleHead-len(c.head))
	c.head = append(c.head, p[:n]...)
	c.tail = append(c.tail, p[n:]...)
	if len(c.tail) > 2*consoleTail { // twice, so that bytes are moved seldom
		surplus := len(c.tail) - consoleTail
		c.tail = append(c.tail[:0], c.tail[surplus:]...)
		c.dropped += surplus
	}
}

// String is what was kept, with a line in the place of what was not.
func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	tail, dropped := c.tail, c.dropped
	if surplus := len(tail) - consoleTail; surplus > 0 {
		tail, dropped = tail[surplus:], dropped+surplus
	}
	if dropped == 0 {
		return string(c.head) + string(tail)
	}
	return fmt.Sprintf("%s\n[vmtest: %d bytes of console left out]\n%s", c.head, dropped, tail)
}

// silent says whether nothing at all has been printed.
func (c *console) silent() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.head) == 0
}

// seen is the crash as far as it was printed.
func (c *console) seen() crash {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.crash
}

// Every way through the kernel's die() prints "what: code [#count]"; the complaint before it says
// more than its name.
var (
	stamp    = regexp.MustCompile(`^(<\d+>)?(\[ *[\d.]+\]|\[ *[CT]\d+\]| )*`)
	bugLine  = regexp.MustCompile(`^(BUG: |kernel BUG at |Unable to handle kernel |WARNING: )`)
	diesLine = regexp.MustCompile(`: [0-9a-f]{4} \[#\d+\]`)
	ripLine  = regexp.MustCompile(`^RIP: [0-9a-f]{4}:(\S+)`)
)

const panicStart = "Kernel panic - not syncing: "

// bugNear is how many lines before an oops a complaint about it may be.
const bugNear = 8

// look learns what one line says about a crash or a splat; of crashes the first of each kind is the
// one that counts.
func (c *console) look(line string) {
	line = strings.TrimRight(line, "\r")
	c.scan(line)
	line = line[len(stamp.FindString(line)):]
	s := &c.crash
	switch reason, panics := strings.CutPrefix(line, panicStart); {
	case panics && s.panic == "":
		s.panic = reason
		close(c.panicked)
	case s.oops == "" && bugLine.MatchString(line):
		s.bug, c.bugAt = line, c.lines
	case s.oops == "" && diesLine.MatchString(line):
		s.oops = line
		if c.lines-c.bugAt > bugNear {
			s.bug = ""
		}
	case s.oops != "" && s.rip == "" && ripLine.MatchString(line):
		s.rip = ripLine.FindStringSubmatch(line)[1]
	}
}

// finish looks at a last line that has no end.
func (c *console) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLine()
}

// lastLine is the last line that is not empty, shortened.
func (c *console) lastLine() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(bytes.TrimSpace(c.last[:min(len(c.last), 200)]))
}
