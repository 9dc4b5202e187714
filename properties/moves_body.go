package properties

import (
	"fmt"
	"slices"
	"strings"

	"mimic/ops"
	"mimic/progs"
)

// words joins steps, of which some may be missing.
func words(parts ...string) ops.Body {
	return ops.Body(strings.Join(strings.Fields(strings.Join(parts, " ")), " "))
}

// bodyKey is a key of a step.
func (d *draft) bodyKey() string {
	if d.chance(2) {
		return "in"
	}
	return fmt.Sprint(pick(d, []int{0, 0, 1, 1, 2, 3, 7, 200}))
}

func (d *draft) find() string    { return "find:" + d.bodyKey() }
func (d *draft) getStep() string { return "get:" + d.bodyKey() }

// way is how a pointer goes, mostly straight.
func (d *draft) way() string {
	if d.chance(7) {
		return d.section()
	}
	return pick(d, []string{"", "", "", "", "spill", "pass", "half"})
}

// section is a section of RCU, where programs can ask for one.
func (d *draft) section() string {
	if !d.state.Kernel.callable(ops.Body(ops.StepSection)) {
		return ""
	}
	return string(ops.StepSection)
}

// moved is how a pointer goes that stays the same.
func (d *draft) moved() string { return pick(d, []string{"", "", "spill", "pass"}) }

// found is an inner map that has been checked.
func (d *draft) found() string {
	straight := string(words(d.find(), d.way(), d.check(), d.way()))
	switch d.between(0, 8) {
	case 0:
		return straight + " keep " + straight + " merge"
	case 4: // it may be the same map, or another
		return string(words(straight, "keep", d.find(), d.check(), pick(d, []string{"same", "differ"})))
	case 1:
		return string(words(d.find(), "keep", d.check(), "maybe", d.check()))
	case 2:
		return straight + " " + straight
	case 3:
		return string(words(d.find(), "stash", d.check(), pick(d, []string{"", d.find()}), "fetch"))
	}
	return straight
}

// plainBody is what programs may do in inner maps of the outer map's template.
func (d *draft) plainBody(m *object) ops.Body {
	return words(d.far(), d.found(), d.actions(m.shape))
}

// framed is a body that is done, now and then, in a function of its own. Not one that holds a lock, or sets up a timer, and
// not a tail call: whether a subprogram may do that is looked at before what it is given.
func (d *draft) framed(b ops.Body) ops.Body {
	tail := func(s ops.BodyStep) bool { return s.Call != nil && s.Call.Name == "tail_call" }
	switch {
	case b == "" || b.Has(ops.StepLock, ops.StepUnlock, ops.StepTimer, ops.StepStop) || slices.ContainsFunc(b.Steps(), tail) || !d.chance(5):
		return b
	case d.chance(2) && d.state.Kernel.callable(ops.Body(ops.StepCalled)):
		return words(string(ops.StepCalled), string(b))
	}
	return words(string(ops.StepWithin), string(b))
}

// far is what begins a body, now and then, whose lookups are not to be put in the place of their calls, are made elsewhere,
// or whose maps are named in another way.
func (d *draft) far() string {
	if !d.chance(4) {
		return ""
	}
	return string(pick(d, []ops.StepWord{ops.StepFar, ops.StepFar, ops.StepAway, ops.StepAway, ops.StepListed}))
}

// check is a check, mostly by the program itself.
func (d *draft) check() string {
	if d.chance(8) {
		return string(ops.StepVet)
	}
	return string(ops.StepCheck)
}

func (d *draft) actions(p Spec) string {
	switch p.Type {
	case ops.Queue, ops.Stack:
		return d.some(func() string {
			return pick(d, []string{"call:map_push_elem:in:" + d.number(), "call:map_push_elem:in:7:2", "call:map_pop_elem", "call:map_peek_elem"})
		})
	}
	if !rowOf(p.Type).lookup {
		return ""
	}
	return d.some(func() string { return d.action(p) })
}

func (d *draft) some(one func() string) string {
	var parts []string
	for range d.between(1, 3) {
		parts = append(parts, one())
	}
	return strings.Join(parts, " ")
}

func (d *draft) number() string { return fmt.Sprint(d.between(1, 1<<30)) }

// action does something with an inner map and leaves it where it was.
func (d *draft) action(p Spec) string {
	if (p.Type == ops.PercpuHash || p.Type == ops.PercpuArray) && d.chance(3) {
		return d.beside(d.bodyKey())
	}
	switch d.between(0, 7) {
	case 6:
		return string(ops.StepLend)
	case 7:
		return d.summing()
	case 0:
		return fmt.Sprintf("call:map_update_elem:%s:%s:%d", d.bodyKey(), d.number(), pick(d, []int{0, 0, 0, 1, 2, 3}))
	case 1:
		return "call:map_delete_elem:" + d.bodyKey()
	case 2:
		return pick(d, []string{"call:for_each_map_elem", "call:for_each_map_elem_stop", "call:for_each_map_elem_stop"})
	case 3:
		return string(words("keep", d.getStep(), d.way(), "check", d.inValue(p, "write"), "swap"))
	}
	return string(words("keep", d.getStep(), d.way(), "check", d.inValue(p, "read"), "swap"))
}

// summing adds values up, where programs can hand the kernel a function.
func (d *draft) summing() string {
	if !d.state.Kernel.callable(ops.Body(ops.StepSum)) {
		return string(ops.StepLend)
	}
	return string(ops.StepSum)
}

// inValue reads or writes within a value.
func (d *draft) inValue(p Spec, what string) string {
	size := d.sizeIn(p)
	at := ops.Size(d.between(0, int(p.Value-size)))
	moved := ""
	switch {
	case p.Value >= size+progs.MostIn && d.chance(4):
		moved, at = "add:in ", ops.Size(d.between(0, int(p.Value-size-progs.MostIn)))
	case at > 0 && d.chance(4):
		moved, at = fmt.Sprintf("add:%d ", at), 0
	}
	number := 0
	if what == "write" {
		number = d.between(0, 255)
	}
	return moved + accessing(what, at, size, number)
}

// sizeIn is the size of a number that a value has room for.
func (d *draft) sizeIn(p Spec) ops.Size {
	return pick(d, slices.DeleteFunc([]ops.Size{1, 2, 4, 8}, func(n ops.Size) bool { return n > p.Value }))
}

// accessing reads so many bytes, or writes a number of that size.
func accessing(what string, at, size ops.Size, number int) string {
	if what == "write" {
		return fmt.Sprintf("write:%d:%d:%d", at, size, number)
	}
	return fmt.Sprintf("read:%d:%d", at, size)
}

// outerBody has something done with the outer map itself.
func (d *draft) outerBody(*object) ops.Body {
	if d.chance(4) {
		return words("map", pick(d, []string{"call:map_update_elem", "call:map_delete_elem"}))
	}
	return words("map", d.way(), d.callOf(false, nil))
}

// callOf is a call with it as a map, or as memory.
func (d *draft) callOf(memory bool, only []string) string {
	names := slices.Clone(only)
	for _, c := range ops.Calls() {
		if c.Memory == memory && only == nil {
			names = append(names, c.Name)
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !d.state.Kernel.knows(ops.CallNamed(n)) })
	if len(names) == 0 {
		names = []string{"map_update_elem"}
	}
	if memory {
		return fmt.Sprintf("mem:%s:%d", pick(d, names), pick(d, []int{0, 0, 1, 4, 8, 64, 4096}))
	}
	return "call:" + pick(d, names) + ":" + d.bodyKey()
}

// use is anything that can be done with a pointer: each of the positions of
// package properties as often as the others.
func (d *draft) use() string { return d.useOf(d.between(0, positionCount-1)) }

// positionCount is how many positions there are.
const positionCount = 7

func (d *draft) useOf(position int) string {
	switch position {
	case 0:
		return fmt.Sprintf("read:%d:%d", pick(d, []int{0, 0, 8, 24}), pick(d, []int{1, 4, 8}))
	case 1: // what is told of a map is in the first 64 bytes of the kernel's own structure
		size := pick(d, []int{4, 4, 8})
		return fmt.Sprintf("write:%d:%d:1", pick(d, []int{0, size * d.between(0, 64/size)}), size)
	case 2:
		return pick(d, []string{"add:1", "add:in", "add:8"})
	case 3:
		return pick(d, []string{d.getStep(), string(ops.StepLend), d.summing(), d.callOf(false, nil), d.callOf(false, []string{"map_update_elem", "map_delete_elem", "for_each_map_elem", "map_push_elem"})})
	case 4:
		return d.callOf(false, []string{"map_sum_elem_count", "map_sum_elem_count", "arena_free_pages"})
	case 5:
		return pick(d, []string{"lock", "unlock", "stop", "keep timer"})
	}
	return pick(d, []string{"askey", "asval", d.callOf(true, nil), d.callOf(true, nil)})
}

// nullBody uses what has not been checked, or on one branch only.
func (d *draft) nullBody(m *object) ops.Body { return words(d.far(), string(d.unchecked(m))) }

func (d *draft) unchecked(m *object) ops.Body {
	way := pick(d, []string{"", "", "", "spill", "pass", "half", "half spill", "keep find:in check swap", "stash find:in check fetch"})
	switch d.between(0, 10) {
	case 10:
		if rowOf(m.shape.Type).lookup {
			return words(d.found(), "keep", d.getStep(), "stash swap", d.getStep(), d.oneOfTwo(), d.use())
		}
	case 9:
		return words(d.find(), "stash keep", d.find(), d.oneOfTwo(), d.use())
	case 8:
		return words(pick(d, []string{"", "spill"}), d.found(), "keep", d.find(), "differ", d.use())
	case 0:
		return words(d.find(), way, "keep", d.find(), d.check(), pick(d, []string{"merge", "cross"}), d.use())
	case 1:
		return words(d.find(), d.check(), way, "maybe", d.use())
	case 2, 3, 4:
		if rowOf(m.shape.Type).lookup {
			return words(d.found(), fmt.Sprintf("get:%s", pick(d, []string{"in", "0", "1", "2"})), way, d.use())
		}
	}
	return words(d.find(), way, d.use())
}

// oneOfTwo checks what is, or on a branch is not, another pointer, which it then leaves in it.
func (d *draft) oneOfTwo() string {
	return pick(d, []string{"merge check", "merge swap check", "merge spill check", "cross check"}) + " " + pick(d, []string{"swap", "fetch"})
}

// misuseBody does with an inner map, or a value, what only others are for.
func (d *draft) misuseBody(m *object) ops.Body {
	if d.chance(5) {
		return words(d.found(), d.way(), d.tooShort(m))
	}
	if d.chance(6) {
		return words(d.found(), d.callOf(false, []string{"tail_call", "map_push_elem", "map_peek_elem", "map_lookup_percpu_elem"}))
	}
	wrong := d.use()
	if !rowOf(m.shape.Type).lookup || d.chance(2) {
		return words(d.found(), wrong)
	}
	end := int(m.shape.Value)
	wrong = pick(d, []string{
		d.getStep(), d.callOf(false, nil), d.inValue(m.shape, "read"), d.inValue(m.shape, "write"), "count:1",
		fmt.Sprintf("read:%d:1", end), fmt.Sprintf("read:%d:8", max(0, end-7)), fmt.Sprintf("write:%d:1:1", end), fmt.Sprintf("write:%d:4:1", -pick(d, []int{1, 4})),
		fmt.Sprintf("add:%d read:0:1", end), d.straying(end), d.straying(end),
	})
	return words(d.found(), d.getStep(), d.way(), "check", wrong)
}

// straying adds what is not known before to a value that ends there, and reaches beyond it, by one byte at least.
func (d *draft) straying(end int) string {
	last := max(0, end-progs.MostIn)
	return pick(d, []string{
		fmt.Sprintf("add:in read:%d:1", last), fmt.Sprintf("add:in write:%d:1:1", last), fmt.Sprintf("add:in add:%d read:0:1", last), "add:in read:-1:1",
	})
}

// tooShort hands over a key or value that is one byte shorter than those of the map.
func (d *draft) tooShort(m *object) string {
	if rowOf(m.shape.Type).lookup {
		return pick(d, []string{"call:map_update_elem_short_value:" + d.bodyKey(), "call:map_delete_elem_short_key"})
	}
	return "call:map_push_elem_short_value"
}

// fieldsBody uses the special fields of values, rightly or not.
func (d *draft) fieldsBody(m *object) ops.Body {
	one, other := d.getStep(), d.getStep()
	switch d.between(0, 9) {
	case 9: // something else is done with the lock held
		return words(d.find(), "check keep", one, "check stash lock swap", pick(d, []string{d.find(), other, d.use()}), "fetch unlock")
	case 8:
		at, size := pick(d, []int{0, 0, 4, 8, 16, 24, 40}), pick(d, []int{4, 4, 8})
		return words(d.find(), "check", one, "check", pick(d, []string{fmt.Sprintf("read:%d:%d", at, size), fmt.Sprintf("write:%d:%d:1", at, size)}))
	case 4:
		return words(d.find())
	case 0:
		return words(d.find(), "check", d.moved(), "keep", one, "check timer stop")
	case 1:
		return words(d.find(), "check", d.moved(), "keep", d.find(), "check", pick(d, []string{d.moved(), d.moved(), "merge"}), one, "check timer")
	case 2:
		return words(d.find(), "check", one, "check keep", d.find(), "check", other, "check", pick(d, []string{"", "merge", "cross"}), "lock", pick(d, []string{"swap", "cross", "cross"}), "unlock")
	case 3:
		return words(d.find(), "check", one, "check", pick(d, []string{"lock", "unlock", "lock lock", "lock unlock unlock", "lock pass unlock"}))
	}
	return words(d.find(), "check", one, "check", d.way(), "lock", pick(d, []string{"", d.inValue(Spec{Value: 8}, "read")}), "unlock")
}

// wildBody is anything that may be right for the type of map.
func (d *draft) wildBody(m *object) ops.Body {
	parts := []string{d.found()}
	if d.chance(3) {
		parts[0] = "find:in check"
	}
	switch d.between(0, 5) {
	case 0:
		parts = append(parts, d.actions(m.shape))
	case 1:
		parts = append(parts, d.use())
	case 2:
		parts = append(parts, d.getStep(), pick(d, []string{"check", "check", ""}), d.use())
	case 3:
		parts = append(parts, "return")
	default:
		parts = append(parts, d.callOf(false, callsOf[m.shape.Type]))
	}
	return words(parts...)
}

// callsOf lists the calls that are made for a type of map.
var callsOf = map[ops.MapType][]string{
	ops.PerfEventArray:     {"perf_event_read", "perf_event_output", "perf_event_read_value"},
	ops.StackTrace:         {"get_stackid"},
	ops.CgroupArray:        {"skb_under_cgroup", "current_task_under_cgroup"},
	ops.Devmap:             {"redirect_map"},
	ops.DevmapHash:         {"redirect_map"},
	ops.CPUMap:             {"redirect_map"},
	ops.XSKMap:             {"redirect_map"},
	ops.Sockmap:            {"sk_redirect_map", "msg_redirect_map", "sock_map_update", "sk_select_reuseport", "map_delete_elem", "map_update_elem"},
	ops.Sockhash:           {"sk_redirect_hash", "msg_redirect_hash", "sock_hash_update", "sk_select_reuseport", "map_delete_elem"},
	ops.ReuseportSockarray: {"sk_select_reuseport"},
	ops.Queue:              {"map_push_elem", "map_pop_elem", "map_peek_elem"},
	ops.Stack:              {"map_push_elem", "map_pop_elem", "map_peek_elem"},
	ops.BloomFilter:        {"map_push_elem", "map_peek_elem"},
	ops.SKStorage:          {"sk_storage_get", "sk_storage_delete"},
	ops.InodeStorage:       {"inode_storage_delete"},
	ops.TaskStorage:        {"task_storage_get", "task_storage_delete"},
	ops.CgroupLocalStorage: {"cgrp_storage_delete"},
	ops.Ringbuf:            {"ringbuf_output", "ringbuf_query", "ringbuf_reserve"},
	ops.UserRingbuf:        {"user_ringbuf_drain"},
	ops.PercpuHash:         {"map_lookup_percpu_elem", "for_each_map_elem"},
	ops.PercpuArray:        {"map_lookup_percpu_elem", "for_each_map_elem"},
	ops.Arena:              {"arena_free_pages"},
}
