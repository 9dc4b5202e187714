package loader

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// stage is where an example is shown: what was made for it, and what was seen.
// After the first error its methods do nothing. Maps go by name.
type stage struct {
	object string // the file without its ending
	maps   map[string]*ebpf.Map
	names  map[ebpf.MapID]string
	spec   *ebpf.CollectionSpec
	open   []io.Closer
	seen   []string
	err    error
}

func (s *stage) see(format string, args ...any) {
	s.seen = append(s.seen, fmt.Sprintf(format, args...))
}

// failed notes the first error and says whether there is one.
func (s *stage) failed(err error, format string, args ...any) bool {
	if s.err == nil && err != nil {
		s.err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
	}
	return s.err != nil
}

func (s *stage) clear() {
	for _, c := range slices.Backward(s.open) {
		c.Close()
	}
}

// load makes the maps that the object declares, with their initial values. The
// programs are left to program, for some of them must not load.
func (s *stage) load() {
	elf, err := objects.ReadFile("elf/" + s.object + ".o")
	if s.failed(err, "find the object") {
		return
	}
	s.spec, err = ebpf.LoadCollectionSpecFromReader(bytes.NewReader(elf))
	if s.failed(err, "read the object") {
		return
	}
	made, err := ebpf.NewCollection(&ebpf.CollectionSpec{Maps: s.spec.Maps, Types: s.spec.Types, ByteOrder: s.spec.ByteOrder})
	if s.failed(err, "load the maps") {
		return
	}
	for name, m := range made.Maps {
		s.add(name, m)
	}
}

// create makes a map that no object declares.
func (s *stage) create(name string, spec *ebpf.MapSpec) {
	if s.err != nil {
		return
	}
	m, err := ebpf.NewMap(spec)
	if !s.failed(err, "create %s", name) {
		s.add(name, m)
	}
}

func (s *stage) add(name string, m *ebpf.Map) {
	s.open = append(s.open, m)
	s.maps[name] = m
	info, err := m.Info()
	if s.failed(err, "info of %s", name) {
		return
	}
	id, _ := info.ID()
	s.names[id] = name
}

func (s *stage) close(name string) {
	if s.err == nil {
		s.failed(s.maps[name].Close(), "close %s", name)
	}
}

// describe says what the kernel says of maps.
func (s *stage) describe(names ...string) {
	for _, name := range names {
		if s.err != nil {
			return
		}
		info, err := s.maps[name].Info()
		if s.failed(err, "info of %s", name) {
			return
		}
		text := fmt.Sprintf("%s %s key=%d value=%d max=%d", info.Name, ops.MapType(info.Type), info.KeySize, info.ValueSize, info.MaxEntries)
		flags := ops.CreateFlags(info.Flags)
		if flags&ops.ReadOnlyProg != 0 { // the kernel sets it on devmaps by itself
			flags -= ops.ReadOnlyProg // not &^, which Go 1.26 for ppc64le translates wrongly: docs/architectures.md
		}
		if flags != 0 {
			text += " flags=" + flags.String()
		}
		s.see("%s", text)
	}
}

// slots says which maps are under keys of an outer map.
func (s *stage) slots(outer string, keys ...any) {
	var texts []string
	for _, key := range keys {
		texts = append(texts, fmt.Sprintf("%v=%s", key, s.slot(outer, key)))
	}
	s.see("%s", strings.Join(texts, " "))
}

const empty = "empty"

// slot is the name of the map under a key. It goes by id: to open the map would
// make it live longer.
func (s *stage) slot(outer string, key any) string {
	if s.err != nil {
		return ""
	}
	var id ebpf.MapID
	err := s.maps[outer].Lookup(raw(key), &id)
	if errors.Is(err, unix.ENOENT) {
		return empty
	}
	s.failed(err, "look up %v in %s", key, outer)
	if name := s.names[id]; name != "" {
		return name
	}
	return "a map that was not made here"
}

// used says how many elements of an outer array hold a map.
func (s *stage) used(outer string) {
	if s.err != nil {
		return
	}
	n, all := 0, s.maps[outer].MaxEntries()
	for i := range all {
		if s.slot(outer, i) != empty {
			n++
		}
	}
	s.see("%d of %d used", n, all)
}

// keys says which keys, being numbers, a walk through an outer map meets.
func (s *stage) keys(outer string) {
	if s.err != nil {
		return
	}
	var found []uint32
	var key, id uint32
	each := s.maps[outer].Iterate()
	for each.Next(&key, &id) {
		found = append(found, key)
	}
	if s.failed(each.Err(), "walk %s", outer) {
		return
	}
	slices.Sort(found)
	s.see("keys %v", found)
}

// raw is a key as the library takes it: a number is a __u32.
func raw(key any) any {
	if n, ok := key.(int); ok {
		return uint32(n)
	}
	return key
}

func (s *stage) update(outer string, key any, inner string) {
	if s.err == nil {
		s.see("update(%v, %s) %s", key, inner, word(s.maps[outer].Put(raw(key), s.maps[inner])))
	}
}

func (s *stage) delete(outer string, key any) {
	if s.err == nil {
		s.see("delete(%v) %s", key, word(s.maps[outer].Delete(raw(key))))
	}
}

// put writes into an inner map.
func (s *stage) put(inner string, key, value uint32) {
	if s.err == nil {
		s.failed(s.maps[inner].Put(key, value), "put %d=%d in %s", key, value, inner)
	}
}

// word is ok or the name of the errno. An error without one is the library's.
func word(err error) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno):
		return ops.Failed(errno).String()
	}
	return fmt.Sprintf("%q", err)
}

// program loads a program of the object with the maps that were made.
func (s *stage) program(name string, how ebpf.ProgramOptions) (*ebpf.Program, error) {
	spec := s.spec.Programs[name]
	if spec == nil {
		return nil, errors.New("the object has none of this name")
	}
	for of, m := range s.maps {
		if err := spec.Instructions.AssociateMap(of, m); err != nil && !errors.Is(err, asm.ErrUnreferencedSymbol) {
			return nil, err
		}
	}
	p, err := ebpf.NewProgramWithOptions(spec, how)
	if err == nil {
		s.open = append(s.open, p)
	}
	return p, err
}
