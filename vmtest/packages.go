package vmtest

import (
	"bufio"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// candidate is one package of the archive that may contain a kernel, or lead to one.
type candidate struct {
	Package, Version, SHA256 string
	Suite, Arch              string
	Size                     int64  // of the package, in bytes
	Depends                  string // of a package without files: the kernel that it is there for
}

// kernelName matches the packages of kernels, and of sources. From 6.19 on the image is in
// linux-binary-*; linux-image-* is then an empty package that depends on it.
var kernelName = regexp.MustCompile(`^linux-((image|binary)-.*|source-\d+\.\d+)$`)

// notKernels are the ends of names that match and yet are none.
var notKernels = regexp.MustCompile(`-(dbg|dbgsym|signed-template)$`)

// smallestKernel is more than a package without an image occupies, in KiB.
const smallestKernel = 1024

// parsePackages reads a Packages index and keeps what may contain a kernel, or lead to one.
func parsePackages(suite, arch string, r io.Reader) ([]candidate, error) {
	var (
		list   []candidate
		fields map[string]string // nil while in a stanza of no interest
	)
	flush := func() {
		if c, ok := newCandidate(suite, arch, fields); ok {
			list = append(list, c)
		}
		fields = nil
	}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		name, value, _ := strings.Cut(scanner.Text(), ": ")
		switch {
		case name == "Package":
			flush()
			if kernelName.MatchString(value) && !notKernels.MatchString(value) {
				fields = map[string]string{name: value}
			}
		case fields != nil && name != "":
			fields[name] = value
		}
	}
	flush()
	return list, scanner.Err()
}

// newCandidate is nothing of a package that is empty and depends on no other kernel.
func newCandidate(suite, arch string, fields map[string]string) (c candidate, ok bool) {
	if fields == nil {
		return c, false
	}
	c = candidate{Package: fields["Package"], Version: fields["Version"], SHA256: fields["SHA256"], Suite: suite, Arch: arch}
	c.Size, _ = strconv.ParseInt(fields["Size"], 10, 64)
	if size, _ := strconv.Atoi(fields["Installed-Size"]); size >= smallestKernel {
		return c, true
	}
	for depends := range strings.SplitSeq(fields["Depends"], ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(depends), " ")
		if kernelName.MatchString(name) {
			c.Depends = name
			return c, true
		}
	}
	return c, false
}

// empty says whether a package has no files of a kernel's size.
func (c candidate) empty() bool { return c.Depends != "" }

// newest picks the highest version of what a row is made of. Of equal versions it takes the signed package,
// and of those the one from the suite that comes first.
func newest(row Line, all []candidate) (best candidate, found bool) {
	for _, c := range all {
		if !row.wants(c) {
			continue
		}
		order := 1
		if found {
			order = compareVersions(c.Version, best.Version)
		}
		if order > 0 || order == 0 && best.unsigned() && !c.unsigned() {
			best, found = c, true
		}
	}
	for steps := 0; found && best.empty() && steps < 3; steps++ {
		next := row
		next.Package = best.Depends
		best, found = newest(next, all)
	}
	return best, found
}

// wants says whether a package is one of a row.
func (l Line) wants(c candidate) bool {
	if l.Package != "" {
		name, version, exact := strings.Cut(l.Package, "=")
		return c.Package == name && (!exact || c.Version == version)
	}
	if c.empty() || !inSeries(upstreamVersion(c.Version), l.Series) {
		return false
	}
	if l.Config != "" {
		return c.source()
	}
	return archOf(l.Arch).flavour.MatchString(c.Package)
}

func (c candidate) source() bool { return strings.HasPrefix(c.Package, "linux-source-") }

func (c candidate) unsigned() bool { return strings.Contains(c.Package, "-unsigned") }

// withConfig names the package that has the configuration of a kernel in a linux-binary package.
func (c candidate) withConfig() (base candidate, ok bool) {
	rest, ok := strings.CutPrefix(c.Package, "linux-binary-")
	base = c
	base.Package = "linux-base-" + strings.TrimPrefix(rest, "unsigned-")
	return base, ok
}
