package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mimic/ops"
)

func pair(t *testing.T) (host, agent *Conn, closeAgent func()) {
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	return New(a), New(b), func() { b.Close() }
}

var seq = ops.Sequence{
	ops.Map{Def: "i0", Type: ops.Hash, Key: 4, Value: 8, Max: 2},
	ops.Close{On: "i0"},
	ops.End{},
}

func TestHello(t *testing.T) {
	host, agent, _ := pair(t)
	want := Hello{Release: "6.12.1", Lacks: map[string]string{"prog:xdp": "EINVAL"}}
	go agent.SendHello(want)
	got, err := host.Greet()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("heard %+v, %v; want %+v", got, err, want)
	}
}

func TestQuestionAndAnswers(t *testing.T) {
	host, agent, _ := pair(t)
	go host.Ask(seq, true)
	got, err := agent.Question()
	if err != nil || !got.Careful || got.Counters || got.Sequence.String() != seq.String() {
		t.Fatalf("heard %+v, %v", got, err)
	}
	go func() {
		for i := range seq {
			agent.Doing(i)
			agent.Say("ok  # so to say")
		}
		agent.Done(time.Second)
	}()
	steps, took, err := host.Answers(seq)
	if err != nil || took != time.Second || len(steps) != len(seq) || !steps[2].Returned || steps[2].Note != "so to say" {
		t.Errorf("heard %v, %v", steps, err)
	}
}

// serial is a stream that is slow.
type serial struct{ bytes.Buffer }

func (*serial) Slow() bool { return true }

// TestCompressesOnlyWhatIsSlow: both ways hear the same, in fewer bytes where those are dear.
func TestCompressesOnlyWhatIsSlow(t *testing.T) {
	var dear serial
	var cheap bytes.Buffer
	long := append(ops.Sequence{seq[0]}, slices.Repeat(ops.Sequence{ops.Info{On: "i0"}}, 300)...)
	for _, rw := range []io.ReadWriter{&dear, &cheap} {
		if err := New(rw).Ask(long, false); err != nil {
			t.Fatal(err)
		}
	}
	if dear.Len()*10 > cheap.Len() {
		t.Errorf("%d bytes compressed, %d not", dear.Len(), cheap.Len())
	}
	for _, rw := range []io.ReadWriter{&dear, &cheap} {
		if q, err := New(rw).Question(); err != nil || q.Sequence.String() != long.String() {
			t.Errorf("heard %d operations, %v", len(q.Sequence), err)
		}
	}
}

// TestSameLinesAreParsedOnce: more lines than are kept, those longer than are kept, and the same again are all heard as said.
func TestSameLinesAreParsedOnce(t *testing.T) {
	var stream bytes.Buffer
	long := slices.Clone(seq)
	for i := range 2*maxHeard + 1 {
		long = append(long, ops.Lookup{On: "i0", Key: ops.Key{N: uint64(i)}}, ops.Info{On: "i0"})
	}
	many, err := ops.Parse("i0.delete_batch(" + strings.Repeat("7;9;", maxHeardLine) + "8)")
	if err != nil {
		t.Fatal(err)
	}
	long = append(long, many...)
	c := New(&stream)
	for range 2 {
		if err := c.Ask(long, false); err != nil {
			t.Fatal(err)
		}
		if q, err := c.Question(); err != nil || q.Sequence.String() != long.String() {
			t.Errorf("heard %d operations, %v; want %d", len(q.Sequence), err, len(long))
		}
	}
	if len(c.heard) > maxHeard {
		t.Errorf("%d lines are kept", len(c.heard))
	}
}

// TestNoOperation: a line that says nothing that can be done is an error which quotes it.
func TestNoOperation(t *testing.T) {
	for _, line := range []string{"i0.fly()", "# nothing", ""} {
		host, agent, _ := pair(t)
		go host.send(line)
		if _, err := agent.Question(); err == nil || !strings.Contains(err.Error(), strconv.Quote(line)) {
			t.Errorf("error %v, want one that quotes %q", err, line)
		}
	}
}

func TestCounters(t *testing.T) {
	host, agent, _ := pair(t)
	want := map[string][]byte{"map_in_map.gcda": {0, '\n', 255}}
	go func() {
		if q, err := agent.Question(); err == nil && q.Counters {
			agent.SendCounters(want)
		}
	}()
	if got, err := host.AskCounters(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("heard %v, %v; want %v", got, err, want)
	}
}

// TestSilenceNamesTheOperation: an agent that goes away while it does something
// leaves the operation that it had begun, unanswered.
func TestSilenceNamesTheOperation(t *testing.T) {
	host, agent, gone := pair(t)
	go func() {
		agent.Doing(0)
		agent.Say("ok")
		agent.Doing(1)
		gone()
	}()
	steps, _, err := host.Answers(seq)
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v, want one about the end of the stream", err)
	}
	if len(steps) != 2 || !steps[0].Returned || steps[1].Returned || steps[1].Op != seq[1] {
		t.Errorf("steps %+v, want the second begun and not answered", steps)
	}
}

func TestFaults(t *testing.T) {
	for name, say := range map[string]func(*Conn){
		"its own":    func(c *Conn) { c.Fault(errors.New("no\nroom")) },
		"too many":   func(c *Conn) { c.Say("ok\nok\nok\nok"); c.Done(0) },
		"too few":    func(c *Conn) { c.Say("ok"); c.Done(0) },
		"no grammar": func(c *Conn) { c.Say("maybe"); c.Done(0) },
	} {
		t.Run(name, func(t *testing.T) {
			host, agent, _ := pair(t)
			go say(agent)
			var fault *FaultError
			if _, _, err := host.Answers(seq); !errors.As(err, &fault) || strings.Contains(fault.Text, "\n") {
				t.Errorf("error %v, want the agent's fault in one line", err)
			}
		})
	}
}
