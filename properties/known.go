package properties

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"mimic/ops"
)

// Known is a row of known.txt: a promise that some kernels are known to break.
type Known struct {
	Ref          Ref
	Since, Until Version // Until is zero if no kernel keeps it again
	Where        []Where // what else is so of the kernels
	Sequence     string  // path of the sequence that shows it; "" if none does for sure
	Reason       string
}

// On says whether the row speaks of kernel k.
func (d Known) On(k Kernel) bool {
	return k.Version.in(d.Since, d.Until) && !slices.ContainsFunc(d.Where, func(w Where) bool { return k.has(w.Feature) == w.Lacks })
}

// Where is a feature that a kernel has, or lacks, on which a row speaks.
type Where struct {
	Feature string
	Lacks   bool
}

// Explains says whether the row speaks of what a violation breaks. That a kernel
// died of it is no other fault.
func (d Known) Explains(v *Violation, k Kernel) bool {
	return d.On(k) && (slices.Contains(v.By, d.Ref) || slices.Contains(v.Rests, d.Ref))
}

// Kills says whether kernels are known to die of it.
func (d Known) Kills() bool { return d.Ref.Rule.deadly }

var knownRow = regexp.MustCompile(`\S+`)

// ParseKnown reads known.txt; name is what errors call it. The error holds a
// *KnownError for every bad row.
func ParseKnown(name string, r io.Reader) (rows []Known, err error) {
	var errs *multierror.Error
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := lines.Text()
		if trimmed := strings.TrimSpace(text); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		row, column, err := parseKnown(text)
		if err != nil {
			errs = multierror.Append(errs, &KnownError{name, n, column, err.Error()})
			continue
		}
		rows = append(rows, row)
	}
	errs = multierror.Append(errs, lines.Err())
	return rows, errs.ErrorOrNil()
}

// KnownError says where known.txt is wrong, and why.
type KnownError struct {
	File         string
	Line, Column int
	Reason       string
}

func (e *KnownError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Reason)
}

func parseKnown(text string) (d Known, column int, err error) {
	at := knownRow.FindAllStringIndex(text, -1)
	if len(at) < 7 {
		return d, len(text) + 1, fmt.Errorf("%d columns, want rule, family, since, until, where, sequence and reason", len(at))
	}
	word := func(i int) string { return text[at[i][0]:at[i][1]] }
	for i, parse := range []func(string) error{
		func(s string) (err error) { d.Ref.Rule, err = ruleByID(s); return err },
		func(s string) (err error) { d.Ref.Family, err = familyOfRule(s, d.Ref.Rule); return err },
		func(s string) (err error) { d.Since, err = ParseVersion(s); return err },
		func(s string) (err error) { d.Until, err = parseUntil(s, d.Since); return err },
		func(s string) (err error) { d.Where, err = parseWhere(s); return err },
	} {
		if err := parse(word(i)); err != nil {
			return d, at[i][0] + 1, err
		}
	}
	d.Sequence, d.Reason = strings.TrimPrefix(word(5), "-"), text[at[6][0]:]
	return d, 0, nil
}

func ruleByID(id string) (*Rule, error) {
	for _, r := range rules {
		if r.ID == id {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%q is not a rule of properties/ruletable.go", id)
}

func familyOfRule(name string, r *Rule) (Family, error) {
	for _, key := range Keys() {
		if slices.Contains(r.Claims, key.Claim) && string(key.Family) == name {
			return key.Family, nil
		}
	}
	return "", fmt.Errorf("rule %s is not asked of family %q", r.ID, name)
}

func parseUntil(s string, since Version) (v Version, err error) {
	if s == "-" {
		return v, nil
	}
	if v, err = ParseVersion(s); err == nil && !since.Before(v) {
		err = fmt.Errorf("until %s is not after since %s", v, since)
	}
	return v, err
}

func parseWhere(s string) (all []Where, err error) {
	if s == "-" {
		return nil, nil
	}
	for word := range strings.SplitSeq(s, ",") {
		feature, lacks := strings.CutPrefix(word, "!")
		if !slices.Contains(ops.MachineFeatures(), feature) {
			return nil, fmt.Errorf("%q is not a feature of machines, which are %s", feature, strings.Join(ops.MachineFeatures(), ", "))
		}
		all = append(all, Where{feature, lacks})
	}
	return all, nil
}
