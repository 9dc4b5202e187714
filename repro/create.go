package repro

import (
	"fmt"
	"strings"

	"mimic/btfs"
	"mimic/ops"
)

// attrs collects the fields of a structure that are not zero.
type attrs []string

func (a *attrs) set(field string, n uint64) {
	if n != 0 {
		*a = append(*a, fmt.Sprintf(".%s = %d", field, n))
	}
}

func (a *attrs) text(field, value string) { *a = append(*a, "."+field+" = "+value) }

func (a attrs) String() string { return strings.Join(a, ", ") }

// lines are the same, a few fields a line.
func (a attrs) lines() (lines []string) {
	line := "\t"
	for _, field := range a {
		if len(line)+len(field) > columns {
			lines, line = append(lines, strings.TrimSuffix(line, " ")), "\t"
		}
		line += field + ", "
	}
	return append(lines, strings.TrimSuffix(line, ", "))
}

// numbers are the attributes that both kinds of map have.
func numbers(t ops.MapType, key, value, max ops.Size, flags ops.CreateFlags, extra, node, tail ops.Size, label ops.Label) (a attrs) {
	a.text("map_type", fmt.Sprintf("%d /* %s */", uint32(t), t))
	a.set("key_size", uint64(key))
	a.set("value_size", uint64(value))
	a.set("max_entries", uint64(max))
	if flags != 0 {
		a.text("map_flags", fmt.Sprintf("%#x /* %s */", uint32(flags), flags))
	}
	a.set("map_extra", uint64(extra))
	a.set("numa_node", uint64(node))
	if tail > 1 {
		a.set("beyond", uint64(tail))
	} else {
		a.set("tail", uint64(tail))
	}
	if label.Bytes() != "" {
		a.text("map_name", fmt.Sprintf("%q", label.Bytes()))
	}
	return a
}

func (w *writer) emitMap(o ops.Map, step ops.Step) ([]string, error) {
	a := numbers(o.Type, o.Key, o.Value, o.Max, o.Flags, o.Extra, o.Node, o.Tail, o.Label)
	h := handle{kind: o.Type, flags: o.Flags, key: o.Key, value: o.Value, max: o.Max, described: w.handle(o.BTF).described, describer: o.BTF}
	if o.Inner == "" && o.BTF == "" && (o.Bound == ops.BoundFree) {
		h.attr = a.String()
	}
	if o.Inner != "" {
		w.use(o.Inner)
		a.text("inner_map_fd", c(o.Inner))
	}
	return w.create(o.Def, a, h, o.BTF, o.IDs, o.Bound, step)
}

func (w *writer) emitOuter(o ops.Outer, step ops.Step) ([]string, error) {
	t := w.handle(o.Template)
	a := numbers(o.Kind.MapType(), o.Key, o.Value, o.Max, o.Flags, o.Extra, o.Node, o.Tail, o.Label)
	a.text("inner_map_fd", c(o.Template))
	h := handle{kind: o.Kind.MapType(), flags: o.Flags, key: o.Key, value: 4, outer: true, template: t, describer: o.BTF}
	return w.create(o.Def, a, h, o.BTF, o.IDs, o.Bound, step)
}

// create is BPF_MAP_CREATE.
func (w *writer) create(n ops.Name, a attrs, h handle, types ops.Name, ids ops.BTFIDs, to ops.Bound, step ops.Step) (lines []string, err error) {
	w.need("map")
	w.objects++
	w.describe(&a, types, ids)
	switch to {
	case ops.BoundDevice:
		a.text("map_ifindex", "1 /* lo */")
	case ops.BoundProgram:
		w.need("ptr")
		a.text("excl_prog_hash", "ptr((char[32]){ 0 })")
		a.text("excl_prog_hash_size", "32")
	case ops.BoundStruct:
		w.slow = true
		w.need("kernelbtf")
		lines = append(lines, "{ uint32_t size = 0, id = kernel_type(4, \"bpf_struct_ops_tcp_congestion_ops\", &size);")
		a = structOps(a)
	}
	h.made = !step.Returned || step.Got == ops.OK
	w.define(n, h)
	lines = append(lines, c(n)+" = map(&(struct map_attr){")
	lines = append(append(lines, a.lines()...), "});")
	if to == ops.BoundStruct {
		lines = append(lines, "}")
	}
	return append(lines, remembered(n, 0)), nil
}

// structOps makes attributes those of a map that holds a structure of the kernel's.
func structOps(a attrs) (all attrs) {
	for _, field := range a {
		if !strings.HasPrefix(field, ".value_size") && !strings.HasPrefix(field, ".btf_key") && !strings.HasPrefix(field, ".btf_value") {
			all = append(all, field)
		}
	}
	return append(all, ".value_size = size", ".btf_vmlinux_value_type_id = id")
}

const rememberCall = "remember("

// remembered keeps the id of what was made; the line is left out of a file that needs no ids.
func remembered(n ops.Name, btf int) string {
	return fmt.Sprintf(rememberCall+"%q, %s, %d);", string(n), c(n), btf)
}

// describe names the types of a BTF object; for what is none, types that most have.
func (w *writer) describe(a *attrs, n ops.Name, ids ops.BTFIDs) {
	if n == "" {
		return
	}
	h := w.handle(n)
	key, value := uint32(1), uint32(1)
	if h.object != nil {
		key, value = h.object.Key, h.object.Value
	}
	a.text("btf_fd", c(n))
	if ids != ops.IDsValue {
		a.set("btf_key_type_id", uint64(key))
	}
	if ids != ops.IDsKey {
		a.set("btf_value_type_id", uint64(value))
	}
}

func (w *writer) emitBTF(o ops.BTF, step ops.Step) ([]string, error) {
	object, err := btfs.Build(btfs.Kind(o.Kind))
	if err != nil {
		return nil, cannot(o, "%v", err)
	}
	what := ""
	for _, row := range btfs.Kinds {
		if row.Kind == btfs.Kind(o.Kind) {
			what = row.What
		}
	}
	w.objects++
	w.define(o.Def, handle{btf: !step.Returned || step.Got == ops.OK, object: &object, described: btfs.Kind(o.Kind)})
	w.need("btf")
	fmt.Fprintf(&w.globals, "/* BTF of a key, an int, and a value: %s */\nstatic const unsigned char %s_types[] = {\n%s};\n", what, c(o.Def), dump(object.Blob))
	return []string{fmt.Sprintf("%s = load_btf(%s_types, sizeof(%s_types));", c(o.Def), c(o.Def), c(o.Def)), remembered(o.Def, 1)}, nil
}

// dump lists bytes, sixteen a line.
func dump(b []byte) string {
	var out strings.Builder
	for i, v := range b {
		if i%16 == 0 {
			out.WriteString("\t")
		}
		fmt.Fprintf(&out, "0x%02x,", v)
		if i%16 == 15 || i == len(b)-1 {
			out.WriteString("\n")
		} else {
			out.WriteString(" ")
		}
	}
	return out.String()
}
