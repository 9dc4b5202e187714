package repro

import (
	"errors"
	"strings"
	"testing"

	"mimic/ops"
	"mimic/properties"
)

// decisions says of every operation how it is written as C: an example whose last operation is it, and
// what the file then has in it; or, without that, that it is refused. An operation of the language
// without a row fails the test.
var decisions = map[string]struct{ example, has string }{
	"map":          {"i0 = map(hash, key=4, value=4, max=4)", "map(&(struct map_attr){"},
	"outer":        {"i0 = map(hash, key=4, value=4, max=4)\no0 = outer(array, max=4, template=i0)", ".inner_map_fd = i0"},
	"update":       {aMap + "o0.update(1, i0)", "update(o0, &(uint32_t){ 1 }, &i0, 0);"},
	"lookup":       {aMap + "o0.lookup(1)", "lookup_map(1 /* BPF_MAP_LOOKUP_ELEM */, o0,"},
	"lookup each":  {"i0 = map(percpu_hash, key=4, value=8, max=4)\ni0.update(1, 5)\ni0.lookup(1)", "lookup_each(1 /* BPF_MAP_LOOKUP_ELEM */, i0,"},
	"prog listed":  {aMap + "p0 = prog(xdp, o0, listed find:0)", ".fd_array = ptr(((int[]){ p0_at.mail.fd, o0 }))"},
	"delete":       {aMap + "o0.delete(1)", "delete(o0, &(uint32_t){ 1 });"},
	"take":         {aMap + "i0.take(1)", "lookup(21 /* BPF_MAP_LOOKUP_AND_DELETE_ELEM */, i0,"},
	"next":         {aMap + "o0.next(null)", "next(o0, NULL, 0, 4);"},
	"lookup_batch": {aMap + "o0.lookup_batch(4)", "read_batch(24"},
	"take_batch":   {aMap + "o0.take_batch(4, from=next)", "read_batch(25 /* BPF_MAP_LOOKUP_AND_DELETE_BATCH */, o0, o0_cursor, o0_cursor"},
	"update_batch": {aMap + "o0.update_batch(1;2, i0;i0)", "(int[1024]){ i0, i0, 0 }, 2,"},
	"delete_batch": {aMap + "o0.delete_batch(1;2)", "batch(27 /* BPF_MAP_DELETE_BATCH */, o0"},
	"dump":         {aMap + "o0.dump()", "dump(o0, 4);"},
	"freeze":       {aMap + "o0.freeze()", "freeze(o0, 0);"},
	"file":         {aMap + "o0.file(mmap)", "mmap(NULL, getpagesize()"},
	"info":         {aMap + "o0.info()", `info(o0, id_of("o0"), 0);`},
	"close":        {aMap + "o0.close()", "close_fd(&o0);"},
	"map none":     {aMap + "i1 = map(array, key=4, value=8, max=1, at=none)", "none_left(1);\n\ti1 = map("},
	"file write":   {aMap + "o0.file(mmap_write)", "answers(mapped(o0));"},
	"file fdinfo":  {aMap + "o0.file(fdinfo)", "fdinfo(o0);"},
	"reopen high":  {aMap + "o1 = reopen(o0, at=high)", "o1 = reopen(id_of(\"o0\"), 0);\n\tto_high(&o1);"},
	"reopen":       {aMap + "o1 = reopen(o0, at=zero)\no1.close()", "o1 = reopen(id_of(\"o0\"), 0);\n\tto_zero(&o1);"},
	"pin":          {aMap + "x0 = pin(o0)", `on_path(6 /* BPF_OBJ_PIN */, "x0", o0, 0);`},
	"get":          {aMap + "x0 = pin(o0)\no1 = get(x0)", `o1 = on_path(7 /* BPF_OBJ_GET */, "x0", 0, 0);`},
	"unpin":        {aMap + "x0 = pin(o0)\nx0.unpin()", `answers(unlink("x0"));`},
	"cat":          {aMap + "x0 = pin(o0)\nx0.cat()", `close(answers(open("x0", O_RDONLY)));`},
	"fd":           {"f0 = fd(pipe)", "pipe(ends)"},
	"btf":          {"b0 = btf(lock)", "b0 = load_btf(b0_types, sizeof(b0_types));"},
	"alive":        {aMap + "o0.alive()", `alive(id_of("o0"), 0);`},
	"gone":         {aMap + "o0.close()\no0.gone()", `gone(id_of("o0"), 0);`},
	"prog":         {aMap + "p0 = prog(xdp, o0, find:0 check get:in check read)", ".prog_type = 6 /* xdp */"},
	"run":          {aMap + "p0 = prog(xdp, o0, find:0 check get:in check read)\np0.run(1, 0)", "if (test_run(p0, 64, 0) >= 0)"},
	"by_program":   {aMap + "o0.by_program(update, 1, value=i0)", ".prog_type = 31 /* syscall */"},
	"live":         {aMap + "live()", "left();"},
	"renew":        {aMap + "o0.renew(1)", "renew(o0, &(uint32_t){ 1 }, &(struct map_attr){ .map_type = 1 /* hash */"},
	"still":        {aMap + "i0.still(0)", "still(i0, &(uint32_t){ 0 });"},
	"attach":       {aMap + "p0 = prog(tracing, o0, find:0)\na0 = attach(p0)", "a0 = attach(p0);"},
	"bind":         {aMap + "p0 = prog(xdp, o0, find:0)\np0.bind(o0)\np0.info()", "bind_map(p0, o0);"},
	"iter":         {aMap + "t0 = iter(i0)", "t0 = iterate(i0);"},
	"process":      {aMap + "c0 = process(i0)", "c0 = hold_in_process(i0);"},
	"kill":         {aMap + "c0 = process(i0)\nc0.kill()", "kill_process(&c0);"},
	"thread":       {aMap + "thread(times=5)\no0.update(1, i0)\njoin()\nend()", "static void *thread0(void *t)"},
	"join":         {aMap + "thread(cpu=1, times=5)\no0.update(1, i0)\njoin()\nend()", "race(threads, 1, 1);"},
	"caps":         {aMap + "caps(bpf|net_admin, disabled=2)\no0.update(1, i0)", "caps.bits[0] = 0x1000, caps.bits[1] = 0x80, caps.disabled = 2;"},
	"load":         {"load(array-of-maps)", ""},
	"repeat":       {aMap + "o0.update(1, i0)\nrepeat(50)", "int code = again(50);"},
	"end":          {aMap + "end()", "forgotten();"},
}

const aMap = "i0 = map(hash, key=4, value=4, max=4)\no0 = outer(array, max=4, template=i0)\n"

// atTheEnd is a violation of the last step of a sequence, of a kernel that answers it as no kernel does.
func atTheEnd(t testing.TB, text string) *properties.Violation {
	t.Helper()
	seq, err := ops.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	trace := properties.Fake{Kernel: properties.Newest()}.Answer(seq)
	last := len(trace.Steps) - 1
	want := trace.Steps[last].Got.String()
	trace.Steps[last].Got = ops.Read("something else")
	return &properties.Violation{Trace: trace, Step: last, Want: []string{want}}
}

func TestEveryOperationIsDecided(t *testing.T) {
	files := map[string]string{}
	for _, form := range ops.Grammar() {
		head, _, _ := strings.Cut(form, "(")
		verb := head[strings.LastIndexAny(head, " .")+1:]
		if _, decided := decisions[verb]; !decided {
			t.Errorf("%s: there is no decision how it is written as C", verb)
		}
	}
	for verb, d := range decisions {
		src, err := C(atTheEnd(t, d.example), About{})
		var refused *Unexpressed
		switch {
		case d.has == "" && !errors.As(err, &refused):
			t.Errorf("%s: %v, want a refusal with the reason", verb, err)
		case d.has != "" && err != nil:
			t.Errorf("%s: %v", verb, err)
		case d.has != "" && !strings.Contains(src, d.has):
			t.Errorf("%s: no %q in\n%s", verb, d.has, src[strings.Index(src, "int main"):])
		case d.has != "":
			files[verb] = src
		}
	}
	build(t, files)
}
