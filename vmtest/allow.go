package vmtest

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-multierror"
)

// AllowRow is a row of an allow-list: splats that do not count on some kernels for some time.
type AllowRow struct {
	Pattern     *regexp.Regexp // matches the first line of a report, or its function
	First, Last string         // the series it is about; Last is "" if there is no end
	Expires     time.Time      // from this day on the row is an error
	Link        string         // where it is dealt with
	Reason      string
	Pos         Pos
}

// AllowList is what a kernel may complain of.
type AllowList []AllowRow

// allowColumns are the columns of an allow-list, two spaces apart.
var allowColumns = []string{"pattern", "kernels", "expires", "link", "reason"}

// ParseAllowList reads rows of "pattern  kernels  expires  link  reason", two spaces or more apart,
// with comments in lines that begin with #. name is what errors call the text, and today is when
// rows expire. The error holds a *SyntaxError for every bad row; one that expired is bad.
func ParseAllowList(name string, r io.Reader, today time.Time) (AllowList, error) {
	var (
		list  AllowList
		wrong *multierror.Error
	)
	scanner := bufio.NewScanner(r)
	for n := 1; scanner.Scan(); n++ {
		text := scanner.Text()
		if trimmed := strings.TrimSpace(text); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		row, err := parseAllowRow(Pos{name, n, 1}, text, today)
		if err != nil {
			wrong = multierror.Append(wrong, err)
			continue
		}
		list = append(list, row)
	}
	if err := scanner.Err(); err != nil {
		wrong = multierror.Append(wrong, fmt.Errorf("read %s: %w", name, err))
	}
	return list, wrong.ErrorOrNil()
}

var allowCell = regexp.MustCompile(`\S+( \S+)*`)

func parseAllowRow(pos Pos, text string, today time.Time) (row AllowRow, err error) {
	at := allowCell.FindAllStringIndex(text, -1)
	if len(at) != len(allowColumns) {
		pos.Column = len(text) + 1
		return row, &SyntaxError{pos, fmt.Sprintf("%d columns, two spaces apart, want %d: %s",
			len(at), len(allowColumns), strings.Join(allowColumns, ", "))}
	}
	row.Pos = pos
	for i, parse := range []func(string) error{
		func(s string) (err error) { row.Pattern, err = regexp.Compile(s); return err },
		row.parseKernels,
		func(s string) error { return row.parseExpires(s, today) },
		row.parseLink,
		func(s string) error { row.Reason = s; return nil },
	} {
		if err := parse(text[at[i][0]:at[i][1]]); err != nil {
			pos.Column = at[i][0] + 1
			return row, &SyntaxError{pos, err.Error()}
		}
	}
	return row, nil
}

// parseKernels reads 6.12, 6.1..6.12 or 6.1.. .
func (r *AllowRow) parseKernels(text string) error {
	first, last, isRange := strings.Cut(text, "..")
	if !isRange {
		last = first
	}
	r.First, r.Last = first, last
	if !seriesForm.MatchString(first) || last != "" && !seriesForm.MatchString(last) {
		return fmt.Errorf("kernels %q are not of the form 6.12, 6.1..6.12 or 6.1..", text)
	}
	if last != "" && compareVersions(first, last) > 0 {
		return fmt.Errorf("kernels %q end before they begin", text)
	}
	return nil
}

func (r *AllowRow) parseExpires(text string, today time.Time) (err error) {
	if r.Expires, err = time.Parse(time.DateOnly, text); err != nil {
		return fmt.Errorf("expires %q is not a day like 2027-01-31", text)
	}
	if !today.Before(r.Expires) {
		return fmt.Errorf("the row expired on %s: take it out, or look at its link and give it a later day", text)
	}
	return nil
}

func (r *AllowRow) parseLink(text string) error {
	r.Link = text
	if !strings.HasPrefix(text, "https://") {
		return fmt.Errorf("link %q does not begin with https://", text)
	}
	return nil
}

// on says whether a row is about an upstream version.
func (r AllowRow) on(version string) bool {
	if version == "" || compareVersions(version, r.First) < 0 && !inSeries(version, r.First) {
		return false
	}
	return r.Last == "" || compareVersions(version, r.Last) < 0 || inSeries(version, r.Last)
}

// On is the list for Config.Allowed on a kernel. told hears, once a row, what was allowed and why.
func (l AllowList) On(k Kernel, told func(string)) func(Splat) bool {
	var used sync.Map
	return func(s Splat) bool {
		for _, row := range l {
			if !row.on(k.Version) || !row.Pattern.MatchString(s.Line) && !row.Pattern.MatchString(s.Where) {
				continue
			}
			if _, before := used.LoadOrStore(row.Pos, true); !before {
				told(fmt.Sprintf("%s allows %q: %s, %s", row.Pos, s, row.Reason, row.Link))
			}
			return true
		}
		return false
	}
}
