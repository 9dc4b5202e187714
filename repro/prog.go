package repro

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/cilium/ebpf/asm"

	"mimic/ops"
	"mimic/progs"
)

// What stands in instructions for numbers that only the running file knows.
const (
	mapHole     = 0x7e570001
	mailboxHole = 0x7e570002
	valueHole   = 0x7e570003
	secondHole  = 0x7e570004
	kfuncHole   = 0x7e570100 // and those after it
)

// loads has what the loading of a program type needs, and how it is run, as C; what cannot be run has none.
var loads = map[ops.ProgType]struct {
	attach int    // expected_attach_type
	hook   string // the kernel's function that it is for
	flags  ops.ProgFlags
	run    string
	help   string // that run needs
}{
	ops.SocketFilter:  {run: "test_run(%s, 64, 0)", help: "testrun"},
	ops.SchedCLS:      {run: "test_run(%s, 64, 0)", help: "testrun"},
	ops.XDP:           {run: "test_run(%s, 64, 0)", help: "testrun"},
	ops.CgroupSKB:     {run: "test_run(%s, 64, 0)", help: "testrun"},
	ops.RawTracepoint: {run: "test_run(%s, 0, 96)", help: "testrun"},
	ops.Syscall:       {run: "test_run(%s, 0, 0)", help: "testrun", flags: ops.Sleepable},
	ops.Tracing:       {run: "run_fentry(%s)", help: "fentry", attach: 24, hook: "bpf_fentry_test1"},
	ops.SockOps:       {attach: 3},
	ops.SkSKB:         {attach: 5},
	ops.SkMsg:         {attach: 7},
	ops.SkReuseport:   {attach: 39},
	ops.LSM:           {attach: 27, hook: "bpf_lsm_bprm_committed_creds"},
}

func (w *writer) emitProg(o ops.Prog, step ops.Step) ([]string, error) {
	m := w.handle(o.Map)
	p := progs.Program{Type: o.Type, Body: o.Body, Reach: reachOf(m, mapHole), Mailbox: mailboxHole}
	p.Gated = w.gated
	holes := map[int32]string{mapHole: c(o.Map), mailboxHole: c(o.Def) + "_at.mail.fd"}
	if p.Second = p.Reach; o.With != "" {
		p.Second, holes[secondHole] = reachOf(w.handle(o.With), secondHole), c(o.With)
	}
	w.functions(&p, holes)
	w.slow = w.slow || o.Type == ops.Tracing || (o.Flags|loads[o.Type].flags)&ops.Sleepable != 0
	h := w.define(o.Def, handle{})
	if !step.Returned || step.Got == ops.OK {
		h.program = &program{p, o.Flags | loads[o.Type].flags}
	}
	w.need("program", "prog", "ptr")
	fmt.Fprintf(&w.globals, "static struct program %s_at = { .steps = %q, .value = %d };\n", c(o.Def), letters(o.Body), p.Value)
	ins, err := p.Instructions()
	if err != nil {
		return nil, cannot(o, "%v", err)
	}
	code, err := p.Assemble()
	if err != nil {
		return nil, cannot(o, "%v", err)
	}
	lines := []string{fmt.Sprintf("open_mailbox(&%s_at.mail);", c(o.Def)), "{"}
	lines = append(lines, listing(ins, code, holes)...)
	a, more, err := w.attributes(o, p)
	if err != nil {
		return nil, err
	}
	list, err := p.List()
	if err != nil {
		return nil, cannot(o, "%v", err)
	}
	if list != nil {
		a.text("fd_array", listOf(list, holes))
	}
	lines = append(append(lines, more...), fmt.Sprintf("\t%s = load(&(struct prog_attr){", c(o.Def)))
	for _, l := range a.lines() {
		lines = append(lines, "\t"+l)
	}
	return append(lines, "\t});", "}"), nil
}

// listOf is the list of maps that a program names by their places in it.
func listOf(list []int, holes map[int32]string) string {
	names := make([]string, len(list))
	for i, hole := range list {
		names[i] = holes[int32(hole)]
	}
	return "ptr(((int[]){ " + strings.Join(names, ", ") + " }))"
}

// attributes are those of BPF_PROG_LOAD; the lines come before.
func (w *writer) attributes(o ops.Prog, p progs.Program) (a attrs, lines []string, err error) {
	l := loads[o.Type]
	a.text("prog_type", fmt.Sprintf("%d /* %s */", uint32(o.Type), o.Type))
	a.text("insn_cnt", "sizeof(insns) / sizeof(insns[0])")
	a.text("insns", "ptr(insns)")
	if flags := o.Flags | l.flags; flags != 0 {
		a.text("prog_flags", fmt.Sprintf("%d /* %s */", uint32(flags), flags))
	}
	a.set("expected_attach_type", uint64(l.attach))
	if l.hook != "" {
		w.need("kernelbtf")
		lines = append(lines, "\tuint32_t size;")
		a.text("attach_btf_id", fmt.Sprintf("kernel_type(12, %q, &size)", l.hook))
	}
	types, funcs, err := p.Describe()
	if err != nil {
		return nil, nil, cannot(o, "%v", err)
	}
	if types != nil {
		w.need("btf")
		fmt.Fprintf(&w.globals, "/* The functions of %s */\nstatic const unsigned char %s_types[] = {\n%s}, %s_funcs[] = {\n%s};\n",
			o.Def, c(o.Def), dump(types), c(o.Def), dump(funcs))
		a.text("prog_btf_fd", fmt.Sprintf("load_btf(%s_types, sizeof(%s_types))", c(o.Def), c(o.Def)))
		a.text("func_info", fmt.Sprintf("ptr(%s_funcs)", c(o.Def)))
		a.set("func_info_rec_size", progs.FuncInfoSize)
		a.set("func_info_cnt", uint64(len(funcs)/progs.FuncInfoSize))
	}
	return a, lines, nil
}

// functions makes holes for the kernel's kfuncs that a body calls.
func (w *writer) functions(p *progs.Program, holes map[int32]string) {
	p.Functions = map[string]int32{}
	for _, s := range p.Body.Steps() {
		for _, name := range s.Functions() {
			if _, known := p.Functions[name]; known {
				continue
			}
			hole := int32(kfuncHole + len(p.Functions))
			p.Functions[name] = hole
			w.need("kernelbtf")
			holes[hole] = fmt.Sprintf("kernel_type(12, %q, &(uint32_t){ 0 })", name)
		}
	}
}

// reachOf is what a program that is given a map reaches; for what is none, something that assembles. The
// agent makes the same (package executor).
func reachOf(m *handle, hole int) progs.Reach {
	r := progs.Reach{Map: hole, OuterKey: 4, Key: 4, Value: 4}
	values := m
	if m.outer {
		r.Outer, r.OuterKey = true, min(m.key, progs.MaxKey)
		values = m.template
	}
	if values.made {
		r.Key, r.Value = min(values.key, progs.MaxKey), values.value
		r.MapType, r.Max, r.MapFlags, r.Special = values.kind, values.max, values.flags, values.described.Special()
		r.Lock, r.Timer = ops.Size(values.described.Offset("bpf_spin_lock")), ops.Size(values.described.Offset("bpf_timer"))
	}
	return r
}

// letters says of each step of a body what it answers.
func letters(b ops.Body) string {
	var out strings.Builder
	for _, s := range b.Steps() {
		number, signed := progs.Answers(s)
		switch {
		case s.Takes(ops.ArgRoom):
			out.WriteByte('R')
		case signed:
			out.WriteByte('c')
		case number:
			out.WriteByte('r')
		default:
			out.WriteByte('.')
		}
	}
	return out.String()
}

// listing is the array of a program's instructions, each with what it does.
func listing(ins asm.Instructions, code []byte, holes map[int32]string) []string {
	lines := []string{"\tstruct insn insns[] = {"}
	at := 0
	add := func(comment string) {
		b := code[at:][:8]
		imm := int32(binary.NativeEndian.Uint32(b[4:]))
		text, hole := fmt.Sprint(imm), holes[imm]
		if hole != "" {
			text = hole
		}
		l := fmt.Sprintf("\t\t{ 0x%02x, 0x%02x, %d, %s },", b[0], b[1], int16(binary.NativeEndian.Uint16(b[2:])), text)
		if comment != "" {
			l = fmt.Sprintf("%-44s /* %s */", l, comment)
		}
		lines = append(lines, l)
		at += 8
	}
	for _, i := range ins {
		comment := strings.ReplaceAll(fmt.Sprintf("%v", i), "off: -1 ", "") // a jump by name
		for imm, hole := range holes {
			comment = strings.ReplaceAll(comment, fmt.Sprint(imm), hole)
		}
		if i.Symbol() != "" {
			comment = i.Symbol() + ": " + comment
		}
		add(comment)
		if i.OpCode.IsDWordLoad() {
			add("")
		}
	}
	return append(lines, "\t};")
}

func (w *writer) emitRun(o ops.Run, step ops.Step) ([]string, error) {
	h := w.handle(o.On)
	if step.Returned && strings.HasPrefix(step.Got.Got, "not run: ") && !w.thread {
		return one("strcpy(answer, %q); /* what it might do is not known */", step.Got.String())
	}
	if h.program == nil {
		w.need("testrun")
		return one("test_run(%s, 64, 0);", c(o.On))
	}
	p := h.program
	run := loads[p.Type]
	if run.run == "" {
		return nil, cannot(o, "programs of type %s run when an event happens that this file cannot cause", p.Type)
	}
	w.need("run", run.help)
	at := c(o.On) + "_at"
	lines := []string{
		fmt.Sprintf("prepare(&%s, %d);", at, o.Branches),
		fmt.Sprintf("put(&%s.mail, %d, %s, %d);", at, progs.OuterKeyAt, literal(o.Key.N, p.OuterKey), p.OuterKey),
		fmt.Sprintf("put(&%s.mail, %d, %s, %d);", at, progs.InnerKeyAt, literal(o.Inner.N, p.Key), p.Key),
		fmt.Sprintf("if ("+run.run+" >= 0)", c(o.On)),
		fmt.Sprintf("\tcollect(&%s);", at),
	}
	if w.thread {
		lines = append(append([]string{fmt.Sprintf("pthread_mutex_lock(&%s_turn);", c(o.On))}, lines...),
			fmt.Sprintf("pthread_mutex_unlock(&%s_turn);", c(o.On)))
	}
	return lines, nil
}

// emitSys has a program do what user space would do.
func (w *writer) emitSys(o ops.Sys) ([]string, error) {
	h := w.handle(o.On)
	s := progs.Syscall{Command: progs.SyscallCommand(o.Command), Map: mapHole, Value: valueHole, Key: ops.Bytes(o.Key.N, h.keySize()), Flags: uint64(o.Flags)}
	holes := map[int32]string{mapHole: c(o.On), valueHole: fmt.Sprint(int32(o.Value.N))}
	if o.Value.Name != "" {
		w.use(o.Value.Name)
		holes[valueHole] = c(o.Value.Name)
	}
	code, err := s.Assemble()
	if err != nil {
		return nil, cannot(o, "%v", err)
	}
	var ins asm.Instructions
	if ins, err = asm.AppendInstructions(nil, strings.NewReader(string(code)), binary.LittleEndian, "linux"); err != nil {
		return nil, cannot(o, "%v", err)
	}
	w.need("prog", "testrun")
	lines := append([]string{"{", "\tint prog;"}, listing(ins, code, holes)...)
	return append(lines,
		"\tprog = load(&(struct prog_attr){ .prog_type = 31 /* syscall */, .prog_flags = 16 /* sleepable */,",
		"\t\t.insn_cnt = sizeof(insns) / sizeof(insns[0]), .insns = ptr(insns) });",
		"\tif (prog >= 0 && test_run(prog, 0, 0) >= 0)",
		"\t\tstrcpy(answer, errno_name(-(int32_t)retval));",
		"\tclose(prog);", "}"), nil
}
