package suite

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"mimic/report"
)

// Outputs are the files that a run is written to: one flag for each of
// report.Formats. Each is complete after every kernel, so that one is left also if
// the run ends by force; kernels that were not examined are no green ones.
type Outputs struct {
	Base   string    // where relative paths begin; the current folder if ""
	Stdout io.Writer // os.Stdout if nil

	paths []string // by report.Formats
	files []*output
	run   *report.Run
}

// output is one file. The first error ends the writing to it.
type output struct {
	format report.Format
	path   string
	w      io.Writer // of a format that is written bit by bit, or of the standard output
	file   *os.File  // to be closed
	once   bool      // what cannot be written again is written at the end
	err    error
}

// Flags defines the flags.
func (o *Outputs) Flags(f *flag.FlagSet) {
	o.paths = make([]string, len(report.Formats))
	for i, format := range report.Formats {
		f.StringVar(&o.paths[i], format.Name, "", format.Help+", to a `file`; - is the standard output")
	}
}

// Asked says whether any file was asked for.
func (o *Outputs) Asked() bool {
	for _, path := range o.paths {
		if path != "" {
			return true
		}
	}
	return false
}

// Text is where the report for people belongs: not into the standard output if that
// is one of the files.
func (o *Outputs) Text() io.Writer {
	for _, path := range o.paths {
		if path == "-" {
			return os.Stderr
		}
	}
	return o.stdout()
}

func (o *Outputs) stdout() io.Writer {
	if o.Stdout != nil {
		return o.Stdout
	}
	return os.Stdout
}

// Run runs the suite and writes the files meanwhile. The error says which file
// could not be written; if that shows before anything ran, nothing is run. skip says
// that a kernel which cannot be had does not matter.
func (o *Outputs) Run(ctx context.Context, c Config, skip bool) ([]*report.Kernel, error) {
	if err := o.begin(&c); err != nil {
		return nil, err
	}
	c.Each = func(i int, k *report.Kernel) {
		k.Skipped = k.Missing && skip
		o.run.Kernels[i] = k
		o.write(i)
	}
	kernels := Run(ctx, c)
	return kernels, o.end()
}

// begin opens every file, and writes what is true of a run that has not begun.
func (o *Outputs) begin(c *Config) error {
	var names []string
	for _, spec := range c.Kernels {
		names = append(names, spec.Name)
	}
	o.run = report.NewRun(names, c.Seed)
	if err := o.check(); err != nil {
		return err
	}
	for i, path := range o.paths {
		if path != "" {
			o.files = append(o.files, o.open(report.Formats[i], path))
		}
	}
	o.rewrite()
	if err := o.errs(); err != nil {
		return errors.Join(err, o.close())
	}
	return nil
}

// check says whether more than one format is to go to the standard output.
func (o *Outputs) check() error {
	var there []string
	for i, path := range o.paths {
		if path == "-" {
			there = append(there, "-"+report.Formats[i].Name)
		}
	}
	if len(there) > 1 {
		return &UsageError{strings.Join(there, " and ") + ": the standard output has room for one format only; name files"}
	}
	return nil
}

func (o *Outputs) open(format report.Format, path string) *output {
	f := &output{format: format, path: path}
	if path == "-" {
		f.w, f.once = o.stdout(), true
		return f.begin(o.run)
	}
	if o.Base != "" && !filepath.IsAbs(path) {
		f.path = filepath.Join(o.Base, path)
	}
	if info, err := os.Stat(f.path); err == nil && !info.Mode().IsRegular() {
		f.once = true // a pipe, say
	}
	if format.Begin != nil {
		f.file, f.err = os.Create(f.path)
		f.w = f.file
	}
	return f.begin(o.run)
}

func (f *output) begin(run *report.Run) *output {
	if f.err == nil && f.format.Begin != nil {
		f.err = f.format.Begin(f.w, run)
	}
	return f
}

// write writes what the i-th kernel adds.
func (o *Outputs) write(i int) {
	for _, f := range o.files {
		if f.err == nil && f.format.Kernel != nil {
			f.err = f.format.Kernel(f.w, o.run, i)
		}
	}
	o.rewrite()
}

// rewrite writes the files that are written as a whole.
func (o *Outputs) rewrite() {
	for _, f := range o.files {
		if f.err == nil && f.format.Whole != nil && !f.once {
			f.err = f.whole(o.run)
		}
	}
}

func (f *output) whole(run *report.Run) error {
	var b bytes.Buffer
	if err := f.format.Whole(&b, run); err != nil {
		return err
	}
	if f.w != nil {
		_, err := f.w.Write(b.Bytes())
		return err
	}
	return os.WriteFile(f.path, b.Bytes(), 0o644)
}

// end writes again what other kernels have said since, and what is written once, tells
// GitHub if it is there, and says which files could not be written.
func (o *Outputs) end() error {
	o.rewrite()
	for _, f := range o.files {
		if f.err == nil && f.format.Whole != nil && f.once {
			f.err = f.whole(o.run)
		}
	}
	return errors.Join(o.errs(), o.close(), o.github())
}

func (o *Outputs) errs() (err error) {
	for _, f := range o.files {
		if f.err != nil {
			err = errors.Join(err, fmt.Errorf("write -%s %s: %w", f.format.Name, f.path, f.err))
		}
	}
	return err
}

func (o *Outputs) close() (err error) {
	for _, f := range o.files {
		if f.file != nil {
			if e := f.file.Close(); e != nil && f.err == nil {
				err = errors.Join(err, fmt.Errorf("close -%s %s: %w", f.format.Name, f.path, e))
			}
		}
	}
	return err
}

// github writes annotations and the summary of the job if GitHub Actions runs this.
func (o *Outputs) github() error {
	if os.Getenv("GITHUB_ACTIONS") != "true" {
		return nil
	}
	err := report.Annotations(o.Text(), o.run)
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return err
	}
	f, openErr := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if openErr != nil {
		return errors.Join(err, fmt.Errorf("write the summary of the job: %w", openErr))
	}
	return errors.Join(err, report.JobSummary(f, o.run), f.Close())
}
