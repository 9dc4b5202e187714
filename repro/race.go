package repro

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mimic/ops"
)

// rounds is how often a race is run at most until the bug was seen, and seconds how long; an
// emulated processor on a busy machine takes seconds for a round.
const rounds, seconds = 50, 60

// race writes a race: a function for each thread, and that they run together. at is the step of the
// race that decides, if it is one of them.
func (w *writer) race(steps []ops.Step, at int) error {
	w.need("threads")
	var bad func(i int) (test string)
	decides := at < len(steps)
	if decides {
		var err error
		if bad, err = w.badAnswers(steps, at); err != nil {
			return err
		}
	}
	var table []string
	busy := 0
	for i := 0; i < len(steps); i++ {
		about, begins := steps[i].Op.(ops.Thread)
		if !begins {
			continue
		}
		name := fmt.Sprintf("thread%d", len(table))
		if err := w.threadFunction(name, about, steps, i+1, bad); err != nil {
			return err
		}
		if about.Until == ops.UntilDone {
			busy++
		}
		table = append(table, fmt.Sprintf("{ .work = %s, .cpu = %d }", name, about.CPU))
	}
	w.line("/* The operations of threads, at the same time. */")
	w.line("struct thread threads[] = { %s };", strings.Join(table, ", "))
	if !decides {
		w.line("race(threads, %d, %d);\n", len(table), busy)
		return nil
	}
	w.need("found")
	w.raceLoop(len(table), busy)
	return nil
}

func (w *writer) raceLoop(threads, busy int) {
	w.line("time_t began = time(NULL);")
	w.line("for (int round = 0; round < %d && !bugs && time(NULL) - began < %d; round++)", rounds, seconds)
	w.line("\trace(threads, %d, %d);", threads, busy)
	w.line("printf(bugs ? \"BUG: %%s, seen %%d times, want %%s\\n\" : \"NOT THERE: not seen in up to %d rounds\\n\", bug, bugs,", rounds)
	w.line("       %s);", strconv.Quote(w.v.Wanted()))
	w.line("return bugs > 0;")
}

// threadFunction writes what one thread does: the operations from a step on.
func (w *writer) threadFunction(name string, about ops.Thread, steps []ops.Step, from int, bad func(int) string) error {
	outer := w.body
	w.body = strings.Builder{}
	defer func() { w.body, w.thread = outer, false }()
	w.thread = true
	for i := from; i < len(steps); i++ {
		switch steps[i].Op.(type) {
		case ops.Thread, ops.Join:
			i = len(steps)
			continue
		}
		if err := w.threaded(steps[i], bad, i); err != nil {
			return err
		}
	}
	alone := ""
	end := ""
	if about.Until == ops.UntilAlone {
		alone = " && __atomic_load_n(&busy, __ATOMIC_SEQ_CST) > 0"
	} else {
		end = "\t__atomic_sub_fetch(&busy, 1, __ATOMIC_SEQ_CST);\n"
	}
	fmt.Fprintf(&w.globals, "\nstatic void *%s(void *t)\n{\n\tbegin(t);\n\tfor (int n = 0; n < %d%s; n++) {\n%s\t}\n%s\treturn NULL;\n}\n",
		name, about.Times, alone, indent(w.body.String()), end)
	return nil
}

// threaded writes an operation that a thread does.
func (w *writer) threaded(step ops.Step, bad func(int) string, i int) error {
	if !ops.Threadable(step.Op) {
		return cannot(step.Op, "no thread does it")
	}
	lines, err := w.emit(step.Op, ops.Step{Op: step.Op})
	if err != nil {
		return err
	}
	if run, is := step.Op.(ops.Run); is {
		w.turn(run.On)
	}
	w.line("/* %s */", step.Op)
	for _, l := range lines {
		w.line("%s", l)
	}
	if bad != nil && bad(i) != "" {
		w.line("if (%s)", bad(i))
		w.line("\tfound(%s);", strconv.Quote(step.Op.String()))
	}
	return nil
}

// turn declares what threads hold while a program runs that has one mailbox.
func (w *writer) turn(n ops.Name) {
	text := fmt.Sprintf("static pthread_mutex_t %s_turn = PTHREAD_MUTEX_INITIALIZER;\n", c(n))
	if w.handles[n] != nil && w.handles[n].program != nil && !strings.Contains(w.globals.String(), text) {
		w.globals.WriteString(text)
	}
}

func indent(text string) string {
	return "\t" + strings.TrimSuffix(strings.ReplaceAll(text, "\n", "\n\t"), "\t")
}

// badAnswers says for each step of a race what it must never answer, as a condition in C. The error
// says that the violation is in no single answer.
func (w *writer) badAnswers(steps []ops.Step, at int) (func(i int) string, error) {
	op := steps[at].Op
	if w.v.Trace.End != ops.Completed && !steps[at].Returned {
		return func(int) string { return "" }, nil // of which the kernel dies
	}
	rule := ""
	if len(w.v.By) > 0 {
		rule = w.v.By[0].Rule.ID
	}
	switch rule {
	case "race/id":
		return onLookups(steps, `!strcmp(answer, "= id 0")`), nil
	case "race/present", "race/untouched":
		if removes(steps) {
			return nil, cannot(op, "a race in which keys are also removed")
		}
		return onLookups(steps, `!strcmp(answer, "ENOENT") || strstr(answer, "null@")`), nil
	case "race/reuse":
		return nil, cannot(op, "which map was stored under the key when is for a judge of the whole history")
	}
	if want := w.v.Wanted(); strings.Contains(want, " stands still after ") {
		return afterwards(steps, want), nil
	}
	return nil, cannot(op, "it is the order of what threads saw that is wrong, and no single answer")
}

// onLookups is a condition for whatever looks something up.
func onLookups(steps []ops.Step, test string) func(int) string {
	return func(i int) string {
		switch steps[i].Op.(type) {
		case ops.Lookup, ops.Run:
			return test
		}
		return ""
	}
}

func removes(steps []ops.Step) bool {
	return slices.ContainsFunc(steps, func(s ops.Step) bool {
		switch s.Op.(type) {
		case ops.Delete, ops.DeleteBatch, ops.TakeBatch, ops.Close:
			return true
		}
		return false
	})
}

// afterwards is a condition for those who look, after an operation that waits, at what must stand still then.
func afterwards(steps []ops.Step, want string) func(int) string {
	return func(i int) string {
		if _, looks := steps[i].Op.(ops.Still); looks && i > 0 && strings.HasSuffix(want, " after "+steps[i-1].Op.String()) {
			return `!strcmp(answer, "= moving")`
		}
		return ""
	}
}
