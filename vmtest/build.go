package vmtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// baseConfig is in the folder of configurations too; every other is set on top of it.
const baseConfig = "debug"

// builtMemory is what a guest needs, in MiB, whose kernel keeps a shadow of its memory: it is left
// with little more than another.
const builtMemory = 512

// buildNeeds are the programs and the header without which nothing is built.
var (
	buildTools  = []string{"make", "gcc", "flex", "bison", "bc", "perl", "pahole", "tar", "xz", "patch"}
	buildHeader = "/usr/include/gelf.h"
)

// recipe is all that a build depends on.
type recipe struct {
	row      Line
	source   candidate
	config   string // the lines of the configuration
	patch    string // what is changed in the source; "" if nothing is
	compiler string
}

// getBuilt returns a kernel that is built with a configuration of ours from the cache, or builds it.
func (s *Source) getBuilt(ctx context.Context, row Line, c candidate) (Kernel, error) {
	r, err := s.recipe(ctx, row, c)
	if err != nil {
		return Kernel{}, &UnavailableError{Line: row, Next: err.Error(), Err: err, built: true}
	}
	k, err := s.once(ctx, r.id(), func(part string) (Kernel, error) { return s.build(ctx, r, part) })
	if err != nil {
		return Kernel{}, &UnavailableError{Line: row, Err: err, built: true,
			Tried: []string{fmt.Sprintf("build it from %s %s: %v", c.Package, c.Version, err)},
			Next:  fmt.Sprintf("read %s, or look for space in %s", s.buildLog(r), s.CacheDir)}
	}
	return k, nil
}

// recipe collects what a build depends on. The error says what to install, or which file is missing.
func (s *Source) recipe(ctx context.Context, row Line, c candidate) (recipe, error) {
	missing := missingTools()
	if len(missing) > 0 {
		return recipe{}, fmt.Errorf("building it needs %s: ci/kernels/build.sh %s installs that and builds it",
			strings.Join(missing, ", "), row.Name())
	}
	var config []byte
	for _, name := range []string{baseConfig, row.Config} {
		text, err := os.ReadFile(filepath.Join(s.Configs, name+".config"))
		if err != nil {
			return recipe{}, fmt.Errorf("its configuration: %w", err)
		}
		config = append(withoutLines(config, string(text)), text...)
	}
	patch, err := os.ReadFile(filepath.Join(s.Configs, row.Config+".patch"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return recipe{}, fmt.Errorf("its changes to the source: %w", err)
	}
	compiler, err := exec.CommandContext(ctx, "gcc", "--version").Output()
	if err != nil {
		return recipe{}, fmt.Errorf("ask gcc for its version: %w", err)
	}
	first, _, _ := strings.Cut(string(compiler), "\n")
	return recipe{row, c, string(config), string(patch), first}, nil
}

// optionForm is a line that sets an option, or switches it off.
var optionForm = regexp.MustCompile(`^(?:# )?(CONFIG_\w+)(?:=| is not set$)`)

// optionOf is the option that a line is about, or "".
func optionOf(line string) string {
	if m := optionForm.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
		return m[1]
	}
	return ""
}

// withoutLines leaves out of a configuration what another is about, which is set on top of it.
func withoutLines(config []byte, by string) []byte {
	about := map[string]bool{}
	for line := range strings.Lines(by) {
		about[optionOf(line)] = true
	}
	var left []byte
	for line := range strings.Lines(string(config)) {
		if option := optionOf(line); option == "" || !about[option] {
			left = append(left, line...)
		}
	}
	return left
}

func missingTools() (missing []string) {
	for _, tool := range buildTools {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, tool)
		}
	}
	if _, err := os.Stat(buildHeader); err != nil {
		missing = append(missing, buildHeader)
	}
	return missing
}

// id names a build in the cache: by what it is made of, so that it is never out of date.
func (r recipe) id() string {
	parts := []string{r.source.Package, r.source.Version, r.source.SHA256, r.config, r.compiler}
	if r.patch != "" {
		parts = append(parts, r.patch)
	}
	key := strings.Join(parts, "\x00")
	version := strings.ReplaceAll(r.source.Version, ":", "%3a")
	return fmt.Sprintf("%s_%s_%.12s", r.row.Name(), version, digest([]byte(key)))
}

// buildLog is the file that tells of a build; it stays in the cache.
func (s *Source) buildLog(r recipe) string { return filepath.Join(s.CacheDir, "logs", r.id()+".log") }

// build builds a kernel in a folder.
func (s *Source) build(ctx context.Context, r recipe, part string) (Kernel, error) {
	tree := filepath.Join(part, "tree")
	if err := errors.Join(os.MkdirAll(tree, 0o755), os.MkdirAll(filepath.Dir(s.buildLog(r)), 0o755)); err != nil {
		return Kernel{}, err
	}
	log, err := os.Create(s.buildLog(r))
	if err != nil {
		return Kernel{}, err
	}
	defer log.Close()
	b := builder{tree, log}
	s.Progress(fmt.Sprintf("building %s from %s %s, once; that takes some 12 minutes on two processors; to follow it: tail -f %s",
		r.row.Name(), r.source.Package, r.source.Version, log.Name()))
	start := time.Now()
	if err := s.unpackSource(ctx, r.source, b); err != nil {
		return Kernel{}, err
	}
	if err := b.patch(ctx, r.patch); err != nil {
		return Kernel{}, err
	}
	if err := b.make(ctx, r.config); err != nil {
		return Kernel{}, err
	}
	k, err := b.collect(ctx, part, r)
	if err != nil {
		return Kernel{}, err
	}
	s.Progress(fmt.Sprintf("built %s in %v", r.row.Name(), time.Since(start).Round(time.Second)))
	return k, nil
}

// unpackSource downloads the package of a kernel's source and unpacks the tarball in it.
func (s *Source) unpackSource(ctx context.Context, c candidate, b builder) error {
	part := filepath.Dir(b.tree)
	content := filepath.Join(part, "package")
	err := s.download(ctx, s.root(c.Suite), c, part, func(deb string) error {
		return b.run(ctx, "dpkg-deb", "-x", deb, content)
	})
	if err != nil {
		return err
	}
	tarballs, err := filepath.Glob(filepath.Join(content, "usr/src", c.Package+".tar.*"))
	if err != nil || len(tarballs) != 1 {
		return fmt.Errorf("%d tarballs in %s %s, want one", len(tarballs), c.Package, c.Version)
	}
	if err := b.run(ctx, "tar", "-xf", tarballs[0], "-C", b.tree, "--strip-components=1"); err != nil {
		return err
	}
	return os.RemoveAll(content)
}

// builder builds in a tree of a kernel's source.
type builder struct {
	tree string
	log  *os.File
}

// patch changes the source, if it is to be changed.
func (b builder) patch(ctx context.Context, text string) error {
	if text == "" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(b.tree, ".patch"), []byte(text), 0o644); err != nil {
		return err
	}
	return b.run(ctx, "patch", "-p1", "--batch", "--forward", "-i", ".patch")
}

// make configures and builds. A line of the configuration that does not come through ends it.
func (b builder) make(ctx context.Context, config string) error {
	lines := filepath.Join(b.tree, ".lines")
	if err := os.WriteFile(lines, []byte(config), 0o644); err != nil {
		return err
	}
	if err := b.run(ctx, "make", "KCONFIG_ALLCONFIG="+lines, "allnoconfig"); err != nil {
		return err
	}
	if err := b.run(ctx, "make", "olddefconfig"); err != nil {
		return err
	}
	got, err := os.ReadFile(filepath.Join(b.tree, ".config"))
	if err != nil {
		return err
	}
	if lost := lostLines(config, string(got)); len(lost) > 0 {
		return fmt.Errorf("this kernel's make olddefconfig does not keep %s: something that it depends on is off, or it is gone",
			strings.Join(lost, ", "))
	}
	return b.run(ctx, "make", fmt.Sprintf("-j%d", runtime.NumCPU()), "bzImage")
}

// lostLines are the settings of a configuration that another does not have.
func lostLines(want, got string) (lost []string) {
	has := map[string]bool{}
	for line := range strings.Lines(got) {
		has[strings.TrimSpace(line)] = true
	}
	for line := range strings.Lines(want) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "CONFIG_") && !has[line] {
			lost = append(lost, line)
		}
	}
	return lost
}

// run runs a command in the tree; it and all that it started end with ctx.
func (b builder) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	var last tail
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.tree, b.log, &last
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	fmt.Fprint(b.log, last.String())
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, firstComplaint(last.String()))
	}
	return nil
}

// firstComplaint is the line of a compiler's output that says what is wrong, or the last.
func firstComplaint(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range lines {
		if strings.Contains(line, "rror: ") {
			return line
		}
	}
	return lines[len(lines)-1]
}

// collect takes from the tree what is to stay, and describes it.
func (b builder) collect(ctx context.Context, part string, r recipe) (Kernel, error) {
	for from, to := range map[string]string{"arch/x86/boot/bzImage": "vmlinuz", ".config": "config"} {
		if err := os.Rename(filepath.Join(b.tree, from), filepath.Join(part, to)); err != nil {
			return Kernel{}, err
		}
	}
	notes, err := b.collectNotes(ctx, part)
	if err != nil {
		return Kernel{}, err
	}
	return describe(part, Kernel{Name: r.row.Name(), Config: r.row.Config, Version: upstreamVersion(r.source.Version), Notes: notes,
		Package: r.source.Package + " " + r.source.Version})
}

// collectNotes makes an archive of what the compiler noted of the files that count how often their lines are run, and of
// their sources; "" if none counts.
func (b builder) collectNotes(ctx context.Context, part string) (path string, err error) {
	noted, err := filepath.Glob(filepath.Join(b.tree, "kernel/bpf/*.gcno"))
	if err != nil || len(noted) == 0 {
		return "", err
	}
	path = filepath.Join(part, "notes.tar")
	args := []string{"-cf", path, "-C", filepath.Dir(noted[0])}
	for _, name := range noted {
		name = filepath.Base(name)
		args = append(args, name, strings.TrimSuffix(name, ".gcno")+".c")
	}
	return path, b.run(ctx, "tar", args...)
}

// demand says what a guest needs for a kernel that was built here.
func (k Kernel) demand() Kernel {
	if k.Config == "" {
		return k
	}
	text, err := os.ReadFile(k.ConfigPath)
	has := func(line string) bool { return err == nil && len(lostLines(line, string(text))) == 0 }
	if has("CONFIG_KASAN=y") || has("CONFIG_KCSAN=y") {
		k.MemoryMiB = builtMemory
	}
	if has("CONFIG_KCSAN=y") {
		k.CPUs = 2 // a race takes two
	}
	return k
}
