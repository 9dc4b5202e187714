package ops

import "slices"

// Op is one operation: data, never a closure. String is its one line of text.
type Op interface{ String() string }

// Sequence is a list of operations, run in order.
type Sequence []Op

// The operations. Field tags are their grammar: def is the name that the
// operation defines, on the name it acts on, arg a positional argument, any
// other word a named one; a default is not written.
type (
	// Map creates a map that is not an outer map (BPF_MAP_CREATE).
	Map struct {
		Def   Name        `text:"def"`
		Type  MapType     `text:"arg"`
		Key   Size        `text:"key"`
		Value Size        `text:"value"`
		Max   Size        `text:"max"`
		Flags CreateFlags `text:"flags" default:"0"`
		Extra Size        `text:"extra" default:"0"`    // map_extra
		Node  Size        `text:"node" default:"0"`     // numa_node
		Label Label       `text:"name" default:"none"`  // map_name
		BTF   Name        `text:"btf" default:"-"`      // btf_fd
		IDs   BTFIDs      `text:"ids" default:"both"`   // of the types of key and value, with BTF
		Inner Name        `text:"inner" default:"-"`    // inner_map_fd, of no use to this map
		Bound Bound       `text:"bound" default:"free"` // what the map is bound to
		At    FDNumber    `text:"at" default:"any"`     // the number of the descriptor
		Tail  Size        `text:"tail" default:"0"`     // a byte behind the last attribute
	}
	// Outer creates an outer map from a template (BPF_MAP_CREATE with inner_map_fd).
	Outer struct {
		Def      Name        `text:"def"`
		Kind     OuterKind   `text:"arg"`
		Key      Size        `text:"key" default:"4"`
		Value    Size        `text:"value" default:"4"`
		Max      Size        `text:"max"`
		Template Name        `text:"template"`
		Flags    CreateFlags `text:"flags" default:"0"`
		Extra    Size        `text:"extra" default:"0"`
		Node     Size        `text:"node" default:"0"`
		Label    Label       `text:"name" default:"none"`
		BTF      Name        `text:"btf" default:"-"`
		IDs      BTFIDs      `text:"ids" default:"both"`
		Bound    Bound       `text:"bound" default:"free"`
		At       FDNumber    `text:"at" default:"any"`
		Tail     Size        `text:"tail" default:"0"`
	}
	// Update stores a value under a key (BPF_MAP_UPDATE_ELEM).
	Update struct {
		On    Name        `text:"on"`
		Key   Key         `text:"arg"`
		Value Val         `text:"arg"`
		Flags UpdateFlags `text:"arg" default:"0"`
		Tail  Size        `text:"tail" default:"0"`
	}
	// Lookup answers what is stored under a key (BPF_MAP_LOOKUP_ELEM): in an
	// outer map the name under which the inner map was created.
	Lookup struct {
		On    Name        `text:"on"`
		Key   Key         `text:"arg"`
		Flags UpdateFlags `text:"arg" default:"0"`
		Tail  Size        `text:"tail" default:"0"`
	}
	// Delete removes a key (BPF_MAP_DELETE_ELEM).
	Delete struct {
		On   Name `text:"on"`
		Key  Key  `text:"arg"`
		Tail Size `text:"tail" default:"0"`
	}
	// Take removes a key and answers what was stored under it
	// (BPF_MAP_LOOKUP_AND_DELETE_ELEM).
	Take struct {
		On    Name        `text:"on"`
		Key   Key         `text:"arg"`
		Flags UpdateFlags `text:"arg" default:"0"`
		Tail  Size        `text:"tail" default:"0"`
	}
	// Next answers the key after a key (BPF_MAP_GET_NEXT_KEY); null begins.
	Next struct {
		On   Name `text:"on"`
		Key  Key  `text:"arg"`
		Tail Size `text:"tail" default:"0"`
	}
	// LookupBatch answers up to Count pairs of an outer map, from a cursor on
	// (BPF_MAP_LOOKUP_BATCH): how many, then key=name sorted by key.
	LookupBatch struct {
		On    Name        `text:"on"`
		Count Size        `text:"arg"`
		From  Cursor      `text:"from" default:"start"`
		Elem  UpdateFlags `text:"elem" default:"0"`  // elem_flags
		Flags UpdateFlags `text:"flags" default:"0"` // of the batch
		Tail  Size        `text:"tail" default:"0"`
	}
	// TakeBatch does the same and removes them (BPF_MAP_LOOKUP_AND_DELETE_BATCH).
	TakeBatch struct {
		On    Name        `text:"on"`
		Count Size        `text:"arg"`
		From  Cursor      `text:"from" default:"start"`
		Elem  UpdateFlags `text:"elem" default:"0"`
		Flags UpdateFlags `text:"flags" default:"0"`
		Tail  Size        `text:"tail" default:"0"`
	}
	// UpdateBatch stores a value under each of several keys
	// (BPF_MAP_UPDATE_BATCH): how many were.
	UpdateBatch struct {
		On     Name        `text:"on"`
		Keys   Keys        `text:"arg"`
		Values Vals        `text:"arg"`
		Elem   UpdateFlags `text:"elem" default:"0"`
		Flags  UpdateFlags `text:"flags" default:"0"`
		Tail   Size        `text:"tail" default:"0"`
	}
	// DeleteBatch removes several keys (BPF_MAP_DELETE_BATCH): how many were.
	DeleteBatch struct {
		On    Name        `text:"on"`
		Keys  Keys        `text:"arg"`
		Elem  UpdateFlags `text:"elem" default:"0"`
		Flags UpdateFlags `text:"flags" default:"0"`
		Tail  Size        `text:"tail" default:"0"`
	}
	// Dump answers every pair of an outer map, walking its keys and looking each
	// up: key=name sorted by key.
	Dump struct {
		On Name `text:"on"`
	}
	// Freeze makes a map read-only for user space (BPF_MAP_FREEZE).
	Freeze struct {
		On   Name `text:"on"`
		Tail Size `text:"tail" default:"0"`
	}
	// File treats the descriptor of a map as that of a file.
	File struct {
		On  Name    `text:"on"`
		Use FileUse `text:"arg"`
	}
	// Info answers what the kernel says of a map, or which maps it says that a
	// program uses, and which its instructions load (BPF_OBJ_GET_INFO_BY_FD).
	Info struct {
		On Name `text:"on"`
	}
	// Close closes a descriptor.
	Close struct {
		On Name `text:"on"`
	}
	// Reopen opens a new descriptor of the map that a name was created or
	// reopened as, by its id (BPF_MAP_GET_FD_BY_ID).
	Reopen struct {
		Def   Name        `text:"def"`
		Of    Name        `text:"arg"`
		Flags CreateFlags `text:"flags" default:"0"` // open_flags: RDONLY, WRONLY
		At    FDNumber    `text:"at" default:"any"`  // the number of the descriptor
	}
	// Pin gives a map a path (BPF_OBJ_PIN), which the name stands for; or tries to give it one that is another's.
	Pin struct {
		Def Name `text:"def"`
		Of  Name `text:"arg"`
		At  Name `text:"at" default:"-"` // whose path is asked for, if it is there
	}
	// Get opens a descriptor of what has a path (BPF_OBJ_GET).
	Get struct {
		Def   Name        `text:"def"`
		Of    Name        `text:"arg"`
		Flags CreateFlags `text:"flags" default:"0"` // file_flags: RDONLY, WRONLY
		At    FDNumber    `text:"at" default:"any"`
	}
	// Unpin removes a path (unlink(2)).
	Unpin struct {
		On Name `text:"on"`
	}
	// Cat opens a path as a file, to read what the map holds (open(2)).
	Cat struct {
		On Name `text:"on"`
	}
	// FD makes a descriptor of something that is no map.
	FD struct {
		Def  Name   `text:"def"`
		Kind FDKind `text:"arg"`
	}
	// BTF loads a description of types (BPF_BTF_LOAD).
	BTF struct {
		Def  Name    `text:"def"`
		Kind BTFKind `text:"arg"`
	}
	// Alive answers whether the kernel still knows the id of a map at this
	// moment: alive or gone (BPF_MAP_GET_NEXT_ID).
	Alive struct {
		On Name `text:"on"`
	}
	// Gone waits, for a bounded time, until the kernel no longer knows the id of
	// a map: alive or gone.
	Gone struct {
		On Name `text:"on"`
	}
	// Prog loads a program of a type whose body uses a map, an outer map or
	// another, and perhaps a second one (BPF_PROG_LOAD). If the verifier refuses
	// it, the class of its reason is read.
	Prog struct {
		Def   Name      `text:"def"`
		Type  ProgType  `text:"arg"`
		Map   Name      `text:"arg"`
		Body  Body      `text:"arg"`
		Flags ProgFlags `text:"flags" default:"0"`
		With  Name      `text:"with" default:"-"` // the second map; without one it is the map itself
	}
	// Run runs a program once with a key for the outer map, one for the inner map,
	// and the branches that it takes (bit n-1: that of step n): what the steps
	// answered, and null@n if step n, a check, ended it.
	Run struct {
		On       Name `text:"on"`
		Key      Key  `text:"arg"`
		Inner    Key  `text:"arg"`
		Branches Size `text:"branches" default:"0"`
	}
	// Sys has a program of type syscall update or delete an element of an outer
	// map (bpf_sys_bpf): what the command answered it.
	Sys struct {
		On      Name        `text:"on"`
		Command Command     `text:"arg"`
		Key     Key         `text:"arg"`
		Value   Val         `text:"value" default:"0"`
		Flags   UpdateFlags `text:"flags" default:"0"`
	}
	// Live answers which maps and BTF objects of the sequence the kernel knows at
	// this moment: their names, sorted.
	Live struct{}
	// Renew makes a map as the template of an outer map was made, stores it and
	// closes it: its name, new1 for the first map that was made so.
	Renew struct {
		On    Name        `text:"on"`
		Key   Key         `text:"arg"`
		Flags UpdateFlags `text:"arg" default:"0"`
	}
	// Still looks up a value again and again for some time: still, or moving.
	Still struct {
		On  Name `text:"on"`
		Key Key  `text:"arg"`
	}
	// Attach attaches a program for a function of the kernel to it, which keeps the
	// program (BPF_RAW_TRACEPOINT_OPEN).
	Attach struct {
		Def Name `text:"def"`
		Of  Name `text:"arg"`
	}
	// Bind adds a map to those that a program uses and keeps (BPF_PROG_BIND_MAP).
	Bind struct {
		On  Name `text:"on"`
		Map Name `text:"arg"`
	}
	// Iter makes an iterator over the elements of a map, which keeps the map
	// (BPF_LINK_CREATE of BPF_TRACE_ITER).
	Iter struct {
		Def Name `text:"def"`
		Of  Name `text:"arg"`
	}
	// Process starts a process that holds a descriptor, and no other.
	Process struct {
		Def Name `text:"def"`
		Of  Name `text:"arg"`
	}
	// Kill kills a process and waits for its end.
	Kill struct {
		On Name `text:"on"`
	}
	// Thread begins a thread: it does the operations after it, up to the next
	// thread or join, in order and so many times. What they answer is the text of
	// a history (Events). CPU is counted modulo the processors that there are. One
	// that goes on until it is alone does them as long as threads are at work that do
	// not, and so many times at most.
	Thread struct {
		CPU   Size  `text:"cpu" default:"0"`
		Times Size  `text:"times" default:"1"`
		Until Until `text:"until" default:"done"`
	}
	// Join lets the threads before it run at the same time, waits for their end, and answers
	// what the outer maps that they used hold then: name:key=name, sorted.
	Join struct{}
	// Caps says with which capabilities, and at which kernel.unprivileged_bpf_disabled, the operations
	// after it are done, of those that are Lowered.
	Caps struct {
		Set      CapSet   `text:"arg"`
		Disabled Disabled `text:"disabled" default:"0"`
	}
	// Load has a loader load one of the examples of the document and try it: what
	// it saw.
	Load struct {
		Example Example `text:"arg"`
	}
	// Repeat does the operations before it again, each time with maps of its own that are closed
	// then, in rounds of so many times, and answers whether the memory that the kernel uses grows
	// with every round: level or grows. It leaves out those that are not Repeatable.
	Repeat struct {
		Times Size `text:"arg"`
	}
	// End closes every descriptor of the sequence, waits for a bounded time until
	// the kernel has forgotten every map of it, and answers the names that stay.
	End struct{}
)

// table has one row an operation; its verb, grammar and documentation derive from it.
var table = []*row{
	describe[Map]("map"),
	describe[Outer]("outer"),
	describe[Update]("update"),
	describe[Lookup]("lookup"),
	describe[Delete]("delete"),
	describe[Take]("take"),
	describe[Next]("next"),
	describe[LookupBatch]("lookup_batch"),
	describe[TakeBatch]("take_batch"),
	describe[UpdateBatch]("update_batch"),
	describe[DeleteBatch]("delete_batch"),
	describe[Dump]("dump"),
	describe[Freeze]("freeze"),
	describe[File]("file"),
	describe[Info]("info"),
	describe[Close]("close"),
	describe[Reopen]("reopen"),
	describe[Pin]("pin"),
	describe[Get]("get"),
	describe[Unpin]("unpin"),
	describe[Cat]("cat"),
	describe[FD]("fd"),
	describe[BTF]("btf"),
	describe[Alive]("alive"),
	describe[Gone]("gone"),
	describe[Prog]("prog"),
	describe[Run]("run"),
	describe[Sys]("by_program"),
	describe[Live]("live"),
	describe[Renew]("renew"),
	describe[Still]("still"),
	describe[Attach]("attach"),
	describe[Bind]("bind"),
	describe[Iter]("iter"),
	describe[Process]("process"),
	describe[Kill]("kill"),
	describe[Thread]("thread"),
	describe[Join]("join"),
	describe[Caps]("caps"),
	describe[Load]("load"),
	describe[Repeat]("repeat"),
	describe[End]("end"),
}

// Verb is the word of an operation: update, lookup, …
func Verb(o Op) string { return rowOf(o).verb }

// Defines is the name that an operation defines, or "".
func Defines(o Op) Name {
	r, v := rowOf(o), valueOf(o)
	if r.def < 0 {
		return ""
	}
	return v.Field(r.def).Interface().(Name)
}

// Uses lists the names that an operation uses, in the order of its text.
func Uses(o Op) (names []Name) {
	r, v := rowOf(o), valueOf(o)
	for i := range v.NumField() {
		if i == r.def {
			continue
		}
		switch f := v.Field(i).Interface().(type) {
		case Name:
			names = append(names, f)
		case Val:
			names = append(names, f.Name)
		case Vals:
			for _, v := range f.List() {
				names = append(names, v.Name)
			}
		}
	}
	return slices.DeleteFunc(names, func(n Name) bool { return n == "" })
}
