package suite

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mimic/evidence"
	"mimic/ops"
	"mimic/report"
	"mimic/target"
	"mimic/vmtest"
)

// bisectTries is how often a race is run on each version, and anything on the bad one.
const bisectTries = 5

// MoreSuites are suites that have releases which those of kernels.txt do not have any more.
const MoreSuites = "bookworm-backports"

// version is one of the kernels that a bisection may ask.
type version struct {
	name   string
	series int // index of its row in kernels.txt
	spec   Spec
}

// Bisect narrows the versions between one that holds and one that fails: first over the series of
// kernels.txt, then over every release that the archive has of the newer of the two that are
// left. Suites are more suites to look in. It refuses, with a *UsageError, if the
// two are not as they are said to be, or not always.
func (c *Config) Bisect(ctx context.Context, q Question, good, bad string, mode target.Mode, suites []string) (b evidence.Bisection, err error) {
	s := &bisection{c: c, ctx: ctx, q: q, mode: mode, suites: suites, asked: map[string]int{}}
	if s.rows, err = debianRows(); err != nil {
		return b, err
	}
	ends, err := s.ends(good, bad)
	if err != nil {
		return b, err
	}
	if err := s.checkEnds(ends); err != nil {
		return s.result(ends), err
	}
	ends, err = s.overSeries(ends)
	if err == nil {
		ends, err = s.overReleases(ends)
	}
	return s.result(ends), err
}

// debianRows are the rows of kernels.txt that the archive has ready for amd64.
func debianRows() ([]vmtest.Line, error) {
	rows, err := Matrix()
	return slices.DeleteFunc(rows, func(l vmtest.Line) bool { return !l.Everyday() }), err
}

type bisection struct {
	c      *Config
	ctx    context.Context
	q      Question
	mode   target.Mode
	suites []string
	rows   []vmtest.Line
	asked  map[string]int // version → place in table
	table  []report.Tested
}

// pair is a version that holds and one that fails.
type pair struct{ good, bad version }

func (s *bisection) ends(good, bad string) (p pair, err error) {
	if p.good, err = s.find(good, "-good"); err != nil {
		return p, err
	}
	p.bad, err = s.find(bad, "-bad")
	return p, err
}

// find is the version of a name: a row of kernels.txt, or one of its releases.
func (s *bisection) find(name, flag string) (version, error) {
	for i, row := range s.rows {
		if row.Name() == name {
			all, err := ParseSpecs(name, How{Mode: s.mode, Cold: true})
			if err != nil {
				return version{}, err
			}
			return version{name, i, all[0]}, nil
		}
		if !strings.HasPrefix(name, row.Series+".") {
			continue
		}
		r, err := findRelease(s.ctx, s.c.tell, row, name, s.suites)
		if err != nil {
			return version{}, err
		}
		spec, err := releaseSpec(r, How{Mode: s.mode, Cold: true})
		return version{r.Name, i, spec}, err
	}
	return version{}, &UsageError{fmt.Sprintf("%s %q: want a row of %s or a release of one, as in 6.12 or 6.12.43", flag, name, MatrixFile)}
}

// findRelease is the release of a row that has a name.
func findRelease(ctx context.Context, tell func(string), row vmtest.Line, name string, suites []string) (r vmtest.Release, err error) {
	list, _, err := source(tell).Releases(ctx, row, suites...)
	if err != nil {
		return r, err
	}
	var names []string
	for _, r := range list {
		if r.Is(name) {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return r, &UsageError{fmt.Sprintf("there is no release %s of %s; the archive has %s", name, row.Name(), strings.Join(names, " "))}
}

// releases are the versions of a row, the oldest first.
func (s *bisection) releases(row int) (all []version, err error) {
	list, tried, err := source(s.c.tell).Releases(s.ctx, s.rows[row], s.suites...)
	if err != nil {
		return nil, err
	}
	if len(list) < 3 {
		s.c.logf("only %d releases of %s can be had: %s", len(list), s.rows[row].Name(), strings.Join(tried, "; "))
	}
	for _, r := range list {
		spec, err := releaseSpec(r, How{Mode: s.mode, Cold: true})
		if err != nil {
			return nil, err
		}
		all = append(all, version{r.Name, row, spec})
	}
	return all, nil
}

func (c *Config) tell(line string) { c.logf("%s", line) }

// ask puts the question to a version, once.
func (s *bisection) ask(v version, tries int) (report.Outcome, error) {
	if at, done := s.asked[v.name]; done {
		return s.table[at].Outcome, nil
	}
	q := s.q
	if ops.Races(q.Sequence) {
		tries = max(tries, bisectTries)
	}
	q.Tries = max(q.Tries, tries)
	t := s.c.askTwice(s.ctx, v.spec, q)
	if err := s.ctx.Err(); err != nil {
		return "", err
	}
	t.Kernel = v.name
	s.asked[v.name] = len(s.table)
	s.table = append(s.table, t)
	s.c.logf("%s: %s, failed %d of %d", v.name, t.Outcome, t.Shown, t.Runs)
	return t.Outcome, nil
}

// askTwice asks again if a kernel could not be run: a busy machine may keep one from booting in
// time, and whoever bisects would not find that out.
func (c *Config) askTwice(ctx context.Context, spec Spec, q Question) (t report.Tested) {
	for range 2 {
		if t = c.Ask(ctx, spec, []Question{q})[0]; t.Outcome != report.NotRun || ctx.Err() != nil {
			break
		}
	}
	return t
}

// checkEnds asks the two that are said to be known.
func (s *bisection) checkEnds(p pair) error {
	if _, err := s.ask(p.bad, bisectTries); err != nil {
		return err
	}
	t := s.table[0]
	switch {
	case !t.Outcome.Bad():
		return &UsageError{fmt.Sprintf("-bad %s does not fail: %s %s", p.bad.name, t.Outcome, t.Detail)}
	case t.Shown < t.Runs:
		return &UsageError{fmt.Sprintf("what -bad %s does is flaky: it failed %d of %d times; a bisection would end anywhere. A race shows always or never in -mode det",
			p.bad.name, t.Shown, t.Runs)}
	}
	outcome, err := s.ask(p.good, 1)
	if err != nil {
		return err
	}
	t = s.table[len(s.table)-1]
	switch outcome {
	case report.HoldsThere, report.Unclear:
		return nil
	}
	return &UsageError{fmt.Sprintf("-good %s does not hold: %s %s", p.good.name, t.Outcome, t.Detail)}
}

// overSeries narrows over the newest release of each row between the two.
func (s *bisection) overSeries(p pair) (pair, error) {
	if p.good.series == p.bad.series {
		return p, nil
	}
	var all []version
	for i, row := range s.rows {
		switch i {
		case p.good.series:
			all = append(all, p.good)
		case p.bad.series:
			all = append(all, p.bad)
		default:
			v, err := s.find(row.Name(), "")
			if err != nil {
				return p, err
			}
			all = append(all, v)
		}
	}
	return s.over(p, all)
}

// overReleases narrows over the releases between the two, in the series of the newer one: what
// changed on the way to its first release is not in releases of the series before.
func (s *bisection) overReleases(p pair) (pair, error) {
	older, newer := p.good, p.bad
	if s.isFix(p) {
		older, newer = p.bad, p.good
	}
	all, err := s.releases(newer.series)
	if err != nil {
		return p, err
	}
	if at := s.place(all, newer); at >= 0 {
		all = all[:at]
	}
	if at := s.place(all, older); at >= 0 {
		all = all[at+1:]
	}
	return s.over(p, slices.Concat([]version{older}, all, []version{newer}))
}

// place is where a version is among releases, if it is; the name of a row is its newest.
func (s *bisection) place(all []version, v version) int {
	if at := indexOf(all, v.name); at >= 0 || v.name != s.rows[v.series].Name() {
		return at
	}
	for i, release := range slices.Backward(all) {
		if base, _, _ := strings.Cut(release.name, "-"); base == s.upstream(v) || release.name == s.upstream(v) {
			return i
		}
	}
	return -1
}

func indexOf(all []version, name string) int {
	return slices.IndexFunc(all, func(v version) bool { return v.name == name })
}

// over narrows over versions in order, among which the two are.
func (s *bisection) over(p pair, all []version) (pair, error) {
	good, bad, err := evidence.Narrow(indexOf(all, p.good.name), indexOf(all, p.bad.name), func(i int) (report.Outcome, error) {
		return s.ask(all[i], 1)
	})
	return pair{all[good], all[bad]}, err
}

// isFix says whether the bad one is older.
func (s *bisection) isFix(p pair) bool {
	newest := s.rows[p.good.series].Name()
	switch {
	case p.good.series != p.bad.series:
		return p.bad.series < p.good.series
	case p.good.name == newest || p.bad.name == newest:
		return p.good.name == newest
	}
	return vmtest.Compare(p.bad.name, p.good.name) < 0
}

func (s *bisection) result(p pair) evidence.Bisection {
	slices.SortStableFunc(s.table, func(a, b report.Tested) int { return vmtest.Compare(a.Version(), b.Version()) })
	return evidence.Bisection{Good: s.upstream(p.good), Bad: s.upstream(p.bad), Fixed: s.isFix(p), Table: s.table}
}

// upstream is the release behind a version's name: 6.12.118, not 6.12.
func (s *bisection) upstream(v version) string {
	for _, t := range s.table {
		if t.Kernel == v.name && v.name == s.rows[v.series].Name() {
			return vmtest.Upstream(t.Version())
		}
	}
	return v.name
}
