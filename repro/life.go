package repro

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mimic/ops"
)

// emitLife is what is about descriptors, paths and lifetimes, as C.
func (w *writer) emitLife(op ops.Op, step ops.Step) ([]string, error) {
	switch o := op.(type) {
	case ops.Close:
		w.use(o.On)
		w.need("closefd")
		if w.zero {
			return one("close_fd(&%s); fill_zero();", c(o.On))
		}
		return one("close_fd(&%s);", c(o.On))
	case ops.Reopen:
		of := w.handle(o.Of)
		w.again(o.Def, of)
		w.need("reopen")
		return w.numbered(o.Def, o.At)(one("%s = reopen(%s, %d);", c(o.Def), w.idOrNone(of), o.Flags))
	case ops.Alive:
		w.need("alive")
		return w.emitAlive("alive", w.handle(o.On))
	case ops.Gone:
		w.need("gone")
		return w.emitAlive("gone", w.handle(o.On))
	case ops.Freeze:
		w.use(o.On)
		w.need("freeze")
		return one("freeze(%s, %d);", c(o.On), o.Tail)
	case ops.File:
		return w.emitFile(o)
	case ops.FD:
		return w.emitFD(o)
	case ops.BTF:
		return w.emitBTF(o, step)
	case ops.Pin, ops.Get, ops.Unpin, ops.Cat:
		return w.emitPath(op)
	}
	return w.emitHold(op)
}

// emitPath is what is about paths, as C.
func (w *writer) emitPath(op ops.Op) ([]string, error) {
	w.need("pins")
	switch o := op.(type) {
	case ops.Pin:
		w.again(o.Def, w.handle(o.Of))
		return one("on_path(6 /* BPF_OBJ_PIN */, %q, %s, 0);", string(cmp.Or(o.At, o.Def)), c(o.Of))
	case ops.Get:
		w.again(o.Def, w.handle(o.Of))
		return w.numbered(o.Def, o.At)(one("%s = on_path(7 /* BPF_OBJ_GET */, %q, 0, %d);", c(o.Def), string(o.Of), o.Flags))
	case ops.Unpin:
		return []string{"enter_bpffs();", fmt.Sprintf("answers(unlink(%q));", string(o.On))}, nil
	case ops.Cat:
		return []string{"enter_bpffs();", fmt.Sprintf("close(answers(open(%q, O_RDONLY)));", string(o.On))}, nil
	}
	return nil, cannot(op, "there is no way to do it")
}

// numbered adds to lines that open something what it takes to give that a number, or none.
func (w *writer) numbered(n ops.Name, at ops.FDNumber) func(lines []string, err error) ([]string, error) {
	return func(lines []string, err error) ([]string, error) {
		switch at {
		case ops.NumberZero:
			w.zero = true
			w.need("tozero")
			lines = append(lines, fmt.Sprintf("to_zero(&%s);", c(n)))
		case ops.NumberHigh:
			w.need("tohigh")
			lines = append(lines, fmt.Sprintf("to_high(&%s);", c(n)))
		case ops.NumberNone:
			w.need("noneleft")
			lines = slices.Concat([]string{"none_left(1);"}, lines, []string{"none_left(0);", fmt.Sprintf("kept(%q);", string(n))})
		}
		return lines, err
	}
}

// emitHold is what makes maps, or keeps them beyond descriptors, as C.
func (w *writer) emitHold(op ops.Op) ([]string, error) {
	switch o := op.(type) {
	case ops.Caps:
		return w.emitCaps(o)
	case ops.Live:
		w.need("left")
		return one("left();")
	case ops.Renew:
		return w.emitRenew(o)
	case ops.Still:
		w.need("still")
		return one("still(%s, %s);", c(o.On), w.handle(o.On).keyOf(o.Key))
	case ops.Attach:
		w.define(o.Def, handle{})
		w.use(o.Of)
		w.need("attach")
		return one("%s = attach(%s);", c(o.Def), c(o.Of))
	case ops.Bind:
		w.use(o.On)
		w.use(o.Map)
		w.need("bind")
		return one("bind_map(%s, %s);", c(o.On), c(o.Map))
	case ops.Iter:
		w.define(o.Def, handle{})
		w.use(o.Of)
		w.need("iterate")
		return one("%s = iterate(%s);", c(o.Def), c(o.Of))
	case ops.Process:
		w.define(o.Def, handle{process: true})
		w.use(o.Of)
		w.need("process")
		return one("%s = hold_in_process(%s);", c(o.Def), c(o.Of))
	case ops.Kill:
		if !w.handle(o.On).process {
			return one(`strcpy(answer, "= no process");`)
		}
		w.need("kill")
		return one("kill_process(&%s);", c(o.On))
	case ops.Join: // of no threads
		return one(`strcpy(answer, "ok");`)
	case ops.End:
		return w.emitEnd()
	case ops.Repeat:
		return nil, cannot(op, "it has to be the last")
	case ops.Load:
		return nil, cannot(op, "a loader does it, which is more than libc")
	case ops.Thread:
		return nil, cannot(op, "a thread is part of a race")
	}
	return nil, cannot(op, "there is no way to do it")
}

// again is another descriptor of what a name stands for.
func (w *writer) again(n ops.Name, of *handle) {
	h := *of
	h.cursor = false
	w.define(n, h)
}

// idOrNone is the id of a map or BTF object, 0 of what is neither.
func (w *writer) idOrNone(h *handle) string {
	if !h.made && !h.btf {
		return "0"
	}
	return w.id(h)
}

func (w *writer) emitAlive(how string, h *handle) ([]string, error) {
	btf := 0
	if h.btf {
		btf = 1
	}
	return one("%s(%s, %d);", how, w.idOrNone(h), btf)
}

// uses are the uses of a file, as C.
var uses = map[ops.FileUse]string{
	ops.FileRead:  "answers(read(%s, (char[8]){ 0 }, 8));",
	ops.FileWrite: "answers(write(%s, (char[8]){ 0 }, 8));",
	ops.FileMap:   "answers(mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, %s, 0) == MAP_FAILED ? -1 : 0);",
}

func (w *writer) emitFile(o ops.File) ([]string, error) {
	w.use(o.On)
	switch o.Use {
	case ops.FilePoll:
		return []string{
			fmt.Sprintf("{ struct pollfd p = { .fd = %s, .events = POLLIN };", c(o.On)),
			`poll(&p, 1, 0), sprintf(answer, "= events %#x", (unsigned short)p.revents); }`,
		}, nil
	case ops.FileMapWrite:
		w.need("mapped")
		return one("answers(mapped(%s));", c(o.On))
	case ops.FileInfo:
		w.need("fdinfo")
		return one("fdinfo(%s);", c(o.On))
	case ops.FileIter:
		w.need("iterate")
		return one("{ int link = iterate(%s); if (link >= 0) close(link); }", c(o.On))
	}
	return one(uses[o.Use], c(o.On))
}

// others says how descriptors are opened of what is no map, as C.
var others = map[ops.FDKind]string{
	ops.FDClosed:    "1000",
	ops.FDMinusOne:  "-1",
	ops.FDHuge:      "0x7fffffff",
	ops.FDPath:      `answers(open("/", O_PATH))`,
	ops.FDFile:      `answers(memfd_create("file", 0))`,
	ops.FDDirectory: `answers(open("/", O_RDONLY | O_DIRECTORY))`,
	ops.FDSocket:    "answers(socket(AF_UNIX, SOCK_STREAM, 0))",
	ops.FDEpoll:     "answers(epoll_create1(0))",
	ops.FDEvent:     "answers(eventfd(0, 0))",
	ops.FDTimer:     "answers(timerfd_create(CLOCK_MONOTONIC, 0))",
	ops.FDSignal:    "answers(signalfd(-1, &(sigset_t){ 0 }, 0))",
	ops.FDNull:      `answers(open("/proc/self/status", O_RDONLY))`,
	ops.FDNamespace: `answers(open("/proc/self/ns/mnt", O_RDONLY))`,
}

func (w *writer) emitFD(o ops.FD) ([]string, error) {
	w.define(o.Def, handle{})
	switch o.Kind {
	case ops.FDPipe:
		return one("{ int ends[2]; answers(pipe(ends)); %s = ends[0]; close(ends[1]); }", c(o.Def))
	case ops.FDPerf:
		return one("%s = answers(syscall(__NR_perf_event_open, &(uint32_t[32]){ 1, 128, 9 }, 0, -1, -1, 0));", c(o.Def))
	}
	lines := []string{fmt.Sprintf("%s = %s;", c(o.Def), others[o.Kind])}
	if !strings.Contains(others[o.Kind], "answers") {
		lines = append(lines, `strcpy(answer, "ok");`)
	}
	return lines, nil
}

func (w *writer) emitRenew(o ops.Renew) ([]string, error) {
	h := w.handle(o.On)
	if !h.outer || !h.made {
		w.need("update")
		return one("update(%s, %s, &(int){ -1 }, %d);", c(o.On), h.keyOf(o.Key), o.Flags)
	}
	if h.template.attr == "" {
		return one(`strcpy(answer, "= not renewed");`)
	}
	w.need("renew")
	return one("renew(%s, %s, &(struct map_attr){ %s }, %d);", c(o.On), h.keyOf(o.Key), h.template.attr, o.Flags)
}

// emitEnd closes what is open, and waits.
func (w *writer) emitEnd() (lines []string, err error) {
	w.need("forget", "closefd")
	for _, n := range slices.Sorted(slices.Values(w.names)) {
		if h := w.handles[n]; h != nil && h.process {
			w.need("kill")
			lines = append(lines, fmt.Sprintf("kill_process(&%s);", c(n)))
		} else {
			lines = append(lines, fmt.Sprintf("close_fd(&%s);", c(n)))
		}
	}
	if w.needs["pins"] {
		for _, n := range w.names {
			lines = append(lines, fmt.Sprintf("unlink(%q);", string(n)))
		}
	}
	return append(lines, "forgotten();"), nil
}
