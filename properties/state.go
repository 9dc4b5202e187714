package properties

import (
	"maps"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// Spec is what a map is made of.
type Spec struct {
	Type            ops.MapType
	Key, Value, Max ops.Size
	Flags           ops.CreateFlags
	Label           ops.Label
}

// object is a map, or a BTF object, as the model knows it.
type object struct {
	name   ops.Name // the name under which it was created
	spec   Spec
	outer  bool
	free   bool        // made in a way that is not modelled: nothing is claimed of it
	kind   ops.BTFKind // of a BTF object; "" for a map
	btf    *object     // what describes its values, or nil
	frozen bool
	bound  ops.Bound
	with   bool // made with a descriptor that it has no use for
	failed bool // the last that was asked of it was refused

	fds, pins, progs int // descriptors, paths, and programs that use it
	held             int // by processes, and by iterators

	limbo bool // a reference of it is being dropped, some time soon
	dead  bool
	kept  int // references that only a lying kernel holds

	data    map[uint64]uint64 // of an inner hash or array: values by key
	queue   []uint64          // of a queue or stack: values, the oldest first
	murky   bool              // written to in a way that is not modelled
	timers  map[uint64]bool   // elements whose timer is set up
	untimed bool              // whether they are is not known any more
	rest    map[uint64]uint64 // per CPU: what other processors than one have under a key, where that is not the same
	mine    map[uint64]bool   // of a copy, per CPU: keys that the program wrote to
	added   map[uint64]bool   // and those that were not there before
	stale   map[uint64]bool   // per CPU: keys of which nobody knows who has what
	walk    walk

	// Of an outer map:
	template *object
	shape    Spec // of the template, as it was
	slots    map[uint64]*object
	written  map[uint64]bool // keys that ever held something
	freed    int             // pairs that were deleted

	past      map[Ref]bool // what happened to it that could keep it alive by mistake
	homes     []*object    // outer maps that ever stored it
	describes []*object    // of a BTF object: maps that were made with it
	served    bool         // a program ever used it
}

func (o *object) outerKind() ops.OuterKind {
	if o.spec.Type == ops.HashOfMaps {
		return ops.OuterHash
	}
	return ops.OuterArray
}

func (o *object) family() Family {
	if !o.outer {
		return FamilyInner
	}
	return familyOf(o.outerKind())
}

// lingers says whether closing the last descriptor of o leaves work behind
// that keeps o a while: prog_array_map_clear in kernel/bpf/arraymap.c.
func (o *object) lingers() bool {
	r := rowOf(o.spec.Type)
	return o.fds == 0 && o.pins == 0 && o.held == 0 && r != nil && r.lingers
}

// Lingering is how often a sequence reopens a map that closing leaves work behind for, and what promises that it is gone when
// it is closed again.
func Lingering(seq ops.Sequence) (ref Ref, times int) {
	lingers := map[ops.Name]bool{}
	for _, op := range seq {
		switch o := op.(type) {
		case ops.Map:
			r := rowOf(o.Type)
			lingers[o.Def] = r != nil && r.lingers
		case ops.Reopen:
			if lingers[o.Of] {
				times++
			}
		}
	}
	return Ref{deadReopen, FamilyInner}, times
}

// handle is what a name stands for: a descriptor, or a path.
type handle struct {
	obj   *object
	prog  *program
	other bool // a descriptor of neither
	kind  ops.FDKind
	open  bool
	mode  ops.CreateFlags // RDONLY or WRONLY, if it was opened so
	at    ops.FDNumber    // its number, if it is open
	path  bool            // a path; open says whether it is there

	process   bool     // a process; open says whether it lives
	keeps     *object  // what a process or an iterator refers to
	keepsProg *program // what a process or a link refers to

	cursor *cursor // where its last batch lookup ended
}

// unusual says whether a descriptor is not as it comes: to read or to write only, or of a number of its own.
func (h *handle) unusual() bool { return h != nil && (h.mode != 0 || h.at != ops.NumberAny) }

// isZero says whether h is descriptor 0.
func (h *handle) isZero() bool { return h != nil && h.at == ops.NumberZero }

// isAt says whether a name is open under such a number; hasZero, whether any is descriptor 0.
func (s *State) isAt(n ops.Name, number ops.FDNumber) bool {
	h := s.handles[n]
	return h.fd() && h.at == number
}

func (s *State) hasZero() bool {
	for n := range s.handles {
		if s.isAt(n, ops.NumberZero) {
			return true
		}
	}
	return false
}

// link says whether h is a descriptor of a link: that of a program, or an iterator.
func (h *handle) link() bool { return h.fd() && h.other && (h.keeps != nil || h.keepsProg != nil) }

// fd says whether the kernel takes h for an open descriptor of anything.
func (h *handle) fd() bool {
	return h != nil && h.open && !h.path && !h.process && (!h.other || h.kind.Open())
}

// oPath says whether h is a descriptor of O_PATH, which most of the kernel takes for one that is not open.
func (h *handle) oPath() bool { return h != nil && h.open && h.other && h.kind == ops.FDPath }

// State is the model's picture of a kernel at one moment of a sequence.
type State struct {
	Kernel  Kernel
	handles map[ops.Name]*handle
	objects []*object             // in order of creation
	via     *handle               // what the operation that is predicted works through
	racing  bool                  // within a race
	may     ops.Caps              // what operations are done with that are Lowered
	touched []Family              // of the outer maps that operations were about
	renewed int                   // maps that were made to be stored and closed
	direct  map[string]ops.Result // by way: what loading a program answered that is given its map directly
}

// NewState is the state before the first operation.
func NewState(k Kernel) *State {
	return &State{Kernel: k, handles: map[ops.Name]*handle{}, direct: map[string]ops.Result{}, may: ops.Caps{Set: ops.CapsAll}}
}

// objectOf is the map that a name stands or stood for, or nil.
func (s *State) objectOf(n ops.Name) *object {
	if h := s.handles[n]; h != nil {
		return h.obj
	}
	return nil
}

// open is the map that a name holds an open descriptor of, or nil.
func (s *State) open(n ops.Name) *object {
	if h := s.handles[n]; h.fd() && h.obj != nil && h.obj.kind == "" {
		return h.obj
	}
	return nil
}

// openProg is the program that a name holds an open descriptor of, or nil.
func (s *State) openProg(n ops.Name) *program {
	if h := s.handles[n]; h.fd() {
		return h.prog
	}
	return nil
}

// openBTF is the BTF object that a name holds an open descriptor of, or nil.
func (s *State) openBTF(n ops.Name) *object {
	if h := s.handles[n]; h.fd() && h.obj != nil && h.obj.kind != "" {
		return h.obj
	}
	return nil
}

// openLink says whether a name holds an open descriptor of a link.
func (s *State) openLink(n ops.Name) bool {
	h := s.handles[n]
	return h.fd() && (h.keeps != nil || h.keepsProg != nil)
}

// openOther says whether a name holds an open descriptor of anything but a map.
func (s *State) openOther(n ops.Name) bool {
	return s.handles[n].fd() && s.open(n) == nil
}

func (s *State) bind(n ops.Name, o *object, mode ops.CreateFlags) {
	o.fds++
	s.handles[n] = &handle{obj: o, open: true, mode: mode}
}

// opens is what a call answers that opens something as a descriptor of some number. Without a number left for it, it is
// closed at once, which is the last that the kernel does of such a call.
func (s *State) opens(n ops.Name, at ops.FDNumber, f Family, by []Ref, open func()) []Outcome {
	then := func(ops.Result) {
		open()
		switch h := s.handles[n]; {
		case at == ops.NumberNone:
			s.closeHandle(h)
		case at != ops.NumberZero || !s.hasZero():
			h.at = at
		}
	}
	if at != ops.NumberNone {
		return does(by, then)
	}
	none := noneLeft
	if f == FamilyInner {
		none = noneInner
	}
	return []Outcome{{Want: ops.Failed(unix.EMFILE), By: on(f, none), Then: then}}
}

// certain says whether something that is there to stay refers to o.
func (s *State) certain(o *object) bool {
	if o.dead || o.referred() {
		return !o.dead
	}
	return s.holder(o, (*State).certain) != nil
}

// referred says whether something other than a map refers to o.
func (o *object) referred() bool {
	return o.fds > 0 || o.pins > 0 || o.progs > 0 || o.held > 0 || o.kept > 0
}

// holder is a map that stores o, or that o describes, and of which is holds; or nil.
func (s *State) holder(o *object, is func(*State, *object) bool) *object {
	for _, m := range s.objects {
		if (m.stores(o) || s.described(m, o)) && is(s, m) {
			return m
		}
	}
	return nil
}

// described says whether m keeps a BTF object: its own, or that of the template
// that it was made from.
func (s *State) described(m, o *object) bool {
	if o.kind == "" {
		return false
	}
	return m.btf == o || m.template != nil && m.template.btf == o && s.Kernel.does(btfKept)
}

func (o *object) stores(inner *object) bool {
	for _, m := range o.slots {
		if m == inner {
			return true
		}
	}
	return false
}

// remember notes something that could keep o alive by mistake.
func (o *object) remember(r *Rule, f Family) {
	if o.past == nil {
		o.past = map[Ref]bool{}
	}
	o.past[Ref{r, f}] = true
}

// lost buries o if nothing refers to it any more. A reference that is dropped
// later leaves it in limbo.
func (s *State) lost(o *object, later bool) {
	if later {
		o.limbo = true
	}
	present := func(_ *State, m *object) bool { return !m.dead }
	if o.referred() || o.limbo || s.holder(o, present) != nil {
		return
	}
	s.bury(o)
}

// bury makes o dead; what it stored is let go of some time soon.
func (s *State) bury(o *object) {
	if o.dead {
		return
	}
	o.dead = true
	stored := o.slots
	o.slots = nil
	for _, inner := range stored {
		s.lost(inner, true)
	}
	if o.btf != nil {
		s.lost(o.btf, true)
	}
	if o.template != nil && o.template.btf != nil {
		s.lost(o.template.btf, true)
	}
}

// fate says whether o is there, whether that is certain, and what promises it.
func (s *State) fate(o *object) (alive, sure bool, by []Ref) {
	switch {
	case o.dead:
		return false, true, o.obituary()
	case s.certain(o):
		return true, true, s.lifeline(o)
	}
	return true, false, o.obituary()
}

// lifeline is what promises that o is alive.
func (s *State) lifeline(o *object) []Ref {
	switch {
	case o.fds > 0:
		return on(FamilyInner, liveFD)
	case o.pins > 0:
		return on(FamilyInner, livePin)
	case o.held > 0:
		return on(FamilyInner, liveHeld)
	case o.progs > 0 && !o.outer:
		return on(FamilyInner, liveUsed)
	case o.progs > 0:
		return on(o.family(), liveProg)
	}
	m := s.holder(o, (*State).certain)
	switch {
	case m == nil:
		return nil
	case o.kind != "" && m.outer:
		return on(m.family(), liveBTF)
	case o.kind != "":
		return on(FamilyInner, liveFD)
	case m.fds == 0 && m.pins == 0:
		return on(m.family(), liveProg, liveSlot)
	}
	return on(m.family(), liveSlot)
}

// obituary is what promises that o is gone, or will be: all that could have kept
// it by mistake, the most particular first. Reduction leaves what did.
func (o *object) obituary() (refs []Ref) {
	could := o.couldKeep()
	for _, r := range []*Rule{deadReopen, deadPin, deadHeld} {
		if could[Ref{r, FamilyInner}] {
			refs = append(refs, Ref{r, FamilyInner})
		}
	}
	for _, r := range []*Rule{deadProg, deadRefused, deadRemoved, deadBTF, deadOuter, templLeaves} {
		for _, f := range both {
			if could[Ref{r, f}] {
				refs = append(refs, Ref{r, f})
			}
		}
	}
	if could[Ref{deadBTFMap, FamilyInner}] {
		refs = append(refs, Ref{deadBTFMap, FamilyInner})
	}
	if !o.outer {
		refs = append(refs, Ref{deadClose, FamilyInner})
	}
	return refs
}

func (o *object) couldKeep() map[Ref]bool {
	could := map[Ref]bool{}
	maps.Copy(could, o.past)
	if o.outer {
		could[Ref{deadOuter, o.family()}] = true
	}
	for _, m := range o.describes {
		maps.Copy(could, m.couldKeep())
	}
	for _, m := range append([]*object{o}, o.homes...) {
		if m.served {
			could[Ref{deadProg, m.family()}] = true
		}
		if m != o && (m.dead || m.stores(o)) {
			could[Ref{deadOuter, m.family()}] = true
			maps.Copy(could, m.past)
		}
	}
	return could
}
