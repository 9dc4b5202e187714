// Package suite holds kernels to the claims of package properties: it opens
// each kernel that was asked for, has sequences planned, run and judged, reduces
// what was violated and reports.
//
// Its test is the suite that people run:
//
//	go test ./suite -vm 6.12 -count=1
package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/target"
	"mimic/vmtest"
)

// SequencesHelp is what the flag of that name says.
var SequencesHelp = fmt.Sprintf("sequences planned for each row of the table of claims; unless given %d,\nof which more than %d kernels share as many as %d would be asked", DefaultSequences, fullShare, fullShare)

// DefaultSequences is how many sequences are planned for each row of the table
// of verdicts: enough to catch every lie of properties.Lies on 20 seeds of 20.
const DefaultSequences = 25

// Config says what to run. The zero value of every field but Kernels is a
// sensible default.
type Config struct {
	Kernels   []Spec           // see ParseSpecs
	Seed      uint64           // names every sequence of the run
	Sequences int              // for each row; if 0, DefaultSequences, which many kernels share if every row is asked
	Rows      []properties.Key // of the table of verdicts; every one if nil: see ParseRows
	Quick     bool             // instead, ask each row as little as it takes: a few hundred sequences for all
	First     bool             // a violation ends the asking: for kernels that are known to be broken
	Brief     bool             // what is found is not reduced: for kernels that are known to be broken
	Out       string           // folder for reduced sequences and traces; none if ""
	Log       io.Writer        // lines of progress; none if nil
	Live      io.Writer        // a terminal for a moving line; none if nil
	Elsewhere []Spec           // kernels to run the sequence of each violation on, too: see ElsewhereSpecs
	Command   string           // line that was typed, for people

	Jobs int // kernels examined at the same time; as many as there is room for if 0

	saved  []saved
	folder string // below Out, of the kernel that is examined

	Each func(i int, k *report.Kernel) // is told of each kernel as soon as it is examined; nobody if nil
}

func (c *Config) logf(format string, a ...any) {
	if c.Log != nil {
		fmt.Fprintf(c.Log, format+"\n", a...)
	}
}

// fullShare kernels are asked all that one would be, each; more of them share what those would be asked, of which none gets
// less than leastShare sequences for a row. Who names claims has each kernel asked all of them.
const fullShare, leastShare = 2, 4

// sequences is how many are planned for each row, on each kernel.
func (c *Config) sequences() int {
	if c.Sequences > 0 {
		return c.Sequences
	}
	if c.Rows != nil {
		return DefaultSequences
	}
	return max(leastShare, DefaultSequences*fullShare/max(fullShare, len(c.Kernels)))
}

// shares says whether kernels are asked different sequences, each less than one would be alone.
func (c *Config) shares() bool {
	return !c.Quick && c.Sequences == 0 && c.sequences() < DefaultSequences
}

// whole says whether a run is to ask all that a usual run does: what chance leaves out of what was planned is then asked, too.
func (c *Config) whole() bool { return c.Sequences == 0 || c.Sequences >= DefaultSequences }

func (c *Config) rows() []properties.Key {
	if c.Rows == nil {
		return properties.Keys()
	}
	return c.Rows
}

// ParseRows reads which claims are to be asked: ids, or rows as in P90/hash, separated by
// commas; no text is all of them, nil. The error is a *UsageError.
func ParseRows(text string) (rows []properties.Key, err error) {
	if text == "" {
		return nil, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		before := len(rows)
		for _, key := range properties.Keys() {
			if word == key.Claim || word == key.String() {
				rows = append(rows, key)
			}
		}
		if len(rows) == before {
			return nil, &UsageError{fmt.Sprintf("-claims %q: no such claim; want ids of the table of verdicts, as in P90 or P90/hash", word)}
		}
	}
	return rows, nil
}

// Outcome is what became of a kernel, in one line.
func Outcome(k *report.Kernel) string {
	switch {
	case k.Missing:
		return "could not be had"
	case k.Fault != nil:
		return "harness broken: " + strings.SplitN(k.Fault.Error(), "\n", 2)[0]
	}
	var parts []string
	for _, v := range []report.Verdict{report.Holds, report.Violated, report.Deviates, report.Defect, report.NotClaimed, report.Inconclusive, report.Undecided} {
		if n := k.Count(v); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(parts, ", ")
}

// one examines a kernel; from is the number of the first sequence that it is asked of each row.
func (c *Config) one(ctx context.Context, spec Spec, from int, live *live, k *report.Kernel) (err error) {
	start := time.Now()
	t, kernel, err := c.open(ctx, spec, k)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }() // a kernel may complain at the very end
	k.Boot = time.Since(start)
	defer live.clear()
	known, err := knownOn(t, kernel)
	if err != nil {
		return err
	}
	x := &examination{ctx: ctx, runner: t, kernel: kernel, seed: c.Seed, known: known, mode: t.About().Kind,
		first: c.First, brief: c.Brief, quick: c.Quick, whole: c.whole(), from: from, cache: vmtest.CacheDir()}
	live.follow(x)
	err = x.examine(c.rows(), c.sequences(), k)
	if spec.matrix {
		demandFeatures(k, kernel)
	}
	for i := range k.Findings {
		if k.Findings[i].Known == "" {
			c.save(spec, k, &k.Findings[i], t.About())
		}
	}
	if ctx.Err() != nil {
		c.saveRest(spec, k, x, t.About())
	}
	return err
}

// open gets a kernel going and asks what it is.
func (c *Config) open(ctx context.Context, spec Spec, k *report.Kernel) (target.Target, properties.Kernel, error) {
	t, err := spec.open(ctx, c.logf)
	if err != nil {
		return nil, properties.Kernel{}, err
	}
	about, hello := t.About(), t.Hello()
	k.Release, k.Package, k.SHA256, k.Mode = hello.Release, about.Package, about.SHA256, about.Mode
	c.logf("%s: %s from %s, mode %s, seed %d", spec.Name, k.Release, k.Package, k.Mode, c.Seed)
	k.Lacks, k.Timing = hello.Lacks, string(about.Kind)
	kernel, err := properties.NewKernel(hello.Release, hello.Lacks)
	if err != nil {
		return nil, kernel, errors.Join(err, t.Close())
	}
	return t, kernel, nil
}

// demandFeatures turns what a distribution's kernel cannot be asked into a
// failure: kernels of the matrix have every feature, and one that lost it must
// not look green.
func demandFeatures(k *report.Kernel, kernel properties.Kernel) {
	for i, row := range k.Rows {
		claim := properties.ClaimByID(row.Key.Claim)
		promised := claim.NotClaimed(properties.Kernel{Version: kernel.Version}) == ""
		if why := kernel.Missing(claim); row.Verdict == report.NotClaimed && promised && why != "" {
			k.Rows[i].Verdict = report.Inconclusive
			k.Rows[i].Reason = "a kernel of kernels.txt should have it: " + why
		}
	}
}

// KnownFile lists the known deviations, at the top of the module.
const KnownFile = "known.txt"

// knownOn reads the known deviations: those of real kernels, but for those that
// must not be shown on this one.
func knownOn(t target.Target, k properties.Kernel) ([]shown, error) {
	if _, fake := t.(Memory); fake || k.Lacks[ops.FeatureHarm] != "" {
		return nil, nil
	}
	return readKnown()
}

func readKnown() (all []shown, err error) {
	root, err := target.ModuleRoot()
	if err != nil {
		return nil, &UsageError{err.Error()}
	}
	f, err := os.Open(filepath.Join(root, KnownFile))
	if err != nil {
		return nil, &UsageError{err.Error()}
	}
	defer f.Close()
	rows, err := properties.ParseKnown(KnownFile, f)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Sequence == "" {
			all = append(all, shown{row, nil})
			continue
		}
		seq, err := ReadSequence(filepath.Join(root, row.Sequence))
		if err != nil {
			return nil, err
		}
		all = append(all, shown{row, seq})
	}
	return all, nil
}

// ReadSequence reads a file of operations, or a trace: then the operations of it.
func ReadSequence(path string) (ops.Sequence, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &UsageError{err.Error()}
	}
	seq, err := ops.Parse(string(text))
	if err != nil {
		if trace, traceErr := ops.ParseTrace(string(text)); traceErr == nil {
			return trace.Sequence(), nil
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return seq, nil
}

// Replayed is what one sequence did on one kernel.
type Replayed struct {
	Kernel  report.Kernel
	Trace   ops.Trace
	Finding *report.Finding // nil if every answer was allowed
	Fault   error
}

// Replay runs one sequence on a kernel and judges it.
func Replay(ctx context.Context, c Config, spec Spec, seq ops.Sequence) Replayed {
	return ReplayEach(ctx, c, spec, []ops.Sequence{seq}, 1)[0]
}

// ReplayEach runs sequences on one kernel, a race until it breaks a promise, but at most so
// many times. What goes wrong with the kernel stands in those that come after.
func ReplayEach(ctx context.Context, c Config, spec Spec, seqs []ops.Sequence, tries int) []Replayed {
	k := report.Kernel{Name: spec.Name, Seed: c.Seed, Sequences: 1}
	t, kernel, fault := c.open(ctx, spec, &k)
	var known []shown
	if fault == nil {
		known, fault = knownOn(t, kernel)
	}
	all := make([]Replayed, len(seqs))
	for i, seq := range seqs {
		r := &all[i]
		r.Kernel = k
		for n := 0; fault == nil && r.Finding == nil && (n == 0 || n < tries && ops.Races(seq)); n++ {
			fault = t.Run(ctx, []target.Job{{Sequence: seq, Carefully: true}}, func(_ int, t ops.Trace) { r.Trace = t })
			if fault == nil {
				r.judge(kernel, known)
			}
		}
		r.Fault = errors.Join(r.Fault, fault)
	}
	if t != nil {
		last := &all[len(all)-1] // a kernel may complain at the very end
		last.Fault = errors.Join(last.Fault, t.Close())
	}
	return all
}

// ExitCode is what the commands exit with.
func (r Replayed) ExitCode() int {
	switch {
	case r.Fault != nil && IsUsage(r.Fault):
		return ExitUsage
	case r.Fault != nil:
		return ExitHarness
	case r.Finding != nil && r.Finding.Known == "":
		return ExitViolated
	}
	return ExitHeld
}

// Text is the trace, and the violation if there is one.
func (r Replayed) Text() string {
	var b strings.Builder
	switch {
	case r.Fault != nil:
		fmt.Fprintf(&b, "%s: harness: %v\n", r.Kernel.Title(), r.Fault)
	case r.Finding == nil:
		fmt.Fprintf(&b, "%s: every answer was allowed\n%s", r.Kernel.Title(), r.Trace)
	default:
		report.Violation(&b, &r.Kernel, r.Finding)
	}
	return b.String()
}

// OutFolder is the folder for what a run found: out at the top of the module
// unless another is given.
func OutFolder(given string) string {
	if root, err := target.ModuleRoot(); given == "" && err == nil {
		return filepath.Join(root, "out")
	}
	return given
}

// FindFile finds a path that was typed at the top of the module while a test
// runs in its package's folder.
func FindFile(path string) string {
	root, err := target.ModuleRoot()
	if err != nil {
		return path
	}
	if found, ok := findFile(path, root); ok {
		return found
	}
	return path
}

// Exit codes of the commands.
const (
	ExitHeld     = 0 // everything asked for ran and held
	ExitViolated = 1
	ExitUsage    = 2
	ExitHarness  = 3
)

// ExitCode is the worst that a run found: a violation before a broken harness,
// since it stands whatever else went wrong.
func ExitCode(kernels []*report.Kernel, skipMissing bool) int {
	code := ExitHeld
	for _, k := range kernels {
		switch {
		case k.Count(report.Violated) > 0:
			return ExitViolated
		case k.Missing && skipMissing:
		case k.Fault != nil && IsUsage(k.Fault):
			code = max(code, ExitUsage)
		case !k.Green():
			code = ExitHarness
		}
	}
	return code
}
