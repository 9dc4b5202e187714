package executor

import (
	"mimic/ops"
	"mimic/progs"
)

func (x *Executor) load(o ops.Prog) ops.Result {
	m := x.handle(o.Map)
	h := &handle{fd: badFD, uses: m}
	x.handles[o.Def] = h
	insns, err := progs.Assemble(o.Type, o.Body, shapeOf(m))
	if err != nil {
		return ops.Read("not assembled: " + err.Error())
	}
	fd, errno := loadProg(uint32(o.Type), insns, progs.Licence)
	if errno != 0 {
		return failed(errno)
	}
	h.fd = fd
	return ops.OK
}

// shapeOf is what a program must know of the maps behind an outer map; for what
// is none, something that assembles.
func shapeOf(m *handle) progs.Shape {
	s := progs.Shape{Outer: int(int32(m.fd)), OuterKey: 4, InnerKey: 4, InnerValue: 4}
	if m.outer {
		s.OuterKey = min(m.key, progs.MaxKey)
		s.InnerKey, s.InnerValue = min(m.template.key, progs.MaxKey), m.template.value
	}
	return s
}

func (x *Executor) run(o ops.Run) ops.Result {
	p := x.handle(o.On)
	packet := make([]byte, progs.PacketSize)
	shape := progs.Shape{OuterKey: 4, InnerKey: 4, InnerValue: 4}
	if p.uses != nil {
		shape = shapeOf(p.uses)
	}
	copy(packet[progs.OuterKeyAt:], ops.Bytes(o.Key.N, shape.OuterKey))
	copy(packet[progs.InnerKeyAt:], ops.Bytes(o.Inner.N, shape.InnerKey))
	retval, errno := testRun(p.fd, packet)
	if errno != 0 {
		return failed(errno)
	}
	return answer(retval, packet, shape)
}

func answer(retval uint32, packet []byte, s progs.Shape) ops.Result {
	switch retval {
	case progs.ReturnNoMap:
		return ops.Read(ops.WordNoMap)
	case progs.ReturnNoEntry:
		return ops.Read(ops.WordNoEntry)
	case progs.ReturnFound:
		return ops.Read(ops.Number(readBack(packet, progs.ReadSize(s.InnerValue))))
	case progs.ReturnShort:
		return ops.Read("the packet is too short")
	}
	return ops.Read("another return value")
}

// readBack is the value as the program read it: an integer of that size, which
// it stored as one of eight bytes.
func readBack(packet []byte, size ops.Size) []byte {
	whole := packet[progs.ValueAt : progs.ValueAt+8]
	return ops.Bytes(number(whole), size)
}
