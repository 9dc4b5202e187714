package ops

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ENOTSUPP is 524, an errno of the kernel's own that libc has no name for.
const ENOTSUPP = Errno(524)

// Errno is an errno of the kernel; 0 is success.
type Errno unix.Errno

var errnoNames = func() map[Errno]string {
	names := map[Errno]string{0: "ok", ENOTSUPP: "ENOTSUPP"}
	for e := unix.Errno(1); e < 134; e++ {
		if s := unix.ErrnoName(e); s != "" {
			names[Errno(e)] = s
		}
	}
	return names
}()

func (e Errno) String() string {
	if s := errnoNames[e]; s != "" {
		return s
	}
	return fmt.Sprintf("E%d", int(e))
}

// Result is an answer: an errno and what was read, as text of the language: a
// name, a number, a word. Only the batch commands read something and fail. It
// never holds a descriptor, an id, an address or a time, nothing that differs
// between two runs.
type Result struct {
	Errno Errno
	Got   string
}

// OK is success with nothing read; Got success with what was read; Failed an errno.
var OK = Result{}

// Read is success with what was read.
func Read(got string) Result { return Result{Got: got} }

// Failed is the answer of a call that failed with e.
func Failed(e unix.Errno) Result { return Result{Errno: Errno(e)} }

// Words that Alive and Gone answer, and examples of package loader.
const (
	WordAlive   = "alive"
	WordGone    = "gone"
	WordNoMap   = "no map"
	WordNoEntry = "no entry"
)

// Describe is the text that Info answers of a map: label is its name for people,
// btf the name of what describes its values.
func Describe(t MapType, key, value, max Size, flags CreateFlags, label string, btf Name) string {
	s := fmt.Sprintf("%s key=%d value=%d max=%d flags=%s", t, key, value, max, flags)
	if label != "" {
		s += " name=" + label
	}
	if btf != "" {
		s += " btf=" + string(btf)
	}
	return s
}

// DescribeProgram is the text that Info answers of a program: the maps that it uses, and those that its instructions load.
func DescribeProgram(uses, loads []Name) string {
	return "uses" + listed(uses) + ", loads" + listed(loads)
}

func listed(names []Name) (s string) {
	for _, n := range names {
		s += " " + string(n)
	}
	return s
}

// WordTooSmall is behind what /proc says of an array of maps that tells of less memory than its elements need.
const WordTooSmall = " memlock too small"

// WordInherited is behind what /proc says of the descriptor of a map that would stay open in another program (no O_CLOEXEC).
const WordInherited = " inherited"

// DescribeFile is what /proc/self/fdinfo says of a map.
func DescribeFile(t MapType, key, value, max Size, flags CreateFlags, frozen int) string {
	return fmt.Sprintf("type %d key %d value %d max %d flags %x frozen %d", t, key, value, max, uint32(flags), frozen)
}

// String is ok, = what was read, the name of the errno, or that and = what was read.
func (r Result) String() string {
	switch {
	case r.Got == "":
		return r.Errno.String()
	case r.Errno == 0:
		return "= " + r.Got
	}
	return r.Errno.String() + " = " + r.Got
}

// ParseResult reads what Result.String wrote.
func ParseResult(s string) (Result, error) {
	name, got, read := strings.Cut(s, "= ")
	if name = strings.TrimSuffix(name, " "); read && got != "" && name == "" {
		return Result{Got: got}, nil
	}
	e, ok := parseErrno(name)
	if !ok || read && got == "" {
		return Result{}, fmt.Errorf("%q is not an answer: want ok, an errno or = and what was read", s)
	}
	return Result{e, got}, nil
}

func parseErrno(s string) (Errno, bool) {
	for e, name := range errnoNames {
		if name == s {
			return e, true
		}
	}
	var e int
	n, err := fmt.Sscanf(s, "E%d", &e)
	return Errno(e), n == 1 && err == nil && Errno(e).String() == s
}

// Step is one operation with its answer. Returned false: asked, never answered.
type Step struct {
	Op       Op
	Returned bool
	Got      Result
	Note     string // what the kernel said in words, if it did: for people, never judged
}

// Ending says how the run of a sequence ended.
type Ending uint8

// Endings. The zero value is not an ending: a trace must say how it ended.
const (
	Undecided Ending = iota
	Completed        // every operation was answered
	Panicked         // the kernel panicked or oopsed
	Hung             // no answer within the time limit
	Lost             // the machine or process that ran it is gone, without a word
	Refused          // the executor could not run it: the harness is at fault
)

var endings = words{0: "undecided", 1: "completed", 2: "panicked", 3: "hung", 4: "lost", 5: "refused"}

func (e Ending) String() string { return string(endings.text(uint64(e))) }

// Trace is what happened when a sequence ran on a kernel.
type Trace struct {
	Kernel string // release, as uname says it
	Steps  []Step
	End    Ending
	Detail string // one line: why it ended so, if not completed

	// Lacks says of each feature that this kernel lacks why; who judges the trace must know.
	Lacks map[string]string

	// Console is what the kernel printed, of a guest that died of the sequence; else "". It has no text.
	Console string

	// Took is the time from the first operation to the last, the waiting at the end
	// apart, by the clock of who ran them; 0 if nobody looked. It has no text.
	Took time.Duration
}

// Sequence is the sequence that was run.
func (t Trace) Sequence() (s Sequence) {
	for _, step := range t.Steps {
		s = append(s, step.Op)
	}
	return s
}

const noAnswer = "(no answer)"

// beforeNote separates an answer from its note. No answer contains it.
const beforeNote = "  # "

// Answer is the text of a step's result, and its note behind it as a comment.
func (s Step) Answer() string {
	text := noAnswer
	if s.Returned {
		text = s.Got.String()
	}
	if note := strings.Join(strings.Fields(s.Note), " "); note != "" {
		text += beforeNote + note
	}
	return text
}

// ParseAnswer sets what Answer wrote.
func (s *Step) ParseAnswer(text string) (err error) {
	answer, note, _ := strings.Cut(text, beforeNote)
	s.Note, s.Returned = note, answer != noAnswer
	if s.Returned {
		s.Got, err = ParseResult(strings.TrimSpace(answer))
	}
	return err
}

// String is a header, an operation and its answer a line, and how it ended.
func (t Trace) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "kernel: %s\n", t.Kernel)
	for _, feature := range slices.Sorted(maps.Keys(t.Lacks)) {
		fmt.Fprintf(&b, "lacks: %s: %s\n", feature, strings.Join(strings.Fields(t.Lacks[feature]), " "))
	}
	for _, s := range t.Steps {
		fmt.Fprintf(&b, "%-54s  %s\n", s.Op, s.Answer())
	}
	fmt.Fprintf(&b, "ended: %s %s", t.End, t.Detail)
	return strings.TrimRight(b.String(), " ") + "\n"
}

// ParseTrace reads what Trace.String wrote. The error is a *SyntaxError.
func ParseTrace(src string) (t Trace, err error) {
	defined := map[Name]int{}
	for i, line := range strings.Split(src, "\n") {
		if err := t.parseLine(line, i+1, defined); err != nil {
			return Trace{}, err
		}
	}
	if t.End == Undecided {
		return Trace{}, &SyntaxError{strings.Count(src, "\n") + 1, 1, "the trace does not say how it ended: want ended: …"}
	}
	return t, nil
}

func (t *Trace) parseLine(line string, number int, defined map[Name]int) error {
	if rest, ok := strings.CutPrefix(line, "kernel: "); ok {
		t.Kernel = rest
		return nil
	}
	if rest, ok := strings.CutPrefix(line, "lacks: "); ok {
		return t.parseLack(rest, number)
	}
	if rest, ok := strings.CutPrefix(line, "ended: "); ok {
		return t.parseEnd(rest, number)
	}
	if strings.TrimSpace(line) == "" || line[0] == '#' {
		return nil
	}
	return t.parseStep(line, number, defined)
}

func (t *Trace) parseLack(rest string, number int) error {
	feature, why, ok := strings.Cut(rest, ": ")
	if !ok || feature == "" || why == "" {
		return &SyntaxError{number, len("lacks: ") + 1, "want a feature, a colon and a space, and why the kernel lacks it"}
	}
	if t.Lacks == nil {
		t.Lacks = map[string]string{}
	}
	t.Lacks[feature] = why
	return nil
}

func (t *Trace) parseEnd(rest string, number int) error {
	word, detail, _ := strings.Cut(rest, " ")
	v, err := endings.parse([]byte(word), "ending", 8)
	if err != nil || Ending(v) == Undecided {
		return &SyntaxError{number, len("ended: ") + 1, fmt.Sprintf("%q is not an ending", word)}
	}
	t.End, t.Detail = Ending(v), detail
	return nil
}

func (t *Trace) parseStep(line string, number int, defined map[Name]int) error {
	text, answer, ok := strings.Cut(line, "  ")
	if !ok {
		return &SyntaxError{number, len(line) + 1, "no answer after the operation: want two spaces, then the answer"}
	}
	op, err := parseLine(text, number, defined)
	if err != nil {
		return err
	}
	step := Step{Op: op}
	if err := step.ParseAnswer(strings.TrimSpace(answer)); err != nil {
		return &SyntaxError{number, len(text) + 3, err.Error()}
	}
	t.Steps = append(t.Steps, step)
	return nil
}
