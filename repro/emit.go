package repro

import (
	"fmt"
	"maps"
	"slices"

	"mimic/ops"
)

// one is a single line of C.
func one(format string, args ...any) ([]string, error) {
	return []string{fmt.Sprintf(format, args...)}, nil
}

// Commands of bpf(2) on elements, as C.
const (
	cmdLookup      = "1 /* BPF_MAP_LOOKUP_ELEM */"
	cmdTake        = "21 /* BPF_MAP_LOOKUP_AND_DELETE_ELEM */"
	cmdLookupBatch = "24 /* BPF_MAP_LOOKUP_BATCH */"
	cmdTakeBatch   = "25 /* BPF_MAP_LOOKUP_AND_DELETE_BATCH */"
	cmdUpdateBatch = "26 /* BPF_MAP_UPDATE_BATCH */"
	cmdDeleteBatch = "27 /* BPF_MAP_DELETE_BATCH */"
)

// emit is an operation as C. Every operation of the language has a case here or in what it calls; a
// test fails if one has not.
func (w *writer) emit(op ops.Op, step ops.Step) ([]string, error) {
	switch o := op.(type) {
	case ops.Map:
		return w.numbered(o.Def, o.At)(w.emitMap(o, step))
	case ops.Outer:
		return w.numbered(o.Def, o.At)(w.emitOuter(o, step))
	case ops.Update:
		return w.emitUpdate(o)
	case ops.Lookup:
		return w.emitLookup(op, cmdLookup, o.On, o.Key, o.Flags, o.Tail)
	case ops.Take:
		return w.emitLookup(op, cmdTake, o.On, o.Key, o.Flags, o.Tail)
	case ops.Delete:
		return w.emitDelete(o)
	case ops.Next:
		h := w.handle(o.On)
		w.need("next")
		return one("next(%s, %s, %d, %d);", c(o.On), h.keyOf(o.Key), o.Tail, min(max(h.key, 1), 1<<12))
	case ops.LookupBatch:
		return w.emitReadBatch(cmdLookupBatch, o)
	case ops.TakeBatch:
		return w.emitReadBatch(cmdTakeBatch, ops.LookupBatch(o))
	case ops.UpdateBatch:
		return w.emitUpdateBatch(o)
	case ops.DeleteBatch:
		return w.emitDeleteBatch(o)
	case ops.Dump:
		return w.emitDump(o)
	case ops.Info:
		return w.emitInfo(o)
	case ops.Prog:
		return w.emitProg(o, step)
	case ops.Run:
		return w.emitRun(o, step)
	case ops.Sys:
		return w.emitSys(o)
	}
	return w.emitLife(op, step)
}

func (w *writer) emitUpdate(o ops.Update) ([]string, error) {
	h := w.handle(o.On)
	if !o.Value.Null && h.value > maxValue && o.Value.Name == "" {
		return nil, cannot(o, "a value of %d bytes", h.value)
	}
	value := w.valueOf(h, o.Value)
	if o.Tail == 0 {
		w.need("update")
		return one("update(%s, %s, %s, %d);", c(o.On), h.keyOf(o.Key), value, o.Flags)
	}
	w.need("elem")
	return one("elem(2 /* BPF_MAP_UPDATE_ELEM */, %s, %s, %s, %d, %d);", c(o.On), h.keyOf(o.Key), value, o.Flags, o.Tail)
}

func (w *writer) emitLookup(op ops.Op, cmd string, n ops.Name, k ops.Key, flags ops.UpdateFlags, tail ops.Size) ([]string, error) {
	h := w.handle(n)
	if h.outer {
		w.need("lookupmap")
		return one("lookup_map(%s, %s, %s, %d, %d);", cmd, c(n), h.keyOf(k), flags, tail)
	}
	if h.value > 4000 {
		return nil, cannot(op, "a value of %d bytes", h.value)
	}
	if h.made && h.kind.PerCPU() {
		w.need("lookupeach")
		return one("lookup_each(%s, %s, %s, %d, %d, %d);", cmd, c(n), h.keyOf(k), flags, tail, h.value)
	}
	w.need("lookup")
	return one("lookup(%s, %s, %s, %d, %d, %d);", cmd, c(n), h.keyOf(k), flags, tail, h.value)
}

func (w *writer) emitDelete(o ops.Delete) ([]string, error) {
	h := w.handle(o.On)
	if o.Tail == 0 {
		w.need("delete")
		return one("delete(%s, %s);", c(o.On), h.keyOf(o.Key))
	}
	w.need("elem")
	return one("elem(3 /* BPF_MAP_DELETE_ELEM */, %s, %s, NULL, %d, 0);", c(o.On), h.keyOf(o.Key), o.Tail)
}

func (w *writer) emitReadBatch(cmd string, o ops.LookupBatch) ([]string, error) {
	h := w.handle(o.On)
	if h.keySize() > 512 {
		return nil, cannot(o, "keys of %d bytes", h.key)
	}
	if real := w.handles[o.On]; real != nil && !real.cursor {
		real.cursor = true
		fmt.Fprintf(&w.globals, "static unsigned char %s_cursor[512];\n", c(o.On))
	}
	cursor, from := c(o.On)+"_cursor", "NULL"
	if w.handles[o.On] == nil {
		cursor = "(char[512]){ 0 }"
	}
	switch {
	case o.From.Next && w.handles[o.On] != nil:
		from = cursor
	case o.From.Given:
		from = literal(uint64(o.From.Number), max(4, h.keySize()))
	}
	size := ops.Size(0)
	if h.outer && h.made {
		size = h.key
	}
	w.need("readbatch")
	return one("read_batch(%s, %s, %s, %s, %d, %d, %d, %d, %d);", cmd, c(o.On), from, cursor, o.Count, size, o.Elem, o.Flags, o.Tail)
}

// keysOf are keys one behind the other.
func (h *handle) keysOf(list ops.Keys) (all []byte) {
	for _, k := range list.List() {
		all = append(all, ops.Bytes(k.N, h.keySize())...)
	}
	return append(all, 0)
}

func (w *writer) emitUpdateBatch(o ops.UpdateBatch) ([]string, error) {
	h := w.handle(o.On)
	if n := len(o.Values.List()); n > 1024 {
		return nil, cannot(o, "%d values in a batch", n)
	}
	var fds string
	if !h.outer && h.value != 4 && len(o.Values.List()) > 0 {
		return nil, cannot(o, "values of %d bytes in a batch", h.value)
	}
	for _, v := range o.Values.List() {
		if v.Name != "" {
			w.use(v.Name)
			fds += c(v.Name) + ", "
		} else {
			fds += fmt.Sprintf("%d, ", int32(v.N))
		}
	}
	w.need("batch")
	return []string{
		fmt.Sprintf("batch(%s, %s, NULL, NULL, (unsigned char[])%s,", cmdUpdateBatch, c(o.On), bytesOf(h.keysOf(o.Keys))),
		fmt.Sprintf("      (int[1024]){ %s0 }, %d, %d, %d, %d);", fds, len(o.Keys.List()), o.Elem, o.Flags, o.Tail),
	}, nil
}

func (w *writer) emitDeleteBatch(o ops.DeleteBatch) ([]string, error) {
	h := w.handle(o.On)
	w.need("batch")
	return one("batch(%s, %s, NULL, NULL, (unsigned char[])%s, (int[1024]){ 0 }, %d, %d, %d, %d);",
		cmdDeleteBatch, c(o.On), bytesOf(h.keysOf(o.Keys)), len(o.Keys.List()), o.Elem, o.Flags, o.Tail)
}

func (w *writer) emitDump(o ops.Dump) ([]string, error) {
	h := w.handle(o.On)
	if h.key > 512 {
		return nil, cannot(o, "keys of %d bytes", h.key)
	}
	w.need("dump")
	return one("dump(%s, %d);", c(o.On), max(h.key, 1))
}

// emitUses asks which of the maps that were made a program uses.
func (w *writer) emitUses(o ops.Info) ([]string, error) {
	w.need("uses", "prog")
	all := "(struct known[]){ "
	for _, n := range slices.Sorted(maps.Keys(w.handles)) {
		if h := w.handles[n]; h.made && h.created == n {
			all += fmt.Sprintf("{ %q, %s }, ", string(n), w.id(h))
		}
	}
	return one("uses(%s, %s{ 0 } });", c(o.On), all)
}

func (w *writer) emitInfo(o ops.Info) ([]string, error) {
	h := w.handle(o.On)
	if h.program != nil {
		return w.emitUses(o)
	}
	w.need("info", "id")
	id, btf := "0", "0"
	if h.made {
		id = w.id(h)
	}
	if h.describer != "" {
		btf = w.id(w.handle(h.describer))
	}
	return one("info(%s, %s, %s);", c(o.On), id, btf)
}
