// Package wire is what the host and the agent say to each other: text, each
// direction one stream in the format of DEFLATE.
//
// The agent begins with a Hello. Then the host asks and the agent answers, in
// order; the host may ask ahead. It is compressed on the way through a serial port
// (see package vmtest); through memory that would take a guest longer than it saves.
package wire

import (
	"bufio"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"mimic/ops"
)

// Hello is what an agent says of the kernel that it runs on.
type Hello struct {
	Release string            // uname -r
	Lacks   map[string]string // feature → why it is absent
	Fault   string            // why nothing can be run, or ""
}

// Conn is one side of the conversation. Reading and writing may go on at the
// same time, each from one goroutine.
type Conn struct {
	in    *bufio.Reader
	out   *bufio.Writer
	pack  *flate.Writer     // what out writes to
	drain func() error      // waits until the other side has what was sent
	heard map[string]ops.Op // operations by their lines: sequences say the same again and again

	// Seed, if set, takes what Sow sent.
	Seed func(random string)
	// Setting, if set, takes what Set sent. An error ends the conversation.
	Setting func(parameter string) error
}

// drainer is a stream that buffers where a dying kernel would take it along.
type drainer interface{ Drain() error }

// slow is a stream on which a byte takes longer than to compress it.
type slow interface{ Slow() bool }

// New begins the conversation over rw.
func New(rw io.ReadWriter) *Conn {
	level := flate.NoCompression
	if s, ok := rw.(slow); ok && s.Slow() {
		level = flate.BestSpeed
	}
	pack, err := flate.NewWriter(rw, level)
	if err != nil {
		panic(err) // only for a level that does not exist
	}
	drain := func() error { return nil }
	if d, ok := rw.(drainer); ok {
		drain = d.Drain
	}
	return &Conn{
		in: bufio.NewReader(flate.NewReader(bufio.NewReader(rw))), out: bufio.NewWriter(pack), pack: pack, drain: drain, heard: map[string]ops.Op{},
	}
}

// Say writes a line and Flush sends what was written.
func (c *Conn) Say(line string) error {
	_, _ = c.out.WriteString(line)
	return c.out.WriteByte('\n') // which says what was wrong before, too
}

// Flush sends what was said.
func (c *Conn) Flush() error {
	if err := c.out.Flush(); err != nil {
		return err
	}
	return c.pack.Flush()
}

// send says a line, and sends it.
func (c *Conn) send(line string) error {
	if err := c.Say(line); err != nil {
		return err
	}
	return c.Flush()
}

// Hear reads a line.
func (c *Conn) Hear() (string, error) {
	line, err := c.in.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// SendHello says hello.
func (c *Conn) SendHello(h Hello) error {
	return c.sendJSON(h)
}

// Greet hears a hello.
func (c *Conn) Greet() (h Hello, err error) {
	err = c.hearJSON("the agent's first line is", &h)
	return h, err
}

// sendJSON sends something as a line of JSON.
func (c *Conn) sendJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.send(string(b))
}

// hearJSON hears what sendJSON sent; what is how an error begins that quotes another line.
func (c *Conn) hearJSON(what string, v any) error {
	line, err := c.Hear()
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(line), v); err != nil {
		return fmt.Errorf("%s %.60q: %w", what, line, err)
	}
	return nil
}

// Lines that are neither an operation nor an answer.
const (
	done     = "."        // after a sequence; after its answers, before the time they took
	careful  = "careful"  // before a sequence: announce each operation
	doing    = "doing "   // before the number of the operation that comes next
	fault    = "fault "   // the agent's own
	counters = "counters" // asks for what the kernel has counted
	seed     = "seed "    // before what nobody can know, for a kernel that others began like
	setting  = "set "     // before a parameter of the kernel and its value
)

// Ask sends a sequence. Careful asks the agent to say which operation it is
// about to do, so that the one that a kernel dies of is known.
func (c *Conn) Ask(seq ops.Sequence, isCareful bool) error {
	if isCareful {
		if err := c.Say(careful); err != nil {
			return err
		}
	}
	return c.send(seq.String() + done)
}

// Sow sends what makes a kernel draw other random numbers than those that began like it. Nothing answers it.
func (c *Conn) Sow(random string) error { return c.send(seed + random) }

// Set sends a parameter of the kernel, NAME=VALUE, that it is to have from now on. Nothing answers it, unless it cannot be
// set: then nothing else is answered.
func (c *Conn) Set(parameter string) error { return c.send(setting + parameter) }

// Question is what a host asks: a sequence, or the counters of the kernel.
type Question struct {
	Sequence ops.Sequence
	Careful  bool // announce each operation
	Counters bool
}

// Question hears what Ask or AskCounters said. The error is io.EOF when the host has hung up.
func (c *Conn) Question() (q Question, err error) {
	for {
		line, err := c.Hear()
		switch {
		case err != nil:
			return Question{}, err
		case line == done:
			return q, nil
		case line == counters:
			return Question{Counters: true}, nil
		case line == careful:
			q.Careful = true
		case strings.HasPrefix(line, seed):
			if c.Seed != nil {
				c.Seed(line[len(seed):])
			}
		case strings.HasPrefix(line, setting) && c.Setting != nil:
			if err := c.Setting(line[len(setting):]); err != nil {
				return Question{}, err
			}
		default:
			op, err := c.operation(line)
			if err != nil {
				return Question{}, err
			}
			q.Sequence = append(q.Sequence, op)
		}
	}
}

// maxHeard and maxHeardLine bound the lines whose operations are kept.
const maxHeard, maxHeardLine = 4 << 10, 512

// operation is what a line of a question says.
func (c *Conn) operation(line string) (ops.Op, error) {
	if op := c.heard[line]; op != nil {
		return op, nil
	}
	seq, err := ops.Parse(line)
	if err != nil || len(seq) != 1 {
		return nil, fmt.Errorf("the line %.60q of a question is no operation: %v", line, err)
	}
	if len(c.heard) == maxHeard {
		clear(c.heard)
	}
	if len(line) <= maxHeardLine {
		c.heard[line] = seq[0]
	}
	return seq[0], nil
}

// ProfileEnv is set in the environment of an agent that is to profile itself; the profile is the file ProfileName of its
// counters.
const ProfileEnv, ProfileName = "MIMIC_PROFILE", "agent.pprof"

// AskCounters asks for what a kernel that was built with gcov has counted: the files by their names, none of another.
// Everything else has to be answered by then.
func (c *Conn) AskCounters() (files map[string][]byte, err error) {
	if err := c.send(counters); err != nil {
		return nil, err
	}
	err = c.hearJSON("the agent's counters are", &files)
	return files, err
}

// SendCounters answers AskCounters.
func (c *Conn) SendCounters(files map[string][]byte) error { return c.sendJSON(files) }

// Doing says which operation comes next. When it returns, the host has heard.
func (c *Conn) Doing(i int) error {
	if err := c.send(doing + strconv.Itoa(i)); err != nil {
		return err
	}
	return c.drain()
}

// Done ends the answers to one sequence, and says how long it took.
func (c *Conn) Done(took time.Duration) error { return c.send(done + took.String()) }

// Fault says that the agent cannot go on, in one line.
func (c *Conn) Fault(err error) error {
	return c.send(fault + strings.ReplaceAll(err.Error(), "\n", "; "))
}

// Answers hears the answers to a sequence: a step for every operation, the
// unanswered ones last; and how long it took. A *FaultError is the agent's; other errors are the
// connection's. Steps are good as far as they go in any case.
func (c *Conn) Answers(seq ops.Sequence) (steps []ops.Step, took time.Duration, err error) {
	steps = make([]ops.Step, 0, len(seq))
	begun := 0
	for err == nil {
		var line string
		if line, err = c.Hear(); err != nil {
			break
		}
		if text, ok := strings.CutPrefix(line, done); ok {
			took, err = time.ParseDuration(text)
			return steps, took, errors.Join(err, enough(seq, steps))
		}
		if n, ok := strings.CutPrefix(line, doing); ok {
			begun, err = strconv.Atoi(n)
			begun++
			continue
		}
		steps, err = answer(line, seq, steps)
	}
	return unanswered(seq, steps, begun), 0, err
}

func enough(seq ops.Sequence, steps []ops.Step) error {
	if len(steps) < len(seq) {
		return &FaultError{fmt.Sprintf("%d answers to %d operations", len(steps), len(seq))}
	}
	return nil
}

func answer(line string, seq ops.Sequence, steps []ops.Step) ([]ops.Step, error) {
	if text, ok := strings.CutPrefix(line, fault); ok {
		return steps, &FaultError{text}
	}
	if len(steps) == len(seq) {
		return steps, &FaultError{"more answers than operations"}
	}
	step := ops.Step{Op: seq[len(steps)]}
	if err := step.ParseAnswer(line); err != nil {
		return steps, &FaultError{err.Error()}
	}
	return append(steps, step), nil
}

// unanswered appends the operation that was begun and not answered.
func unanswered(seq ops.Sequence, steps []ops.Step, begun int) []ops.Step {
	if len(steps) < len(seq) && (begun > len(steps) || len(steps) == 0) {
		steps = append(steps, ops.Step{Op: seq[len(steps)]})
	}
	return steps
}

// FaultError is what went wrong inside the agent.
type FaultError struct{ Text string }

func (e *FaultError) Error() string { return "agent: " + e.Text }
