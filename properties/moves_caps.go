package properties

import "mimic/ops"

// capsMoves are about who may do what.
func capsMoves() []move {
	return []move{
		{"caps", ownOnly, (*draft).caps},
		{"seed-outer", ownOnly, (*draft).seedOuter},
		{"fields-map", ownOnly, (*draft).fieldsMap},
		{"denied-outer", ownOnly, (*draft).deniedOuter},
		{"iterate", ownOnly, (*draft).iterate},
		{"load-lookup", ownOnly, (*draft).loadLookup},
		{"load-btf", ownOnly, func(d *draft) bool {
			return d.add(ops.BTF{Def: d.fresh("b"), Kind: pick(d, d.state.Kernel.btfKinds(anyKind))})
		}},
	}
}

// someCaps are what operations are done with most: nothing, what is given for BPF, and what stands for all of it.
var someCaps = []ops.CapSet{
	ops.CapsNone, ops.CapsNone, ops.CapBPF, ops.CapBPF | ops.CapPerfmon | ops.CapNetAdmin, ops.CapSysAdmin, ops.CapsAll,
}

// caps lowers the privileges of what follows, or gives them back.
func (d *draft) caps() bool {
	set := pick(d, someCaps)
	if d.chance(3) {
		set = ops.CapSet(d.between(0, int(ops.CapsEach)))
	}
	o := ops.Caps{Set: set, Disabled: pick(d, []ops.Disabled{ops.NotDisabled, ops.DisabledByNow})}
	return o != d.state.may && d.state.Kernel.has(o.Disabled.Feature()) && d.add(o)
}

// loadLookup loads the plainest program that uses an outer map; now and then one that does what none may, or tells an address.
func (d *draft) loadLookup() bool {
	n, m, ok := d.outerName()
	types := d.state.Kernel.progTypes()
	if !ok || m.free || !rowOf(m.shape.Type).lookup || len(types) == 0 {
		return false
	}
	t := pick(d, types)
	if !d.chance(4) {
		t = d.telling()
	}
	body := ops.BodyLookup
	switch d.between(0, 3) {
	case 0:
		body = d.outerBody(m)
	case 1:
		t, body = ops.SocketFilter, words(d.find(), "check", string(pick(d, tellSteps)))
	}
	return d.state.Kernel.has(t.Feature()) && d.add(ops.Prog{Def: d.fresh("p"), Type: t, Map: n, Body: body})
}

// telling is a type of program of which it matters with which capabilities it is loaded now.
func (d *draft) telling() ops.ProgType {
	if d.state.may.Set.Has(ops.CapBPF) {
		return pick(d, []ops.ProgType{ops.Kprobe, ops.Kprobe, ops.XDP, ops.SocketFilter})
	}
	return pick(d, []ops.ProgType{ops.SocketFilter, ops.SocketFilter, ops.SocketFilter, ops.CgroupSKB})
}

// seedOuter asks for a hash of maps whose hashes are those of every other.
func (d *draft) seedOuter() bool {
	all := d.templates()
	if len(all) == 0 || d.full() {
		return false
	}
	o := d.outerOf(pick(d, all))
	if o.Kind != ops.OuterHash {
		return false
	}
	o.Flags |= ops.ZeroSeed
	return d.add(o)
}

// deniedOuter has somebody ask for an outer map who may not make any.
func (d *draft) deniedOuter() bool {
	all := d.templates()
	if len(all) == 0 || d.full() || !d.state.Kernel.has(ops.DisabledByNow.Feature()) {
		return false
	}
	d.add(ops.Caps{Set: pick(d, []ops.CapSet{ops.CapsNone, ops.CapPerfmon, ops.CapNetAdmin}), Disabled: ops.DisabledByNow})
	return d.add(d.outerOf(pick(d, all)))
}

// fieldsMap makes a map with something among its values that maps take CAP_BPF for, mostly without that. The BTF is loaded
// with all privileges.
func (d *draft) fieldsMap() bool {
	k := d.state.Kernel
	guarded := func(r *btfRow) bool { return k.guards(r) && r.refusal(k, ops.Hash) == 0 }
	if d.full() || !k.has(ops.NotDisabled.Feature()) || len(k.btfKinds(guarded)) == 0 {
		return false
	}
	d.add(ops.Caps{Set: ops.CapsAll})
	b := d.someBTF(guarded)
	d.add(ops.Caps{Set: pick(d, []ops.CapSet{ops.CapsNone, ops.CapPerfmon, ops.CapNetAdmin, ops.CapBPF})})
	return d.add(ops.Map{Def: d.fresh("i"), Type: ops.Hash, Key: 4, Value: btfRowOf(d.state.openBTF(b).kind).value, Max: d.max(), BTF: b})
}
