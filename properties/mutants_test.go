package properties

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"mimic/ops"
)

// The model is mutated, one rule at a time, and held against what real kernels answered: a mutant that nothing
// stored refutes is a rule that nobody would miss. docs/power.md says how traces are added.
var (
	seekFlag = flag.String("mutants.seek", "", "folder to write sequences to that would refute the mutants which nothing refutes")
	packFlag = flag.String("mutants.pack", "", "folder of traces, as mimic replay -traces writes them: keep those that refute what nothing else does")
)

// mutantsFile has traces of real kernels, as KERNEL/NAME.trace.
const mutantsFile = "testdata/mutants.txtar"

// mutant is a model that is wrong in one thing.
type mutant struct {
	id  string
	lie *Lie       // told by the model; nil
	not *Behaviour // that it believes the contrary of; nil
	on  Version    // kernels that it is sought on: the newest if zero
}

// noPrediction are behaviours that say what is drawn, what takes how long, or of which kernels nothing is said.
var noPrediction = []*Behaviour{waitsAlways, batchWaitsOnce, fieldsNotFrozen, timersApart, timersLackMemory, kfuncs, perfPreallocated}

// unrefuted are mutants that real kernels were asked about in vain: of 25 plans of each row none refutes them on 7.3,
// 6.12, 6.1 or 5.10, or the shortest part that does in memory does not there.
var unrefuted = []string{
	"not: BPF_F_TOKEN_FD is looked at after the attributes of the type",
}

func mutants() (all []mutant) {
	for _, lie := range Lies() {
		if lie.Tell != nil {
			all = append(all, mutant{id: lie.ID, lie: &lie, on: lie.On})
		}
	}
	for _, b := range behaviours {
		if !slices.Contains(noPrediction, b) {
			all = append(all, mutant{id: "not: " + b.Says, not: b})
		}
	}
	return all
}

// refutedBy says whether a trace is none that the mutant allows, though the model does.
func (m mutant) refutedBy(t ops.Trace) bool {
	k, err := NewKernel(t.Kernel, t.Lacks)
	if err != nil || t.End != ops.Completed || ops.Races(t.Sequence()) || Judge(k, t, Asked{}) != nil {
		return false
	}
	k.mistaken = m.not
	f := Fake{Kernel: k, Lie: m.lie}
	s := NewState(k)
	for _, step := range t.Steps {
		o := match(f.outcomes(s, step.Op), step.Got)
		if o == nil {
			return true
		}
		s.Advance(step.Op, *o, step.Got)
		if _, ends := step.Op.(ops.End); ends && step.Got != s.left() {
			return true
		}
	}
	return false
}

// stored are the traces of real kernels in the repository, by name.
func stored(t *testing.T) map[string]ops.Trace {
	t.Helper()
	all := map[string]ops.Trace{}
	paths, err := filepath.Glob("../findings/traces/*/*.trace")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[path] = parsedTrace(t, path, text)
	}
	archive, err := txtar.ParseFile(mutantsFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, file := range append([]txtar.File{}, filesOf(archive)...) {
		all[file.Name] = parsedTrace(t, file.Name, file.Data)
	}
	return all
}

func filesOf(a *txtar.Archive) []txtar.File {
	if a == nil {
		return nil
	}
	return a.Files
}

func parsedTrace(t *testing.T, name string, text []byte) ops.Trace {
	t.Helper()
	trace, err := ops.ParseTrace(string(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return trace
}

func (m mutant) refuted(traces map[string]ops.Trace) bool {
	for _, t := range traces {
		if m.refutedBy(t) {
			return true
		}
	}
	return false
}

// TestMutantsAreRefuted: each by what a real kernel answered.
func TestMutantsAreRefuted(t *testing.T) {
	if testing.Short() {
		t.Skip("one thread judges stored traces: without -short")
	}
	traces := stored(t)
	var open []mutant
	for _, m := range mutants() {
		if !m.refuted(traces) {
			open = append(open, m)
		}
	}
	switch {
	case *seekFlag != "":
		seek(t, *seekFlag, open)
	case *packFlag != "":
		open = pack(t, *packFlag, open)
	}
	for _, m := range open {
		if slices.Contains(unrefuted, m.id) {
			t.Logf("nothing refutes %q", m.id)
			continue
		}
		t.Errorf("no stored trace refutes the model with %q: go test ./properties -run TestMutants -mutants.seek FOLDER, see docs/power.md", m.id)
	}
	t.Logf("%d of %d mutants are refuted by %d traces", len(mutants())-len(open), len(mutants()), len(traces))
}

// sought are the kernels that sequences are sought for, the newest first.
var sought = []Version{{7, 3}, {6, 12}, {6, 1}, {5, 10}}

// seek writes a sequence for each mutant, as KERNEL/NUMBER.seq: the shortest part of a plan that refutes it if the
// kernel answers as the model has it.
func seek(t *testing.T, dir string, open []mutant) {
	for i, m := range open {
		for _, v := range sought {
			seq := m.sought(v)
			if seq == nil {
				continue
			}
			path := filepath.Join(dir, v.String(), fmt.Sprintf("%03d.seq", i))
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(seq.String()), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// plansSought is how many plans of each row are looked at.
const plansSought = 25

func (m mutant) sought(v Version) ops.Sequence {
	k := Kernel{Release: v.String() + ".0", Version: v}
	refutes := func(seq ops.Sequence) bool { return m.refutedBy(Fake{Kernel: k}.Answer(seq)) }
	rows := Keys()
	if m.lie != nil {
		rows = append(slices.Clone(m.lie.Breaks), rows...)
	}
	for _, row := range rows {
		for n := range plansSought {
			if seq := Plan(k, row, 1, n); !ops.Races(seq) && refutes(seq) {
				return shortest(seq, refutes)
			}
		}
	}
	return nil
}

// shortest leaves out what is not needed.
func shortest(seq ops.Sequence, refutes func(ops.Sequence) bool) ops.Sequence {
	for i := len(seq) - 1; i >= 0; i-- {
		less := slices.Delete(slices.Clone(seq), i, i+1)
		if _, err := ops.Parse(less.String()); err == nil && refutes(less) {
			seq = less
		}
	}
	return seq
}

// pack keeps traces of a folder, each that refutes most of what is left, and answers what is left then.
func pack(t *testing.T, dir string, open []mutant) []mutant {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*.trace"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d traces in %s, %v", len(paths), dir, err)
	}
	archive, err := txtar.ParseFile(mutantsFile)
	if err != nil {
		archive = &txtar.Archive{Comment: []byte("Answers of real kernels, each of which refutes a mutant of the model: see mutants_test.go.\n")}
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		trace := parsedTrace(t, path, text)
		left := slices.DeleteFunc(slices.Clone(open), func(m mutant) bool { return m.refutedBy(trace) })
		if len(left) < len(open) {
			name := filepath.Base(filepath.Dir(path)) + "/" + strings.ReplaceAll(firstOf(open, left).id, " ", "-") + ".trace"
			archive.Files, open = append(archive.Files, txtar.File{Name: name, Data: text}), left
		}
	}
	if err := os.WriteFile(mutantsFile, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
	return open
}

// firstOf is the first that is not left.
func firstOf(open, left []mutant) mutant {
	for i, m := range left {
		if open[i].id != m.id {
			return open[i]
		}
	}
	return open[len(left)]
}
