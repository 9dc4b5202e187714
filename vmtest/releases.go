package vmtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Release is one version of a row's series that the archive has.
type Release struct {
	Name string // for people: the upstream version, and the revision where there is more than one
	row  Line
	c    candidate
}

// Releases lists every version of a row's series, the oldest first, in the suites of the row and
// in more, which only add upstream versions that the row's suites do not have. tried says in a sentence what each
// suite answered, and is all there is to go by if the list is short: what has left every suite is
// not to be had from an archive. The error is an *UnavailableError, or ctx's.
func (s *Source) Releases(ctx context.Context, row Line, more ...string) (list []Release, tried []string, err error) {
	if err := s.usable(); err != nil {
		return nil, nil, &UnavailableError{Line: row, Next: err.Error(), Err: err}
	}
	var found []candidate
	for _, suite := range slices.Concat(row.Suites, more) {
		root := s.rootFor(suite, archOf(row.Arch))
		all, err := root.candidates(ctx, s.Progress)
		if ctx.Err() != nil {
			return nil, tried, ctx.Err()
		}
		of := ofRow(row, all)
		if tried = append(tried, fmt.Sprintf("suite %s: %d versions", suite, len(of))); err != nil {
			tried[len(tried)-1] = fmt.Sprintf("suite %s: %v", suite, err)
		}
		if !slices.Contains(row.Suites, suite) {
			of = slices.DeleteFunc(of, func(c candidate) bool { return hasUpstream(found, c) })
		}
		found = append(found, of...)
	}
	if len(found) == 0 {
		return nil, tried, &UnavailableError{Line: row, Tried: tried, Next: "edit the row's suites, or give images of your own"}
	}
	return releases(row, found), tried, nil
}

// ofRow are the packages that a row's kernel may come from.
func ofRow(row Line, all []candidate) (of []candidate) {
	for _, c := range all {
		if row.wants(c) {
			of = append(of, c)
		}
	}
	return of
}

func hasUpstream(all []candidate, c candidate) bool {
	return slices.ContainsFunc(all, func(other candidate) bool {
		return upstreamVersion(other.Version) == upstreamVersion(c.Version)
	})
}

// releases keeps one package of each version, the signed one if there is one, and names them.
func releases(row Line, found []candidate) (list []Release) {
	slices.SortStableFunc(found, func(a, b candidate) int { return compareVersions(a.Version, b.Version) })
	for i := 0; i < len(found); {
		end := i + 1
		for end < len(found) && compareVersions(found[i].Version, found[end].Version) == 0 {
			end++
		}
		best, _ := newest(row, found[i:end])
		list = append(list, Release{upstreamVersion(best.Version), row, best})
		i = end
	}
	for i, r := range list {
		same := func(other Release) bool { return upstreamVersion(other.c.Version) == upstreamVersion(r.c.Version) }
		if slices.IndexFunc(list, same) < i || slices.ContainsFunc(list[i+1:], same) {
			_, revision := splitRevision(r.c.Version)
			list[i].Name += "-" + revision
		}
	}
	return list
}

// Is says whether text names the release: by its name, its upstream version, or its Debian version.
func (r Release) Is(text string) bool {
	return text == r.Name || text == r.c.Version || text == upstreamVersion(r.c.Version)
}

// String is the package that a release comes from.
func (r Release) String() string {
	return strings.Join([]string{r.c.Package, r.c.Version, r.c.Suite}, " ")
}

// FetchRelease gets one release into the cache, as Fetch gets the newest.
func (s *Source) FetchRelease(ctx context.Context, r Release) (Kernel, error) {
	k, err := s.get(ctx, r.row, r.c)
	if err == nil {
		k.Name = r.Name
	}
	return k, err
}

// Cached is the kernel of a row that the cache has, if any; nothing is fetched.
func (s *Source) Cached(row Line) (Kernel, bool) { return s.cached(row) }
