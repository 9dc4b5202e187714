package repro

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mimic/btfs"
	"mimic/ops"
	"mimic/progs"
)

// handle is what is known of a name when the file is written.
type handle struct {
	name      ops.Name
	created   ops.Name // under which its id is remembered
	made      bool     // it stands for a map that was made
	btf       bool     // or for a BTF object
	kind      ops.MapType
	flags     ops.CreateFlags
	key       ops.Size
	value     ops.Size
	max       ops.Size
	outer     bool
	template  *handle
	object    *btfs.Object
	described btfs.Kind
	describer ops.Name // the BTF object that describes it
	attr      string   // of BPF_MAP_CREATE, as C
	program   *program
	cursor    bool // it has one
	process   bool
}

// program is what is known of a program.
type program struct {
	progs.Program
	flags ops.ProgFlags
}

// handle is what a name stands for; for one that was never defined a descriptor that is not open.
func (w *writer) handle(n ops.Name) *handle {
	w.use(n)
	if h := w.handles[n]; h != nil {
		return h
	}
	return &handle{name: n}
}

// define makes a name stand for something.
func (w *writer) define(n ops.Name, h handle) *handle {
	w.use(n)
	h.name = n
	if h.created == "" {
		h.created = n
	}
	w.handles[n] = &h
	return &h
}

func (w *writer) use(n ops.Name) {
	if n != "" && !slices.Contains(w.names, n) {
		w.names = append(w.names, n)
	}
}

var harmless = regexp.MustCompile(`^[a-z][0-9]+$`)

// c is a name as a variable.
func c(n ops.Name) string {
	if harmless.MatchString(string(n)) {
		return string(n)
	}
	return string(n) + "_fd"
}

// id is the id of what a name was created as.
func (w *writer) id(h *handle) string {
	w.need("id")
	return fmt.Sprintf("id_of(%q)", string(h.created))
}

func (h *handle) keySize() ops.Size {
	if !h.made {
		return 64
	}
	return h.key
}

// keyOf is the address of a key, as C.
func (h *handle) keyOf(k ops.Key) string {
	if k.Null {
		return "NULL"
	}
	return literal(k.N, h.keySize())
}

// literal is the address of a number in so many bytes, as C.
func literal(n uint64, size ops.Size) string {
	switch size {
	case 0:
		return `""`
	case 1, 2, 4, 8:
		return fmt.Sprintf("&(uint%d_t){ %d }", size*8, ops.Truncate(n, size))
	}
	return "(unsigned char[])" + bytesOf(ops.Bytes(n, size))
}

// bytesOf is an initialiser of an array with these bytes.
func bytesOf(b []byte) string {
	var parts []string
	for i, v := range b {
		if v != 0 || i == len(b)-1 {
			parts = append(parts, fmt.Sprintf("[%d] = %d", i, v))
		}
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

// maxValue is what there is room for in the file, for manyProcessors too.
const maxValue, manyProcessors = 1 << 16, 64

// valueOf is the address of the value of an update, as C.
func (w *writer) valueOf(h *handle, v ops.Val) string {
	short := h.made && (h.outer || h.value <= 4 && !h.kind.PerCPU())
	switch {
	case v.Null:
		return "NULL"
	case v.Name != "" && short:
		return "&" + c(w.handle(v.Name).name)
	case v.Name != "":
		w.need("padded")
		return fmt.Sprintf("padded(&%s, 4)", c(w.handle(v.Name).name))
	case h.made && !h.kind.PerCPU():
		return literal(v.N, h.value)
	case h.made && h.value > 0 && h.value < maxValue/manyProcessors:
		w.need("each")
		return fmt.Sprintf("each(%s, %d)", literal(v.N, h.value), h.value)
	}
	w.need("padded")
	return fmt.Sprintf("padded(%s, %d)", literal(v.N, min(h.value, maxValue)), min(h.value, maxValue))
}
