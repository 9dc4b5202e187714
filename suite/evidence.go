package suite

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"mimic/evidence"
	"mimic/ops"
	"mimic/properties"
	"mimic/report"
	"mimic/repro"
	"mimic/target"
)

// saved is a finding whose folder was written.
type saved struct {
	dir     string
	evident evidence.Case
	finding *report.Finding
	spec    Spec // where it was found
}

// save writes the folder of a finding below Out, before anything else is done with it: whoever
// interrupts what follows keeps what was found.
func (c *Config) save(spec Spec, k *report.Kernel, f *report.Finding, about target.About) {
	if c.Out == "" {
		return
	}
	s := saved{c.dir(k, f), c.evident(k, f, about), f, spec}
	if c.write(s) {
		f.File = filepath.Join(s.dir, evidence.ReducedFile)
		c.saved = append(c.saved, s)
	}
}

// saveRest keeps what an interrupted run had seen and not come to reduce. It blames nobody yet.
func (c *Config) saveRest(spec Spec, k *report.Kernel, x *examination, about target.About) {
	for signature, f := range x.seen {
		reduced := slices.ContainsFunc(k.Findings, func(other report.Finding) bool { return other.Reduced.Signature() == signature })
		if f.Known = x.explain(f.Reduced); reduced || f.Known != "" {
			continue
		}
		if c.save(spec, k, f, about); f.File != "" {
			c.logf("%s: interrupted before it was reduced: %s", k.Name, f.File)
		}
	}
}

func (c *Config) write(s saved) bool {
	if err := evidence.Write(s.dir, s.evident); err != nil {
		c.logf("%s: %v", s.evident.Kernel.Name, err)
		return false
	}
	return true
}

// dir is KERNEL/CLAIM-FAMILY; of two findings of one run that break the same, the second
// gets a number.
func (c *Config) dir(k *report.Kernel, f *report.Finding) string {
	name := "unknown"
	if broken := f.Reduced.Broken(); len(broken) > 0 {
		name = strings.ReplaceAll(broken[0].String(), "/", "-")
	}
	dir := filepath.Join(c.Out, cmp.Or(c.folder, FolderName(k.Name)), name)
	return dir + c.number(dir)
}

// FolderName is the folder of a kernel below that for what is found: its name, as a part of a Go package's path.
func FolderName(kernel string) string {
	return notInPaths.ReplaceAllString(filepath.Base(kernel), "-")
}

var notInPaths = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func (c *Config) number(dir string) string {
	suffix := ""
	for n := 2; slices.ContainsFunc(c.saved, func(s saved) bool { return s.dir == dir+suffix }); n++ {
		suffix = fmt.Sprintf("-%d", n)
	}
	return suffix
}

// evident collects what is known of a finding.
func (c *Config) evident(k *report.Kernel, f *report.Finding, about target.About) evidence.Case {
	v := f.Reduced
	e := evidence.Case{
		Kernel: evidence.Kernel{Name: k.Name, Release: k.Release, Package: k.Package, SHA256: k.SHA256, Mode: k.Mode, Timing: string(about.Kind)},
		Seed:   k.Seed, Command: c.Command, Date: time.Now().Truncate(time.Second), Mimic: commit(), QEMU: qemuVersion(about),
		Step: v.Step, Expected: v.Want, Actual: v.Trace.Steps[v.Step].Answer(), Race: ops.Races(v.Trace.Sequence()),
		From: len(f.Original), Tries: f.Tries, Shown: f.Shown, Runs: f.Runs,
		By: byNames(v), Trace: v.Trace, Original: f.Original, Timeline: timeline(k, v.Trace),
	}
	e.Trace.Lacks = k.Lacks
	e.Actual, _, _ = strings.Cut(e.Actual, "  # ") // the note is in the trace
	if len(v.By) > 0 {
		key, rule := v.Broken()[0], v.By[0].Rule
		claim := properties.ClaimByID(key.Claim)
		e.Claim, e.Says, e.Rule, e.Promise = key.String(), claim.Says, rule.ID, rule.Says
		for _, id := range rule.Claims {
			e.Sources = append(e.Sources, properties.ClaimByID(id).Source)
		}
	}
	e.Config, _ = os.ReadFile(about.Config) // the folder says that it has none
	e.ReproGo = goTest(v, k, about)
	return e
}

// goTest is a Go test that replays a violation where it was found; nil if that was in memory.
func goTest(v *properties.Violation, k *report.Kernel, about target.About) []byte {
	if about.Kind == "" && k.Name != "host" {
		return nil
	}
	text, err := repro.GoTest(v, repro.About{Name: k.Name, Kernel: k.Release + ", " + k.Package})
	if err != nil {
		return nil
	}
	return []byte(text)
}

// refName names a rule with the family that it is asked of.
func refName(ref properties.Ref) string { return ref.Rule.ID + "/" + string(ref.Family) }

// timeline is a page that shows what threads did, if that is what broke a promise.
func timeline(k *report.Kernel, t ops.Trace) []byte {
	kernel, err := properties.NewKernel(k.Release, k.Lacks)
	if err != nil || !ops.Races(t.Sequence()) {
		return nil
	}
	var page bytes.Buffer
	if err := properties.Timeline(kernel, t, &page); err != nil {
		return nil
	}
	return page.Bytes()
}

// commit is the commit that this program was built from; "" if nobody knows.
var commit = sync.OnceValue(func() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		revision, changed := "", ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = " with changes"
			}
		}
		if revision != "" {
			return revision + changed
		}
	}
	root, err := target.ModuleRoot()
	if err != nil {
		return ""
	}
	out, _ := exec.Command("git", "-C", root, "rev-parse", "--short=12", "HEAD").Output()
	return strings.TrimSpace(string(out))
})

// qemuVersion is the first line that QEMU says of itself; "" if it was no guest.
func qemuVersion(about target.About) string {
	if about.Kind == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, "qemu-system-x86_64", "--version").Output()
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
