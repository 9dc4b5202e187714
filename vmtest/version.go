package vmtest

import (
	"cmp"
	"strings"
)

// compareVersions orders Debian versions as dpkg does: epoch, upstream version, revision; digits
// by value, letters before other characters, and a tilde before everything, even the end.
func compareVersions(a, b string) int {
	epochA, restA := splitEpoch(a)
	epochB, restB := splitEpoch(b)
	upstreamA, revisionA := splitRevision(restA)
	upstreamB, revisionB := splitRevision(restB)
	return cmp.Or(
		comparePart(epochA, epochB),
		comparePart(upstreamA, upstreamB),
		comparePart(revisionA, revisionB),
	)
}

func splitEpoch(v string) (epoch, rest string) {
	if epoch, rest, ok := strings.Cut(v, ":"); ok {
		return epoch, rest
	}
	return "0", v
}

func splitRevision(v string) (upstream, revision string) {
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return v[:i], v[i+1:]
	}
	return v, "0"
}

// comparePart alternates between a run without digits and a number.
func comparePart(a, b string) int {
	for a != "" || b != "" {
		var textA, textB, numberA, numberB string
		textA, a = splitRun(a, false)
		textB, b = splitRun(b, false)
		if c := compareText(textA, textB); c != 0 {
			return c
		}
		numberA, a = splitRun(a, true)
		numberB, b = splitRun(b, true)
		if c := compareNumbers(numberA, numberB); c != 0 {
			return c
		}
	}
	return 0
}

// splitRun cuts off the longest start of s that is all digits, or has none.
func splitRun(s string, digits bool) (run, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) == digits {
		i++
	}
	return s[:i], s[i:]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func compareText(a, b string) int {
	for i := range max(len(a), len(b)) {
		if c := cmp.Compare(rank(a, i), rank(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

// rank orders the character at i: tilde, then the end, then letters, then the others.
func rank(s string, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '~':
		return -1
	case 'a' <= s[i] && s[i] <= 'z', 'A' <= s[i] && s[i] <= 'Z':
		return int(s[i])
	}
	return int(s[i]) + 256
}

// compareNumbers compares decimal numbers of any length.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// upstreamVersion is the kernel's own name for a Debian version: 7.3~rc7-1~exp1 is 7.3-rc7.
func upstreamVersion(debian string) string {
	_, rest := splitEpoch(debian)
	upstream, _ := splitRevision(rest)
	return strings.Replace(upstream, "~rc", "-rc", 1)
}

// Compare orders Debian versions, or names of releases: negative if a is older than b.
func Compare(a, b string) int { return compareVersions(a, b) }

// Upstream is the kernel's own name for a Debian version: 7.3~rc7-1~exp1 is 7.3-rc7.
func Upstream(debian string) string { return upstreamVersion(debian) }

// inSeries says whether an upstream version belongs to a series of a matrix.
func inSeries(upstream, series string) bool {
	if base, isRC := strings.CutSuffix(series, "-rc"); isRC {
		return strings.HasPrefix(upstream, base+"-rc")
	}
	return upstream == series || strings.HasPrefix(upstream, series+".")
}
