package vmtest

import (
	"bufio"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// candidate is one package of the archive that may contain a kernel.
type candidate struct {
	Package, Version, SHA256 string
	Suite                    string
}

// kernelName matches the packages of cloud kernels, and of sources. From 6.19 on the image is in
// linux-binary-*; linux-image-* is then an empty package that depends on it.
var kernelName = regexp.MustCompile(`^linux-((image|binary)-.*cloud-amd64(-unsigned)?|source-\d+\.\d+)$`)

// smallestKernel is more than a package without an image occupies, in KiB.
const smallestKernel = 1024

// parsePackages reads a Packages index and keeps what may contain a kernel.
func parsePackages(suite string, r io.Reader) ([]candidate, error) {
	var (
		list   []candidate
		fields map[string]string // nil while in a stanza of no interest
	)
	flush := func() {
		size, _ := strconv.Atoi(fields["Installed-Size"])
		if fields != nil && size >= smallestKernel {
			list = append(list, candidate{fields["Package"], fields["Version"], fields["SHA256"], suite})
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
			if kernelName.MatchString(value) {
				fields = map[string]string{name: value}
			}
		case fields != nil && name != "":
			fields[name] = value
		}
	}
	flush()
	return list, scanner.Err()
}

// newest picks the highest version of what a row is made of. Of equal versions it takes the signed package,
// and of those the one from the suite that comes first.
func newest(row Line, all []candidate) (best candidate, found bool) {
	for _, c := range all {
		if c.source() != (row.Config != "") || !inSeries(upstreamVersion(c.Version), row.Series) {
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
	return best, found
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
