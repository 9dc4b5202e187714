package vmtest

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"unicode"

	"github.com/hashicorp/go-multierror"
)

// Line is one row of a version matrix: a kernel series and the Debian suites it may be in.
type Line struct {
	Series string   // "6.12", or "7.3-rc" for candidates
	Suites []string // at least one
	Pos    Pos
	Config string // the configuration of ours that it is built with, kasan; "" is Debian's kernel
}

// Name is what people call a row: 6.12, or kasan-6.12.
func (l Line) Name() string {
	if l.Config == "" {
		return l.Series
	}
	return l.Config + "-" + l.Series
}

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

var (
	seriesForm = regexp.MustCompile(`^\d+\.\d+(-rc)?$`)
	nameForm   = regexp.MustCompile(`^(?:([a-z]+)-)?(\d+\.\d+(?:-rc)?)$`)
	suiteForm  = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
)

// ParseMatrix reads rows of "name suite...", with comments from # to the end of the line. name
// is what errors call the text. The error holds a *SyntaxError for every bad line; the rows
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
			"series %q is not of the form 6.12, 7.3-rc or kasan-6.12", name.text)}
	}
	if before, twice := first[name.text]; twice {
		return Line{}, &SyntaxError{pos, fmt.Sprintf(
			"series %s is already in line %d", name.text, before.Line)}
	}
	first[name.text] = pos
	suites, err := parseSuites(pos, words[1:])
	return Line{Series: parts[2], Suites: suites, Pos: pos, Config: parts[1]}, err
}

func parseSuites(pos Pos, words []word) ([]string, error) {
	if len(words) == 0 {
		return nil, &SyntaxError{pos, "the row names no suite to look in"}
	}
	var suites []string
	seen := map[string]bool{}
	for _, w := range words {
		pos.Column = w.column
		if !suiteForm.MatchString(w.text) {
			return nil, &SyntaxError{pos, fmt.Sprintf("%q is not the name of a suite", w.text)}
		}
		if seen[w.text] {
			return nil, &SyntaxError{pos, fmt.Sprintf("suite %s is named twice", w.text)}
		}
		seen[w.text] = true
		suites = append(suites, w.text)
	}
	return suites, nil
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
