package properties

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// lower predicts that the operations after it are done with fewer privileges.
func (s *State) lower(o ops.Caps) []Outcome {
	if !s.Kernel.has(o.Disabled.Feature()) {
		return anything(func(got ops.Result) {
			if got == ops.OK {
				s.may = o
			}
		})
	}
	return does(nil, func(ops.Result) { s.may = o })
}

// capable says whether operations are done with a capability, or with CAP_SYS_ADMIN, which stands for it.
func (s *State) capable(c ops.CapSet) bool { return s.may.Set&(c|ops.CapSysAdmin) != 0 }

// admin says whether they are done with CAP_SYS_ADMIN, for which nothing stands.
func (s *State) admin() bool { return s.may.Set.Has(ops.CapSysAdmin) }

// shut says whether bpf(2) is disabled for who has so little.
func (s *State) shut() bool { return s.may.Disabled != ops.NotDisabled && !s.capable(ops.CapBPF) }

// lowered predicts what is done with fewer privileges than all: it is refused for that, or the same as ever.
func (s *State) lowered(op ops.Op) []Outcome {
	switch o := op.(type) {
	case ops.Outer:
		return s.outerLowered(o)
	case ops.Map:
		return s.mapLowered(o)
	case ops.Prog:
		return s.progLowered(o)
	}
	f := s.familyOfOp(op)
	if s.shut() && s.Kernel.does(disabledForAll) && !s.unasked(op) {
		return s.forbidden(op, f, mayNothing)
	}
	switch o := op.(type) {
	case ops.BTF:
		if !s.mayLoadBTF() {
			return s.forbidden(op, f, mayBTF)
		}
	case ops.Reopen:
		if !s.admin() && o.Flags&^modes == 0 {
			return s.forbidden(op, f, mayByID)
		}
	case ops.Alive:
		if !s.admin() && !s.unasked(op) {
			return s.forbidden(op, f, mayWalk)
		}
	case ops.Freeze:
		return s.freezeLowered(o)
	}
	return beside(f, s.enough(mayUse), s.whole(op))
}

func (s *State) mayLoadBTF() bool { return s.capable(ops.CapBPF) }

// unasked says whether the kernel is not asked for something at all: for the id of a map that was never made.
func (s *State) unasked(op ops.Op) bool {
	o, asks := op.(ops.Alive)
	return asks && s.neverMade(o.On)
}

// enough is the rule by which somebody may do something, if CAP_SYS_ADMIN alone is not why.
func (s *State) enough(r *Rule) *Rule {
	if s.admin() {
		return mayAdmin
	}
	return r
}

// beside puts before what promises an answer that fewer privileges than all are enough for it: reduction leaves them
// where they matter.
func beside(f Family, r *Rule, outcomes []Outcome) []Outcome {
	first := on(f, r)
	outcomes = slices.Clone(outcomes)
	for i, o := range outcomes {
		outcomes[i].By = append(slices.Clone(first), o.By...)
		if o.Blame != nil {
			outcomes[i].Blame = func(got ops.Result) []Ref { return append(slices.Clone(first), o.Blame(got)...) }
		}
	}
	return outcomes
}

// forbidden is the refusal of what takes more privileges.
func (s *State) forbidden(op ops.Op, f Family, r *Rule) []Outcome {
	refused := fails(unix.EPERM, on(f, r)...)
	refused[0].Want.Got = given(op)
	if o, pins := op.(ops.Pin); pins {
		refused[0].Then = func(ops.Result) { s.handles[o.Def] = &handle{obj: s.objectOf(o.Of), path: true} }
	}
	return refused
}

// given is the count of a batch, which stays what it was if nobody looked at it; "" of what is none.
func given(op ops.Op) string {
	switch o := op.(type) {
	case ops.LookupBatch:
		return strconv.Itoa(int(o.Count))
	case ops.TakeBatch:
		return strconv.Itoa(int(o.Count))
	case ops.UpdateBatch:
		return strconv.Itoa(len(o.Keys.List()))
	case ops.DeleteBatch:
		return strconv.Itoa(len(o.Keys.List()))
	}
	return ""
}

// freezeLowered predicts BPF_MAP_FREEZE, for which some kernels look last at who asks.
func (s *State) freezeLowered(o ops.Freeze) []Outcome {
	all := s.whole(o)
	f := s.familyAt(o.On)
	if s.Kernel.does(freezeNeedsWrite) || s.capable(ops.CapBPF) || all[0].Want != ops.OK || all[0].Free {
		return beside(f, s.enough(mayUse), all)
	}
	return s.forbidden(o, f, mayFreeze)
}

// outerLowered predicts the creation of an outer map, which takes no capability.
func (s *State) outerLowered(o ops.Outer) []Outcome {
	f := familyOf(o.Kind)
	first := s.shut() && !s.Kernel.does(disabledLater)
	if first {
		return s.forbidden(o, f, mayMake)
	}
	all := s.whole(o)
	if o.Kind == ops.OuterArray && o.Max > 1<<31 && !s.capable(ops.CapPerfmon) && all[0].Want.Errno == ops.Errno(unix.ENOMEM) { // array_map_alloc rounds it up to a power of two
		all = append(slices.Clone(all), fails(unix.E2BIG, on(f, outerNoRoom)...)...)
	}
	return beside(f, s.enough(mayMakeFree), all)
}

// denials lists what is wrong with the creation of an outer map by somebody with so few privileges, besides what is wrong
// with its attributes: seed is looked at before the flags, late behind all attributes.
func (s *State) denials(o ops.Outer) (seed, late []fault) {
	if o.Kind == ops.OuterHash && o.Flags&ops.ZeroSeed != 0 && !s.admin() {
		seed = append(seed, wrong(unix.EPERM, maySeed))
	}
	if s.shut() {
		late = append(late, wrong(unix.EPERM, mayMake))
	}
	return seed, late
}

// mapLowered predicts the creation of any other map. Where its type looks at who asks differs: beside a fault, either may
// be found first.
func (s *State) mapLowered(o ops.Map) []Outcome {
	if s.shut() && !s.Kernel.does(disabledLater) {
		return s.forbidden(o, FamilyInner, mayMake)
	}
	all := s.whole(o)
	denied := s.mapDenied(o)
	switch {
	case denied == nil:
		return beside(FamilyInner, s.enough(mayMakeFree), all)
	case all[0].Want.Errno == 0 && !all[0].Free:
		return s.forbidden(o, FamilyInner, denied)
	}
	return append(s.forbidden(o, FamilyInner, denied), all...)
}

// mapDenied is the rule by which a map takes more capabilities, or nil.
func (s *State) mapDenied(o ops.Map) *Rule {
	row := rowOf(o.Type)
	switch b := s.openBTF(o.BTF); {
	case s.shut():
		return mayMake
	case row == nil:
		return nil
	case row.takes == ops.CapNetAdmin && s.Kernel.does(adminForNet) && !s.capable(ops.CapNetAdmin),
		row.takes == ops.CapNetAdmin && !s.Kernel.does(adminForNet) && !s.may.Set.Has(ops.CapNetAdmin),
		row.takes == ops.CapBPF && !s.capable(ops.CapBPF):
		return mayMakeType
	case o.Flags&ops.ZeroSeed != 0 && !s.admin():
		return maySeed
	case b != nil && !s.capable(ops.CapBPF) && s.Kernel.guards(btfRowOf(b.kind)):
		return mayMakeFields
	}
	return nil
}

// progLowered predicts the loading of a program. What the verifier makes of one that is loaded with fewer privileges is
// claimed of the plainest only, and that it takes nothing that it refuses else.
func (s *State) progLowered(o ops.Prog) []Outcome {
	f := s.familyOfOp(o)
	all := s.whole(o)
	switch {
	case !s.Kernel.callable(o.Body):
		return s.unknownLowered(o)
	case s.shut():
		return s.forbidden(o, f, mayLoadNone)
	case !s.mayLoad(o.Type):
		return s.forbidden(o, f, mayLoadType)
	case s.capable(ops.CapBPF) && s.capable(ops.CapPerfmon):
		return beside(f, s.enough(mayLoad), all)
	case all[0].Want.Errno != 0 && !all[0].Free:
		return rejected(all[0].Want, []string{anyClass}, append(on(f, mayLoadLess), all[0].By...))
	case leaking(o.Body) && !s.capable(ops.CapPerfmon):
		return rejected(ops.Failed(unix.EACCES), []string{anyClass}, on(f, mayLeak))
	case all[0].Free || o.Body != ops.BodyLookup:
		return s.unknownLowered(o)
	}
	return beside(f, mayLoad, all)
}

// tellSteps end programs that tell the address of what they have found.
var tellSteps = []ops.StepWord{ops.StepTell, ops.StepReturn}

// leaking says whether a body does nothing else.
func leaking(b ops.Body) bool {
	steps := b.Steps()
	return len(steps) == 3 && steps[0].Word == ops.StepFind && steps[1].Word == ops.StepCheck && slices.Contains(tellSteps, steps[2].Word)
}

// unknownLowered is a load of which nothing is claimed. It says nothing of what others may load, either.
func (s *State) unknownLowered(o ops.Prog) []Outcome {
	return s.unknownProg(o, ops.Failed(unix.EACCES))
}

// mayLoad says whether somebody may load programs of that type at all.
func (s *State) mayLoad(t ops.ProgType) bool {
	for _, c := range loadTakes {
		if slices.Contains(c.types, t) != c.others && !s.capable(c.takes) {
			return false
		}
	}
	return true
}

// loadTakes says which capabilities types of program take: those listed, or all others.
var loadTakes = []struct {
	takes  ops.CapSet
	others bool
	types  []ops.ProgType
}{
	{ops.CapBPF, true, []ops.ProgType{ops.SocketFilter, ops.CgroupSKB}},
	{ops.CapNetAdmin, false, []ops.ProgType{ops.SchedCLS, ops.XDP, ops.SockOps, ops.SkSKB, ops.SkMsg}},
	{ops.CapPerfmon, false, []ops.ProgType{ops.Kprobe, ops.Tracepoint, ops.PerfEvent, ops.RawTracepoint, ops.Tracing, ops.LSM}},
}

// guards says whether maps with such values take CAP_BPF.
func (k Kernel) guards(r *btfRow) bool {
	return r.special(k) && (k.does(fieldsGuarded) || k.does(pointersGuarded) && r.pointers)
}
