package vmtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// store is the part of a cache that has kernels: their files under the hash of what is in them, and for
// each kernel a record that names its files. Whoever takes a kernel out reads every byte of it first.
type store struct{ dir string }

func (s store) blob(sum string) string  { return filepath.Join(s.dir, "blobs", "sha256", sum) }
func (s store) record(id string) string { return filepath.Join(s.dir, "records", id+".json") }

// part is a folder for what becomes a record, or does not.
func (s store) part(id string) string { return filepath.Join(s.dir, "parts", id) }

// partial is a file that is not all there yet.
func (s store) partial(sum string) string { return filepath.Join(s.dir, "partial", sum) }

// lockOf is the lock of one record. It is not deleted: another process may be about to take it.
func (s store) lockOf(id string) string { return filepath.Join(s.dir, "locks", id) }

// sweepLock is shared by those who add files, and held alone by who takes out those without a record.
func (s store) sweepLock() string { return filepath.Join(s.dir, "locks", "sweep") }

// DamagedError says that a file of the cache is not what it was when it was put there. It is gone now.
type DamagedError struct {
	Kernel, Path string
	Reason       string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the cache was damaged: %s of %s %s; it is deleted", e.Path, e.Kernel, e.Reason)
}

// saved is the form of a record: of files it has the hash where a Kernel has the path.
type saved struct {
	Kernel
	Bytes int64 // of all its files
}

// files are the fields of a kernel that are files of it.
func (k *Kernel) files() []*string {
	return []*string{&k.Image, &k.Vmlinux, &k.ConfigPath, &k.Modules, &k.Notes}
}

// load is the kernel of a record, with every byte checked. A *DamagedError says that there is none any
// more; without a record the error is fs.ErrNotExist.
func (s store) load(id string) (Kernel, error) {
	r, err := s.read(id)
	if err != nil {
		return Kernel{}, err
	}
	k := r.Kernel
	for _, f := range k.files() {
		if *f == "" {
			continue
		}
		if err := s.check(*f, id); err != nil {
			return Kernel{}, errors.Join(err, removeIfThere(s.record(id)))
		}
		*f = s.blob(*f)
	}
	now := time.Now() // prune goes by it
	return k.demand(), os.Chtimes(s.record(id), now, now)
}

func (s store) read(id string) (r saved, err error) {
	text, err := os.ReadFile(s.record(id))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, errors.Join(&DamagedError{id, s.record(id), err.Error()}, os.Remove(s.record(id)))
	}
	return r, nil
}

// check reads a file; one that is damaged is deleted.
func (s store) check(sum, of string) error {
	got, err := HashFile(s.blob(sum))
	if err == nil && got == sum {
		return nil
	}
	reason := fmt.Sprintf("has the hash %s", got)
	if err != nil {
		reason = "cannot be read: " + err.Error()
	}
	return errors.Join(&DamagedError{of, s.blob(sum), reason}, removeIfThere(s.blob(sum)))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// HashFile is the SHA-256 of what is in a file, in hex.
func HashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// save moves the files of a kernel into the store and writes its record.
func (s store) save(ctx context.Context, id string, k Kernel) (Kernel, error) {
	unlock, err := lockShared(ctx, s.sweepLock())
	if err != nil {
		return Kernel{}, err
	}
	defer unlock()
	r := saved{Kernel: k}
	for _, f := range r.files() {
		if *f == "" {
			continue
		}
		info, err := os.Stat(*f)
		if err != nil {
			return Kernel{}, err
		}
		r.Bytes += info.Size()
		if *f, err = s.adopt(*f); err != nil {
			return Kernel{}, err
		}
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return Kernel{}, err
	}
	if err := WriteFile(s.record(id), text); err != nil {
		return Kernel{}, err
	}
	return s.load(id)
}

// adopt moves a file into the store. One that is there already is replaced: it may be damaged.
func (s store) adopt(path string) (sum string, err error) {
	if sum, err = HashFile(path); err != nil {
		return "", err
	}
	to := s.blob(sum)
	return sum, errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Chmod(path, 0o444), os.Rename(path, to))
}

// once returns a kernel of the store, or has it made in a folder that is gone afterwards. Nobody else
// makes the same one meanwhile.
func (s *Source) once(ctx context.Context, id string, build func(part string) (Kernel, error)) (Kernel, error) {
	st := s.store()
	unlock, err := lock(ctx, st.lockOf(id))
	if err != nil {
		return Kernel{}, err
	}
	defer unlock()
	k, damage := st.load(id)
	if damage == nil {
		return k, nil
	}
	if errors.Is(damage, fs.ErrNotExist) {
		damage = nil
	} else {
		s.Progress(damage.Error())
	}
	part := st.part(id)
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o755)); err != nil {
		return Kernel{}, err
	}
	defer os.RemoveAll(part)
	if k, err = build(part); err != nil {
		return Kernel{}, errors.Join(err, damage)
	}
	return st.save(ctx, id, k)
}

func (s *Source) store() store { return store{s.CacheDir} }
