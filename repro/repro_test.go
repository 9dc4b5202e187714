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
				return leaked(t, row.Since, seq)
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

// leaked judges a sequence at the end of which a map is left.
func leaked(t testing.TB, on properties.Version, seq ops.Sequence) *properties.Violation {
	t.Helper()
	k := properties.Newest()
	k.Version = on
	trace := properties.Fake{Kernel: k}.Answer(seq)
	trace.Steps[len(trace.Steps)-1].Got = ops.Read("i3")
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

func TestX(t *testing.T) {
	dir := os.Getenv("OUT")
	os.MkdirAll(dir, 0o755)
	all, _ := filepath.Glob(findings + os.Getenv("ONLY") + "*.seq")
	for _, path := range all {
		v := violationOf(t, path)
		if v == nil {
			t.Errorf("%s: no violation", path)
			continue
		}
		src, err := C(v, About{Kernel: v.Trace.Kernel})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		name := filepath.Join(dir, strings.TrimSuffix(filepath.Base(path), ".seq"))
		os.WriteFile(name+".c", []byte(src), 0o644)
		if out, err := exec.Command("gcc", "-static", "-Wall", "-Wextra", "-Werror", "-O1", "-o", name, name+".c").CombinedOutput(); err != nil {
			t.Errorf("%s: %s", path, out)
		}
	}
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
	for _, sentence := range properties.Sentences() {
		if v := properties.Contradiction(k, honest, sentence); v != nil {
			return v
		}
	}
	return nil
}
