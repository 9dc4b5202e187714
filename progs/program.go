package progs

import "mimic/ops"

// Program is a body with all that its instructions depend on.
type Program struct {
	Type ops.ProgType
	Body ops.Body
	Reach
	Second    Reach            // the second map; that of the first if there is none
	Mailbox   int              // descriptor of an array with one value of MailboxSize bytes
	Functions map[string]int32 // BTF ids of the kernel's kfuncs, by name
	Gated     bool             // it does nothing unless the mailbox is ready: something else may make it run
}

// Reach is a map that a program is given, and what it reaches through it: the
// inner maps, or the map itself if it is no outer map.
type Reach struct {
	Map      int      // descriptor of the map; it may be one that is not open
	Outer    bool     // that is an outer map
	OuterKey ops.Size // size of its keys, if it is
	Key      ops.Size // sizes of the keys and values of what is reached
	Value    ops.Size
	Lock     ops.Size    // where in a value the bpf_spin_lock is, if there is one
	Timer    ops.Size    // where the bpf_timer is
	MapType  ops.MapType // type, max_entries and flags of what is reached
	Max      ops.Size
	MapFlags ops.CreateFlags
	Special  bool // their values have special fields
}

// Layout of the mailbox, through which a program is handed keys and answers: in
// bytes from its beginning.
const (
	OuterKeyAt = 0    // the key of the outer map, as bytes of a key
	InnerKeyAt = 512  // the key of the inner map
	BranchesAt = 1024 // uint64: bit n-1 is set if the branch of step n is taken
	EndAt      = 1032 // uint64: 0 while it runs, then EndReached or the number of the check that ended it
	ReadyAt    = 1040 // uint64: 0 if a program that is gated does nothing
	AnswersAt  = 1088 // uint64 for each step, whether it answers or not
	ValueAt    = 4096 // where steps put the values that they hand over
	RoomAt     = 20480
	RoomSize   = 4096 // for each of the first MaxRooms steps with ArgRoom
	MaxRooms   = 8

	MailboxSize = 65536
)

// EndReached is what a program that got to its end leaves at EndAt.
const EndReached = 1 << 32

// MaxSteps is how many steps a body has at most, MaxKey how many bytes a key,
// MaxValue how many bytes a value that a step hands over.
const (
	MaxSteps = 31
	MaxKey   = 96
	MaxValue = RoomAt - ValueAt
)
