package properties

import (
	"slices"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// modes are the flags that say how the descriptor is opened; the map forgets them.
const modes = ops.ReadOnly | ops.WriteOnly

// common is what the creation of any map is given.
type common struct {
	typ   ops.MapType
	flags ops.CreateFlags
	key   ops.Size
	value ops.Size
	extra ops.Size
	node  ops.Size
	label ops.Label
	btf   ops.Name
	ids   ops.BTFIDs
	bound ops.Bound
	tail  ops.Size
}

func commonOf(o ops.Map) common {
	return common{o.Type, o.Flags, o.Key, o.Value, o.Extra, o.Node, o.Label, o.BTF, o.IDs, o.Bound, o.Tail}
}

func commonOfOuter(o ops.Outer) common {
	return common{o.Kind.MapType(), o.Flags, o.Key, o.Value, o.Extra, o.Node, o.Label, o.BTF, o.IDs, o.Bound, o.Tail}
}

func (s *State) createMap(o ops.Map) []Outcome {
	row, c := rowOf(o.Type), commonOf(o)
	p := Spec{o.Type, o.Key, o.Value, o.Max, o.Flags &^ modes, o.Label}
	if row == nil || !s.Kernel.has(o.Type.Feature()) || !s.modelled(row, o, p) {
		return s.unknownMap(o.Def, p, o.Flags)
	}
	faults := s.early(c, row.extra)
	if row.impossible(p) {
		faults = append(faults, wrong(unix.EINVAL, mapRefused))
	}
	faults = append(faults, s.late(c)...)
	if len(faults) > 0 {
		return refusal(FamilyInner, mapOrder, faults, nil)
	}
	p.Flags |= row.adds
	made := &object{spec: p, btf: s.openBTF(o.BTF), bound: o.Bound, with: o.Inner != ""}
	return s.opens(o.Def, o.At, FamilyInner, on(FamilyInner, mapMadeBy(o)...), func() {
		s.make(o.Def, made, o.Flags&modes)
		if made.btf != nil {
			made.btf.remember(deadBTFMap, FamilyInner)
			made.btf.describes = append(made.btf.describes, made)
		}
	})
}

// mapMadeBy is what promises that a map can be made.
func mapMadeBy(o ops.Map) (by []*Rule) {
	if o.Inner != "" {
		by = append(by, innerIgnored)
	}
	return append(by, mapMade)
}

// modelled says whether it is known what becomes of such a map.
func (s *State) modelled(row *typeRow, o ops.Map, p Spec) bool {
	c := commonOf(o)
	if row.bound != o.Bound && o.Bound != ops.BoundProgram || o.Bound == ops.BoundProgram && o.Type != ops.Hash && o.Type != ops.Array {
		return false
	}
	if o.BTF == "" {
		return !row.btf && (row.possible(s.Kernel, p) || row.impossible(p))
	}
	btf := s.openBTF(o.BTF)
	if btf == nil || o.IDs != ops.IDsBoth {
		return !row.btf && row.possible(s.Kernel, p) && c.bound == ops.BoundFree
	}
	kind := btfRowOf(btf.kind)
	progModes := o.Flags&(ops.ReadOnlyProg|ops.WriteOnlyProg) != 0
	switch {
	case row.btf:
		return row.possible(s.Kernel, p) && kind.plain()
	case kind.special(s.Kernel) && (progModes || o.Key != 4):
		return false
	}
	return row.fields && row.possible(s.Kernel, p)
}

// unknownMap is a creation that the model does not predict.
func (s *State) unknownMap(def ops.Name, p Spec, flags ops.CreateFlags) []Outcome {
	return anything(func(got ops.Result) {
		if got == ops.OK {
			s.make(def, &object{spec: p, free: true}, flags&modes)
		}
	})
}

func (s *State) make(n ops.Name, o *object, mode ops.CreateFlags) *object {
	o.name = n
	s.objects = append(s.objects, o)
	s.bind(n, o, mode)
	o.data = map[uint64]uint64{}
	return o
}

// fault is one thing wrong with a call: the errno that it earns, and the rule.
type fault struct {
	errno ops.Errno
	rule  *Rule
	f     Family // of the rule, if not that of the call
}

func wrong(e unix.Errno, r *Rule) fault { return fault{errno: ops.Errno(e), rule: r} }

// refusal is the outcome of a call with faults, the first in order winning. An
// answer that another of them earns is wrong about their order.
func refusal(f Family, order *Rule, faults []fault, then func(ops.Result)) []Outcome {
	of := f
	if faults[0].f != "" {
		of = faults[0].f
	}
	first := on(of, faults[0].rule)
	inOrder := append(on(f, order), first...)
	o := Outcome{Want: ops.Result{Errno: faults[0].errno}, By: first, Then: then}
	for _, other := range faults[1:] {
		if other.errno != faults[0].errno {
			o.By, o.Else = inOrder, other.errno
		}
	}
	o.Blame = func(got ops.Result) []Ref {
		for _, other := range faults[1:] {
			if other.errno == got.Errno {
				return inOrder
			}
		}
		return first
	}
	return []Outcome{o}
}

func (s *State) createOuter(o ops.Outer) []Outcome {
	f := familyOf(o.Kind)
	p := Spec{o.Kind.MapType(), o.Key, o.Value, o.Max, o.Flags &^ modes, o.Label}
	template := s.open(o.Template)
	if template != nil && template.free || !s.outerModelled(o) {
		return s.unknownMap(o.Def, p, o.Flags)
	}
	if faults := s.outerFaults(o, template); len(faults) > 0 {
		refused := refusal(f, outerOrder, faults, nil)
		if template != nil && s.templateFaults(o, template) == nil {
			s.via = s.handles[o.Template]
			by := s.outerMadeBy(o, template)
			refused[0].Blame = orParticular(refused[0].Blame, by[:len(by)-1], faults)
		}
		return refused
	}
	s.via = s.handles[o.Template]
	by := s.outerMadeBy(o, template)
	return s.opens(o.Def, o.At, f, by, func() {
		s.makeOuter(o, p, template)
		if o.At == ops.NumberNone {
			template.remember(deadRefused, f)
		}
	})
}

// orParticular blames what is particular about a map that is offered, if the
// answer is an error that none of the call's faults earns; else what other blames.
func orParticular(other func(ops.Result) []Ref, particular []Ref, faults []fault) func(ops.Result) []Ref {
	return func(got ops.Result) []Ref {
		earned := func(f fault) bool { return f.errno == got.Errno }
		if len(particular) > 0 && got.Errno != 0 && !slices.ContainsFunc(faults, earned) {
			return append(slices.Clone(particular), other(got)...)
		}
		return other(got)
	}
}

// keyLimit is from when on keys are certainly bigger than what the kernel allocates at once.
func (k Kernel) keyLimit() ops.Size {
	if !k.has(ops.FeatureKeyLimit) {
		return 1 << 30
	}
	return 1<<22 - 52
}

// hashMaxLimit is how many entries a hash table has at most: the bytes of its buckets, each a pointer and a lock, are counted
// in 32 bits.
func (k Kernel) hashMaxLimit() ops.Size {
	if !k.has(ops.FeaturePointers) || !k.has(ops.FeatureSMP) {
		return 1 << 28
	}
	return 1 << 27
}

// bucketsLimit is how many entries a table has at most whose buckets alone are
// certainly made: 16 MiB of them.
const bucketsLimit = 1 << 20

// wideMax is how many entries with short keys an outer map has at most that is certainly made: some 10 MiB of them.
const wideMax = 1 << 17

// outerModelled leaves out sizes of which nobody knows whether there is memory
// for them.
func (s *State) outerModelled(o ops.Outer) bool {
	hash := o.Kind == ops.OuterHash
	limited := o.Key >= s.Kernel.keyLimit() || o.Key > 512 && s.Kernel.does(hashKeyLimit)
	most := ops.Size(bigMax)
	if o.Key <= 8 {
		most = wideMax
	}
	switch {
	case hash && (limited || o.Max > s.Kernel.hashMaxLimit()):
		return true
	case hash && o.Flags&ops.NoPrealloc != 0:
		return o.Max <= bucketsLimit && s.Kernel.has(ops.FeatureSmall) || o.Max <= most
	case hash && huge(o):
		return o.Max <= bucketsLimit && s.Kernel.has(ops.FeatureSmall)
	}
	return o.Key <= 1024 && o.Max <= most || !hash && o.Max >= arrayMaxLimit && s.Kernel.has(ops.FeatureSmall)
}

// arrayMaxLimit is from when on an array alone needs gigabytes.
const arrayMaxLimit = 1 << 30

// huge says that the elements of a map need more memory, if they are made at
// once, than there is in a small machine.
func huge(o ops.Outer) bool { return uint64(o.Key)*uint64(o.Max) >= 1<<29 }

// tooBig says that they are, and that this machine has less.
func (s *State) tooBig(o ops.Outer) bool {
	return o.Kind == ops.OuterHash && o.Flags&ops.NoPrealloc == 0 && huge(o)
}

func (s *State) outerMadeBy(o ops.Outer, template *object) []Ref {
	f := familyOf(o.Kind)
	var by []*Rule
	if o.Flags&ops.NoPrealloc != 0 {
		if huge(o) {
			by = append(by, leanFits)
		}
		by = append(by, noPrealloc)
	}
	if template.hasLock() {
		by = append(by, lockTemplate)
	}
	if template.frozen || s.via.unusual() {
		by = append(by, anyAccess)
	}
	if template.spec.Type != ops.Hash && template.spec.Type != ops.Array {
		by = append(by, outerAnyType)
	}
	if o.Kind == ops.OuterHash && o.Key != 4 {
		by = append(by, outerKeyHash)
	}
	if o.Flags&(ops.ReadOnlyProg|ops.WriteOnlyProg) != 0 {
		by = append(by, outerProgModes)
	}
	return on(f, append(by, outerMade)...)
}

func (s *State) makeOuter(o ops.Outer, p Spec, template *object) {
	made := s.make(o.Def, &object{
		spec: p, outer: true, template: template, shape: template.spec,
		slots: map[uint64]*object{}, written: map[uint64]bool{},
	}, o.Flags&modes)
	f := familyOf(o.Kind)
	template.remember(templLeaves, f)
	if template.btf != nil {
		template.btf.remember(deadBTF, f)
		template.btf.describes = append(template.btf.describes, made)
	}
}

// outerFaults lists what is wrong with a creation, in the kernel's order.
func (s *State) outerFaults(o ops.Outer, template *object) []fault {
	c := commonOfOuter(o)
	faults := s.early(c, 0)
	if o.Value != 4 {
		faults = append(faults, wrong(unix.EINVAL, outerValue))
	}
	seed, disabled := s.denials(o)
	faults = slices.Concat(faults, seed, s.attributeFaults(o), disabled, s.templateFaults(o, template))
	switch {
	case o.Kind == ops.OuterHash && o.Max > s.Kernel.hashMaxLimit():
		faults = append(faults, wrong(unix.E2BIG, outerMaxBig))
	case s.tooBig(o):
		faults = append(faults, wrong(unix.ENOMEM, prealloc))
	case o.Kind == ops.OuterArray && o.Max >= arrayMaxLimit && s.Kernel.does(memoryCharged):
		faults = append(faults, wrong(unix.E2BIG, outerNoRoom))
	case o.Kind == ops.OuterArray && o.Max >= arrayMaxLimit:
		faults = append(faults, wrong(unix.ENOMEM, outerNoRoom))
	}
	return append(faults, s.late(c)...)
}

// early lists what is wrong with attributes that every type has and that are
// examined before the type's own.
func (s *State) early(c common, maxExtra ops.Size) (faults []fault) {
	refuse := func(wrongly bool, r *Rule) {
		if wrongly {
			faults = append(faults, fault{ops.Errno(unix.EINVAL), r, ""})
		}
	}
	if c.tail > 1 {
		faults = append(faults, wrong(unix.E2BIG, tailLong))
	}
	refuse(c.tail == 1, tailRefused)
	refuse(c.bound == ops.BoundProgram && !s.Kernel.does(exclusiveMaps), tailRefused)
	refuse(c.btf != "" && c.ids == ops.IDsKey && c.bound != ops.BoundStruct, btfRefused)
	refuse(c.extra > maxExtra, extraRefused)
	refuse(c.flags&modes == modes && !s.Kernel.does(accessModesLast), modesRefused)
	refuse(c.flags&ops.NUMANode != 0 && c.node != 0 && c.node != 1<<32-1, nodeRefused)
	return faults
}

// late lists what is wrong with attributes that are examined when the map itself
// is made.
func (s *State) late(c common) (faults []fault) {
	if c.label.Refused() {
		faults = append(faults, wrong(unix.EINVAL, labelRefused))
	}
	faults = append(faults, s.btfFaults(c)...)
	if c.flags&modes == modes && s.Kernel.does(accessModesLast) {
		faults = append(faults, wrong(unix.EINVAL, modesRefused))
	}
	return faults
}

// btfFaults lists what is wrong with the BTF of a map.
func (s *State) btfFaults(c common) []fault {
	btf := s.openBTF(c.btf)
	switch {
	case c.btf == "":
		return nil
	case btf == nil && s.handles[c.btf].fd():
		return []fault{wrong(unix.EINVAL, btfRefused)}
	case btf == nil:
		return []fault{wrong(unix.EBADF, btfRefused)}
	case c.bound == ops.BoundStruct:
		return nil
	case c.ids == ops.IDsBoth && c.key != 4, c.value != btfRowOf(btf.kind).value:
		return []fault{wrong(unix.EINVAL, btfRefused)}
	case c.typ == ops.ArrayOfMaps || c.typ == ops.HashOfMaps:
		return []fault{{ops.ENOTSUPP, btfRefused, ""}}
	}
	if e := btfRowOf(btf.kind).refusal(s.Kernel, c.typ); e != 0 {
		return []fault{{e, fieldsRefused, ""}}
	}
	return nil
}

func (s *State) attributeFaults(o ops.Outer) (faults []fault) {
	allowed, noEntries := ops.NUMANode|modes, outerMaxArray
	if o.Kind == ops.OuterHash {
		allowed |= ops.NoPrealloc | ops.ZeroSeed | ops.ReadOnlyProg | ops.WriteOnlyProg
		noEntries = outerMaxHash
	}
	progModes := o.Flags & (ops.ReadOnlyProg | ops.WriteOnlyProg)
	tokens := ops.CreateFlags(0) // a flag that is taken off before the type sees the others
	if s.Kernel.does(tokenFlag) {
		tokens = ops.TokenFD
	}
	if o.Flags&^(allowed|tokens) != 0 || progModes == ops.ReadOnlyProg|ops.WriteOnlyProg {
		faults = append(faults, wrong(unix.EINVAL, outerFlags))
	}
	if o.Max == 0 {
		faults = append(faults, wrong(unix.EINVAL, noEntries))
	}
	switch {
	case o.Kind == ops.OuterArray && o.Key != 4:
		faults = append(faults, wrong(unix.EINVAL, outerKeyArray))
	case o.Kind == ops.OuterHash && o.Key == 0:
		faults = append(faults, wrong(unix.EINVAL, outerKeyBad))
	case o.Kind == ops.OuterHash && (o.Key > 512 && s.Kernel.does(hashKeyLimit) || o.Key >= s.Kernel.keyLimit()):
		faults = append(faults, wrong(unix.E2BIG, outerKeyBad))
	}
	if o.Flags&tokens != 0 {
		faults = append(faults, wrong(unix.EINVAL, outerFlags))
	}
	switch { // bpf_map_offload_map_alloc() looks first at who asks
	case o.Bound == ops.BoundDevice && !s.admin():
		faults = append(faults, wrong(unix.EPERM, deviceRefused))
	case o.Bound == ops.BoundDevice:
		faults = append(faults, wrong(unix.EINVAL, deviceRefused))
	}
	return faults
}

func (s *State) templateFaults(o ops.Outer, template *object) []fault {
	switch {
	case s.openOther(o.Template):
		return []fault{wrong(unix.EINVAL, outerNotMap)}
	case template == nil:
		return []fault{wrong(unix.EBADF, outerNoFD)}
	case template.outer:
		return []fault{wrong(unix.EINVAL, outerNested)}
	case template.bound == ops.BoundProgram:
		return []fault{{ops.ENOTSUPP, exclusiveTemplate, ""}}
	case template.spec.Type == ops.ProgArray:
		return []fault{{ops.ENOTSUPP, outerProgArray, ""}}
	case rowOf(template.spec.Type).template != 0:
		return []fault{{rowOf(template.spec.Type).template, outerOddType, ""}}
	case template.hasLock() && !s.Kernel.does(locksInside):
		return []fault{{ops.ENOTSUPP, lockRefused, ""}}
	}
	return nil
}
