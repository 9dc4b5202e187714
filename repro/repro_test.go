package repro

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/properties"
)

const findings = "../findings/"

// violationOf is the violation that a finding shows: what a kernel in memory answers that lies about
// the rule, or, if the documentation is at fault, an honest one.
func violationOf(t testing.TB, path string) *properties.Violation {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seq, err := ops.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range known(t) {
		if filepath.Base(row.Sequence) == filepath.Base(path) {
			if row.Ref.Rule.ID == "dead/reopened" {
				return answered(t, row.Since, seq, "end()", ops.Read("i3"))
			}
			return lied(t, row.Ref, row.Since, seq)
		}
	}
	return other(t, filepath.Base(path), seq)
}

func known(t testing.TB) []properties.Known {
	t.Helper()
	f, err := os.Open("../known.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := properties.ParseKnown("known.txt", f)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// answered judges a sequence one operation of which is answered so.
func answered(t testing.TB, on properties.Version, seq ops.Sequence, op string, got ops.Result) *properties.Violation {
	t.Helper()
	k := properties.Newest()
	k.Version = on
	trace := properties.Fake{Kernel: k}.Answer(seq)
	for i, step := range trace.Steps {
		if step.Op.String() == op {
			trace.Steps[i].Got = got
		}
	}
	return properties.Judge(k, trace, properties.Asked{})
}

// lied judges a sequence on a kernel that tells the lie about a rule, or any that breaks it. If none
// shows, the last operation but the end is answered the other way.
func lied(t testing.TB, about properties.Ref, on properties.Version, seq ops.Sequence) *properties.Violation {
	t.Helper()
	k := properties.Newest()
	k.Version = on
	for _, lie := range properties.Lies() {
		if lie.Race == nil && lie.ID != about.Rule.ID+"/"+string(about.Family) {
			continue
		}
		v := properties.Judge(k, properties.Fake{Kernel: k, Lie: &lie}.Answer(seq), properties.Asked{})
		if v != nil && slices.Contains(v.By, about) {
			return v
		}
	}
	trace := properties.Fake{Kernel: k}.Answer(seq)
	last := &trace.Steps[len(trace.Steps)-2]
	switch last.Got {
	case ops.OK:
		last.Got = ops.Failed(unix.EINVAL)
	default:
		last.Got = ops.OK
	}
	return properties.Judge(k, trace, properties.Asked{})
}

// build compiles files with every warning; what links is run in guests (package suite).
func build(t testing.TB, files map[string]string) {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		if os.Getenv("MIMIC_VM") == "1" {
			t.Fatalf("%v: MIMIC_VM=1 says that what the tests need is there", err)
		}
		t.Skipf("%v: apt-get install gcc libc6-dev", err)
	}
	args := []string{"-Wall", "-Wextra", "-Werror", "-O1", "-c"}
	dir := t.TempDir()
	for name, src := range files {
		args = append(args, name+".c")
		if err := os.WriteFile(filepath.Join(dir, name+".c"), []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(gcc, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || len(files) == 0 {
		t.Errorf("%d files: %s: %v\n%s", len(files), cmd, err, out)
	}
}

// unjudged are findings that break no promise by themselves.
var unjudged = map[string]string{
	"H14-no-prealloc.seq":    "only machines whose irq_work is late show it: mimic's own C file would hold nearly always",
	"F6-nullable-memory.seq": "no map of maps is needed for it: mimic claims nothing of it",
	"F8-freeze-late.seq":     "no fake kernel is late by chance: findings/F8-freeze-late.c is written by hand",
}

func TestEveryFindingIsWritten(t *testing.T) {
	all, err := filepath.Glob(findings + "*.seq")
	if err != nil || len(all) < 30 {
		t.Fatalf("%d findings, %v", len(all), err)
	}
	files := map[string]string{}
	for _, path := range all {
		name := filepath.Base(path)
		if strings.HasPrefix(name, "F9-") {
			continue // only kernels of 32 bits show it; findings/F9-array-32bit.c, written by hand, is for all of them
		}
		v := violationOf(t, path)
		if why := unjudged[name]; why != "" || v == nil {
			if why == "" || v != nil {
				t.Errorf("%s: violation %v, exempt: %q", name, v, why)
			}
			continue
		}
		src, err := C(v, About{Name: "6.12", Kernel: v.Trace.Kernel})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n := strings.Count(src, "\n"); n > 700 {
			t.Errorf("%s: %d lines: nobody reads that", name, n)
		}
		files[strings.TrimSuffix(name, ".seq")] = src
	}
	build(t, files)
}

// other is the violation of a finding that no row of known.txt names.
func other(t testing.TB, name string, seq ops.Sequence) *properties.Violation {
	t.Helper()
	k := properties.Newest()
	honest := properties.Fake{Kernel: k}.Answer(seq)
	if name == "F3-described-template.seq" {
		i := slices.IndexFunc(known(t), func(r properties.Known) bool { return r.Ref.Rule.ID == "update/described" })
		return lied(t, known(t)[i].Ref, k.Version, seq)
	}
	if name == "H12-id-hash.seq" {
		events := ops.History([]ops.Event{{Call: 1, Return: 2, Got: ops.Read("id 0")}})
		return answered(t, k.Version, seq, "o0.lookup(1)", events)
	}
	for _, sentence := range properties.Sentences() {
		if v := properties.Contradiction(k, honest, sentence); v != nil {
			return v
		}
	}
	return nil
}

// TestNothingMadeIsWritten: a kernel may die of a sequence that makes nothing, of which there are no ids.
func TestNothingMadeIsWritten(t *testing.T) {
	src, err := C(atTheEnd(t, "caps(all)\ni0.freeze()\nend()"), About{})
	if err != nil {
		t.Fatal(err)
	}
	build(t, map[string]string{"nothing": src})
}
