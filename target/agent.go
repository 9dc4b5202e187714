package target

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// agentPackage is the command that BuildAgent builds.
const agentPackage = "mimic/cmd/agent"

// BuildAgent builds the agent for this machine's architecture, statically
// linked, and answers its path below cache. The go command keeps it up to date.
func BuildAgent(ctx context.Context, cache string) (string, error) {
	root, err := ModuleRoot()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "agent", agentName(root))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("build the agent: %w", err)
	}
	temp := fmt.Sprintf("%s.%d", path, os.Getpid())
	defer os.Remove(temp)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", temp, agentPackage)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the agent with %q in %s: %w\n%s", cmd.Args, root, err, bytes.TrimSpace(out))
	}
	if err := os.Rename(temp, path); err != nil {
		return "", fmt.Errorf("build the agent: %w", err)
	}
	return path, nil
}

// agentName is one for each source tree: two of them at work at the same time
// must not be handed each other's agents.
func agentName(root string) string {
	sum := fnv.New32a()
	io.WriteString(sum, root)
	return fmt.Sprintf("agent-%s-%08x", runtime.GOARCH, sum.Sum32())
}

// ModuleRoot is the folder of this module's go.mod: of MIMIC_SOURCE if that is
// set, else from the working directory up.
func ModuleRoot() (string, error) {
	start := os.Getenv("MIMIC_SOURCE")
	if start == "" {
		var err error
		if start, err = os.Getwd(); err != nil {
			return "", err
		}
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(b, []byte("module mimic\n")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod of module mimic in %s or above: run this inside mimic's source, or say where that is with MIMIC_SOURCE", start)
		}
	}
}
