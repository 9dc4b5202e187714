package executor

import (
	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

// mappable is BPF_F_MMAPABLE.
const mappable = 1 << 10

// mailbox is the array through which programs are handed keys and answer: one
// for most sequences of a process, of which only one operation is done at a time.
// It belongs to no sequence, which is not to see it.
type mailbox struct {
	fd     uint32
	memory []byte // its value itself if it is mapped, else a copy
	mapped bool
}

// mailbox is the mailbox of a program that is loaded now.
func (x *Executor) mailbox() (*mailbox, unix.Errno) {
	if !x.apart {
		return x.shared.mailbox()
	}
	m, errno := newMailbox()
	if errno == 0 {
		x.mail = append(x.mail, m)
	}
	return m, errno
}

// mailbox is the mailbox of the process, made when the first program is.
func (s *shared) mailbox() (m *mailbox, errno unix.Errno) {
	if s.mail == nil {
		s.mail, errno = newMailbox()
	}
	return s.mail, errno
}

// newMailbox makes one. No process that is started has it, too.
func newMailbox() (*mailbox, unix.Errno) {
	fd, errno := makeMailbox(mappable)
	if errno == 0 {
		memory, err := unix.Mmap(int(fd), 0, progs.MailboxSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err == nil {
			unix.Madvise(memory, unix.MADV_DONTFORK)
			return &mailbox{fd, memory, true}, 0
		}
		closeFD(fd)
	}
	if fd, errno = makeMailbox(0); errno != 0 {
		return nil, errno
	}
	return &mailbox{fd, make([]byte, progs.MailboxSize), false}, 0
}

func (m *mailbox) close() {
	if m.mapped {
		unix.Munmap(m.memory)
	}
	closeFD(m.fd)
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

// finish keeps a program that is gated from doing anything until the next run.
func (m *mailbox) finish(gated bool) {
	if gated {
		progs.Finish(m.memory)
		m.send()
	}
}

func (m *mailbox) copy(cmd uintptr) unix.Errno {
	if m.mapped {
		return 0
	}
	return element(cmd, m.fd, make([]byte, 4), m.memory, 0, 0)
}
