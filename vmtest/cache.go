package vmtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// CacheDir is where kernels and what was learned about this host are kept: MIMIC_CACHE, or the
// user's cache directory, or the system's temporary one.
func CacheDir() string {
	if dir := os.Getenv("MIMIC_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "mimic")
}

// Lock takes a lock of a cache that other processes respect too, waiting for it as long as ctx lasts. The
// kernel releases it when this process dies.
func Lock(ctx context.Context, path string) (unlock func(), err error) { return lock(ctx, path) }

// WriteFile writes a file of the cache so that nobody ever sees a part of it.
func WriteFile(path string, data []byte) error {
	return writeWith(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// writeWith lets fill write a temporary file next to path and then gives it its name.
func writeWith(path string, fill func(*os.File) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // is nothing once it is renamed
	if err := fill(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
