package suite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/target"
	"mimic/target/wire"
	"mimic/vmtest"
)

// Spec is one kernel that was asked for.
type Spec struct {
	Name   string // as it was asked for
	matrix bool   // of kernels.txt, as a distribution has it
	open   func(ctx context.Context, logf func(string, ...any)) (target.Target, error)
	guest  func(ctx context.Context, logf func(string, ...any)) (vmtest.Config, error) // what boots it; nil of what is no guest
}

// UsageError is about what was asked, not about a kernel.
type UsageError struct{ Reason string }

func (e *UsageError) Error() string { return e.Reason }

// MatrixFile is the version matrix, at the top of the module.
const MatrixFile = "kernels.txt"

// AgentArchVariable is the environment variable that names the architecture of the agent, as Go has it, where
// it is not to be the kernel's: a kernel of 64 bits can be asked by programs of 32.
const AgentArchVariable = "MIMIC_AGENT_ARCH"

// ConfigFolder has the configurations of the kernels that we build.
const ConfigFolder = "ci/kernels"

// SplatsFile lists what kernels may complain of, at the top of the module.
const SplatsFile = "splats.txt"

// ParseSpecs reads what -vm takes: names of kernels.txt, all, host, what else
// vmtest.Want knows, or paths for vmtest.FromFile, separated by commas. No text is the in-memory kernel. How is for
// guests; what is no guest has only the usual way. The error is a *UsageError, or holds
// a *vmtest.SyntaxError for each bad line of kernels.txt or splats.txt.
func ParseSpecs(text string, how How) ([]Spec, error) {
	if text == "" {
		return []Spec{memory()}, onlyGuests("the in-memory kernel", how)
	}
	matrix, err := Matrix()
	if err != nil {
		return nil, err
	}
	b, err := newBooter(how)
	if err != nil {
		return nil, err
	}
	var all []Spec
	var errs *multierror.Error
	for word := range strings.SplitSeq(text, ",") {
		specs, err := b.parseSpec(strings.TrimSpace(word), matrix)
		errs = multierror.Append(errs, err)
		all = append(all, specs...)
	}
	return all, errs.ErrorOrNil()
}

// readTable reads a file at the top of the module.
func readTable[T any](path string, parse func(name string, r io.Reader) (T, error)) (table T, err error) {
	f, err := os.Open(path)
	if err != nil {
		return table, &UsageError{err.Error()}
	}
	defer f.Close()
	return parse(filepath.Base(path), f)
}

func parseSplats(name string, r io.Reader) (vmtest.AllowList, error) {
	return vmtest.ParseAllowList(name, r, time.Now())
}

// booter makes specs of kernels that are booted.
type booter struct {
	root    string // of the module
	allowed vmtest.AllowList
	how     How

	parameters []string // of the kernel, besides ours
}

func newBooter(how How) (b booter, err error) {
	root, err := target.ModuleRoot()
	if err != nil {
		return b, &UsageError{err.Error()}
	}
	allowed, err := readTable(filepath.Join(root, SplatsFile), parseSplats)
	return booter{root: root, allowed: allowed, how: how}, err
}

// releaseSpec is a release of a row as a spec.
func releaseSpec(r vmtest.Release, how How) (Spec, error) {
	b, err := newBooter(how)
	return b.of(r.Name, func(ctx context.Context, logf func(string, ...any)) (vmtest.Kernel, error) {
		return source(teller(logf)).FetchRelease(ctx, r)
	}), err
}

// ofRelease is an older release of a row: who asks for it by name wants just that one.
func (b booter) ofRelease(line vmtest.Line, name string) Spec {
	return b.of(name, func(ctx context.Context, logf func(string, ...any)) (vmtest.Kernel, error) {
		r, err := findRelease(ctx, teller(logf), line, name, strings.Fields(MoreSuites))
		if err != nil {
			return vmtest.Kernel{}, err
		}
		return source(teller(logf)).FetchRelease(ctx, r)
	})
}

func (b booter) parseSpec(word string, matrix []vmtest.Line) (specs []Spec, err error) {
	if rows := vmtest.Several(word, matrix); len(rows) > 0 {
		for _, line := range rows {
			specs = append(specs, b.ofMatrix(line))
		}
		return specs, nil
	}
	if word == "host" {
		return []Spec{{Name: word, open: openHost}}, onlyGuests("this machine (-vm host)", b.how)
	}
	if faulty, fault, broken := strings.Cut(word, ":"); broken && fault != "" && strings.Trim(fault, "0123456789") == "" {
		return b.parseFaulty(word, faulty, fault, matrix)
	}
	line, ok, err := vmtest.Want(word, matrix)
	switch path, found := findFile(word, b.root); {
	case err != nil:
		return nil, &UsageError{"-vm " + err.Error()}
	case ok:
		return []Spec{b.ofMatrix(line)}, nil
	case found:
		return []Spec{b.ofFile(word, path)}, nil
	}
	for _, line := range matrix { // with the revision of its package, as in 6.12.115-2
		if line.Config == "" && line.Arch == "" && len(line.Suites) > 0 && strings.HasPrefix(word, line.Series+".") {
			return []Spec{b.ofRelease(line, word)}, nil
		}
	}
	return nil, &UsageError{unknown(word, matrix)}
}

// SeededConfig is the configuration of kernels that are broken on purpose, in the
// way that a number says which follows a colon.
const SeededConfig = "seeded"

// called gives a kernel the name that it was asked for by.
func (s Spec) called(name string) Spec {
	s.Name = name
	return s
}

// parseFaulty reads the name of a kernel that is broken on purpose, with the number of the fault: a
// row of kernels.txt, or the file of its image.
func (b booter) parseFaulty(word, name, fault string, matrix []vmtest.Line) ([]Spec, error) {
	b.parameters = []string{"mimic_fault=" + fault}
	for _, line := range matrix {
		if line.Name() == name && line.Config == SeededConfig {
			return []Spec{b.ofMatrix(line).called(word)}, nil
		}
	}
	if path, ok := findFile(name, b.root); ok {
		return []Spec{b.ofFile(word, path)}, nil
	}
	return nil, &UsageError{fmt.Sprintf("-vm %q: what has a fault with a number is a row %s-MAJOR.MINOR of %s, or the image of such a kernel; %s is neither", word, SeededConfig, MatrixFile, name)}
}

// unknown says what a word may have meant, and what there is.
func unknown(word string, matrix []vmtest.Line) string {
	text := fmt.Sprintf("-vm %q: no row of %s, and no file", word, MatrixFile)
	dir, name := filepath.Split(word)
	var files []string
	entries, _ := os.ReadDir(cmp.Or(dir, "."))
	for _, e := range entries {
		files = append(files, e.Name())
	}
	switch row := vmtest.Nearest(word, append(series(matrix), "all", "arches", "host")); {
	case strings.Contains(word, "/") && vmtest.Nearest(name, files) != "":
		return text + "; is it " + dir + vmtest.Nearest(name, files) + "?"
	case vmtest.NearestSeries(word, matrix) != "":
		text += "; the nearest series is " + vmtest.NearestSeries(word, matrix)
	case row != "":
		text += "; is it " + row + "?"
	}
	return text + "; want all, all/ARCHITECTURE, arches, host, debian:PACKAGE, oci:REPOSITORY:TAG, a release as 6.12.117, the path of an image, of a folder that a kernel was built in or of a .deb, or one of " +
		strings.Join(series(matrix), " ")
}

func series(matrix []vmtest.Line) (all []string) {
	for _, line := range matrix {
		all = append(all, line.Name())
	}
	return all
}

// findFile looks from the working directory and from the top of the module: go
// test runs a test in its package's folder, whoever typed the path was elsewhere.
func findFile(word, root string) (string, bool) {
	for _, path := range []string{word, filepath.Join(root, word)} {
		if _, err := os.Stat(path); err == nil && word != "" {
			return path, true
		}
	}
	return "", false
}

func (b booter) ofMatrix(line vmtest.Line) Spec {
	if line.Pos == (vmtest.Pos{}) && line.Series != "" {
		line.Suites = append(slices.Clone(line.Suites), strings.Fields(MoreSuites)...)
	}
	s := b.of(line.Name(), func(ctx context.Context, logf func(string, ...any)) (vmtest.Kernel, error) {
		return source(teller(logf)).Fetch(ctx, line)
	})
	s.matrix = line.Pos != (vmtest.Pos{}) && line.Arch == "" && len(line.Suites) > 0 && line.Config != SeededConfig // other architectures lack what they lack, and what is built small
	return s
}

func (b booter) ofFile(name, path string) Spec {
	return b.of(name, func(context.Context, func(string, ...any)) (vmtest.Kernel, error) {
		return vmtest.FromFile(path, "")
	})
}

// of is a kernel that is booted.
func (b booter) of(name string, get func(context.Context, func(string, ...any)) (vmtest.Kernel, error)) Spec {
	guest := func(ctx context.Context, logf func(string, ...any)) (vmtest.Config, error) {
		k, err := get(ctx, logf)
		if err != nil {
			return vmtest.Config{}, err
		}
		return b.config(ctx, k, logf)
	}
	binary := func(ctx context.Context, logf func(string, ...any)) (vmtest.Config, error) {
		config, err := guest(ctx, logf)
		config.Cmdline = b.parameters
		return config, err
	}
	return Spec{Name: name, guest: binary, open: func(ctx context.Context, logf func(string, ...any)) (target.Target, error) {
		config, err := guest(ctx, logf)
		if err != nil {
			return nil, err
		}
		return opened(target.BootMode(ctx, config, b.how.Mode, b.parameters...))
	}}
}

func teller(logf func(string, ...any)) func(string) {
	return func(s string) { logf("%s", s) }
}

// config is what boots a kernel with the agent in it.
func (b booter) config(ctx context.Context, k vmtest.Kernel, logf func(string, ...any)) (vmtest.Config, error) {
	agent, err := target.BuildAgent(ctx, vmtest.CacheDir(), cmp.Or(os.Getenv(AgentArchVariable), k.GOARCH()))
	return vmtest.Config{Kernel: k, Backend: b.how.Backend, Cold: b.how.Cold, Init: agent, Progress: teller(logf), Allowed: b.allowed.On(k, teller(logf))}, err
}

func openHost(ctx context.Context, logf func(string, ...any)) (target.Target, error) {
	agent, err := target.BuildAgent(ctx, vmtest.CacheDir(), runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	return opened(target.StartHost(ctx, agent))
}

// opened keeps a nil pointer from becoming an interface that is not nil.
func opened[T target.Target](t T, err error) (target.Target, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}

// memoryName is what the in-memory kernel is called.
const memoryName = report.InMemory

// memory is the in-memory kernel.
func memory() Spec {
	return Spec{Name: memoryName, open: func(context.Context, func(string, ...any)) (target.Target, error) {
		return Memory{properties.Fake{Kernel: properties.Newest()}}, nil
	}}
}

// Memory is the in-memory kernel as a target: honest, or one that tells a lie.
type Memory struct{ properties.Fake }

// Hello says that nothing is lacking.
func (m Memory) Hello() wire.Hello { return wire.Hello{Release: m.Kernel.Release} }

// About says that this is no kernel.
func (m Memory) About() target.About {
	return target.About{Package: "the reference model itself", Mode: "memory"}
}

// Close does nothing.
func (m Memory) Close() error { return nil }

// Run answers each sequence as the model, or the lie, has it.
func (m Memory) Run(ctx context.Context, jobs []target.Job, each func(int, ops.Trace)) error {
	for i, job := range jobs {
		if err := ctx.Err(); err != nil {
			return err
		}
		each(i, m.Answer(job.Sequence))
	}
	return nil
}

// IsUsage says whether an error is about what was asked: exit code 2.
func IsUsage(err error) bool {
	var usage *UsageError
	var syntax *vmtest.SyntaxError
	var image *vmtest.ImageError
	var seq *ops.SyntaxError
	var known *properties.KnownError
	return errors.As(err, &known) || errors.As(err, &usage) || errors.As(err, &syntax) || errors.As(err, &image) || errors.As(err, &seq)
}
