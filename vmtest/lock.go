package vmtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lock takes a lock that other processes respect too, waiting for it as long as ctx lasts. The
// kernel releases it when this process dies.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	return flock(ctx, path, unix.LOCK_EX)
}

// lockShared takes a lock that others may share, but not while somebody has it alone.
func lockShared(ctx context.Context, path string) (unlock func(), err error) {
	return flock(ctx, path, unix.LOCK_SH)
}

// held says whether somebody has a lock.
func held(path string) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	unlock, err := lock(ctx, path)
	if err == nil {
		unlock()
	}
	return err != nil
}

func flock(ctx context.Context, path string, how int) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("wait for another process to release %s: %w", path, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
