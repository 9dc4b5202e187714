package ops

import "fmt"

// word is what the types below have in common: a number that has a word in a
// table, and no other.
func parseWord(w words, b []byte, what string) (uint8, error) {
	v, err := w.parse(b, what, 8)
	if err == nil && w[v] == "" {
		err = fmt.Errorf("%s is not the number of a %s", b, what)
	}
	return uint8(v), err
}

// FDKind is what a descriptor is of that is none of a map.
type FDKind uint8

// Kinds of descriptors. The first are not open, or as good as not; the others
// are open, of something else.
const (
	FDClosed FDKind = iota
	FDMinusOne
	FDHuge
	FDPath
	FDFile
	FDDirectory
	FDPipe
	FDSocket
	FDEpoll
	FDEvent
	FDTimer
	FDSignal
	FDNull
	FDPerf
	FDNamespace
)

var fdKinds = words{0: "closed", 1: "minus_one", 2: "huge", 3: "o_path", 4: "file", 5: "directory", 6: "pipe", 7: "socket",
	8: "epoll", 9: "eventfd", 10: "timerfd", 11: "signalfd", 12: "dev_null", 13: "perf_event", 14: "namespace"}

// FDKinds lists all of them.
func FDKinds() (all []FDKind) {
	for _, v := range fdKinds.keys() {
		all = append(all, FDKind(v))
	}
	return all
}

// Open says whether the kernel takes it for a descriptor that is open.
func (k FDKind) Open() bool { return k > FDPath }

func (k FDKind) String() string { return string(fdKinds.text(uint64(k))) }

// MarshalText writes the word.
func (k FDKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText accepts the word.
func (k *FDKind) UnmarshalText(b []byte) error {
	v, err := parseWord(fdKinds, b, "kind of descriptor")
	*k = FDKind(v)
	return err
}

// FileUse is what is done with a map's descriptor as if it were a file's.
type FileUse uint8

// Uses of a file.
const (
	FileRead FileUse = iota
	FileWrite
	FileMap      // mmap(2) shared, to read
	FilePoll     // poll(2)
	FileIter     // BPF_LINK_CREATE of an iterator over the elements
	FileInfo     // /proc/self/fdinfo
	FileMapWrite // mmap(2) shared, to write, and munmap(2)
)

var fileUses = words{0: "read", 1: "write", 2: "mmap", 3: "poll", 4: "iter", 5: "fdinfo", 6: "mmap_write"}

// FileUses lists all of them.
func FileUses() (all []FileUse) {
	for _, v := range fileUses.keys() {
		all = append(all, FileUse(v))
	}
	return all
}

// MarshalText writes the word.
func (u FileUse) MarshalText() ([]byte, error) { return fileUses.text(uint64(u)), nil }

// UnmarshalText accepts the word.
func (u *FileUse) UnmarshalText(b []byte) error {
	v, err := parseWord(fileUses, b, "use of a file")
	*u = FileUse(v)
	return err
}

// Label is the name that a map is given for people.
type Label uint8

// Labels.
const (
	LabelNone Label = iota
	LabelGood
	LabelOther
	LabelBad  // has a character that is not allowed
	LabelLong // has no end within its 16 bytes
	LabelFull // is as long as there is room for
)

var labels = words{0: "none", 1: "good", 2: "other", 3: "bad", 4: "long", 5: "full"}

var labelBytes = map[Label]string{LabelGood: "good_1", LabelOther: "oth.er", LabelBad: "a-b", LabelLong: "abcdefghijklmnop", LabelFull: "abcdefghijklmno"}

// Bytes is the name itself.
func (l Label) Bytes() string { return labelBytes[l] }

// Refused says whether the kernel takes no such name.
func (l Label) Refused() bool { return l == LabelBad || l == LabelLong }

// MarshalText writes the word.
func (l Label) MarshalText() ([]byte, error) { return labels.text(uint64(l)), nil }

// UnmarshalText accepts the word.
func (l *Label) UnmarshalText(b []byte) error {
	v, err := parseWord(labels, b, "kind of name")
	*l = Label(v)
	return err
}

// Bound is what a map is bound to when it is made.
type Bound uint8

// Bounds.
const (
	BoundFree    Bound = iota
	BoundProgram       // exclusive: to the programs with a certain hash (excl_prog_hash)
	BoundDevice        // to a network device (map_ifindex)
	BoundStruct        // to a structure of the kernel's (btf_vmlinux_value_type_id), of struct_ops
)

var bounds = words{0: "free", 1: "program", 2: "device", 3: "struct"}

// MarshalText writes the word.
func (k Bound) MarshalText() ([]byte, error) { return bounds.text(uint64(k)), nil }

// UnmarshalText accepts the word.
func (k *Bound) UnmarshalText(b []byte) error {
	v, err := parseWord(bounds, b, "what a map is bound to")
	*k = Bound(v)
	return err
}

// BTFIDs says which types of a BTF object a map names.
type BTFIDs uint8

// Which types.
const (
	IDsBoth BTFIDs = iota
	IDsValue
	IDsKey
)

var btfIDs = words{0: "both", 1: "value", 2: "key"}

// MarshalText writes the word.
func (k BTFIDs) MarshalText() ([]byte, error) { return btfIDs.text(uint64(k)), nil }

// UnmarshalText accepts the word.
func (k *BTFIDs) UnmarshalText(b []byte) error {
	v, err := parseWord(btfIDs, b, "choice of types")
	*k = BTFIDs(v)
	return err
}

// BTFKind is a word of package btfs: what the values of a map look like.
type BTFKind string

// MarshalText writes the word.
func (k BTFKind) MarshalText() ([]byte, error) { return []byte(k), nil }

// UnmarshalText accepts a word of letters, digits and _.
func (k *BTFKind) UnmarshalText(b []byte) error {
	if !isName(string(b)) {
		return fmt.Errorf("%q is not a kind of BTF", b)
	}
	*k = BTFKind(b)
	return nil
}

// Example is the name of one of the examples of package loader.
type Example string

// MarshalText writes the name.
func (e Example) MarshalText() ([]byte, error) { return []byte(e), nil }

// UnmarshalText accepts lower-case letters and dashes.
func (e *Example) UnmarshalText(b []byte) error {
	for _, c := range b {
		if c != '-' && (c < 'a' || c > 'z') {
			return fmt.Errorf("%q is not the name of an example", b)
		}
	}
	*e = Example(b)
	return nil
}

// Command is what a program asks of bpf(2).
type Command uint8

// Commands.
const (
	ByUpdate Command = iota
	ByDelete
)

var commands = words{0: "update", 1: "delete"}

// MarshalText writes the word.
func (c Command) MarshalText() ([]byte, error) { return commands.text(uint64(c)), nil }

// UnmarshalText accepts the word.
func (c *Command) UnmarshalText(b []byte) error {
	v, err := parseWord(commands, b, "command")
	*c = Command(v)
	return err
}

// FDNumber is which number a descriptor is to have.
type FDNumber uint8

// Numbers.
const (
	NumberAny  FDNumber = iota // as it comes
	NumberZero                 // 0, which is a descriptor like others, if no other name has it
	NumberHigh                 // one that takes more than 16 bits
	NumberNone                 // none, for there is none left: EMFILE
)

// HighNumber is the first number of a descriptor that takes more than 16 bits.
const HighNumber = 1 << 16

var numbers = words{0: "any", 1: "zero", 2: "high", 3: "none"}

// MarshalText writes the word.
func (n FDNumber) MarshalText() ([]byte, error) { return numbers.text(uint64(n)), nil }

// UnmarshalText accepts the word.
func (n *FDNumber) UnmarshalText(b []byte) error {
	v, err := parseWord(numbers, b, "number of a descriptor")
	*n = FDNumber(v)
	return err
}
