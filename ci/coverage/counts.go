package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// wanted are the functions of each file that make maps of maps.
var wanted = []struct {
	file     string
	function *regexp.Regexp
}{
	{"map_in_map.c", regexp.MustCompile(`.`)},
	{"arraymap.c", regexp.MustCompile(`of_map|fd_array_map`)},
	{"hashtab.c", regexp.MustCompile(`of_map|fd_htab_map`)},
}

// line is one of a source file: how often it was run, and how often each way out of it was taken.
type line struct {
	text     string
	function string
	counted  bool // there is code for it
	count    uint64
	branches map[string][]uint64 // of each function that it is a part of
}

// file is a source file, its first line first.
type file struct {
	name  string
	lines []line
}

// counts are those of the files of wanted, summed over guests.
type counts []*file

// report is what gcov --json-format says of one object: man gcov.
type report struct {
	Files []struct {
		File  string
		Lines []struct {
			Number   int    `json:"line_number"`
			Function string `json:"function_name"`
			Count    uint64
			Branches []struct{ Count uint64 }
		}
	}
}

// readFolder sums what the guests below a folder left. The error names what is missing.
func readFolder(folder string) (counts, error) {
	guests, err := filepath.Glob(filepath.Join(folder, "guest-*"))
	if err != nil || len(guests) == 0 {
		return nil, fmt.Errorf("%s has no folder guest-*: MIMIC_COVERAGE=%[1]s scripts/run-vm.sh gcov-6.12 makes some", folder)
	}
	var all counts
	for _, w := range wanted {
		f, err := readSource(filepath.Join(guests[0], w.file))
		if err != nil {
			return nil, err
		}
		for _, guest := range guests {
			if err := f.add(guest); err != nil {
				return nil, err
			}
		}
		f.keep(w.function)
		all = append(all, f)
	}
	return all, nil
}

func readSource(path string) (*file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &file{name: filepath.Base(path)}
	for text := range strings.Lines(string(text)) {
		f.lines = append(f.lines, line{text: strings.TrimRight(text, "\n"), branches: map[string][]uint64{}})
	}
	return f, nil
}

// add adds what one guest counted.
func (f *file) add(guest string) error {
	cmd := exec.Command("gcov", "--json-format", "--stdout", "--branch-probabilities", strings.TrimSuffix(f.name, ".c")+".gcda")
	cmd.Dir, cmd.Stderr = guest, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s in %s: %w", strings.Join(cmd.Args, " "), guest, err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		return fmt.Errorf("what %s says in %s: %w", strings.Join(cmd.Args, " "), guest, err)
	}
	for _, one := range r.Files {
		if filepath.Base(one.File) != f.name {
			continue
		}
		for _, l := range one.Lines {
			ways := make([]uint64, len(l.Branches))
			for i, b := range l.Branches {
				ways[i] = b.Count
			}
			f.lines[l.Number-1].add(l.Function, l.Count, ways)
		}
	}
	return nil
}

func (l *line) add(function string, count uint64, ways []uint64) {
	l.function, l.counted = function, true
	l.count += count
	sum := l.branches[function]
	if sum == nil {
		l.branches[function] = ways
		return
	}
	for i := range min(len(sum), len(ways)) {
		sum[i] += ways[i]
	}
}

// keep forgets the counts of other functions.
func (f *file) keep(functions *regexp.Regexp) {
	for i := range f.lines {
		if l := &f.lines[i]; !functions.MatchString(l.function) {
			l.counted = false
		}
	}
}

// tally is how many of something were reached.
type tally struct{ reached, all int }

func (t *tally) add(reached bool) {
	t.all++
	if reached {
		t.reached++
	}
}

func (t tally) String() string {
	if t.all == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d", t.reached, t.all)
}

// score is what was reached of a function, or of all.
type score struct{ lines, branches tally }

func (s *score) add(l line) {
	s.lines.add(l.count > 0)
	for _, ways := range l.branches {
		for _, n := range ways {
			s.branches.add(n > 0)
		}
	}
}

// functions are the names of those with code, in the order of the source.
func (c counts) functions() (names []string) {
	for _, f := range c {
		for _, l := range f.lines {
			if name := f.name + " " + l.function; l.counted && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// score is that of a function, of all for "".
func (c counts) score(name string) (s score) {
	for _, f := range c {
		for _, l := range f.lines {
			if l.counted && (name == "" || name == f.name+" "+l.function) {
				s.add(l)
			}
		}
	}
	return s
}
