package vmtest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Kept is a kernel of the cache, as its record has it. Nothing of it has been checked.
type Kept struct {
	ID     string // names the record
	Kernel Kernel // of files it has the hashes in the place of paths
	Bytes  int64
	Used   time.Time // when it was taken out last
}

// Kept lists the kernels of the cache, by name.
func (s *Source) Kept() []Kept { return s.store().list() }

func (s store) list() (all []Kept) {
	paths, _ := filepath.Glob(s.record("*"))
	for _, path := range paths {
		id := strings.TrimSuffix(filepath.Base(path), ".json")
		r, err := s.read(id)
		info, statErr := os.Stat(path)
		if err == nil && statErr == nil {
			all = append(all, Kept{id, r.Kernel, r.Bytes, info.ModTime()})
		}
	}
	return all
}

// Pruned is what Prune took out of the cache.
type Pruned struct {
	Kernels []Kept
	Bytes   int64 // of all the files
}

// justUsed is how long ago a kernel may have been taken out that is still being booted.
const justUsed = 10 * time.Minute

// Prune deletes the kernels that nobody took out for some time, ten minutes at least, and with them every
// file that belongs to none: of downloads that were never finished, of processes that were killed, and of
// versions of mimic that kept kernels elsewhere, and every start. It waits for those who are adding kernels.
func (s *Source) Prune(ctx context.Context, unused time.Duration) (p Pruned, err error) {
	st := s.store()
	unlock, err := lock(ctx, st.sweepLock())
	if err != nil {
		return p, err
	}
	defer unlock()
	before := size(s.CacheDir)
	needed := map[string]bool{}
	for _, k := range st.list() {
		if time.Since(k.Used) >= max(unused, justUsed) {
			err = errors.Join(err, os.Remove(st.record(k.ID)))
			p.Kernels = append(p.Kernels, k)
			continue
		}
		for _, f := range k.Kernel.files() {
			needed[*f] = true
		}
	}
	err = errors.Join(err, sweep(st.blob(""), func(name string) bool { return needed[name] }),
		sweep(st.partial(""), func(name string) bool { return held(st.lockOf("download-" + name)) }),
		sweep(st.part(""), func(name string) bool { return held(st.lockOf(name)) }),
		sweep(filepath.Join(s.CacheDir, "starts"), func(string) bool { return false }))
	for _, old := range []string{"kernels", "vmlinux"} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(s.CacheDir, old)))
	}
	p.Bytes = before - size(s.CacheDir)
	return p, err
}

// sweep deletes what is in a folder, is not needed and was not touched just now.
func sweep(dir string, needed func(name string) bool) (err error) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, gone := e.Info(); gone == nil && time.Since(info.ModTime()) >= justUsed && !needed(e.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// size is what the files below a folder occupy.
func size(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil // what is gone has no size
	})
	return bytes
}
