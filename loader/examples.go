package loader

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// showDevmaps is map_of_maps.rst:64-85: an array of two devmaps that "can only
// be modified from user space using the syscall API".
func showDevmaps(s *stage) {
	s.load()
	s.describe("outer_map", "inner_map1", "inner_map2")
	s.slots("outer_map", 0, 1)
	s.update("outer_map", 0, "inner_map2")
	s.delete("outer_map", 1)
	s.slots("outer_map", 0, 1)
	s.try("lookup", "update", "delete")
}

// devmap is what map_of_maps.rst:111-124 makes.
func devmap(name string) *ebpf.MapSpec {
	return &ebpf.MapSpec{Name: name, Type: ebpf.DevMap, KeySize: 4, ValueSize: 4, MaxEntries: 256}
}

// showTemplateFD is map_of_maps.rst:93-124: an outer array made from the
// descriptor of an inner map, which cilium/ebpf makes from InnerMap and closes at
// once, and inner maps that are added. They are closed after that, which the
// document's add_devmap forgets.
func showTemplateFD(s *stage) {
	const outer = "example_array"
	s.create(outer, &ebpf.MapSpec{Name: outer, Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 256, InnerMap: devmap("template")})
	s.describe(outer)
	s.used(outer)
	for _, index := range []int{0, 255, 256} {
		name := fmt.Sprintf("dev%d", index)
		s.create(name, devmap(name))
		s.update(outer, index, name)
		s.close(name)
	}
	s.slots(outer, 0, 1, 255)
	s.used(outer)
	s.delete(outer, 0)
	s.slots(outer, 0, 1, 255)
	s.used(outer)
}

// showBTFInner is an outer array of which only the type of the inner maps is
// declared. It takes maps that are as declared and no others.
func showBTFInner(s *stage) {
	s.load()
	s.describe("outer")
	s.slots("outer", 0, 1, 2)
	s.updateLike("as_declared", func(*ebpf.MapSpec) {})
	s.updateLike("longer_values", func(m *ebpf.MapSpec) { m.ValueSize, m.Value = 16, nil })
	s.updateLike("fewer_entries", func(m *ebpf.MapSpec) { m.MaxEntries = 3 })
	s.updateLike("another_type", func(m *ebpf.MapSpec) { m.Type = ebpf.Hash })
	s.slots("outer", 0, 1, 2)
}

// updateLike tries to put a map like the one declared into the outer map.
func (s *stage) updateLike(name string, change func(*ebpf.MapSpec)) {
	if s.err != nil {
		return
	}
	spec := s.spec.Maps["outer"].InnerMap.Copy()
	change(spec)
	s.create(name, spec)
	s.update("outer", 1, name)
}

// flow is struct flow of src/hash-outer.c.
type flow struct {
	Address        uint32
	Port           uint16
	Protocol, Zero uint8
	Cookie         uint64
}

func (f flow) String() string { return fmt.Sprintf("flow%d", f.Cookie) }

// showHashOuter is map_of_maps.rst:36-40: the kernel allocates and frees, up to
// max_entries; the key type can be chosen; BPF_F_NO_PREALLOC can be given. And
// 30: programs cannot update or delete.
func showHashOuter(s *stage) {
	s.load()
	s.describe("by_number")
	s.slots("by_number", 0, 1, 7)
	s.update("by_number", 1, "inner_b")
	s.update("by_number", 2, "inner_a")
	s.delete("by_number", 0)
	s.update("by_number", 2, "inner_a")
	s.slots("by_number", 0, 1, 2, 7)
	s.keys("by_number")
	s.try("lookup", "update", "delete")
	one, other := flow{1, 2, 3, 0, 4}, flow{1, 2, 3, 0, 5}
	s.describe("by_flow")
	s.update("by_flow", one, "inner_a")
	s.slots("by_flow", one, other)
}

// showProgLookup is map_of_maps.rst:55-56: a program gets the inner map that is
// in the outer map at that moment, or NULL, and must look which.
func showProgLookup(s *stage) {
	s.load()
	s.put("inner_a", 1, 100)
	s.put("inner_b", 1, 200)
	s.showLookups("lookup_in_array", "in_array")
	s.showLookups("lookup_in_hash", "in_hash")
	s.try("unchecked_in_array", "unchecked_in_hash")
}

func (s *stage) showLookups(program, outer string) {
	p := s.runnable(program)
	s.ask(program, p, [2]uint32{0, 1}, [2]uint32{2, 1}, [2]uint32{0, 9}, [2]uint32{1, 1}, [2]uint32{3, 1})
	s.update(outer, 0, "inner_b")
	s.delete(outer, 2)
	s.ask(program, p, [2]uint32{0, 1}, [2]uint32{2, 1})
}

// showShardedRingbuf is ringbuf.rst:61-66: ring buffers in an outer array, of
// which a program picks one.
func showShardedRingbuf(s *stage) {
	s.load()
	s.describe("shards", "shard_a", "shard_b")
	s.slots("shards", 0, 1, 2)
	s.ask("output", s.runnable("output"), [2]uint32{0, 70}, [2]uint32{1, 71}, [2]uint32{1, 72}, [2]uint32{2, 73})
	s.drain("shard_a")
	s.drain("shard_b")
}
