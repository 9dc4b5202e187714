package properties

import (
	"slices"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// raceLies are what fakes do wrong only when several things happen at the same time.
func raceLies() (lies []Lie) {
	for _, f := range both {
		lies = append(lies, familyRaceLies(f)...)
	}
	return append(lies,
		racing1("race-reuse", rowsOf(FamilyHash, "P96", "P97", "C2"), FamilyHash, otherKey), // beside a batch either may be the one that is wrong
		racing1("race-next-empty", rowsOf(FamilyHash, "C1"), FamilyHash, nextEmpty),
		racing1("race-next-ghost", rowsOf(FamilyHash, "C1"), FamilyHash, nextGhost),
		Lie{ID: "race-odd-close", Breaks: rowsOf(FamilyInner, "C3"), Race: oddly("close")},
		Lie{ID: "race-odd-freeze", Breaks: append(rowsOf(FamilyHash, "P54"), rowsOf(FamilyArray, "P54")...), Race: oddly("freeze")},
		Lie{ID: "race-odd-pin", Breaks: rowsOf(FamilyInner, "L1"), Race: oddly("pin")},
		Lie{ID: "race-odd-unpin", Breaks: rowsOf(FamilyInner, "L1"), Race: oddly("unpin")},
		Lie{ID: "race-odd-bind", Breaks: append(rowsOf(FamilyHash, "P64"), rowsOf(FamilyArray, "P64")...), Race: oddly("bind")},
		Lie{ID: "race-odd-run", Breaks: append(rowsOf(FamilyHash, "P97"), rowsOf(FamilyArray, "P97")...), Race: oddly("run")},
		Lie{ID: "race-close-late", Breaks: rowsOf(FamilyInner, "C3"), Race: closeLate()},
		Lie{ID: "race-unpin-twice", Breaks: rowsOf(FamilyInner, "C3"), Race: &raceLie{instead: unpinTwice}},
	)
}

// familyRaceLies are those that both kinds of outer map can tell.
func familyRaceLies(f Family) []Lie {
	name := "/" + string(f)
	lies := []Lie{
		{ID: "race-torn" + name, Breaks: rowsOf(f, "P90", "P97", "C1", "C2"), Race: &raceLie{torn: f}},
		{ID: "race-unlocked-run" + name, Breaks: rowsOf(f, "C4"), Race: unlocked(f, "run")},
		{ID: "race-unlocked-lookup" + name, Breaks: rowsOf(f, "C4"), Race: unlocked(f, "lookup")},
		{ID: "race-freed" + name, Breaks: rowsOf(f, "P95"), Race: &raceLie{instead: freed(f)}},
		racing1("race-spared"+name, rowsOf(f, "P90", "P97", "C1", "C2"), f, sparedMissed),
		racing1("race-zero"+name, rowsOf(f, "P92"), f, strangeID(zeroID)),
		racing1("race-foreign"+name, rowsOf(f, "P92"), f, strangeID(noSuch)),
		racing1("race-stale"+name, rowsOf(f, "P97"), f, stale),
		racing1("race-lost"+name, rowsOf(f, "P97", "P90", "C2"), f, lostUpdate),
		racing1("race-thaw"+name, rowsOf(f, "P98"), f, thaw),
		{ID: "race-freeze-late" + name, Breaks: rowsOf(f, "P98"), Race: freezeBeside(f, &raceLie{lazy: f})},
		{ID: "race-freeze-beside" + name, Breaks: rowsOf(f, "P98"), Race: freezeBeside(f, &raceLie{bitwise: f})},
		{ID: "race-freeze-twice" + name, Breaks: rowsOf(f, "P98"), Race: bothFreeze(f)},
		racing1("race-batch-stops"+name, rowsOf(f, "C2"), f, batchStops),
		racing1("race-batch-short"+name, rowsOf(f, "C2"), f, batchShort),
		// What is leaked while a descriptor is open is missed by nobody until that is closed.
		{ID: "race-leak" + name, Breaks: append(rowsOf(f, "P61", "DOC-6"), Key{"P65", FamilyInner}), Race: &raceLie{instead: leak(f)}},
		{ID: "race-early" + name, Breaks: rowsOf(f, "P60"), Race: &raceLie{last: early(f)}},
	}
	for verb, rule := range waitRules {
		if verb == "renew" || rule.families != nil && !slices.Contains(rule.families, f) {
			continue
		}
		lies = append(lies, Lie{ID: rule.ID + name, Breaks: rowsOf(f, "P93"), Race: &raceLie{hasty: func(sim *simulation, op ops.Op) bool {
			m := sim.s.open(ops.Uses(op)[0])
			return ops.Verb(op) == verb && m != nil && m.outer && m.family() == f
		}}})
	}
	return lies
}

// racing1 is a lie about one operation on outer maps of a family.
func racing1(id string, breaks []Key, f Family, instead func(*simulation, *actor, *object, ops.Op) (ops.Result, bool)) Lie {
	return Lie{ID: id, Breaks: breaks, Race: &raceLie{instead: func(sim *simulation, a *actor, op ops.Op) (ops.Result, bool) {
		names := ops.Uses(op)
		if len(names) == 0 {
			return ops.OK, false
		}
		m := sim.s.open(names[0])
		if m == nil || !m.outer || m.family() != f {
			return ops.OK, false
		}
		return instead(sim, a, m, op)
	}}}
}

// strangeID answers a lookup of a map that another thread is about to replace.
func strangeID(text string) func(*simulation, *actor, *object, ops.Op) (ops.Result, bool) {
	return func(sim *simulation, a *actor, m *object, op ops.Op) (ops.Result, bool) {
		o, is := op.(ops.Lookup)
		tells := is && m.slots[ops.Truncate(o.Key.N, m.spec.Key)] != nil && sim.beside(a, func(op ops.Op) bool { _, is := op.(ops.Renew); return is })
		return ops.Read(text), tells
	}
}

// sparedMissed finds nothing where another thread writes under other keys.
func sparedMissed(sim *simulation, a *actor, m *object, op ops.Op) (ops.Result, bool) {
	o, is := op.(ops.Lookup)
	if !is || len(sim.past[m][ops.Truncate(o.Key.N, m.spec.Key)]) > 1 {
		return ops.OK, false
	}
	tells := m.slots[ops.Truncate(o.Key.N, m.spec.Key)] != nil && sim.beside(a, func(op ops.Op) bool {
		b, is := op.(ops.UpdateBatch)
		return is && sim.s.open(b.On) == m
	})
	return ops.Failed(unix.ENOENT), tells
}

// stale answers what a key held before.
func stale(sim *simulation, a *actor, m *object, op ops.Op) (ops.Result, bool) {
	o, is := op.(ops.Lookup)
	if !is {
		return ops.OK, false
	}
	key := ops.Truncate(o.Key.N, m.spec.Key)
	now := m.slots[key]
	for _, w := range slices.Backward(sim.past[m][key]) {
		if now != nil && w.value != now && w.until < a.under.Call-8 {
			return ops.Read(string(w.value.name)), true
		}
	}
	return ops.OK, false
}

// lostUpdate does nothing where another thread writes as well.
func lostUpdate(sim *simulation, a *actor, m *object, op ops.Op) (ops.Result, bool) {
	o, is := op.(ops.Update)
	tells := is && m.slots[ops.Truncate(o.Key.N, m.spec.Key)] != nil && sim.s.Step(op)[0].Want == ops.OK && sim.beside(a, isWrite)
	return ops.OK, tells
}

// thaw lets writes through that began before the map was frozen.
func thaw(sim *simulation, _ *actor, m *object, op ops.Op) (ops.Result, bool) {
	if !isWrite(op) || !m.frozen {
		return ops.OK, false
	}
	m.frozen = false
	o := choice(sim.s.Step(op), op)
	sim.s.Advance(op, o, o.Want)
	m.frozen = true
	return o.Want, true
}

// freezeBeside freezes while something is written, in the way of another lie, which is done then.
func freezeBeside(f Family, way *raceLie) *raceLie {
	frozen := map[*simulation]int{}
	way.instead = func(sim *simulation, a *actor, op ops.Op) (ops.Result, bool) {
		m := sim.s.open(append(ops.Uses(op), "")[0])
		if m == nil || !m.outer || m.family() != f {
			return ops.OK, false
		}
		if _, is := op.(ops.Freeze); is && !m.frozen {
			frozen[sim] = sim.ticket
		}
		if a.under.Call > frozen[sim] {
			return ops.OK, false
		}
		return thaw(sim, a, m, op)
	}
	way.last = func(sim *simulation) { delete(frozen, sim) }
	return way
}

// bothFreeze freezes what another freezes meanwhile.
func bothFreeze(f Family) *raceLie {
	frozen := map[*object]int{}
	return &raceLie{
		instead: func(sim *simulation, a *actor, op ops.Op) (ops.Result, bool) {
			o, is := op.(ops.Freeze)
			m := sim.s.open(o.On)
			if !is || m == nil || m.family() != f {
				return ops.OK, false
			}
			if !m.frozen {
				frozen[m] = sim.ticket
			}
			return ops.OK, m.frozen && a.under.Call < frozen[m]
		},
		last: func(*simulation) { clear(frozen) },
	}
}

// batchShort leaves a pair out where another thread writes.
func batchShort(sim *simulation, a *actor, m *object, op ops.Op) (ops.Result, bool) {
	o, is := op.(ops.LookupBatch)
	if !is || len(m.slots) == 0 || !sim.beside(a, isWrite) {
		return ops.OK, false
	}
	honest := sim.s.Step(o)[0].Want
	if n, pairs, ok := pairsOf(honest); !ok || n == 0 || honest.Errno != ops.Errno(unix.ENOENT) || len(pairs) != n {
		return ops.OK, false
	}
	keys := m.keys()[1:]
	return counted(honest.Errno, len(keys), m, keys), true
}

// batchStops writes one pair less than it is given, where another thread is at work, and says so.
func batchStops(sim *simulation, a *actor, m *object, op ops.Op) (ops.Result, bool) {
	o, is := op.(ops.UpdateBatch)
	keys := o.Keys.List()
	if !is || len(keys) < 2 || len(o.Values.List()) != len(keys) || sim.s.Step(op)[0].Want.Errno != 0 || !sim.beside(a, anyDeed) {
		return ops.OK, false
	}
	o.Keys, o.Values = ops.KeyList(keys[1:]), ops.ValList(o.Values.List()[1:])
	choice := choice(sim.s.Step(o), o)
	sim.s.Advance(o, choice, choice.Want)
	return choice.Want, true
}

// oddly answers one operation by what nothing explains, where another thread is at work.
func oddly(verb string) *raceLie {
	return &raceLie{instead: func(sim *simulation, a *actor, op ops.Op) (ops.Result, bool) {
		return ops.Failed(unix.EIO), ops.Verb(op) == verb && sim.beside(a, anyDeed)
	}}
}

func anyDeed(ops.Op) bool { return true }

// otherKey answers what is stored under another key.
func otherKey(sim *simulation, a *actor, m *object, op ops.Op) (ops.Result, bool) {
	o, is := op.(ops.Lookup)
	if !is || !sim.beside(a, isWrite) {
		return ops.OK, false
	}
	key := ops.Truncate(o.Key.N, m.spec.Key)
	for _, k := range m.keys() {
		if k != key && m.slots[key] != nil && m.slots[k] != m.slots[key] {
			return ops.Read(string(m.slots[k].name)), true
		}
	}
	return ops.OK, false
}

// nextEmpty ends a walk at its beginning.
func nextEmpty(sim *simulation, a *actor, m *object, op ops.Op) (ops.Result, bool) {
	o, is := op.(ops.Next)
	return ops.Failed(unix.ENOENT), is && o.Key.Null && len(m.slots) > 0 && sim.beside(a, isWrite)
}

// nextGhost walks to a key that is not there.
func nextGhost(sim *simulation, a *actor, m *object, op ops.Op) (ops.Result, bool) {
	_, is := op.(ops.Next)
	return ops.Read("77"), is && sim.beside(a, isWrite)
}

// leak keeps what is replaced while somebody looks.
func leak(f Family) func(*simulation, *actor, ops.Op) (ops.Result, bool) {
	return func(sim *simulation, a *actor, op ops.Op) (ops.Result, bool) {
		if !isWrite(op) || !sim.beside(a, anyDeed) {
			return ops.OK, false
		}
		m, before := sim.held(op)
		if m == nil || m.family() != f {
			return ops.OK, false
		}
		for k := range before {
			before[k].kept++
		}
		o := choice(sim.s.Step(op), op)
		sim.s.Advance(op, o, o.Want)
		for k, v := range before {
			if m.slots[k] == v { // it stays, and needs no other
				v.kept--
				sim.s.lost(v, false)
			}
		}
		return o.Want, true
	}
}

// freed counts a while in what another map is in the place of.
func freed(f Family) func(*simulation, *actor, ops.Op) (ops.Result, bool) {
	return func(sim *simulation, a *actor, op ops.Op) (ops.Result, bool) {
		o, is := op.(ops.Run)
		if !is || !sim.beside(a, func(op ops.Op) bool { return ops.Verb(op) == "renew" }) {
			return ops.OK, false
		}
		m := sim.counts(o)
		return ops.Read("77"), m != nil && m.family() == f && sim.s.Step(op)[0].Want.Got != ops.OK.Got
	}
}

// early forgets what is stored and nothing else keeps.
func early(f Family) func(*simulation) {
	return func(sim *simulation) {
		for _, m := range sim.about {
			for _, inner := range m.slots {
				if m.family() == f && !inner.referred() {
					inner.dead = true
				}
			}
		}
	}
}

// closeLate leaves descriptors open until the end of the race.
func closeLate() *raceLie {
	closed := map[*simulation][]ops.Op{}
	return &raceLie{
		instead: func(sim *simulation, _ *actor, op ops.Op) (ops.Result, bool) {
			_, is := op.(ops.Close)
			if !is || slices.Contains(closed[sim], op) || sim.s.Step(op)[0].Want != ops.OK {
				return ops.OK, false
			}
			closed[sim] = append(closed[sim], op)
			return ops.OK, true
		},
		last: func(sim *simulation) {
			for _, op := range closed[sim] {
				o := sim.s.Step(op)[0]
				sim.s.Advance(op, o, o.Want)
			}
			delete(closed, sim)
		},
	}
}

// unpinTwice says that it removed a path that is not there.
func unpinTwice(sim *simulation, _ *actor, op ops.Op) (ops.Result, bool) {
	_, is := op.(ops.Unpin)
	return ops.OK, is && sim.s.Step(op)[0].Want.Errno != 0
}
