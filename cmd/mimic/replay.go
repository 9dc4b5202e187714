package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"mimic/ops"
	"mimic/suite"
)

func runReplay(ctx context.Context, c command, args []string) (int, error) {
	f := c.flags()
	g := guestFlags(f)
	traces := f.String("traces", "", "folder to also write the traces to, as KERNEL/NAME.trace")
	asJSON := jsonFlag(f)
	tries := f.Int("tries", 1, "times to run a race until it breaks a promise")
	paths, err := parse(f, args)
	if err != nil {
		return 0, err
	}
	if len(paths) == 0 {
		return 0, usagef("want files of sequences or traces")
	}
	specs, err := g.specs(ctx)
	if err != nil {
		return 0, err
	}
	return replayAll(ctx, suite.Config{Kernels: specs, Log: os.Stderr}, paths, *traces, *tries, *asJSON)
}

// replayAll runs sequences on each kernel; the worst that they did is the exit code.
func replayAll(ctx context.Context, config suite.Config, paths []string, traces string, tries int, asJSON bool) (int, error) {
	var seqs []ops.Sequence
	for _, path := range paths {
		seq, err := suite.ReadSequence(path)
		if err != nil {
			return 0, err
		}
		seqs = append(seqs, seq)
	}
	code := suite.ExitHeld
	for _, spec := range config.Kernels {
		for i, r := range suite.ReplayEach(ctx, config, spec, seqs, tries) {
			if err := show(asJSON, paths[i], r.Text(), r); err != nil {
				return 0, err
			}
			code = max(code, r.ExitCode())
			if err := keep(traces, spec.Name, paths[i], r); err != nil {
				return 0, err
			}
		}
	}
	return code, nil
}

// keep writes the trace of a sequence that ran, if there is a folder for it.
func keep(folder, kernel, path string, r suite.Replayed) error {
	if folder == "" || r.Fault != nil {
		return nil
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) + ".trace"
	dir := filepath.Join(folder, suite.FolderName(kernel))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), []byte(r.Trace.String()), 0o644)
}
