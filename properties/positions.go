package properties

import (
	"fmt"
	"slices"

	"mimic/ops"
	"mimic/progs"
)

// Position is one way in which a program uses what it found in an outer map.
type Position struct {
	Use     string // where the pointer stands
	Checked bool   // after it was checked for NULL
	Inner   string // class of the type of inner map
	Program string // class of the type of program
}

func (p Position) String() string {
	checked := "unchecked"
	if p.Checked {
		checked = "checked"
	}
	return fmt.Sprintf("%s %s, %s inside, by %s", checked, p.Use, p.Inner, p.Program)
}

const perCPUTables = "per-CPU tables"

// uses are the positions by step.
var uses = map[ops.StepWord]string{
	ops.StepRead: "read", ops.StepWrite: "write", ops.StepAdd: "arithmetic", ops.StepGet: "map", ops.StepCall: "map", ops.StepLend: "map", ops.StepBeside: "map", ops.StepSum: "map",
	ops.StepMemory: "memory", ops.StepAsKey: "memory", ops.StepAsVal: "memory",
	ops.StepLock: "field", ops.StepUnlock: "field", ops.StepTimer: "field", ops.StepStop: "field",
}

func useIn(s ops.BodyStep) string {
	if s.Call != nil && s.Call.ID == 0 {
		return "kfunc"
	}
	return uses[s.Word]
}

func innerClass(t ops.MapType) string {
	switch {
	case slices.Contains([]ops.MapType{ops.Hash, ops.Array, ops.LRUHash, ops.LPMTrie, ops.RHash}, t):
		return "tables"
	case slices.Contains([]ops.MapType{ops.PercpuHash, ops.PercpuArray, ops.LRUPercpuHash}, t):
		return perCPUTables
	}
	return "other maps"
}

func progClass(o ops.Prog) string {
	switch {
	case sleeps(o):
		return "sleepable programs"
	case slices.Contains([]ops.ProgType{ops.Kprobe, ops.Tracepoint, ops.RawTracepoint, ops.PerfEvent, ops.Tracing, ops.LSM}, o.Type):
		return "tracing programs"
	}
	return "networking programs"
}

// positions lists how a program uses what it finds: the first wrong use, or all
// that are right.
func (s *State) positions(o ops.Prog) (all []Position) {
	m := s.open(o.Map)
	if m == nil || !m.outer || m.free {
		return nil
	}
	steps := o.Body.Steps()
	at := func(n int, checked bool) {
		if use := useIn(steps[n]); use != "" {
			all = append(all, Position{use, checked, innerClass(m.shape.Type), progClass(o)})
		}
	}
	if s.second(o, m) != m {
		return nil
	}
	report := progs.Inspect(o.Body, s.given(m), s.given(m))
	for _, f := range report.Faults {
		at(f.Step-1, !slices.Contains([]progs.Misuse{progs.MisuseNull, progs.MisuseNullValue, progs.MisuseScalar}, f.Misuse))
	}
	if len(report.Faults) == 0 {
		for n := range steps {
			at(n, true)
		}
	}
	return all
}

// requiredPositions are those that every run of the default budget tries.
func requiredPositions(k Kernel) (all []Position) {
	classes := []string{"networking programs", "tracing programs"}
	if k.has(sleepsSomehow) && k.does(sleepInside) {
		classes = append(classes, "sleepable programs")
	}
	for _, use := range []string{"read", "write", "arithmetic", "map", "kfunc", "memory", "field"} {
		if use == "kfunc" && !k.callsKernel() {
			continue
		}
		for _, inner := range []string{"tables", perCPUTables, "other maps"} {
			for _, class := range classes {
				all = append(all, Position{use, false, inner, class}, Position{use, true, inner, class})
			}
		}
	}
	return all
}
