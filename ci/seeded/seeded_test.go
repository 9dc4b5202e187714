package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mimic/report"
	"mimic/suite"
	"mimic/target"
)

// readFile reads a file of the module.
func readFile(t *testing.T, path string) string {
	t.Helper()
	root, err := target.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func readFaults(t *testing.T) []fault {
	t.Helper()
	faults, err := parseFaults(strings.NewReader(readFile(t, tableFile)))
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

// Each row of the table is in the patch, in the file that it names, and nothing else is.
func TestTableIsThePatch(t *testing.T) {
	faults := readFaults(t)
	inPatch := map[int]string{}
	file := ""
	number := regexp.MustCompile(`MIMIC\((\d+)\)`)
	for line := range strings.Lines(readFile(t, filepath.Join(suite.ConfigFolder, suite.SeededConfig+".patch"))) {
		if name, is := strings.CutPrefix(line, "+++ b/kernel/bpf/"); is {
			file = strings.TrimSpace(name)
		}
		if !strings.HasPrefix(line, "+") {
			continue
		}
		for _, m := range number.FindAllStringSubmatch(line, -1) {
			n, _ := strconv.Atoi(m[1])
			inPatch[n] = file
		}
	}
	for _, f := range faults {
		if inPatch[f.number] != f.file {
			t.Errorf("fault %d, %s, is to be in %s, and is in %q of the patch", f.number, f.name, f.file, inPatch[f.number])
		}
		delete(inPatch, f.number)
	}
	if len(inPatch) > 0 {
		t.Errorf("the patch has faults that %s has not: %v", tableFile, inPatch)
	}
}

func TestBadRowsAreNamed(t *testing.T) {
	_, err := parseFaults(strings.NewReader("1 a x.c seq P38 it leaks\n\n# a word\n0 b x.c seq P38 it leaks\n2 a x.c seq P38 twice\n3 c x.c often P38 it leaks\n4 d x.c seq P999 it leaks\n5 e x.c seq\n"))
	for _, want := range []string{":4: ", ":5: ", ":6: ", ":7: ", ":8: "} {
		if err == nil || !strings.Contains(err.Error(), tableFile+want) {
			t.Errorf("the error does not speak of line%s: %v", want, err)
		}
	}
}

func TestChoose(t *testing.T) {
	all := []fault{{number: 1}, {number: 2}, {number: 5}, {number: 9}}
	got, err := choose(all, "2-5,9")
	if err != nil || !reflect.DeepEqual(got, all[1:]) {
		t.Errorf("choose = %v, %v", got, err)
	}
	for _, bad := range []string{"", "x", "3", "1,4"} {
		if _, err := choose(all, bad); err == nil {
			t.Errorf("choose took %q", bad)
		}
	}
}

// What is saved is what is loaded, and of the same fault and seed the last counts.
func TestSavedResults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "results")
	first := result{fault: 3, seed: 1, executions: 9, took: time.Second}
	second := result{fault: 3, seed: 1, blamed: []string{"P38/hash", "P61/hash"}, right: true, executions: 7, asking: 1500 * time.Millisecond, length: 4, took: 2 * time.Second, asked: "narrow", commit: "abc1234"}
	other := result{fault: 4, seed: 1, fell: "the guest is gone", took: 3 * time.Second}
	for _, r := range []result{first, other, second} {
		if err := save(path, r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := load(path)
	if err != nil || len(got) != 2 || !slices.ContainsFunc(got, func(r result) bool { return reflect.DeepEqual(r, second) }) {
		t.Errorf("load = %+v, %v", got, err)
	}
	if err := os.WriteFile(path, []byte("3\tx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(path); err == nil {
		t.Error("load took a line of two columns")
	}
}

// Wilson's interval, against values of the literature: 0 of 20 is below 16 %, 10 of 20 is 30 to 70 %.
func TestWilson(t *testing.T) {
	if low, high := wilson(0, 20); low != 0 || high < 0.16 || high > 0.17 {
		t.Errorf("0 of 20: %v to %v", low, high)
	}
	if low, high := wilson(10, 20); low < 0.29 || low > 0.31 || high < 0.69 || high > 0.71 {
		t.Errorf("10 of 20: %v to %v", low, high)
	}
}

// A run that nothing was found in is not a fault caught; one on the whole kernel is a false alarm.
func TestVerdicts(t *testing.T) {
	quiet := resultOf(fault{number: 3, claim: "P38"}, &report.Kernel{Seed: 2, Sequences: 100})
	if quiet.verdict() != "survived" || !failed([]result{quiet}) {
		t.Errorf("a run without findings is %s", quiet.verdict())
	}
	blamed := []string{"P38/hash"}
	if failed([]result{{fault: 0}, {fault: 3, blamed: blamed}}) || !failed([]result{{fault: 0, blamed: blamed}}) {
		t.Error("a false alarm passes, or what is right does not")
	}
	text := table([]fault{{number: 3, name: "leak", claim: "P38"}}, []result{{fault: 3, seed: 1, blamed: blamed, right: true, executions: 7}, {fault: 3, seed: 2}, {asked: "all"}, {seed: 1, asked: "quick"}, {seed: 2, asked: "quick", blamed: blamed}})
	for _, want := range []string{"| 3 | leak", "1/2 (9-91 %)", "P38/hash", "the whole kernel, asked all: 0/1 runs", "asked quick: 1/2 (9-91 %) runs"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

// What is saved says what was asked.
func TestAsked(t *testing.T) {
	usual := options{sequences: suite.DefaultSequences}
	few, quick, narrow := usual, usual, usual
	few.sequences, quick.quick, narrow.narrow = 6, true, true
	for want, o := range map[string]options{everything: usual, "6 of each row": few, "quick": quick, "narrow": narrow} {
		if got := o.asked(); got != want {
			t.Errorf("asked() = %q, want %q", got, want)
		}
	}
}

// More seeds are asked of the claim of the table, and of what was blamed before; of the runs in which only those were asked
// no sequences are counted.
func TestNarrow(t *testing.T) {
	f := fault{number: 3, name: "leak", claim: "DOC-9"}
	before := []result{{fault: 3, blamed: []string{"P38/hash"}}, {fault: 4, blamed: []string{"P90/hash"}}}
	var got []string
	for _, key := range rowsFor(f, before) {
		got = append(got, key.String())
	}
	if want := []string{"DOC-9/array", "DOC-9/hash", "P38/hash"}; !slices.Equal(got, want) {
		t.Errorf("rowsFor = %v, want %v", got, want)
	}
	blamed := []string{"P38/hash"}
	if text := row(f, []result{{fault: 3, blamed: blamed, executions: 70, asked: everything}, {fault: 3, seed: 2, blamed: blamed, executions: 200, asked: "narrow"}}); !strings.Contains(text, "| 70 |") {
		t.Errorf("a narrow run counts with its sequences: %s", text)
	}
}

// TestBySeed: of 20 faults that one thread sees, one of which survives both seeds on which it is run and is dropped then, 19
// and then 18 and 19 are caught: that is 95 % on two seeds of three.
func TestBySeed(t *testing.T) {
	var all []fault
	var results []result
	o := options{drop: 2}
	for seed := uint64(1); seed <= 3; seed++ {
		for n := 1; n <= 20; n++ {
			f := fault{number: n}
			if seed == 1 {
				all = append(all, f)
			}
			if o.dropped(f, results) {
				continue
			}
			r := result{fault: n, seed: seed}
			if n != 7 && (n != 9 || seed != 2) {
				r.blamed = []string{"P1"}
			}
			results = append(results, r)
		}
	}
	if len(results) != 59 {
		t.Errorf("%d runs, want 59: the fault that survived two seeds is not run on the third", len(results))
	}
	if text := bySeed(all, results, false); !strings.Contains(text, "18 to 19 of 20; at least 95 % on 2 of 3 seeds") {
		t.Errorf("got %q", text)
	}
	if text := bySeed(all, results, true); text != "" {
		t.Errorf("there are no concurrent faults, got %q", text)
	}
}

// What was measured is of faults that the table has, of one commit each, and docs/power.md says what comes out of it.
func TestMeasured(t *testing.T) {
	faults := readFaults(t)
	results, err := load("measured.tsv")
	if err != nil || len(results) == 0 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for _, r := range results {
		if r.commit == "" || r.fault != 0 && !slices.ContainsFunc(faults, func(f fault) bool { return f.number == r.fault }) {
			t.Errorf("of a tree without a name, or of a fault that %s has not: %s", tableFile, r.line())
		}
	}
	_, scores, found := strings.Cut(table(faults, results), "\n\n")
	if !found {
		t.Error("the table has no scores below it")
	}
	docs := readFile(t, "docs/power.md")
	for line := range strings.Lines(scores) {
		if !strings.Contains(docs, "\n    "+line) {
			t.Errorf("docs/power.md lacks what measured.tsv says: %s", line)
		}
	}
}

// The sequences of the baseline parse, and break nothing on a kernel that keeps every promise.
func TestBaseline(t *testing.T) {
	names, seqs, err := readBaseline()
	if err != nil {
		t.Fatal(err)
	}
	specs, err := suite.ParseSpecs("", suite.How{Mode: target.Fast})
	if err != nil {
		t.Fatal(err)
	}
	for i, played := range suite.ReplayEach(t.Context(), suite.Config{}, specs[0], seqs, 1) {
		if played.Fault != nil || played.Finding != nil {
			t.Errorf("%s: %s", names[i], played.Text())
		}
	}
}
