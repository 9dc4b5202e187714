package properties

import (
	"slices"

	"mimic/ops"
)

// A write of an outer map returns when no program that may not sleep still uses
// what it took out: a map that a program counts in stands still then.

// waitRules has the rule of each command that waits.
var waitRules = map[string]*Rule{
	"update": waitUpdate, "delete": waitDelete, "renew": waitUpdate,
	"update_batch": waitUpdateBatch, "delete_batch": waitDeleteBatch, "take_batch": waitTakeBatch,
	"by_program": waitSys,
}

// observeWaits judges every look at whether a map stands still.
func (r *race) observeWaits() {
	if len(r.lawless) > 0 { // of some writes it is not known what they did
		return
	}
	for _, d := range r.deeds {
		o, looks := d.op.(ops.Still)
		if !looks {
			continue
		}
		x := r.s.objectOf(o.On)
		if x == nil || x.outer || r.touched(x, d) {
			continue
		}
		taken := r.takenOut(x, d)
		if taken == nil {
			continue
		}
		m := r.s.open(ops.Uses(taken.op)[0])
		by := on(m.family(), waitRules[ops.Verb(taken.op)])
		if d.Got == ops.Read(ops.WordMoving) {
			r.moving = append(r.moving, &flaw{want: "that " + string(o.On) + " stands still after " + taken.op.String(), by: by})
		}
		if d.Got == ops.Read(ops.WordStill) && r.counted(*taken) {
			r.asked[by[0]]++
		}
	}
}

// takenOut is the write that took a map out of the last slot that held it, if it
// had returned before a look began and nothing can have put it back; else nil.
func (r *race) takenOut(x *object, look deed) (last *deed) {
	held := false
	for _, h := range r.sorted() {
		if h.kind != ofSlot {
			continue
		}
		puts := func(o observation) bool {
			return o.becomes != nil && mayBe(*o.becomes, string(x.name)) && o.Call < look.Return
		}
		if h.begin != string(x.name) && !slices.ContainsFunc(h.seen, puts) {
			continue
		}
		held = true
		out := h.takenOut(look, puts)
		if out == nil {
			return nil
		}
		if last == nil || out.Return > last.Return {
			last = out
		}
	}
	if !held || r.otherwise(x) {
		return nil
	}
	return last
}

// takenOut is the first write of the slot that began after the map was last put
// there and returned before the look.
func (h *history) takenOut(look deed, puts func(observation) bool) *deed {
	since := -1
	for _, o := range h.seen {
		if puts(o) {
			since = max(since, o.Return)
		}
	}
	var first *deed
	for _, o := range h.seen {
		if o.becomes != nil && !puts(o) && o.thread >= 0 && o.Call > since && o.Return < look.Call && (first == nil || o.Return < first.Return) {
			first = &o.deed
		}
	}
	return first
}

// otherwise says whether a map can be reached by programs that nobody waits for:
// it is stored in an outer map of which this race says nothing, given to a
// program itself, or by one that may sleep.
func (r *race) otherwise(x *object) bool {
	outers := r.outers()
	for _, m := range r.s.objects {
		if m.outer && m.stores(x) && !slices.Contains(outers, m) {
			return true
		}
	}
	for _, h := range r.s.handles {
		if p := h.prog; p != nil && writes(p.body) && (p.uses == x || p.flags&ops.Sleepable != 0 || p.typ == ops.Syscall || p.free) {
			return true
		}
	}
	return false
}

// touched says whether user space wrote to a map while it was looked at.
func (r *race) touched(x *object, look deed) bool {
	return slices.ContainsFunc(r.deeds, func(d deed) bool {
		return isWrite(d.op) && d.overlaps(look) && r.s.objectOf(ops.Uses(d.op)[0]) == x
	})
}

// counted says whether a program that counts ran when a write began.
func (r *race) counted(write deed) bool {
	return slices.ContainsFunc(r.deeds, func(d deed) bool {
		o, runs := d.op.(ops.Run)
		p := (*program)(nil)
		if runs {
			p = r.s.openProg(o.On)
		}
		return p != nil && p.uses != nil && p.uses.outer && counting(p.body) && d.overlaps(write)
	})
}

func counting(b ops.Body) bool {
	return slices.ContainsFunc(b.Steps(), func(s ops.BodyStep) bool { return s.Word == ops.StepCount })
}
