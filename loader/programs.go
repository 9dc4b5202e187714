package loader

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// try says which programs the kernel takes.
func (s *stage) try(names ...string) {
	if s.err != nil {
		return
	}
	var texts []string
	for _, name := range names {
		_, err := s.program(name, ebpf.ProgramOptions{LogDisabled: true}) // or the library loads it again to learn why
		texts = append(texts, name+" "+word(err))
	}
	s.see("programs %s", strings.Join(texts, ", "))
}

// runnable is a program without which the example has nothing to show.
func (s *stage) runnable(name string) *ebpf.Program {
	if s.err != nil {
		return nil
	}
	p, err := s.program(name, ebpf.ProgramOptions{})
	s.failed(err, "load program %s", name)
	return p
}

// ask says what a program answers to pairs of keys, of the outer map and of the
// inner one.
func (s *stage) ask(name string, p *ebpf.Program, pairs ...[2]uint32) {
	texts := []string{name}
	for _, k := range pairs {
		if s.err != nil {
			return
		}
		answer, err := answerOf(p, k)
		s.failed(err, "run %s on keys %v", name, k)
		texts = append(texts, fmt.Sprintf("[%d][%d]=%s", k[0], k[1], answer))
	}
	s.see("%s", strings.Join(texts, " "))
}

// What src/loader.h says that programs read and return.
const questionSize, outerAt, innerAt = 24, 16, 20

var answers = map[uint32]string{1: "the packet is too short", 2: ops.WordNoMap, 3: ops.WordNoEntry, 4: "ok"}

// answerOf runs a program. None returns 0: that is what cilium/ebpf makes of a
// run that a signal has cut off.
func answerOf(p *ebpf.Program, k [2]uint32) (string, error) {
	packet := make([]byte, questionSize)
	binary.NativeEndian.PutUint32(packet[outerAt:], k[0])
	binary.NativeEndian.PutUint32(packet[innerAt:], k[1])
	answer, err := p.Run(&ebpf.RunOptions{Data: packet})
	if err == nil && answer == 0 {
		err = unix.EINTR
	}
	if text := answers[answer]; text != "" {
		return text, err
	}
	return fmt.Sprint(answer), err
}

// patience is how long a record may take from a program to a reader. It is
// there at once.
const patience = time.Second

// drain says what is in a ring buffer.
func (s *stage) drain(name string) {
	if s.err != nil {
		return
	}
	r, err := ringbuf.NewReader(s.maps[name])
	if s.failed(err, "read %s", name) {
		return
	}
	defer r.Close()
	r.SetDeadline(time.Now().Add(patience))
	texts := []string{name, "holds"}
	for r.AvailableBytes() > 0 {
		record, err := r.Read()
		if s.failed(err, "read %s", name) {
			return
		}
		texts = append(texts, ops.Number(record.RawSample))
	}
	s.see("%s", strings.Join(texts, " "))
}
