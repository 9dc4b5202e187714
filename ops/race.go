package ops

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Until says when a thread ends.
type Until uint8

// Ends of a thread.
const (
	UntilDone  Until = iota // it has done its operations as often as it is to
	UntilAlone              // or no other works that is to do all of its own
)

var untils = words{0: "done", 1: "alone"}

func (u Until) String() string { return string(untils.text(uint64(u))) }

// MarshalText writes the word.
func (u Until) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText accepts the word.
func (u *Until) UnmarshalText(b []byte) error {
	v, err := parseWord(untils, b, "thread end")
	*u = Until(v)
	return err
}

// Races says whether a sequence has threads.
func Races(seq Sequence) bool {
	return slices.ContainsFunc(seq, func(op Op) bool { _, begins := op.(Thread); return begins })
}

// RaceLength is how many operations the race has that begins a sequence: those
// of its threads, with every Thread and the Join, if there is one. It is 0 if the
// sequence begins with anything but a thread. An End ends a race without a Join,
// and is not of it.
func RaceLength(seq Sequence) int {
	if len(seq) == 0 {
		return 0
	}
	if _, begins := seq[0].(Thread); !begins {
		return 0
	}
	for i, op := range seq {
		switch op.(type) {
		case Join:
			return i + 1
		case End:
			return i
		}
	}
	return len(seq)
}

// Threadable says whether a thread can do an operation; any other is answered
// WordNoThread.
func Threadable(op Op) bool {
	switch op.(type) {
	case Update, Lookup, Delete, Next, LookupBatch, TakeBatch, UpdateBatch, DeleteBatch, Freeze, Close, Pin, Unpin, Run, Sys, Bind, Renew, Still:
		return true
	}
	return false
}

// Repeatable says whether Repeat does an operation again: it does not wait, has no threads and no processes, and changes
// something that can be kept.
func Repeatable(op Op) bool {
	switch op.(type) {
	case Thread, Join, Process, Kill, Attach, Load, Alive, Gone, Live, Still, Repeat, End:
		return false
	}
	return true
}

// Words that Repeat answers of the memory that the kernel uses.
const (
	WordLevel = "level"
	WordGrows = "grows"
)

// Words that operations of threads answer.
const (
	WordNoThread = "not in a thread"
	WordStill    = "still"
	WordMoving   = "moving"

	WordNoProcess  = "no process"
	WordNotRenewed = "not renewed"
)

// RenewedName is the name of the n-th map that Renew made, from 1.
func RenewedName(n int) string { return "new" + strconv.Itoa(n) }

// Event is one time that a thread did an operation. Call and Return are tickets
// of one counter for all threads: what returned before another was called came
// before it.
type Event struct {
	Call, Return int
	Got          Result
}

const betweenEvents = "; "

// History is the answer of an operation of a thread: what it was answered each
// time, in order.
func History(events []Event) Result {
	var b strings.Builder
	for i, e := range events {
		if i > 0 {
			b.WriteString(betweenEvents)
		}
		b.WriteString(strconv.Itoa(e.Call) + "-" + strconv.Itoa(e.Return) + " " + e.Got.String())
	}
	return Read(b.String())
}

// Events are the times that a thread did an operation, of an answer that History
// made.
func (r Result) Events() (events []Event, err error) {
	if r == OK {
		return nil, nil
	}
	for text := range strings.SplitSeq(r.Got, betweenEvents) {
		e, err := parseEvent(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no event of a history: %w", text, err)
		}
		events = append(events, e)
	}
	return events, nil
}

func parseEvent(text string) (e Event, err error) {
	tickets, got, _ := strings.Cut(text, " ")
	called, returned, ok := strings.Cut(tickets, "-")
	if !ok {
		return e, fmt.Errorf("want CALL-RETURN ANSWER")
	}
	if e.Call, err = strconv.Atoi(called); err != nil {
		return e, err
	}
	if e.Return, err = strconv.Atoi(returned); err != nil {
		return e, err
	}
	e.Got, err = ParseResult(got)
	return e, err
}
