package executor

import (
	"bytes"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// cursorSize is that of the cursors of outer maps: an index, or the number of a bucket.
const cursorSize = 4

// maxBatch bounds the pairs that a batch which reads has room for, writeRoom the bytes behind the values of one that writes.
const maxBatch, writeRoom = 1 << 12, 4 << 10

// readBatch does one of the batch commands that answer pairs.
func (x *Executor) readBatch(cmd uintptr, o ops.LookupBatch) ops.Result {
	h := x.handle(o.On)
	count := min(int(o.Count), maxBatch)
	keySize := max(int(h.keySize()), 4)
	keys, values := make([]byte, (count+1)*keySize), make([]byte, (count+1)*4)
	out := bytes.Repeat([]byte{guard}, max(cursorSize, keySize))
	in := h.from(o.From)
	attr := batchAttr{in: address(in), out: address(out), keys: address(keys), values: address(values),
		count: uint32(o.Count), fd: h.fd, elemFlags: uint64(o.Elem), flags: uint64(o.Flags), tail: uint64(o.Tail)}
	_, errno := bpf(cmd, &attr)
	runtime.KeepAlive([][]byte{in, out, keys, values})
	if !bytes.Equal(out[:cursorSize], []byte{guard, guard, guard, guard}) {
		h.cursor = out
	}
	if errno != 0 && errno != unix.ENOENT {
		return batched(errno, attr.count, nil)
	}
	return batched(errno, attr.count, x.pairs(keys, values, h, min(int(attr.count), count)))
}

// from is the cursor that a batch begins with; nil is the null pointer.
func (h *handle) from(c ops.Cursor) []byte {
	switch {
	case c.Next:
		return h.cursor
	case c.Given:
		return ops.Bytes(uint64(c.Number), max(cursorSize, h.keySize()))
	}
	return nil
}

// pair is what was found under a key.
type pair struct {
	key  []byte
	name string
}

func (x *Executor) pairs(keys, values []byte, h *handle, n int) (all []pair) {
	if !h.outer || h.key == 0 || h.id == 0 {
		return nil
	}
	for i := range n {
		key := keys[i*int(h.key):][:h.key]
		all = append(all, pair{key, x.nameOf(values[i*4:][:4])})
	}
	return all
}

// batched is the answer of a batch command: the count, and the pairs by key.
func batched(errno unix.Errno, count uint32, all []pair) ops.Result {
	got := strconv.FormatUint(uint64(count), 10)
	if len(all) > 0 {
		got += ": " + pairText(all)
	}
	return ops.Result{Errno: ops.Errno(errno), Got: got}
}

func pairText(all []pair) string {
	return strings.Join(pairTexts("", all), " ")
}

// pairTexts lists pairs by key, each with something before it.
func pairTexts(before string, all []pair) []string {
	type named struct{ key, name string }
	byKey := make([]named, len(all))
	for i, p := range all {
		byKey[i] = named{ops.Number(p.key), p.name}
	}
	slices.SortFunc(byKey, func(a, b named) int { return ops.CompareKeys(a.key, b.key) })
	texts := make([]string, len(all))
	for i, p := range byKey {
		texts[i] = before + p.key + "=" + p.name
	}
	return texts
}

func (x *Executor) updateBatch(o ops.UpdateBatch) ops.Result {
	h := x.handle(o.On)
	return x.writeBatch(cmdUpdateBatch, h, x.keys(h, o.Keys), x.values(h, o.Values), updateBatchAttr(o, uint32(len(o.Keys.List()))))
}

func updateBatchAttr(o ops.UpdateBatch, count uint32) batchAttr {
	return batchAttr{count: count, elemFlags: uint64(o.Elem), flags: uint64(o.Flags), tail: uint64(o.Tail)}
}

func (x *Executor) values(h *handle, list ops.Vals) (all []byte) {
	for _, v := range list.List() {
		all = append(all, x.valueBytes(h, v)...)
	}
	return all
}

func (x *Executor) deleteBatch(o ops.DeleteBatch) ops.Result {
	h := x.handle(o.On)
	return x.writeBatch(cmdDeleteBatch, h, x.keys(h, o.Keys), nil, batchAttr{count: uint32(len(o.Keys.List())), elemFlags: uint64(o.Elem), flags: uint64(o.Flags), tail: uint64(o.Tail)})
}

func (x *Executor) keys(h *handle, list ops.Keys) (all []byte) {
	for _, k := range list.List() {
		all = append(all, x.key(h, ops.K(k.N))...)
	}
	return all
}

func (x *Executor) writeBatch(cmd uintptr, h *handle, keys, values []byte, attr batchAttr) ops.Result {
	keys, values = append(keys, 0), append(values, make([]byte, writeRoom)...) // never no address, nor too short
	attr.fd, attr.keys, attr.values = h.fd, address(keys), address(values)
	_, errno := bpf(cmd, &attr)
	runtime.KeepAlive([][]byte{keys, values})
	return batched(errno, attr.count, nil)
}

// maxWalk bounds the keys that a dump visits.
const maxWalk = 1 << 12

func (x *Executor) dump(o ops.Dump) ops.Result {
	h := x.handle(o.On)
	all, r := x.walk(h, h.fd)
	if r != ops.OK {
		return r
	}
	return ops.Read("{" + pairText(all) + "}")
}

// walk walks the keys and looks each up: what is found is all that is there.
func (x *Executor) walk(h *handle, fd uint32) (all []pair, r ops.Result) {
	var key []byte
	for range maxWalk {
		next := make([]byte, max(h.key, 1))
		errno := element(cmdNextKey, fd, key, next, 0, 0)
		if errno == unix.ENOENT {
			return all, ops.OK
		}
		value := make([]byte, 8)
		if errno == 0 {
			errno = element(cmdLookup, fd, next, value, 0, 0)
		}
		switch errno {
		case 0:
			all = append(all, pair{next, x.nameOf(value[:4])})
		case unix.ENOENT: // an element that is empty
		default:
			return nil, failed(errno)
		}
		key = next
	}
	return nil, ops.Read("keys without end")
}
