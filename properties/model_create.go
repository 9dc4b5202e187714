package properties

import (
	"golang.org/x/sys/unix"

	"mimic/ops"
)

// typeRow says of one map type which specs are certainly possible, and how it
// behaves inside an outer map.
type typeRow struct {
	typ      ops.MapType
	key      ops.Size        // 0: any but 0
	value    ops.Size        // 0: any but 0
	noKey    bool            // the key size must be 0
	flags    ops.CreateFlags // that it may have
	needs    ops.CreateFlags // that it must have
	minKey   ops.Size
	template ops.Errno               // what a template of this type answers
	sameMax  func(Kernel, Spec) bool // an element must have the template's max_entries
	lookup   bool                    // programs may look up in it
	content  bool                    // what is in it is modelled
	lingers  bool                    // closing its last descriptor leaves work to the kernel that keeps it a while
}

func never(Kernel, Spec) bool { return false }

const hashFlags = ops.NoPrealloc | ops.NUMANode | ops.ReadOnlyProg | ops.ZeroSeed

// typeRows is the table of the map types that plans make.
var typeRows = []typeRow{
	{typ: ops.Hash, flags: hashFlags, sameMax: never, lookup: true, content: true},
	{typ: ops.Array, key: 4, flags: ops.NUMANode | ops.ReadOnlyProg | ops.MMapable | ops.InnerMap, lookup: true, content: true,
		sameMax: func(_ Kernel, p Spec) bool { return p.Flags&ops.InnerMap == 0 }},
	{typ: ops.ProgArray, key: 4, value: 4, template: ops.ENOTSUPP, sameMax: never, lingers: true},
	{typ: ops.PerfEventArray, key: 4, value: 4, sameMax: never},
	{typ: ops.PercpuHash, flags: ops.NoPrealloc | ops.ZeroSeed, sameMax: never, lookup: true},
	{typ: ops.PercpuArray, key: 4, lookup: true,
		sameMax: func(k Kernel, _ Spec) bool { return k.does(percpuArrayMax) }},
	{typ: ops.CgroupArray, key: 4, value: 4, sameMax: never},
	{typ: ops.LRUHash, flags: ops.NUMANode | ops.ZeroSeed, sameMax: never, lookup: true},
	{typ: ops.LRUPercpuHash, flags: ops.ZeroSeed, sameMax: never, lookup: true},
	{typ: ops.LPMTrie, minKey: 5, flags: ops.NoPrealloc, needs: ops.NoPrealloc, sameMax: never, lookup: true},
	{typ: ops.Queue, noKey: true, flags: ops.NUMANode, sameMax: never},
	{typ: ops.Stack, noKey: true, flags: ops.NUMANode, sameMax: never},
}

func rowOf(t ops.MapType) *typeRow {
	for i := range typeRows {
		if typeRows[i].typ == t {
			return &typeRows[i]
		}
	}
	return nil
}

// TemplateTypes are the map types that plans make, outer maps apart.
func TemplateTypes() (all []ops.MapType) {
	for _, r := range typeRows {
		all = append(all, r.typ)
	}
	return all
}

// possible says that a map of this spec can certainly be made.
func (r *typeRow) possible(p Spec) bool {
	keyFits := r.key == 0 && p.Key >= max(1, r.minKey) && p.Key <= 256 || r.key != 0 && p.Key == r.key
	if r.noKey {
		keyFits = p.Key == 0
	}
	valueFits := p.Value > 0 && p.Value <= 1024 && (r.value == 0 || p.Value == r.value)
	flagsFit := p.Flags&^r.flags == 0 && p.Flags&r.needs == r.needs
	return keyFits && valueFits && flagsFit && p.Max > 0 && p.Max <= 1<<16
}

// impossible says that a map of this spec is certainly refused with EINVAL.
func (r *typeRow) impossible(p Spec) bool {
	return p.Max == 0 || r.key != 0 && p.Key != r.key || p.Value == 0 || p.Key == 0 && !r.noKey
}

func (s *State) createMap(o ops.Map) []Outcome {
	p := Spec{o.Type, o.Key, o.Value, o.Max, o.Flags}
	r := rowOf(o.Type)
	switch {
	case r == nil || !s.Kernel.has(o.Type.Feature()):
	case r.possible(p):
		return does(on(FamilyInner, mapMade), func(ops.Result) { s.make(o.Def, &object{spec: p}) })
	case r.impossible(p):
		return fails(unix.EINVAL, on(FamilyInner, mapRefused)...)
	}
	return s.unknownMap(o.Def, p)
}

// unknownMap is a creation that the model does not predict.
func (s *State) unknownMap(def ops.Name, p Spec) []Outcome {
	return anything(func(got ops.Result) {
		if got == ops.OK {
			s.make(def, &object{spec: p, free: true})
		}
	})
}

func (s *State) make(n ops.Name, o *object) *object {
	o.name = n
	s.objects = append(s.objects, o)
	s.bind(n, o)
	o.data = map[uint64]uint64{}
	return o
}

// fault is one thing wrong with a call: the errno that it earns, and the rule.
type fault struct {
	errno ops.Errno
	rule  *Rule
}

func wrong(e unix.Errno, r *Rule) fault { return fault{ops.Errno(e), r} }

// refusal is the outcome of a call with faults, the first in order winning. An
// answer that another of them earns is wrong about their order.
func refusal(f Family, order *Rule, faults []fault, then func(ops.Result)) []Outcome {
	first := on(f, faults[0].rule)
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
	p := Spec{o.Kind.MapType(), o.Key, o.Value, o.Max, o.Flags}
	template := s.open(o.Template)
	if template != nil && template.free || !s.outerModelled(o) {
		return s.unknownMap(o.Def, p)
	}
	if faults := s.outerFaults(o, template); len(faults) > 0 {
		return refusal(f, outerOrder, faults, func(ops.Result) {
			if template != nil {
				template.remember(deadRefused, f)
			}
		})
	}
	return does(on(f, outerMadeBy(o, template)...), func(ops.Result) { s.makeOuter(o, p, template) })
}

// outerModelled leaves out what the model says nothing of: descriptors with
// access modes, flags that need a privilege, absurd sizes.
func (s *State) outerModelled(o ops.Outer) bool {
	modes := o.Flags & (ops.ReadOnly | ops.WriteOnly)
	oneMode := modes != 0 && modes != ops.ReadOnly|ops.WriteOnly
	return !oneMode && o.Key <= 1024 && o.Value <= 1024 && o.Max <= 1<<16
}

func outerMadeBy(o ops.Outer, template *object) []*Rule {
	var by []*Rule
	if o.Flags&ops.NoPrealloc != 0 {
		by = append(by, noPrealloc)
	}
	if template.spec.Type != ops.Hash && template.spec.Type != ops.Array {
		by = append(by, outerAnyType)
	}
	if o.Kind == ops.OuterHash && o.Key != 4 {
		by = append(by, outerKeyHash)
	}
	return append(by, outerMade)
}

func (s *State) makeOuter(o ops.Outer, p Spec, template *object) {
	s.make(o.Def, &object{
		spec: p, outer: true, template: template, shape: template.spec,
		slots: map[uint64]*object{}, written: map[uint64]bool{},
	})
	template.remember(templLeaves, familyOf(o.Kind))
}

// outerFaults lists what is wrong with a creation, in the kernel's order.
func (s *State) outerFaults(o ops.Outer, template *object) (faults []fault) {
	bothModes := o.Flags&ops.ReadOnly != 0 && o.Flags&ops.WriteOnly != 0
	last := s.Kernel.does(accessModesLast)
	if bothModes && !last {
		faults = append(faults, wrong(unix.EINVAL, outerFlags))
	}
	if o.Value != 4 {
		faults = append(faults, wrong(unix.EINVAL, outerValue))
	}
	faults = append(faults, s.attributeFaults(o)...)
	faults = append(faults, s.templateFaults(o, template)...)
	if bothModes && last {
		faults = append(faults, wrong(unix.EINVAL, outerFlags))
	}
	return faults
}

func (s *State) attributeFaults(o ops.Outer) (faults []fault) {
	allowed, noEntries := ops.NUMANode|ops.ReadOnly|ops.WriteOnly, outerMaxArray
	if o.Kind == ops.OuterHash {
		allowed |= ops.NoPrealloc | ops.ZeroSeed | ops.ReadOnlyProg | ops.WriteOnlyProg
		noEntries = outerMaxHash
	}
	progModes := o.Flags & (ops.ReadOnlyProg | ops.WriteOnlyProg)
	if o.Flags&^allowed != 0 || progModes == ops.ReadOnlyProg|ops.WriteOnlyProg {
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
	case o.Kind == ops.OuterHash && o.Key > 512 && s.Kernel.does(hashKeyLimit):
		faults = append(faults, wrong(unix.E2BIG, outerKeyBad))
	}
	return faults
}

func (s *State) templateFaults(o ops.Outer, template *object) []fault {
	switch {
	case s.openProg(o.Template) != nil:
		return []fault{wrong(unix.EINVAL, outerNotMap)}
	case template == nil:
		return []fault{wrong(unix.EBADF, outerNoFD)}
	case template.outer:
		return []fault{wrong(unix.EINVAL, outerNested)}
	case rowOf(template.spec.Type).template != 0:
		return []fault{{rowOf(template.spec.Type).template, outerProgArray}}
	}
	return nil
}
