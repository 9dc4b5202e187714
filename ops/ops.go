package ops

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
	}
	// Update stores a value under a key (BPF_MAP_UPDATE_ELEM).
	Update struct {
		On    Name        `text:"on"`
		Key   Key         `text:"arg"`
		Value Val         `text:"arg"`
		Flags UpdateFlags `text:"arg" default:"0"`
	}
	// Lookup answers what is stored under a key (BPF_MAP_LOOKUP_ELEM): in an
	// outer map the name under which the inner map was created.
	Lookup struct {
		On  Name `text:"on"`
		Key Key  `text:"arg"`
	}
	// Delete removes a key (BPF_MAP_DELETE_ELEM).
	Delete struct {
		On  Name `text:"on"`
		Key Key  `text:"arg"`
	}
	// Next answers the key after a key (BPF_MAP_GET_NEXT_KEY); null begins.
	Next struct {
		On  Name `text:"on"`
		Key Key  `text:"arg"`
	}
	// Info answers what the kernel says of a map (BPF_OBJ_GET_INFO_BY_FD).
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
		Def Name `text:"def"`
		Of  Name `text:"arg"`
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
	// Prog loads a program of a type whose body uses an outer map (BPF_PROG_LOAD).
	Prog struct {
		Def  Name     `text:"def"`
		Type ProgType `text:"arg"`
		Body Body     `text:"arg"`
		Map  Name     `text:"arg"`
	}
	// Run runs a lookup program once (BPF_PROG_TEST_RUN) with a key for the outer
	// map and one for the inner map: "no map", "no entry" or the value.
	Run struct {
		On    Name `text:"on"`
		Key   Key  `text:"arg"`
		Inner Key  `text:"arg"`
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
	describe[Next]("next"),
	describe[Info]("info"),
	describe[Close]("close"),
	describe[Reopen]("reopen"),
	describe[Alive]("alive"),
	describe[Gone]("gone"),
	describe[Prog]("prog"),
	describe[Run]("run"),
	describe[End]("end"),
}

func (o Map) String() string    { return text(o) }
func (o Outer) String() string  { return text(o) }
func (o Update) String() string { return text(o) }
func (o Lookup) String() string { return text(o) }
func (o Delete) String() string { return text(o) }
func (o Next) String() string   { return text(o) }
func (o Info) String() string   { return text(o) }
func (o Close) String() string  { return text(o) }
func (o Reopen) String() string { return text(o) }
func (o Alive) String() string  { return text(o) }
func (o Gone) String() string   { return text(o) }
func (o Prog) String() string   { return text(o) }
func (o Run) String() string    { return text(o) }
func (o End) String() string    { return text(o) }

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
			if f.Name != "" {
				names = append(names, f.Name)
			}
		}
	}
	return names
}
