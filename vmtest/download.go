package vmtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// stallLimit is how long a server may send nothing.
const stallLimit = 30 * time.Second

// download is a file that is known by its hash before it is there.
type download struct {
	what   string // for people
	url    string
	sum    string // SHA-256, hex
	size   int64
	client *http.Client
}

// WrongHashError says that what was downloaded is not what was announced.
type WrongHashError struct{ What, Want, Got string }

func (e *WrongHashError) Error() string {
	return fmt.Sprintf("%s has the hash sha256:%s, announced is sha256:%s", e.What, e.Got, e.Want)
}

// acquire downloads a file and hands its path to use; it is gone when use returns. What an earlier try left
// is continued, and so is a connection that breaks after it brought something. What is wrong in the end
// is deleted; what is not all there stays for the next try.
func (s *Source) acquire(ctx context.Context, d download, use func(path string) error) error {
	st := s.store()
	unlock, err := lock(ctx, st.lockOf("download-"+d.sum))
	if err != nil {
		return err
	}
	defer unlock()
	path := st.partial(d.sum)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := s.fill(ctx, d, path); err != nil {
		return fmt.Errorf("download %s: %w", d.what, err)
	}
	defer os.Remove(path)
	got, err := HashFile(path)
	if err != nil {
		return err
	}
	if got != d.sum {
		return &WrongHashError{d.what, d.sum, got}
	}
	return use(path)
}

// fill gets what of a file is not there yet.
func (s *Source) fill(ctx context.Context, d download, path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	had, err := f.Seek(0, io.SeekEnd)
	if err != nil || had == d.size {
		return err
	}
	if had > d.size {
		had = 0
	}
	t, done := s.transfer(d.what, d.size, had), had
	defer func() { t.end(done) }()
	for done < d.size {
		before := done
		done, err = d.more(ctx, f, done, t.at)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && done <= before {
			return fmt.Errorf("at %s of %s bytes: %w", group(int(done)), group(int(d.size)), err)
		}
	}
	return nil
}

// more continues a file at an offset until the connection ends, and answers how much is there.
func (d download) more(ctx context.Context, f *os.File, from int64, at func(int64)) (done int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(stallLimit, func() { cancel(fmt.Errorf("nothing came for %v", stallLimit)) })
	defer watch.Stop()
	body, start, err := d.open(ctx, from)
	if err != nil {
		return from, errors.Join(err, context.Cause(ctx))
	}
	defer body.Close()
	if _, err := f.Seek(start, io.SeekStart); err != nil {
		return from, err
	}
	if err := f.Truncate(start); err != nil {
		return from, err
	}
	w := counter{f, start, func(n int64) { watch.Reset(stallLimit); at(n) }}
	_, err = io.Copy(&w, io.LimitReader(body, d.size-start))
	if err == nil && w.done < d.size {
		err = io.ErrUnexpectedEOF
	}
	return w.done, err
}

// open asks for a file from an offset on, and says where the answer starts: at 0 if the server knows no
// other place.
func (d download) open(ctx context.Context, from int64) (body io.ReadCloser, start int64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return nil, 0, err
	}
	if from > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, d.size-1))
	}
	answer, err := d.client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	switch answer.StatusCode {
	case http.StatusOK:
		return answer.Body, 0, nil
	case http.StatusPartialContent:
		return answer.Body, from, nil
	}
	answer.Body.Close()
	return nil, 0, &statusError{answer.StatusCode, answer.Status}
}

// statusError is what a server answers instead of a file.
type statusError struct {
	code   int
	status string
}

func (e *statusError) Error() string { return "the server answers " + e.status }

// counter counts what is written to a file.
type counter struct {
	to   io.Writer
	done int64
	at   func(int64)
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.done += int64(n)
	c.at(c.done)
	return n, err
}
