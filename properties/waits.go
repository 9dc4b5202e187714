package properties

import "mimic/ops"

// waitsAlways is since 6.12 what only a write that succeeded does.
var waitsAlways = behaviour(Behaviour{
	Says:   "every update, delete and lookup of an outer map waits for a grace period, also one that fails",
	Until:  Version{6, 12},
	Source: "kernel/bpf/syscall.c maybe_wait_bpf_programs (6.1:232,293,1531; 6.12:1637,1691)",
})

// waits says by the word of an operation when it makes its caller wait for a
// grace period. What is not here always may: loading a program ends in freeing
// one, and gone and end wait for the kernel to forget.
var waits = map[string]func(k Kernel, outer, ok bool) bool{
	"map": waitless, "outer": waitless, "next": waitless, "info": waitless, "close": waitless, "reopen": waitless, "alive": waitless, "live": waitless,
	"lookup":       func(k Kernel, outer, _ bool) bool { return outer && k.does(waitsAlways) },
	"update":       onWrite,
	"delete":       onWrite,
	"take":         waitless, // refused for outer maps
	"lookup_batch": func(k Kernel, outer, _ bool) bool { return outer && k.does(waitsAlways) },
	"update_batch": func(_ Kernel, outer, _ bool) bool { return outer },
	"delete_batch": func(_ Kernel, outer, _ bool) bool { return outer },
	"take_batch":   func(_ Kernel, outer, _ bool) bool { return outer },
	"dump":         func(k Kernel, outer, _ bool) bool { return outer && k.does(waitsAlways) },
	"freeze":       waitless, "file": waitless, "pin": waitless, "get": waitless, "unpin": waitless, "cat": waitless, "fd": waitless, "btf": waitless,
}

func waitless(Kernel, bool, bool) bool { return false }

func onWrite(k Kernel, outer, ok bool) bool { return outer && (ok || k.does(waitsAlways)) }

// Unwaited is how many operations of a trace were done in the time that it took:
// all but the end. It is 0 if one of them waited for a grace period, for then
// that time says nothing of the others.
func Unwaited(k Kernel, t ops.Trace) int {
	outer := map[ops.Name]bool{}
	for i, step := range t.Steps {
		uses := ops.Uses(step.Op)
		switch o := step.Op.(type) {
		case ops.Outer:
			outer[o.Def] = true
		case ops.Reopen:
			outer[o.Def] = outer[o.Of]
		case ops.Pin:
			outer[o.Def] = outer[o.Of]
		case ops.Get:
			outer[o.Def] = outer[o.Of]
		case ops.End:
			if i == len(t.Steps)-1 {
				return i
			}
		}
		waits := waits[ops.Verb(step.Op)]
		if waits == nil || waits(k, len(uses) > 0 && outer[uses[0]], step.Got.Errno == 0) {
			return 0
		}
	}
	return len(t.Steps)
}
