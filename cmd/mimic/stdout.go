package main

import (
	"fmt"
	"io"
	"os"

	"mimic/suite"
)

// stdout is where reports go; exit codes depend on whether they got there.
var stdout = &witness{w: os.Stdout}

// witness remembers the first write that failed.
type witness struct {
	w   io.Writer
	err error
}

func (w *witness) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// code makes a run whose report did not get out one that did not hold.
func (w *witness) code(code int) int {
	if w.err == nil {
		return code
	}
	fmt.Fprintf(os.Stderr, "mimic: the report could not be written: %v; make room, or send it somewhere else\n", w.err)
	return max(code, suite.ExitHarness)
}
