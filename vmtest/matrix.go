package vmtest

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"

	"github.com/hashicorp/go-multierror"
)

// Line is one row of a version matrix, or what else names kernels: a series, and where to look for it.
type Line struct {
	Series  string   // "6.12", "7.3-rc" for candidates, "6.12.117" for one release; "" if Package or Images say it all
	Suites  []string // Debian suites to look in
	Images  []string // OCI images to take it from if no suite has it, "cilium/ci-kernels:6.6"
	Pos     Pos      // where it was written; the zero Pos if not in a file
	Config  string   // the configuration of ours that it is built with, kasan; "" is Debian's kernel
	Arch    string   // as Go names it; "" is amd64
	Package string   // the Debian package to take, PACKAGE or PACKAGE=VERSION; "" is the newest of the series
}

// Name is what people call a row: 6.12, kasan-6.12, or 6.12/arm64.
func (l Line) Name() string {
	name := l.Series
	switch {
	case l.Package != "":
		name = debianPrefix + l.Package
	case name == "":
		name = ociPrefix + strings.Join(l.Images, ",")
	case l.Config != "":
		name = l.Config + "-" + l.Series
	}
	if l.Arch != "" {
		name += "/" + l.Arch
	}
	return name
}

// Everyday says whether a row is of those that are always asked: what an archive has ready for the usual
// architecture.
func (l Line) Everyday() bool { return l.ready() && l.Arch == "" }

// ready says whether an archive has the kernel of a row as it is booted.
func (l Line) ready() bool { return l.Config == "" && len(l.Suites) > 0 }

// Pos is a place in a text file; lines and columns count from 1, columns in bytes.
type Pos struct {
	File         string
	Line, Column int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// SyntaxError says what is wrong at a place in a version matrix.
type SyntaxError struct {
	Pos
	Reason string
}

func (e *SyntaxError) Error() string { return e.Pos.String() + ": " + e.Reason }

// What a word begins with that names where a kernel is, instead of which it is.
const (
	debianPrefix = "debian:"
	ociPrefix    = "oci:"
)

var (
	seriesForm = regexp.MustCompile(`^\d+\.\d+(-rc)?$`)
	nameForm   = regexp.MustCompile(`^(?:([a-z]+)-)?(\d+\.\d+(?:-rc)?)(?:/([a-z0-9]+))?$`)
	suiteForm  = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	// No part of a repository's path looks like the name of a host: which registry has it is not for this file to say.
	imageForm = regexp.MustCompile(`^oci:([a-z0-9_-]+(?:/[a-z0-9_-]+)*:[\w.-]+)$`)
)

// ParseMatrix reads rows of "name place...", with comments from # to the end of the line. A place is a
// suite of the Debian archive or oci:REPOSITORY:TAG. name is what errors call the text. The error holds a *SyntaxError for every bad line; the rows
// returned beside it are the good ones.
func ParseMatrix(name string, r io.Reader) ([]Line, error) {
	var (
		rows  []Line
		wrong *multierror.Error
		first = map[string]Pos{}
	)
	scanner := bufio.NewScanner(r)
	for n := 1; scanner.Scan(); n++ {
		row, err := parseRow(Pos{name, n, 1}, scanner.Text(), first)
		if err != nil {
			wrong = multierror.Append(wrong, err)
		} else if row.Series != "" {
			rows = append(rows, row)
		}
	}
	if err := scanner.Err(); err != nil {
		wrong = multierror.Append(wrong, fmt.Errorf("read %s: %w", name, err))
	}
	return rows, wrong.ErrorOrNil()
}

// parseRow reads one line; an empty one gives the zero Line. first is where each series was seen.
func parseRow(pos Pos, text string, first map[string]Pos) (Line, error) {
	words := splitWords(text)
	if len(words) == 0 {
		return Line{}, nil
	}
	name := words[0]
	pos.Column = name.column
	parts := nameForm.FindStringSubmatch(name.text)
	if parts == nil {
		return Line{}, &SyntaxError{pos, fmt.Sprintf(
			"series %q is not of the form 6.12, 7.3-rc, kasan-6.12 or 6.12/arm64", name.text)}
	}
	if before, twice := first[name.text]; twice {
		return Line{}, &SyntaxError{pos, fmt.Sprintf(
			"series %s is already in line %d", name.text, before.Line)}
	}
	first[name.text] = pos
	row := Line{Series: parts[2], Pos: pos, Config: parts[1], Arch: parts[3]}
	if reason := row.oddArch(); reason != "" {
		pos.Column += strings.IndexByte(name.text, '/') + 1
		return Line{}, &SyntaxError{pos, reason}
	}
	err := row.parsePlaces(pos, words[1:])
	return row, err
}

// oddArch says what is wrong with the architecture of a row; "" if nothing is.
func (l Line) oddArch() string {
	switch {
	case l.Arch == "":
		return ""
	case l.Config != "":
		return "what is built here is for amd64 only: leave out /" + l.Arch
	case l.Arch == usualArch:
		return "a row without an architecture is for " + usualArch + ": leave out /" + usualArch
	case !knownArch(l.Arch):
		return fmt.Sprintf("no machine for %q; there are %s", l.Arch, archNames())
	}
	return ""
}

// parsePlaces reads where a row's kernel is.
func (l *Line) parsePlaces(pos Pos, words []word) error {
	if len(words) == 0 {
		return &SyntaxError{pos, "the row names no place to look in: a suite, or oci:REPOSITORY:TAG"}
	}
	seen := map[string]bool{}
	for _, w := range words {
		pos.Column = w.column
		if reason := l.addPlace(w.text); reason != "" {
			return &SyntaxError{pos, reason}
		}
		if seen[w.text] {
			return &SyntaxError{pos, w.text + " is named twice"}
		}
		seen[w.text] = true
	}
	return nil
}

// addPlace answers what is wrong with a place, "" if nothing is.
func (l *Line) addPlace(text string) (reason string) {
	if image := imageForm.FindStringSubmatch(text); image != nil {
		l.Images = append(l.Images, image[1])
		return ""
	}
	switch {
	case strings.HasPrefix(text, ociPrefix):
		return fmt.Sprintf("%q is not of the form oci:REPOSITORY:TAG, without the name of a registry (%s has that)", text, registryVariable)
	case !suiteForm.MatchString(text):
		return fmt.Sprintf("%q is not the name of a suite", text)
	case len(l.Images) > 0:
		return fmt.Sprintf("suite %s comes after an image: suites are looked in first", text)
	}
	l.Suites = append(l.Suites, text)
	return ""
}

type word struct {
	text   string
	column int
}

// splitWords splits a line at white space, up to a comment.
func splitWords(line string) []word {
	var words []word
	start := -1
	for i, r := range line + "#" {
		end := r == '#' || unicode.IsSpace(r)
		if end && start >= 0 {
			words = append(words, word{line[start:i], start + 1})
			start = -1
		} else if !end && start < 0 {
			start = i
		}
		if r == '#' {
			break
		}
	}
	return words
}
