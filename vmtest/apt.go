package vmtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// listsAge is how old package lists may be before they are fetched again.
const listsAge = 24 * time.Hour

// retryAfter is how long old lists are used without another try, once one has failed.
const retryAfter = 10 * time.Minute

// keyring is the file with the keys that Debian signs its archive with, from the package of that
// name; the ending depends on its age.
func keyring() (string, error) {
	const path = "/usr/share/keyrings/debian-archive-keyring"
	for _, ending := range []string{".gpg", ".pgp"} {
		if _, err := os.Stat(path + ending); err == nil {
			return path + ending, nil
		}
	}
	return "", fmt.Errorf("the keys of the Debian archive are missing, there is no %s.gpg: "+
		"scripts/setup.sh installs debian-archive-keyring", path)
}

// aptRoot is a private apt configuration for one suite: its own sources, lists and state under
// the cache. apt checks signatures and hashes; the machine's configuration is only read.
type aptRoot struct {
	dir, suite, mirror string
}

// settings are read after all of the machine's. They keep its proxies, and clear the hooks that
// would work on its package lists.
const settings = `#clear APT::Update;
#clear DPkg;
#clear Acquire::IndexTargets::deb::Contents-deb;
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Dir::Etc::sourcelist "%[1]s/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "%[1]s/state";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s/cache";
`

// prepare writes the configuration.
func (r aptRoot) prepare() error {
	if err := os.RemoveAll(r.temp()); err != nil {
		return err
	}
	for _, dir := range []string{"state/lists/partial", "cache/archives/partial", "tmp"} {
		if err := os.MkdirAll(filepath.Join(r.dir, dir), 0o755); err != nil {
			return err
		}
	}
	keys, err := keyring()
	if err != nil {
		return err
	}
	source := fmt.Sprintf("deb [arch=amd64 target=Packages signed-by=%s] %s %s main\n",
		keys, r.mirror, r.suite)
	return errors.Join(
		writeFile(filepath.Join(r.dir, "status"), nil),
		writeFile(filepath.Join(r.dir, "sources.list"), []byte(source)),
		writeFile(filepath.Join(r.dir, "apt.conf"), fmt.Appendf(nil, settings, r.dir)),
	)
}

// temp is for what apt leaves when it is killed; the next one deletes it.
func (r aptRoot) temp() string { return filepath.Join(r.dir, "tmp") }

// run runs a tool of apt's in this root and returns what it printed.
func (r aptRoot) run(ctx context.Context, dir, tool string, args ...string) ([]byte, error) {
	config := []string{"-c", filepath.Join(r.dir, "apt.conf")}
	cmd := exec.CommandContext(ctx, tool, append(config, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TMPDIR="+r.temp())
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := startTied(cmd, false) // an apt that lives on holds its own lock
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w%s", tool, strings.Join(args, " "), err,
			firstError(complaints.String()))
	}
	return out.Bytes(), nil
}

// firstError is what apt says went wrong; what follows are consequences.
func firstError(text string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "E: ") {
			return ": " + strings.TrimSpace(line[3:])
		}
	}
	return ""
}

// candidates lists the kernels of the suite. It fetches the package lists if they are older than
// a day; if that does not work, older ones will do, and progress is told.
func (r aptRoot) candidates(ctx context.Context, progress func(string)) ([]candidate, error) {
	unlock, err := lock(ctx, r.dir+".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	list, fetched, err := r.remembered()
	if err == nil && (time.Since(fetched) < listsAge || r.failedLately()) {
		return list, nil
	}
	fresh, failed := r.refresh(ctx, progress)
	if failed == nil {
		return fresh, nil
	}
	if err != nil || ctx.Err() != nil {
		return nil, failed
	}
	_ = writeFile(r.failure(), nil)
	progress(fmt.Sprintf("using the package lists of %s from %s; newer ones cannot be had: %v",
		r.suite, fetched.Format(time.DateTime), failed))
	return list, nil
}

// failure is the file whose age says when the lists could not be fetched last.
func (r aptRoot) failure() string { return filepath.Join(r.dir, "failed") }

// failedLately keeps a machine without a network from waiting for it at every row.
func (r aptRoot) failedLately() bool {
	info, err := os.Stat(r.failure())
	return err == nil && time.Since(info.ModTime()) < retryAfter
}

// index is the file that remembers the kernels of the suite; where it came from is part of it.
func (r aptRoot) index() string { return filepath.Join(r.dir, "candidates.json") }

type savedIndex struct {
	Mirror  string
	Kernels []candidate
}

func (r aptRoot) remembered() ([]candidate, time.Time, error) {
	info, err := os.Stat(r.index())
	if err != nil {
		return nil, time.Time{}, err
	}
	text, err := os.ReadFile(r.index())
	if err != nil {
		return nil, time.Time{}, err
	}
	var saved savedIndex
	if err := json.Unmarshal(text, &saved); err != nil {
		return nil, time.Time{}, err
	}
	if saved.Mirror != r.mirror {
		return nil, time.Time{}, fs.ErrNotExist
	}
	return saved.Kernels, info.ModTime(), nil
}

// refresh fetches the package lists and remembers the kernels in them.
func (r aptRoot) refresh(ctx context.Context, progress func(string)) ([]candidate, error) {
	progress("fetching the package lists of " + r.suite)
	if err := r.prepare(); err != nil {
		return nil, err
	}
	if _, err := r.run(ctx, "", "apt-get", "-qq", "update"); err != nil {
		return nil, err
	}
	list, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(savedIndex{r.mirror, list}, "", "\t")
	if err != nil {
		return nil, err
	}
	return list, writeFile(r.index(), text)
}

// read goes through the fetched lists.
func (r aptRoot) read(ctx context.Context) ([]candidate, error) {
	names, err := r.run(ctx, "", "apt-get", "indextargets", "--format", "$(FILENAME)",
		"Created-By: Packages")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 { // older versions of apt call that a success
		return nil, fmt.Errorf("apt-get update: no package lists of %s on %s", r.suite, r.mirror)
	}
	var list []candidate
	for _, name := range strings.Fields(string(names)) {
		text, err := r.run(ctx, "", "/usr/lib/apt/apt-helper", "cat-file", name)
		if err != nil {
			return nil, err
		}
		some, err := parsePackages(r.suite, bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		list = append(list, some...)
	}
	return list, nil
}

// download puts a package into dir, whose hash apt has checked, and returns its path.
func (r aptRoot) download(ctx context.Context, c candidate, dir string) (string, error) {
	unlock, err := lock(ctx, r.dir+".lock") // nobody must replace the lists meanwhile
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := r.prepare(); err != nil {
		return "", err
	}
	if _, err := r.run(ctx, dir, "apt-get", "-qq", "download", c.Package+"="+c.Version); err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("apt-get download %s left %d packages in %s", c.Package, len(found), dir)
	}
	return found[0], nil
}
