package repro

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mimic/ops"
	"mimic/progs"
	"mimic/properties"
)

// helpersFile has the functions that files are made of: each part begins with a line //# name and
// the names of the parts that it needs.
//
//go:embed c/helpers.c
var helpersFile string

// part is one of those.
type part struct {
	name  string
	needs []string
	text  string
}

var parts = readParts(helpersFile)

func readParts(text string) (all []part) {
	for _, section := range strings.Split(text, "//# ")[1:] {
		head, body, _ := strings.Cut(section, "\n")
		words := strings.Fields(head)
		all = append(all, part{words[0], words[1:], strings.TrimSpace(body) + "\n\n"})
	}
	return all
}

// chosen are the parts that are needed, and what those need, in order.
func (w *writer) chosen() (texts []string) {
	for i := len(parts) - 1; i >= 0; i-- { // a part needs only those before it
		if w.needs[parts[i].name] {
			w.need(parts[i].needs...)
		}
	}
	for _, p := range parts {
		if w.needs[p.name] {
			texts = append(texts, p.text)
		}
	}
	return texts
}

// patience is the time in milliseconds that the kernel has to forget; slow: what is freed after a
// grace period of RCU tasks.
const patience, slowPatience = 5000, 30000

// file is the whole file.
func (w *writer) file(about About) string {
	helpers := w.storage(strings.Join(w.chosen(), ""))
	body := "\tunlimited();\n\n" + w.body.String()
	switch {
	case !w.needs["ids"]:
		body = withoutIDs(body)
	case !strings.Contains(body, rememberCall):
		body = "\t(void)remember; /* nothing is made here */\n" + body
	}
	var out strings.Builder
	out.WriteString(w.title(about))
	out.WriteString("#define _GNU_SOURCE\n")
	all := helpers + w.globals.String() + body
	for _, h := range headersOf(all) {
		fmt.Fprintf(&out, "#include <%s>\n", h)
	}
	out.WriteString("\n")
	out.WriteString(w.macros(helpers))
	out.WriteString(helpers)
	out.WriteString(w.variables(w.globals.String() + body))
	fmt.Fprintf(&out, "%sint main(void)\n{\n%s}\n", spaced(w.globals.String()), blocks.ReplaceAllString(body, "\n$1"))
	return out.String()
}

func withoutIDs(body string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(body, "\n"), func(l string) bool {
		return strings.HasPrefix(strings.TrimSpace(l), rememberCall)
	}), "\n")
}

// storage makes variables that are each thread's own that, or plain ones where there are no threads.
func (w *writer) storage(helpers string) string {
	if w.races {
		return strings.ReplaceAll(helpers, "THREAD ", "__thread ")
	}
	return strings.ReplaceAll(helpers, "THREAD ", "")
}

// macros defines the numbers that helpers use.
func (w *writer) macros(helpers string) string {
	time := patience
	if w.slow {
		time = slowPatience
	}
	var out strings.Builder
	for _, m := range []struct {
		name  string
		value int
	}{{"PATIENCE_MS", time}, {"MANY_OBJECTS", w.objects + 1}, {"MAILBOX_SIZE", progs.MailboxSize}} {
		if strings.Contains(helpers, m.name) {
			fmt.Fprintf(&out, "#define %s %d\n", m.name, m.value)
		}
	}
	if out.Len() > 0 {
		out.WriteString("\n")
	}
	return out.String()
}

var quoted = regexp.MustCompile(`"(\\\\.|[^"])*"|/\*.*?\*/`)

// variables declares what the names of the sequence stand for, where code uses it.
func (w *writer) variables(code string) string {
	code = quoted.ReplaceAllString(code, "")
	var all []string
	for _, n := range w.names {
		if regexp.MustCompile(`\b` + c(n) + `\b`).MatchString(code) {
			all = append(all, c(n)+" = -1")
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "/* The descriptors of the sequence, by its names. */\nstatic int " + strings.Join(all, ", ") + ";\n\n"
}

// headers says which header a file needs that contains a word.
var headers = []struct{ header, words string }{
	{"errno.h", ""}, {"fcntl.h", "O_RDONLY O_WRONLY O_RDWR O_CLOEXEC F_GETFD F_DUPFD"}, {"poll.h", "pollfd"}, {"pthread.h", "pthread_"}, {"sched.h", "sched_ CPU_SET"},
	{"signal.h", "SIGKILL sigset_t"}, {"stdarg.h", "va_list"}, {"stddef.h", "offsetof"}, {"stdint.h", ""}, {"stdio.h", ""}, {"stdlib.h", "exit( qsort("},
	{"string.h", ""}, {"sys/epoll.h", "epoll_"}, {"sys/eventfd.h", "eventfd("}, {"sys/mman.h", "mmap( memfd_"}, {"sys/prctl.h", "prctl("},
	{"sys/resource.h", "rlimit"},
	{"sys/signalfd.h", "signalfd("}, {"sys/socket.h", "socket("}, {"sys/syscall.h", ""}, {"sys/timerfd.h", "timerfd_"},
	{"sys/wait.h", "waitpid("}, {"time.h", "clock_gettime( time(NULL)"}, {"unistd.h", ""},
}

func headersOf(text string) (all []string) {
	for _, h := range headers {
		used := h.words == ""
		for word := range strings.FieldsSeq(h.words) {
			used = used || strings.Contains(text, word)
		}
		if used {
			all = append(all, h.header)
		}
	}
	return all
}

// title is the comment at the top: what is promised, what was seen, and how to see it.
func (w *writer) title(about About) string {
	command := "gcc -static -O1 -o repro repro.c && ./repro"
	if w.races {
		command = "gcc -static -O1 -pthread -o repro repro.c && ./repro"
	}
	v := w.v
	lines := append(title(v, about), "", " Build and run as root, in a machine that may be lost:", "   "+command)
	lines = append(lines, wrap([]string{exits(v.Trace, v.Trace.Steps[v.Step])})...)
	return "// SPDX-License-Identifier: MIT\n/*\n *" + strings.Join(lines, "\n *") + "\n */\n"
}

// title says what is promised and what was seen.
func title(v *properties.Violation, about About) []string {
	var lines []string
	if broken := v.Broken(); len(broken) > 0 {
		claim := properties.ClaimByID(broken[0].Claim)
		lines = append(lines, "What is promised ("+broken[0].String()+"): "+claim.Says, "Source: "+claim.Source, "")
	}
	step := v.Trace.Steps[v.Step]
	lines = append(lines, "What was seen, on "+about.Kernel+":", "  "+step.Op.String(), "  answers "+seenText(v.Trace, step)+", want "+v.Wanted())
	if about.Replay != "" {
		lines = append(lines, "", "With mimic: "+about.Replay)
	}
	return wrap(lines)
}

func exits(t ops.Trace, step ops.Step) string {
	if !step.Returned && t.End != ops.Completed {
		return "The kernel dies if the bug is there; exits 0 if it is not, 1 if it answers wrongly, 2 if it cannot tell."
	}
	return "Exits 1 if the bug is there, 0 if it is not, 2 if it cannot tell."
}

const longestAnswer = 160

func seenText(t ops.Trace, step ops.Step) string {
	if !step.Returned {
		return "nothing: " + t.End.String() + ": " + t.Detail
	}
	text := step.Got.String()
	if len(text) > longestAnswer {
		text = text[:longestAnswer] + "…"
	}
	return text
}

const columns = 96

// wrap breaks lines at words, and keeps a comment from ending early.
func wrap(lines []string) (all []string) {
	for _, l := range lines {
		l = strings.ReplaceAll(l, "*/", "* /")
		for len(l) > columns {
			at := strings.LastIndexByte(l[:columns], ' ')
			if at < 4 {
				break
			}
			all = append(all, " "+l[:at])
			l = "  " + l[at+1:]
		}
		all = append(all, strings.TrimRight(" "+l, " "))
	}
	return all
}

// blocks are their ends that have an empty line before them.
var blocks = regexp.MustCompile(`\n\n(\t*\})`)

// spaced is a text with an empty line behind it, if there is one.
func spaced(text string) string {
	if text == "" {
		return ""
	}
	return text + "\n"
}
