package vmtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Source gets kernels from a Debian archive or an OCI registry and keeps them. Several processes may
// share a cache.
type Source struct {
	CacheDir       string       // where kernels and package lists are kept
	Mirror         string       // URI of the archive; "" if this machine has none
	SecurityMirror string       // URI of the archive of security updates
	Registry       string       // host of the OCI registry of images that name none; "" if unknown
	Configs        string       // folder of the configurations that rows with one are built with
	Progress       func(string) // told, in a sentence, about what takes long or is not as it should be
	Terminal       io.Writer    // shows how far downloads are; nil: Progress is told now and then
}

// NewSource is a Source with the cache of CacheDir, the registry of MIMIC_OCI, and the mirrors of
// MIMIC_DEBIAN_MIRROR and MIMIC_DEBIAN_SECURITY_MIRROR, or those that this machine's apt uses.
// progress may be nil.
func NewSource(progress func(string)) *Source {
	if progress == nil {
		progress = func(string) {}
	}
	m := mirrors{os.Getenv("MIMIC_DEBIAN_MIRROR"), os.Getenv("MIMIC_DEBIAN_SECURITY_MIRROR")}
	if m.main == "" {
		machine := machineMirrors("/etc/apt")
		m.main = machine.main
		setDefault(&m.security, machine.security)
	}
	m = m.complete()
	return &Source{CacheDir: CacheDir(), Mirror: m.main, SecurityMirror: m.security,
		Registry: os.Getenv(registryVariable), Progress: progress, Terminal: terminal()}
}

// UnavailableError says why the kernel of a row cannot be had, what was tried, and what to do.
type UnavailableError struct {
	Line  Line
	Tried []string // one sentence for each try
	Next  string
	Err   error // the cause; may be nil
	built bool  // it was about to be built here
}

// add takes over what was tried in vain in one place.
func (e *UnavailableError) add(err error) {
	e.Err = errors.Join(e.Err, err)
	var one *UnavailableError
	if !errors.As(err, &one) {
		e.Tried = append(e.Tried, err.Error())
		return
	}
	e.Tried, e.Next = append(e.Tried, one.Tried...), one.Next
}

func (e *UnavailableError) Error() string {
	text := "kernel " + e.Line.Name() + " is not available"
	if e.Line.Pos.File != "" {
		text = e.Line.Pos.String() + ": " + text
	}
	for _, t := range e.Tried {
		text += "; " + t
	}
	return text + "; " + e.Next
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// Fetch returns the newest kernel of a row, downloading, or building, what is not in the cache:
// package lists once a day, each kernel once. Suites are looked in first, then images. Without a network
// it makes do with what the cache has, and says so. The error is an *UnavailableError, or ctx's.
func (s *Source) Fetch(ctx context.Context, row Line) (Kernel, error) {
	k, err := s.fetch(ctx, row)
	if err == nil {
		return k, nil
	}
	if ctx.Err() != nil {
		return Kernel{}, fmt.Errorf("fetch kernel %s: %w", row.Name(), ctx.Err())
	}
	var e *UnavailableError
	if row.Config != "" && errors.As(err, &e) && e.built { // an older one may be built otherwise
		return Kernel{}, err
	}
	if k, ok := s.cached(row); ok {
		s.Progress(fmt.Sprintf("using %s from the cache: %v", k.Package, err))
		return k, nil
	}
	return Kernel{}, err
}

// fetch tries one place after the other.
func (s *Source) fetch(ctx context.Context, row Line) (Kernel, error) {
	e := &UnavailableError{Line: row}
	if len(row.Suites) > 0 {
		k, err := s.fromSuites(ctx, row)
		if err == nil || len(row.Images) == 0 || ctx.Err() != nil {
			return k, err
		}
		e.add(err)
	}
	for _, image := range row.Images {
		k, err := s.fromImage(ctx, row, image)
		if err == nil || ctx.Err() != nil {
			return k, err
		}
		e.add(err)
	}
	return Kernel{}, e
}

// fromSuites takes the newest package of a row that the archive has indeed: lists may name newer ones
// than a mirror has by now.
func (s *Source) fromSuites(ctx context.Context, row Line) (Kernel, error) {
	all, missing := s.candidates(ctx, row)
	c, ok := newest(row, all)
	if !ok {
		return Kernel{}, missing
	}
	k, err := s.get(ctx, row, c)
	var status *statusError
	for ; errors.As(err, &status) && status.code == http.StatusNotFound; k, err = s.get(ctx, row, c) {
		all = slices.DeleteFunc(all, func(other candidate) bool { return other == c })
		older, ok := newest(row, all)
		if !ok {
			break
		}
		s.Progress(fmt.Sprintf("the mirror does not have %s %s, which its lists name; trying %s", c.Package, c.Version, older.Version))
		c = older
	}
	return k, err
}

// candidates are the packages of a row's suites, and what to say if none of them is right.
func (s *Source) candidates(ctx context.Context, row Line) (all []candidate, e *UnavailableError) {
	e = &UnavailableError{Line: row}
	if e.Err = s.usable(); e.Err != nil {
		e.Next = e.Err.Error()
		return nil, e
	}
	for _, suite := range row.Suites {
		root := s.rootFor(suite, archOf(row.Arch))
		list, err := root.candidates(ctx, s.Progress)
		all = append(all, list...)
		e.Tried = append(e.Tried, tried(root, row, list, err))
		e.Err = errors.Join(e.Err, err)
	}
	e.Next = "edit the row's suites, or give a kernel image of your own"
	if row.Pos == (Pos{}) {
		e.Next = "name another, or give a kernel image of your own"
	}
	if near := nearestPackage(row, all); near != "" {
		e.Next = "is it " + debianPrefix + near + "?"
	}
	if e.Err != nil {
		e.Next = "check the network and the mirror (MIMIC_DEBIAN_MIRROR, " +
			"MIMIC_DEBIAN_SECURITY_MIRROR), or give a kernel image of your own"
	}
	return all, e
}

// tried says in a sentence what a suite answered.
func tried(r aptRoot, row Line, list []candidate, err error) string {
	where := fmt.Sprintf("suite %s on %s", r.suite, r.mirror)
	if err != nil {
		return fmt.Sprintf("%s: %v", where, err)
	}
	wanted := "kernel of this series"
	switch {
	case row.Package != "":
		wanted = "package " + row.Package
	case row.Config != "":
		wanted = "source of this series"
	case row.Arch == "":
		wanted = "cloud kernel of this series"
	}
	return fmt.Sprintf("%s has no %s among %d packages", where, wanted, len(list))
}

// usable says what this machine lacks to use a Debian archive.
func (s *Source) usable() error {
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("this machine has no %s: use a Debian or Ubuntu machine, "+
				"or give a kernel image of your own", tool)
		}
	}
	if s.Mirror == "" {
		return errors.New("this machine's apt uses no Debian mirror: set MIMIC_DEBIAN_MIRROR " +
			"to the URI of one (it ends in /debian)")
	}
	_, err := keyring()
	return err
}

// root is where apt works for a suite.
func (s *Source) root(suite string) aptRoot { return s.rootFor(suite, arches[0]) }

func (s *Source) rootFor(suite string, a arch) aptRoot {
	m := mirrors{s.Mirror, s.SecurityMirror}
	dir := suite
	if a.name != usualArch {
		dir += "_" + a.debian
	}
	return aptRoot{filepath.Join(s.CacheDir, "apt", dir), suite, m.forSuite(suite), a.debian}
}

// get returns the kernel of a package from the cache, or puts it there.
func (s *Source) get(ctx context.Context, row Line, c candidate) (Kernel, error) {
	if row.Config != "" {
		return s.getBuilt(ctx, row, c)
	}
	k, err := s.once(ctx, c.id(), func(part string) (Kernel, error) { return s.install(ctx, row, c, part) })
	if err != nil {
		return Kernel{}, &UnavailableError{
			Line:  row,
			Tried: []string{fmt.Sprintf("package %s %s of %s: %v", c.Package, c.Version, c.Suite, err)},
			Next:  "check the network and the space in " + s.CacheDir + ", then try again",
			Err:   err,
		}
	}
	return k, nil
}

// id names a package in the cache.
func (c candidate) id() string {
	name := c.Package + "_" + strings.ReplaceAll(c.Version, ":", "%3a")
	if c.Arch != "" && c.Arch != usualArch {
		name += "_" + c.Arch
	}
	return name
}

// install downloads and unpacks a package into a folder.
func (s *Source) install(ctx context.Context, row Line, c candidate, part string) (Kernel, error) {
	found, err := s.unpack(ctx, row, c, part)
	if err != nil {
		return Kernel{}, err
	}
	if !found.image {
		return Kernel{}, fmt.Errorf("no file in it is like %q", imagePatterns)
	}
	if base, ok := c.withConfig(); ok && !found.config {
		// Older point releases are in the archive without it; a kernel boots without too.
		_, _ = s.unpack(ctx, row, base, part)
	}
	k := Kernel{Name: row.Name(), SHA256: c.SHA256, Version: upstreamVersion(c.Version), Package: c.Package + " " + c.Version, Arch: row.Arch}
	return describe(part, k)
}

// unpack downloads a package and puts the files of interest in it into dir.
func (s *Source) unpack(ctx context.Context, row Line, c candidate, dir string) (found contents, err error) {
	err = s.download(ctx, s.rootFor(c.Suite, archOf(row.Arch)), c, dir, func(deb string) error {
		found, err = unpackDeb(ctx, deb, dir)
		return err
	})
	return found, err
}

// describe finds the image and the configuration in dir, unpacks the image, and adds to k what they are.
func describe(dir string, k Kernel) (Kernel, error) {
	path := filepath.Join(dir, "vmlinuz")
	data, err := os.ReadFile(path)
	if err != nil {
		return Kernel{}, err
	}
	setDefault(&k.SHA256, digest(data))
	i, err := readImage(cmp.Or(k.Package, path), data)
	if err != nil {
		return Kernel{}, err
	}
	if k.Arch == anyArch {
		k.Arch = i.arch
	}
	if i.arch != k.Arch {
		return Kernel{}, &ImageError{cmp.Or(k.Package, path), fmt.Sprintf("it is for %s, asked for was %s", archOf(i.arch).name, archOf(k.Arch).name)}
	}
	unpacked := filepath.Join(dir, "vmlinux")
	if i.code != nil {
		if err := WriteFile(unpacked, i.code); err != nil {
			return Kernel{}, err
		}
	}
	i.place(&k, path, unpacked)
	if config := filepath.Join(dir, "config"); exists(config) {
		k.ConfigPath = config
	}
	return k, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// cached finds the newest kernel of a row that was had before.
func (s *Source) cached(row Line) (best Kernel, found bool) {
	version := func(k Kernel) string { return k.Package[strings.LastIndexByte(k.Package, ' ')+1:] }
	for _, r := range s.store().list() {
		if strings.HasPrefix(r.ID, ownPackage) || !row.MayBe(r.Kernel) || found && compareVersions(version(r.Kernel), version(best)) <= 0 {
			continue
		}
		k, err := s.store().load(r.ID)
		if err != nil {
			s.Progress(err.Error())
			continue
		}
		best, found = k, true
	}
	return best, found
}

// MayBe says whether a kernel of the cache is one of a row.
func (l Line) MayBe(k Kernel) bool {
	name, image := strings.CutPrefix(k.Package, ociPrefix)
	switch {
	case k.Config != l.Config || k.Arch != l.Arch:
		return false
	case l.Package != "":
		want, wantVersion, exact := strings.Cut(l.Package, "=")
		got, gotVersion, _ := strings.Cut(k.Package, " ")
		return got == want && (!exact || gotVersion == wantVersion)
	case image:
		ref, _, _ := strings.Cut(name, " ")
		return slices.Contains(l.Images, ref)
	case k.Package == "":
		return false // of a file
	}
	return len(l.Suites) > 0 && inSeries(k.Version, l.Series)
}
