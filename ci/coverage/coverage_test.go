package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// source is a file with a function that is wanted and one that is not.
func source() *file {
	f := &file{name: "hashtab.c"}
	for _, text := range []string{"void htab_of_map_free()", "\tif (a)", "\t\tb();", "void other()"} {
		f.lines = append(f.lines, line{text: text, branches: map[string][]uint64{}})
	}
	f.lines[0].add("htab_of_map_free", 2, nil)
	f.lines[1].add("htab_of_map_free", 2, []uint64{2, 0})
	f.lines[2].add("htab_of_map_free", 0, nil)
	f.lines[3].add("other", 0, nil)
	f.keep(wanted[2].function)
	return f
}

func TestScore(t *testing.T) {
	c := counts{source()}
	s := c.score("hashtab.c htab_of_map_free")
	if s.lines != (tally{2, 3}) || s.branches != (tally{1, 2}) || len(c.functions()) != 1 {
		t.Errorf("%v lines, %v branches of %q; want 2 of 3, 1 of 2, of one function", s.lines, s.branches, c.functions())
	}
	c[0].lines[1].add("htab_of_map_free", 1, []uint64{0, 1}) // another guest
	if s := c.score(""); s.branches != (tally{2, 2}) {
		t.Errorf("%v branches after a guest that took the other; want 2 of 2", s.branches)
	}
}

// TestGaps: what was not reached is named, with its reason if it has one.
func TestGaps(t *testing.T) {
	gaps := counts{source()}.gaps(map[reasonKey]string{{"htab_of_map_free", "b();"}: "why"})
	if len(gaps) != 2 || !gaps[0].branch || gaps[0].reason != "" || gaps[1].branch || gaps[1].reason != "why" {
		t.Errorf("gaps %v; want line 2 in part and without a reason, line 3 with one", gaps)
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := writePage(path, counts{source()}, gaps); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), `class="not"`) {
		t.Errorf("the page shows no line that was not run: %v", err)
	}
}

func TestReasons(t *testing.T) {
	if all, err := readReasons("unreached.txt"); err != nil || len(all) == 0 {
		t.Errorf("%d reasons, %v", len(all), err)
	}
	path := filepath.Join(t.TempDir(), "bad.txt")
	os.WriteFile(path, []byte("# one\nf | x\n"), 0o644)
	if _, err := readReasons(path); err == nil || !strings.Contains(err.Error(), path+":2:") {
		t.Errorf("error %v, want one that names the line", err)
	}
}
