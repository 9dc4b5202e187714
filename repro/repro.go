// Package repro writes what shows a violation to people who do not have mimic: one C file that needs
// nothing but libc, and a Go test that replays the sequence.
//
// The C file does the operations up to the one that breaks the promise, prints what the kernel
// answers to each, and exits 1 if the bug is there, 0 if it is not, 2 if it cannot tell. Nothing here
// runs anything: whether a file that was written shows the bug is for who runs it to say.
package repro

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mimic/ops"
	"mimic/properties"
)

// About says where a violation was seen, for people.
type About struct {
	Name   string // what -vm takes: 6.12
	Kernel string // release, and the package that it came from
	Replay string // the command that shows it with mimic; "" if there is none
}

// Unexpressed is why a sequence cannot be written as C.
type Unexpressed struct {
	Op  string
	Why string
}

func (e *Unexpressed) Error() string {
	return fmt.Sprintf("no C for %s: %s; send the sequence instead, which mimic replays", e.Op, e.Why)
}

func cannot(op ops.Op, format string, args ...any) error {
	return &Unexpressed{op.String(), fmt.Sprintf(format, args...)}
}

// C is a reproducer of a violation as one C file, built with
//
//	gcc -static -O1 repro.c
//
// The error is an *Unexpressed if an operation of the sequence cannot be written as C, or what the
// violation is about cannot be seen in an answer.
func C(v *properties.Violation, about About) (string, error) {
	if v == nil || v.Step >= len(v.Trace.Steps) {
		return "", fmt.Errorf("write a reproducer: there is no violation, or not at a step of its trace")
	}
	w := newWriter(v)
	if err := w.main(); err != nil {
		return "", err
	}
	return w.file(about), nil
}

// writer puts a C file together.
type writer struct {
	v        *properties.Violation
	want     []string // what each step must answer to go on, see expectations
	refusals []string // how some kernels may refuse it, see refusals
	handles  map[ops.Name]*handle
	needs    map[string]bool // helpers
	names    []ops.Name      // variables, in the order of their first use
	globals  strings.Builder // arrays and functions before main
	body     strings.Builder
	depth    int  // of the block that is written
	objects  int  // how many maps and BTF objects there may be
	slow     bool // the kernel takes its time to forget some of them
	gated    bool // programs are attached
	zero     bool // descriptor 0 may be a map's
	thread   bool // what is written now is done by a thread
	races    bool
	may      *ops.Caps // what operations are done with that are Lowered; nil: all there is
}

func newWriter(v *properties.Violation) *writer {
	w := &writer{v: v, want: expectations(v), refusals: refusals(v), handles: map[ops.Name]*handle{}, needs: map[string]bool{"base": true, "memlock": true}}
	for _, step := range v.Trace.Steps {
		switch step.Op.(type) {
		case ops.Attach:
			w.gated, w.slow = true, true
		case ops.Thread:
			w.races = true
		}
	}
	return w
}

// need asks for helpers.
func (w *writer) need(names ...string) {
	for _, n := range names {
		w.needs[n] = true
	}
}

func (w *writer) line(format string, args ...any) {
	w.body.WriteString(strings.Repeat("\t", w.depth+1))
	fmt.Fprintf(&w.body, format+"\n", args...)
}

// main writes the steps up to the one that decides.
func (w *writer) main() error {
	steps := w.v.Trace.Steps
	if o, repeats := steps[w.v.Step].Op.(ops.Repeat); repeats {
		return w.repeatedly(steps[:w.v.Step], int(o.Times))
	}
	for i := 0; i <= w.v.Step; {
		n, err := w.some(steps, i)
		if err != nil {
			return err
		}
		i += n
	}
	return nil
}

// repeatedly writes steps that processes do, one after the other: what they made is let go when they end.
func (w *writer) repeatedly(steps []ops.Step, times int) error {
	for _, step := range steps {
		if !ops.Repeatable(step.Op) {
			return cannot(step.Op, "it is not repeated with what is before it")
		}
	}
	w.need("again")
	w.line("int code = again(%d);\n", times)
	w.line("if (code >= 0)")
	w.line("\treturn code;")
	if err := w.inOrder(steps, 0); err != nil {
		return err
	}
	w.line("return 0;")
	return nil
}

// some writes what begins at a step: a race, steps that are repeated, or the step. It says how many steps that are.
func (w *writer) some(steps []ops.Step, i int) (int, error) {
	if n := ops.RaceLength(w.v.Trace.Sequence()[i:]); n > 0 {
		return n, w.race(steps[i:i+n], w.v.Step-i)
	}
	if block, times := repeated(steps[i:w.v.Step], w.want[i:]); times > 1 {
		w.line("for (int n = 0; n < %d; n++) {", times)
		w.objects += block * times
		w.depth++
		err := w.inOrder(steps[i:i+block], i)
		w.depth--
		w.line("}\n")
		return block * times, err
	}
	if i < w.v.Step {
		return 1, w.inOrder(steps[i:i+1], i)
	}
	return 1, w.last(steps[i])
}

// inOrder writes steps, of which the first has a number.
func (w *writer) inOrder(steps []ops.Step, first int) error {
	w.need("expect")
	for i, step := range steps {
		if err := w.do(step.Op, step); err != nil {
			return err
		}
		if refusal := w.refusals[first+i]; refusal != "" {
			w.need("unless")
			w.line("unless(%s);", strconv.Quote(refusal))
		}
		text := "NULL"
		if want := w.want[first+i]; want != "" {
			text = strconv.Quote(want)
		}
		w.line("expect(%s);\n", text)
	}
	return nil
}

// do writes what an operation does, and its text before that.
func (w *writer) do(op ops.Op, step ops.Step) error {
	w.line("step(%s);", strconv.Quote(op.String()))
	lines, err := w.emit(op, step)
	if w.may != nil && ops.Lowered(op) && err == nil {
		lines, err = w.lowered(op, lines)
	}
	for _, l := range lines {
		w.line("%s", l)
	}
	return err
}

// last writes the step that decides.
func (w *writer) last(step ops.Step) error {
	if err := w.do(step.Op, step); err != nil {
		return err
	}
	seen := ""
	if step.Returned {
		var err error
		if seen, err = canonical(step.Op, step.Got); err != nil {
			return err
		}
	}
	if w.v.IsDefect() || oneOfMany(step.Op) && step.Returned {
		w.need("exactly")
		w.line("return exactly(%s, %s);", strconv.Quote(seen), strconv.Quote(w.v.Wanted()))
		return nil
	}
	allowed := w.allowed(step)
	if len(allowed) == 0 || !step.Returned && oneOfMany(step.Op) {
		w.need("survived")
		w.line("return survived();")
		return nil
	}
	if slices.Contains(allowed, seen) && seen != "" {
		return cannot(step.Op, "what differs is the reason that the kernel gives in words, not the answer")
	}
	w.need("decide")
	w.line("return decide((const char *[]){ %s, NULL }, %s);", quoteAll(allowed), strconv.Quote(seen))
	return nil
}

// oneOfMany says whether what an operation may answer is more than can be listed.
func oneOfMany(op ops.Op) bool {
	switch op.(type) {
	case ops.LookupBatch, ops.TakeBatch, ops.Live:
		return true
	}
	return false
}

// allowed are the answers that were; none if they are not answers of this step.
func (w *writer) allowed(step ops.Step) (all []string) {
	for _, text := range w.v.Want {
		got, err := ops.ParseResult(text)
		if err != nil {
			return nil
		}
		if text, err = canonical(step.Op, got); err != nil {
			return nil
		}
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

func quoteAll(all []string) string {
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = strconv.Quote(s)
	}
	return strings.Join(quoted, ", ")
}
