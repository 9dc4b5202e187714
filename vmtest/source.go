package vmtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Source gets kernels from a Debian archive and keeps them. Several processes may share a cache.
type Source struct {
	CacheDir       string       // where packages' kernels and package lists are kept
	Mirror         string       // URI of the archive; "" if this machine has none
	SecurityMirror string       // URI of the archive of security updates
	Configs        string       // folder of the configurations that rows with one are built with
	Progress       func(string) // told, in a sentence, about what takes long or is not as it should be
}

// NewSource is a Source with the cache of CacheDir and the mirrors of MIMIC_DEBIAN_MIRROR and
// MIMIC_DEBIAN_SECURITY_MIRROR, or those that this machine's apt uses. progress may be nil.
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
	return &Source{CacheDir: CacheDir(), Mirror: m.main, SecurityMirror: m.security, Progress: progress}
}

// UnavailableError says why the kernel of a row cannot be had, what was tried, and what to do.
type UnavailableError struct {
	Line  Line
	Tried []string // one sentence for each try
	Next  string
	Err   error // the cause; may be nil
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
// package lists once a day, each kernel once. Without a network it makes do with what the cache has, and
// says so. The error is an *UnavailableError, or ctx's.
func (s *Source) Fetch(ctx context.Context, row Line) (Kernel, error) {
	c, err := s.resolve(ctx, row)
	if err == nil {
		var k Kernel
		if k, err = s.get(ctx, row, c); err == nil {
			return k, nil
		}
		if row.Config != "" { // an older one may be built otherwise
			return Kernel{}, err
		}
	}
	if ctx.Err() != nil {
		return Kernel{}, fmt.Errorf("fetch kernel %s: %w", row.Name(), ctx.Err())
	}
	if k, ok := s.cached(row); ok {
		s.Progress(fmt.Sprintf("using %s from the cache: %v", k.Package, err))
		return k, nil
	}
	return Kernel{}, err
}

// resolve finds the package of a row.
func (s *Source) resolve(ctx context.Context, row Line) (candidate, error) {
	e := &UnavailableError{Line: row}
	if e.Err = s.usable(); e.Err != nil {
		e.Next = e.Err.Error()
		return candidate{}, e
	}
	var all []candidate
	for _, suite := range row.Suites {
		root := s.root(suite)
		list, err := root.candidates(ctx, s.Progress)
		all = append(all, list...)
		e.Tried = append(e.Tried, tried(root, row, list, err))
		e.Err = errors.Join(e.Err, err)
	}
	if c, ok := newest(row, all); ok {
		return c, nil
	}
	e.Next = "edit the row's suites, or give a kernel image of your own"
	if e.Err != nil {
		e.Next = "check the network and the mirror (MIMIC_DEBIAN_MIRROR, " +
			"MIMIC_DEBIAN_SECURITY_MIRROR), or give a kernel image of your own"
	}
	return candidate{}, e
}

// tried says in a sentence what a suite answered.
func tried(r aptRoot, row Line, list []candidate, err error) string {
	where := fmt.Sprintf("suite %s on %s", r.suite, r.mirror)
	if err != nil {
		return fmt.Sprintf("%s: %v", where, err)
	}
	wanted := "cloud kernel"
	if row.Config != "" {
		wanted = "source"
	}
	return fmt.Sprintf("%s has no %s of this series among %d packages", where, wanted, len(list))
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

func (s *Source) root(suite string) aptRoot {
	m := mirrors{s.Mirror, s.SecurityMirror}
	return aptRoot{filepath.Join(s.CacheDir, "apt", suite), suite, m.forSuite(suite)}
}

// get returns the kernel of a package from the cache, or puts it there.
func (s *Source) get(ctx context.Context, row Line, c candidate) (Kernel, error) {
	if row.Config != "" {
		return s.getBuilt(ctx, row, c)
	}
	name := c.Package + "_" + strings.ReplaceAll(c.Version, ":", "%3a")
	dir := filepath.Join(s.CacheDir, "kernels", name)
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return Kernel{}, err
	}
	defer unlock()
	if k, err := load(dir); err == nil {
		return k, nil
	}
	s.Progress(fmt.Sprintf("downloading %s %s", c.Package, c.Version))
	k, err := s.install(ctx, row, c, dir)
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

// install downloads and unpacks a package beside dir and then gives it that name.
func (s *Source) install(ctx context.Context, row Line, c candidate, dir string) (Kernel, error) {
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o755)); err != nil {
		return Kernel{}, err
	}
	defer os.RemoveAll(part)
	found, err := s.unpack(ctx, c, part)
	if err != nil {
		return Kernel{}, err
	}
	if !found.image {
		return Kernel{}, fmt.Errorf("no file in it is like %q", imagePatterns)
	}
	if base, ok := c.withConfig(); ok && !found.config {
		// Older point releases are in the archive without it; a kernel boots without too.
		_, _ = s.unpack(ctx, base, part)
	}
	k, err := describe(part, Kernel{Name: row.Name(), SHA256: c.SHA256}, c)
	if err != nil {
		return Kernel{}, err
	}
	if err := errors.Join(os.RemoveAll(dir), os.Rename(part, dir)); err != nil {
		return Kernel{}, err
	}
	return k.in(dir), nil
}

// unpack downloads a package and puts the files of interest in it into dir.
func (s *Source) unpack(ctx context.Context, c candidate, dir string) (contents, error) {
	deb, err := s.root(c.Suite).download(ctx, c, dir)
	if err != nil {
		return contents{}, err
	}
	found, err := unpackDeb(ctx, deb, dir)
	return found, errors.Join(err, os.Remove(deb))
}

// describe unpacks the image in dir and writes down what the kernel is beside what k says, with
// paths from dir.
func describe(dir string, k Kernel, c candidate) (Kernel, error) {
	data, err := os.ReadFile(filepath.Join(dir, "vmlinuz"))
	if err != nil {
		return Kernel{}, err
	}
	if err := checkBzImage(c.Package, data); err != nil {
		return Kernel{}, err
	}
	k.Version, k.Package = upstreamVersion(c.Version), c.Package+" "+c.Version
	k.Image = "vmlinuz"
	setDefault(&k.SHA256, digest(data))
	if code, err := unpackBzImage(data); err == nil && checkELF(c.Package, code) == nil {
		k.Vmlinux = "vmlinux"
		if err := writeFile(filepath.Join(dir, k.Vmlinux), code); err != nil {
			return Kernel{}, err
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "config")); err == nil {
		k.ConfigPath = "config"
	}
	text, err := json.MarshalIndent(k, "", "\t")
	if err != nil {
		return Kernel{}, err
	}
	return k, writeFile(filepath.Join(dir, "kernel.json"), text)
}

// load reads what describe wrote.
func load(dir string) (Kernel, error) {
	text, err := os.ReadFile(filepath.Join(dir, "kernel.json"))
	if err != nil {
		return Kernel{}, err
	}
	var k Kernel
	if err := json.Unmarshal(text, &k); err != nil {
		return Kernel{}, err
	}
	return k.in(dir), nil
}

// in makes the paths of a described kernel absolute.
func (k Kernel) in(dir string) Kernel {
	for _, p := range []*string{&k.Image, &k.Vmlinux, &k.ConfigPath} {
		if *p != "" {
			*p = filepath.Join(dir, *p)
		}
	}
	return k.demand()
}

// cached finds the newest kernel of a series that was downloaded before.
func (s *Source) cached(row Line) (best Kernel, found bool) {
	dirs, _ := filepath.Glob(filepath.Join(s.CacheDir, "kernels", "*", "kernel.json"))
	version := func(k Kernel) string { return k.Package[strings.LastIndexByte(k.Package, ' ')+1:] }
	for _, d := range dirs {
		k, err := load(filepath.Dir(d))
		if err != nil || k.Config != row.Config || !inSeries(k.Version, row.Series) {
			continue
		}
		if !found || compareVersions(version(k), version(best)) > 0 {
			best, found = k, true
		}
	}
	return best, found
}
