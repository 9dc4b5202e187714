package executor

import (
	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

// mappable is BPF_F_MMAPABLE.
const mappable = 1 << 10

// mailbox is the array through which programs are handed keys and answer: one
// for all sequences of a process, of which only one operation is done at a time.
// It belongs to no sequence, which is not to see it.
type mailbox struct {
	fd     uint32
	memory []byte // its value itself if it is mapped, else a copy
	mapped bool
}

// mailbox is the mailbox of the process, made when the first program is.
func (s *shared) mailbox() (*mailbox, unix.Errno) {
	if s.mail != nil {
		return s.mail, 0
	}
	fd, errno := makeMailbox(mappable)
	if errno == 0 {
		memory, err := unix.Mmap(int(fd), 0, progs.MailboxSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err == nil {
			s.mail = &mailbox{fd, memory, true}
			return s.mail, 0
		}
		closeFD(fd)
	}
	if fd, errno = makeMailbox(0); errno != 0 {
		return nil, errno
	}
	s.mail = &mailbox{fd, make([]byte, progs.MailboxSize), false}
	return s.mail, 0
}

func makeMailbox(flags uint32) (uint32, unix.Errno) {
	attr := createAttr{mapType: uint32(ops.Array), keySize: 4, valueSize: progs.MailboxSize, maxEntries: 1, flags: flags}
	copy(attr.name[:], "mailbox")
	return bpf(cmdMapCreate, &attr)
}

// send hands what was written to memory to programs.
func (m *mailbox) send() unix.Errno { return m.copy(cmdUpdate) }

// collect brings to memory what programs wrote.
func (m *mailbox) collect() unix.Errno { return m.copy(cmdLookup) }

func (m *mailbox) copy(cmd uintptr) unix.Errno {
	if m.mapped {
		return 0
	}
	return element(cmd, m.fd, make([]byte, 4), m.memory, 0, 0)
}
