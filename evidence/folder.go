package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// Files of a folder.
const (
	CaseFile     = "case.json"
	ReducedFile  = "reduced.seq"
	OriginalFile = "original.seq"
	TraceFile    = "reduced.trace"
	ConsoleFile  = "console.txt"
	ConfigFile   = "kernel.config"
	TimelineFile = "timeline.html"
	ReproCFile   = "repro.c"
	ReproGoFile  = "repro_test.go"
	ReadmeFile   = "README.md"
)

// Write puts a case into a folder so that nobody ever sees a part of it; an older folder of
// that name is replaced.
func Write(dir string, c Case) error {
	if err := write(dir, c); err != nil {
		return fmt.Errorf("write the evidence of %s to %s: %w", c.Claim, dir, err)
	}
	return nil
}

func write(dir string, c Case) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".tmp*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(part) // is the older folder once they have changed places
	files, err := c.files(dir)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(part, name), text, 0o644); err != nil {
			return err
		}
	}
	if err := os.Chmod(part, 0o755); err != nil {
		return err
	}
	return replace(part, dir)
}

// replace gives part the name dir; what had it gets the name part.
func replace(part, dir string) error {
	err := os.Rename(part, dir)
	if err == nil || !errors.Is(err, fs.ErrExist) && !errors.Is(err, unix.ENOTEMPTY) {
		return err
	}
	err = unix.Renameat2(unix.AT_FDCWD, part, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	old := part + ".old" // this file system cannot exchange
	defer os.RemoveAll(old)
	if err := os.Rename(dir, old); err != nil {
		return err
	}
	return os.Rename(part, dir)
}

// files is what the folder holds; what a case does not have has no file.
func (c Case) files(dir string) (map[string][]byte, error) {
	text, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{
		CaseFile:     append(text, '\n'),
		ReducedFile:  []byte(c.Trace.Sequence().String()),
		TraceFile:    []byte(c.Trace.String()),
		OriginalFile: []byte(c.Original.String()),
		ReadmeFile:   []byte(c.readme(dir)),
	}
	for name, text := range map[string][]byte{ConsoleFile: []byte(c.Trace.Console), ConfigFile: c.Config,
		TimelineFile: c.Timeline, ReproCFile: c.ReproC, ReproGoFile: c.ReproGo} {
		if len(text) > 0 {
			all[name] = text
		}
	}
	return all, nil
}

// FileError says which file of a folder cannot be read, and where it is wrong.
type FileError struct {
	File         string
	Line, Column int
	Reason       string
}

func (e *FileError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Reason)
}

// Read reads what Write wrote. The error holds a *FileError if it is about what is in the folder.
func Read(dir string) (c Case, err error) {
	path := filepath.Join(dir, CaseFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return c, &FileError{path, 1, 1, "not a folder of evidence: " + err.Error()}
	}
	if err := decode(path, text, &c); err != nil {
		return Case{}, err
	}
	if err := c.readSequences(dir); err != nil {
		return Case{}, err
	}
	console, err := optional(dir, ConsoleFile)
	c.Trace.Console = string(console)
	for name, to := range map[string]*[]byte{ConfigFile: &c.Config, TimelineFile: &c.Timeline, ReproCFile: &c.ReproC, ReproGoFile: &c.ReproGo} {
		data, failed := optional(dir, name)
		*to, err = data, errors.Join(err, failed)
	}
	return c, err
}

// decode reads case.json; what it does not know is an error, for it would be lost when the
// folder is written again.
func decode(path string, text []byte, c *Case) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(c)
	if err == nil {
		return nil
	}
	at := d.InputOffset()
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	if errors.As(err, &syntax) {
		at = syntax.Offset
	} else if errors.As(err, &kind) {
		at = kind.Offset
	}
	before := text[:min(int(at), len(text))]
	line := bytes.Count(before, []byte("\n")) + 1
	return &FileError{path, line, len(before) - bytes.LastIndexByte(before, '\n'), err.Error()}
}

func (c *Case) readSequences(dir string) error {
	path := filepath.Join(dir, TraceFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return &FileError{path, 1, 1, err.Error()}
	}
	if c.Trace, err = ops.ParseTrace(string(text)); err != nil {
		return inFile(path, err)
	}
	if n := len(c.Trace.Steps); c.Step < 0 || c.Step >= n {
		return &FileError{filepath.Join(dir, CaseFile), 1, 1, fmt.Sprintf("step %d of a trace of %d", c.Step, n)}
	}
	path = filepath.Join(dir, OriginalFile)
	if text, err = os.ReadFile(path); err != nil {
		return &FileError{path, 1, 1, err.Error()}
	}
	if c.Original, err = ops.Parse(string(text)); err != nil {
		return inFile(path, err)
	}
	return nil
}

// inFile adds the file to what is wrong in a text of the language.
func inFile(path string, err error) error {
	var syntax *ops.SyntaxError
	if errors.As(err, &syntax) {
		return &FileError{path, syntax.Line, syntax.Column, syntax.Reason}
	}
	return fmt.Errorf("%s: %w", path, err)
}

func optional(dir, name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}
