package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"mimic/suite"
	"mimic/target"
)

// version is which mimic this is, and what it was built with.
type version struct {
	Version string `json:"version"` // as the go command names it: of a tag, or of a commit; (devel) if it knows none
	Go      string `json:"go"`
	System  string `json:"system"` // system and architecture
	Source  string `json:"source"` // folder from which agents are built, "" if there is none
}

func runVersion(_ context.Context, c command, args []string) (int, error) {
	f := c.flags()
	asJSON := f.Bool("json", false, "as JSON")
	others, err := parse(f, args)
	if err != nil {
		return 0, err
	}
	if len(others) > 0 {
		return 0, usagef("%q is not a flag", others[0])
	}
	v := version{Version: "(devel)", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version = info.Main.Version
	}
	v.Source, _ = target.ModuleRoot()
	if *asJSON {
		return suite.ExitHeld, json.NewEncoder(stdout).Encode(v)
	}
	fmt.Fprintf(stdout, "mimic %s, %s, %s, source in %s\n", v.Version, v.Go, v.System, v.Source)
	return suite.ExitHeld, nil
}

// findSource lets a mimic that was installed, and runs anywhere, find the source that it was built from, if
// that is still there. Who is in a copy of the source means that one.
func findSource() {
	if _, err := target.ModuleRoot(); err == nil || os.Getenv("MIMIC_SOURCE") != "" {
		return
	}
	if _, file, _, ok := runtime.Caller(0); ok {
		dir := filepath.Dir(filepath.Dir(filepath.Dir(file)))
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			os.Setenv("MIMIC_SOURCE", dir)
		}
	}
}
