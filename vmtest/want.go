package vmtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// releaseForm is one release of the kernel: 6.12.117 or 7.3-rc7.
var releaseForm = regexp.MustCompile(`^(\d+\.\d+)(?:\.\d+|(-rc)\d+)$`)

// packageForm is the name of a Debian package, and perhaps =VERSION.
var packageForm = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?$`)

// Words that mean several rows.
const (
	wordAll    = "all"    // those of every day; with /ARCHITECTURE behind it, those of an architecture
	wordArches = "arches" // those of all architectures but the usual one
)

// Several finds the rows that a word means which is not the name of one; none for any other word. Who wants a kernel
// that takes minutes to build, or is in another registry, names it.
func Several(word string, matrix []Line) (rows []Line) {
	of, arch, one := strings.Cut(word, "/")
	for _, row := range matrix {
		switch {
		case !row.ready():
		case word == wordAll && row.Everyday(), word == wordArches && !row.Everyday(),
			one && of == wordAll && archOf(row.Arch).name == arch:
			rows = append(rows, row)
		}
	}
	return rows
}

// Want finds the row that a word means which is not the path of something: the name of a row, a release
// of a series, debian:PACKAGE or oci:IMAGE, with /ARCHITECTURE behind it if it is not amd64. ok is false
// for a word of any other form, and of a series without a row.
func Want(word string, matrix []Line) (row Line, ok bool, err error) {
	what, arch := word, ""
	if i := strings.LastIndexByte(word, '/'); i >= 0 && knownArch(word[i+1:]) {
		what, arch = word[:i], archOf(word[i+1:]).field()
	}
	if name, is := strings.CutPrefix(what, debianPrefix); is {
		if !packageForm.MatchString(name) {
			return row, false, fmt.Errorf("%q: want %sPACKAGE or %sPACKAGE=VERSION", word, debianPrefix, debianPrefix)
		}
		return Line{Package: name, Arch: arch, Suites: suitesOf(matrix)}, true, nil
	}
	if image, is := strings.CutPrefix(what, ociPrefix); is {
		if i := strings.LastIndexByte(image, '/'); !strings.ContainsAny(image[i+1:], ":@") {
			return row, false, fmt.Errorf("%q: want %sREPOSITORY:TAG or %sREPOSITORY@sha256:DIGEST", word, ociPrefix, ociPrefix)
		}
		return Line{Images: []string{image}, Arch: arch}, true, nil
	}
	for _, row := range matrix {
		if row.series(what) && row.Arch == arch {
			return row, true, nil
		}
	}
	row, ok = releaseRow(what, arch, matrix)
	return row, ok, nil
}

// series says whether a row is of the name, whatever its architecture.
func (l Line) series(name string) bool {
	l.Arch = ""
	return l.Name() == name
}

// releaseRow is one release of a series: in the suites of the row of that series, or all, and in the images
// that rows have, under its own tag.
func releaseRow(name, arch string, matrix []Line) (row Line, ok bool) {
	m := releaseForm.FindStringSubmatch(name)
	if m == nil {
		return row, false
	}
	row = Line{Series: name, Arch: arch}
	for _, l := range matrix {
		if l.Config == "" && l.Arch == arch && l.Series == m[1]+m[2] {
			row.Suites = l.Suites
		}
		for _, image := range l.Images {
			repository, _, _ := strings.Cut(image, ":")
			if tagged := repository + ":" + name; !slices.Contains(row.Images, tagged) {
				row.Images = append(row.Images, tagged)
			}
		}
	}
	return row, len(row.Suites)+len(row.Images) > 0
}

// suitesOf are all that rows name.
func suitesOf(matrix []Line) (suites []string) {
	for _, row := range matrix {
		for _, s := range row.Suites {
			if !slices.Contains(suites, s) {
				suites = append(suites, s)
			}
		}
	}
	return suites
}

// Nearest is what somebody may have meant who wrote a word that is none of some; "" if none is near.
func Nearest(word string, of []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, other := range of {
		if d := levenshtein.ComputeDistance(word, other); d < least {
			best, least = other, d
		}
	}
	return best
}

// NearestSeries is the name of the row for the series before or after one without a row.
func NearestSeries(word string, matrix []Line) string {
	if !seriesForm.MatchString(word) {
		return ""
	}
	best := ""
	for _, row := range matrix {
		older := compareVersions(row.Series, word) < 0
		if row.Config == "" && row.Arch == "" && (best == "" || older) {
			best = row.Series
		}
	}
	return best
}

// nearestPackage is the one of some that a package's name is nearest to.
func nearestPackage(row Line, all []candidate) string {
	if row.Package == "" {
		return ""
	}
	want, _, exact := strings.Cut(row.Package, "=")
	var names []string
	for _, c := range all {
		if exact && c.Package == want { // then it is the version
			return want + "=" + newestOf(want, all)
		}
		if !strings.HasSuffix(c.Package, "-unsigned") {
			names = append(names, c.Package)
		}
	}
	return Nearest(want, names)
}

// newestOf is the newest version of a package.
func newestOf(name string, all []candidate) string {
	c, _ := newest(Line{Package: name}, all)
	return c.Version
}
