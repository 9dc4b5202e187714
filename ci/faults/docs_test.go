package faults

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	docFile      = "../../docs/faults.md"
	measuredFile = "measured.tsv"
)

var (
	writeFlag  = flag.Bool("faults.write", false, "write "+docFile+" anew")
	recordFlag = flag.Bool("faults.record", false, "write "+measuredFile+", of all faults that were tried")
)

// TestDocs holds docs/faults.md to the table of faults and to what was measured of it.
func TestDocs(t *testing.T) {
	measured, err := readMeasured()
	must(t, err)
	want := document(measured)
	if *writeFlag {
		must(t, os.WriteFile(docFile, want, 0o644))
	}
	got, err := os.ReadFile(docFile)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the table of faults says: go test ./ci/faults -run TestDocs -faults.write", docFile)
	}
	for _, f := range table() {
		if m, ok := measured[f.name]; ok && m.tries < atLeast {
			t.Errorf("%s was tried %d times in %s, want at least %d: MIMIC_FAULTS=%d go test ./ci/faults -timeout 2h -faults.record",
				f.name, m.tries, measuredFile, atLeast, atLeast)
		}
		for _, code := range measured[f.name].exits() {
			if !slices.Contains(f.exits, code) {
				t.Errorf("%s ended with exit code %d in %s, which is not allowed", f.name, code, measuredFile)
			}
		}
	}
}

// atLeast is how often each fault is to have been tried for the document.
const atLeast = 20

// measure is what a full run found out about a fault.
type measure struct {
	tries          int
	codes, longest string
}

// exits are the exit codes in "0: 17 times, 3: 3 times".
func (m measure) exits() (codes []int) {
	for part := range strings.SplitSeq(m.codes, ", ") {
		text, _, _ := strings.Cut(part, ": ")
		if code, err := strconv.Atoi(text); err == nil {
			codes = append(codes, code)
		} else if text == bySignal {
			codes = append(codes, killed)
		}
	}
	return codes
}

const bySignal = "the signal"

func readMeasured() (map[string]measure, error) {
	text, err := os.ReadFile(measuredFile)
	all := map[string]measure{}
	for line := range strings.Lines(string(text)) {
		words := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(words) != 4 {
			return nil, fmt.Errorf("%s: %q has %d columns, want 4", measuredFile, line, len(words))
		}
		tries, err := strconv.Atoi(words[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", measuredFile, err)
		}
		all[words[0]] = measure{tries, words[2], words[3]}
	}
	return all, err
}

// recorder collects what faults measured in this run.
type recorder struct {
	mu  sync.Mutex
	all map[string]measure
}

func (r *recorder) add(k *kind) measure {
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(k.codes)) {
		name := strconv.Itoa(code)
		if code == killed {
			name = bySignal
		}
		parts = append(parts, fmt.Sprintf("%s: %d times", name, k.codes[code]))
	}
	m := measure{k.tries, strings.Join(parts, ", "), fmt.Sprintf("%.1f s", k.longest.Seconds())}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[k.name] = m
	return m
}

// save writes what was measured, and keeps what was measured of other faults before.
func (r *recorder) save(t *testing.T) {
	if !*recordFlag {
		return
	}
	before, _ := readMeasured() // there may be none
	var text bytes.Buffer
	for _, f := range table() {
		if m := cmp.Or(r.all[f.name], before[f.name]); m.tries > 0 {
			fmt.Fprintf(&text, "%s\t%d\t%s\t%s\n", f.name, m.tries, m.codes, m.longest)
		}
	}
	must(t, os.WriteFile(measuredFile, text.Bytes(), 0o644))
}

const docHead = `# What mimic does when something around it breaks

Made from the table in ` + "`ci/faults/table_test.go`" + ` by ` + "`go test ./ci/faults -run TestDocs -faults.write`" + `; do not edit.

Each try runs the real command on kernel 6.12 in QEMU, with folders and a cache of its own, and breaks something at a random moment or
place; the seed is printed. Whatever was broken, after each try

- mimic has ended, within ten minutes (the longest wait, a minute and a half on a machine that has nothing else to do, is for a kernel that says nothing,
  on two boards, one after the other);
- the exit code is one of those below, and 0 only if every verdict is the one of a run in which nothing is broken;
- no row is said to hold that was not asked in full, and nothing is blamed that holds;
- no process is left that was started (all carry a mark in their environment), no file in TMPDIR, no mount;
- afterwards, with the same cache, a run in which nothing is broken exits 0, and no half of a file is left in the cache.

A guest that was not ready in time on a machine under load proves nothing: such a try is repeated.

| fault | how | what happens | tries | exit codes | longest |
| --- | --- | --- | --- | --- | --- |
`

const docTail = `
    MIMIC_VM=1 go test ./ci/faults -v                                   # a sample: each fault once or twice
    MIMIC_FAULTS=20 go test ./ci/faults -v -timeout 2h -faults.record   # all of it, as root; writes ci/faults/measured.tsv

What needs a file system of its own is mounted in a namespace that ends with the try, and is skipped without root.
`

func document(measured map[string]measure) []byte {
	var b bytes.Buffer
	b.WriteString(docHead)
	for _, f := range table() {
		figures := "not measured yet | | "
		if m, ok := measured[f.name]; ok {
			figures = fmt.Sprintf("%d | %s | %s", m.tries, m.codes, m.longest)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.name, f.how, f.outcome, figures)
	}
	b.WriteString(docTail)
	return b.Bytes()
}
