package vmtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
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
	arch               string // as Debian has it
}

// settings are read after all of the machine's. They keep its proxies, and clear the hooks that
// would work on its package lists.
const settings = `#clear APT::Update;
#clear DPkg;
#clear Acquire::IndexTargets::deb::Contents-deb;
APT::Architecture "%[2]s";
APT::Architectures { "%[2]s"; };
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
	source := fmt.Sprintf("deb [arch=%s target=Packages signed-by=%s] %s %s main\n",
		r.arch, keys, r.mirror, r.suite)
	return errors.Join(
		WriteFile(filepath.Join(r.dir, "status"), nil),
		WriteFile(filepath.Join(r.dir, "sources.list"), []byte(source)),
		WriteFile(filepath.Join(r.dir, "apt.conf"), fmt.Appendf(nil, settings, r.dir, r.arch)),
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
	if why, tried := unavailable.Load(r.dir + " " + r.mirror); tried && err != nil {
		return nil, why.(error)
	}
	fresh, failed := r.refresh(ctx, progress)
	switch {
	case failed == nil:
		return fresh, nil
	case ctx.Err() != nil:
		return nil, failed
	case err != nil:
		unavailable.Store(r.dir+" "+r.mirror, failed)
		return nil, failed
	}
	_ = WriteFile(r.failure(), nil)
	progress(fmt.Sprintf("using the package lists of %s from %s; newer ones cannot be had: %v",
		r.suite, fetched.Format(time.DateTime), failed))
	return list, nil
}

// unavailable has, by folder and mirror, why this process could not fetch lists of which there are no older ones.
var unavailable sync.Map

// failure is the file whose age says when the lists could not be fetched last.
func (r aptRoot) failure() string { return filepath.Join(r.dir, "failed") }

// failedLately keeps a machine without a network from waiting for it at every row.
func (r aptRoot) failedLately() bool {
	info, err := os.Stat(r.failure())
	return err == nil && time.Since(info.ModTime()) < retryAfter
}

// index is the file that remembers the kernels of the suite; where it came from is part of it.
func (r aptRoot) index() string { return filepath.Join(r.dir, "packages.json") }

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
	progress("fetching the package lists of " + strings.TrimSuffix(r.suite+" for "+r.arch, " for "+arches[0].debian))
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
	return list, WriteFile(r.index(), text)
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
		some, err := parsePackages(r.suite, r.arch, bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		list = append(list, some...)
	}
	return list, nil
}

// uri is where a package is, with the size and the hash that apt has from the lists that Debian signed.
type uri struct {
	url, sum string
	size     int64
}

// uriForm is a line of apt-get --print-uris: 'URL' file size SHA256:hash.
var uriForm = regexp.MustCompile(`(?m)^'([^']+)' \S+ (\d+) SHA256:([0-9a-f]{64})$`)

// locked runs something while nobody replaces the lists.
func (r aptRoot) locked(ctx context.Context, do func() error) error {
	unlock, err := lock(ctx, r.dir+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.prepare(); err != nil {
		return err
	}
	return do()
}

// locate asks apt where a package is.
func (r aptRoot) locate(ctx context.Context, c candidate) (u uri, err error) {
	err = r.locked(ctx, func() error {
		text, err := r.run(ctx, "", "apt-get", "-qq", "--print-uris", "download", c.Package+"="+c.Version)
		if err != nil {
			return err
		}
		m := uriForm.FindSubmatch(text)
		if m == nil {
			return fmt.Errorf("apt-get --print-uris download %s: no address with a SHA-256 in %q", c.Package, text)
		}
		u.url, u.sum = string(m[1]), string(m[3])
		u.size, err = strconv.ParseInt(string(m[2]), 10, 64)
		return err
	})
	return u, err
}

// download hands over the path of a package whose hash is the one of the signed lists. It is fetched from
// where apt says, so that it can be resumed; what only apt can fetch, apt does: there are more ways
// than http, and proxies.
func (s *Source) download(ctx context.Context, r aptRoot, c candidate, dir string, use func(deb string) error) error {
	u, err := r.locate(ctx, c)
	if err != nil {
		return err
	}
	if strings.HasPrefix(u.url, "http://") || strings.HasPrefix(u.url, "https://") {
		err = s.acquire(ctx, download{c.Package + " " + c.Version, u.url, u.sum, u.size, http.DefaultClient}, use)
		var wire *net.OpError
		var name *net.DNSError
		if !errors.As(err, &wire) && !errors.As(err, &name) {
			return err
		}
		s.Progress(fmt.Sprintf("%v; apt may know a proxy", err))
	}
	return r.fetch(ctx, c, dir, use)
}

// fetch lets apt download a package into dir.
func (r aptRoot) fetch(ctx context.Context, c candidate, dir string, use func(deb string) error) error {
	err := r.locked(ctx, func() error {
		_, err := r.run(ctx, dir, "apt-get", "-qq", "download", c.Package+"="+c.Version)
		return err
	})
	if err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("apt-get download %s left %d packages in %s", c.Package, len(found), dir)
	}
	defer os.Remove(found[0])
	return use(found[0])
}
