package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"mimic/ops"
	"mimic/suite"
	"mimic/target"
)

// baselineFile has what others assert, as fixed sequences.
const baselineFile = "ci/seeded/baseline.txtar"

// baselineTries is how often a race of the baseline is run: theirs run once, with more rounds.
const baselineTries = 3

// readBaseline reads the sequences and their names. The error names the one that does not parse.
func readBaseline() (names []string, seqs []ops.Sequence, err error) {
	root, err := target.ModuleRoot()
	if err != nil {
		return nil, nil, err
	}
	archive, err := txtar.ParseFile(filepath.Join(root, baselineFile))
	if err != nil {
		return nil, nil, err
	}
	for _, f := range archive.Files {
		seq, err := ops.Parse(string(f.Data))
		if err != nil {
			return nil, nil, fmt.Errorf("%s, %s: %w", baselineFile, f.Name, err)
		}
		names, seqs = append(names, f.Name), append(seqs, seq)
	}
	return names, seqs, nil
}

// baseline runs the fixed sequences against one fault. What they break stands in the place of the
// claims that are blamed, and counts as right: they have no claims to choose from.
func (o *options) baseline(ctx context.Context, f fault) (r result, err error) {
	specs, err := o.specs(f)
	if err != nil {
		return r, err
	}
	names, seqs, err := readBaseline()
	if err != nil {
		return r, err
	}
	r = result{fault: f.number, executions: len(seqs), asked: everything}
	start := time.Now()
	for i, played := range suite.ReplayEach(ctx, suite.Config{Log: os.Stderr}, specs[0], seqs, baselineTries) {
		switch {
		case played.Finding != nil && played.Finding.Known == "":
			r.blamed, r.right = append(r.blamed, names[i]), true
		case played.Fault != nil && r.fell == "":
			r.fell = strings.SplitN(played.Fault.Error(), "\n", 2)[0]
		}
	}
	r.asking, r.took = time.Since(start), time.Since(start)
	return r, nil
}
