package ops

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// SyntaxError says where text is not of the language, and why.
type SyntaxError struct {
	Line, Column int // both from 1; the column counts bytes
	Reason       string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// Parse reads a sequence: an operation a line, blank lines and # comments are
// passed over. The error holds a *SyntaxError for every bad line.
func Parse(src string) (Sequence, error) {
	var seq Sequence
	var errs *multierror.Error
	defined := map[Name]int{}
	for i, line := range strings.Split(src, "\n") {
		op, err := parseLine(line, i+1, defined)
		if err != nil {
			errs = multierror.Append(errs, err)
		} else if op != nil {
			seq = append(seq, op)
		}
	}
	if errs != nil {
		errs.ErrorFormat = lines
	}
	return seq, errs.ErrorOrNil()
}

func lines(errs []error) string {
	all := make([]string, len(errs))
	for i, err := range errs {
		all[i] = err.Error()
	}
	return strings.Join(all, "\n")
}

// String is an operation a line.
func (s Sequence) String() string {
	var b strings.Builder
	for _, op := range s {
		b.WriteString(op.String() + "\n")
	}
	return b.String()
}

// parseLine answers nil for a line without an operation.
func parseLine(line string, number int, defined map[Name]int) (Op, error) {
	if i := strings.IndexByte(line, '#'); i >= 0 {
		line = line[:i]
	}
	if strings.TrimSpace(line) == "" {
		return nil, nil
	}
	p := &scanner{src: line, line: number}
	op, err := p.op()
	if err != nil {
		return nil, err
	}
	if name := Defines(op); name != "" {
		if at, dup := defined[name]; dup {
			return nil, &SyntaxError{number, 1 + strings.Index(line, string(name)),
				fmt.Sprintf("%s is defined already, at line %d", name, at)}
		}
		defined[name] = number
	}
	return op, nil
}

// scanner walks over one line.
type scanner struct {
	src  string
	at   int
	line int
}

func (p *scanner) fail(at int, format string, a ...any) error {
	return &SyntaxError{p.line, at + 1, fmt.Sprintf(format, a...)}
}

func (p *scanner) space() {
	for p.at < len(p.src) && (p.src[p.at] == ' ' || p.src[p.at] == '\t') {
		p.at++
	}
}

// word reads up to a delimiter and answers where it began.
func (p *scanner) word(delimiters string) (string, int) {
	p.space()
	start := p.at
	for p.at < len(p.src) && !strings.ContainsRune(delimiters, rune(p.src[p.at])) {
		p.at++
	}
	return strings.TrimRight(p.src[start:p.at], " \t"), start
}

// take passes over one byte if it comes next.
func (p *scanner) take(c byte) bool {
	p.space()
	if p.at < len(p.src) && p.src[p.at] == c {
		p.at++
		return true
	}
	return false
}

// op reads [name =] verb(args) or name.verb(args).
func (p *scanner) op() (Op, error) {
	first, at := p.word("=.(")
	name, nameAt, form := "", at, byte(0)
	switch {
	case p.take('='):
		form = '='
	case p.take('.'):
		form = '.'
	}
	verb, verbAt := first, at
	if form != 0 {
		name = first
		verb, verbAt = p.word("(")
	}
	r, err := p.row(verb, verbAt, form)
	if err != nil {
		return nil, err
	}
	v := reflect.New(r.typ).Elem()
	if err := p.subject(r, v, name, nameAt); err != nil {
		return nil, err
	}
	if err := p.args(r, v); err != nil {
		return nil, err
	}
	p.space()
	if p.at < len(p.src) {
		return nil, p.fail(p.at, "%q after the operation", p.src[p.at:])
	}
	return v.Interface().(Op), nil
}

func (p *scanner) row(verb string, at int, form byte) (*row, error) {
	for _, r := range table {
		if r.verb != verb {
			continue
		}
		if (r.def >= 0) != (form == '=') || (r.on >= 0) != (form == '.') {
			return nil, p.fail(at, "%s is written %s(…)", verb, r.head())
		}
		return r, nil
	}
	return nil, p.fail(at, "%q is not an operation", verb)
}

func (p *scanner) subject(r *row, v reflect.Value, name string, at int) error {
	field := max(r.def, r.on)
	if field < 0 {
		return nil
	}
	if !isName(name) {
		return p.fail(at, "%q is not a name: want a lower-case letter, then letters or digits", name)
	}
	return set(v, field, name)
}

// args reads the arguments between the brackets.
func (p *scanner) args(r *row, v reflect.Value) error {
	if !p.take('(') {
		return p.fail(p.at, "want ( after %s", r.verb)
	}
	given := make([]bool, len(r.args))
	for position := 0; !p.take(')'); position++ {
		if position > 0 && !p.take(',') {
			return p.fail(p.at, "want , or ) in the arguments of %s", r.verb)
		}
		if err := p.arg(r, v, position, given); err != nil {
			return err
		}
	}
	return p.defaults(r, v, given)
}

func (p *scanner) arg(r *row, v reflect.Value, position int, given []bool) error {
	s, at := p.word(",=)")
	name, nameAt := "", at
	if p.take('=') {
		name = s
		s, at = p.word(",)")
	}
	i := r.find(name, position)
	if i < 0 {
		return p.fail(nameAt, "%s has no argument %s", r.verb, orPosition(name, position))
	}
	if given[i] {
		return p.fail(nameAt, "argument %s of %s is given twice", orPosition(name, position), r.verb)
	}
	given[i] = true
	if err := set(v, r.args[i].field, s); err != nil {
		return p.fail(at, "%v", err)
	}
	return nil
}

func orPosition(name string, position int) string {
	if name != "" {
		return name
	}
	return fmt.Sprintf("number %d", position+1)
}

// find is the index of the argument with that name, or at that position.
func (r *row) find(name string, position int) int {
	if name == "" {
		if position < len(r.args) && r.args[position].name == "" {
			return position
		}
		return -1
	}
	for i, a := range r.args {
		if a.name == name {
			return i
		}
	}
	return -1
}

func (p *scanner) defaults(r *row, v reflect.Value, given []bool) error {
	for i, a := range r.args {
		if given[i] {
			continue
		}
		if !a.optional {
			return p.fail(p.at-1, "%s needs its argument %s", r.verb, orPosition(a.name, i))
		}
		if err := set(v, a.field, a.def); err != nil {
			return p.fail(p.at, "default of %s: %v", r.verb, err)
		}
	}
	return nil
}
