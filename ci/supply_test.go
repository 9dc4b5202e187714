package ci

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildAgent builds the agent as mimic does (target.BuildAgent), in the folder of a source tree.
func buildAgent(t *testing.T, tree string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", path, "mimic/cmd/agent")
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// agentSources are the files that the agent is made of, by folder of mimic, as paths from the root.
func agentSources(t *testing.T) (paths []string) {
	t.Helper()
	const each = "{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}\n{{end}}{{range .SFiles}}{{$d}}/{{.}}\n{{end}}{{range .EmbedFiles}}{{$d}}/{{.}}\n{{end}}"
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "-deps", "-f", `{{if .Module}}{{if eq .Module.Path "mimic"}}`+each+`{{end}}{{end}}`, "mimic/cmd/agent").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		paths = append(paths, strings.TrimPrefix(path, root+"/"))
	}
	return append(paths, "go.mod", "go.sum")
}

// TestAgentIsReproducible builds the agent in two folders: its bytes are those of the source, whoever builds it
// and wherever that is. In the second each file ends with one more comment, which makes the go command compile the
// packages again that it would have in its cache, and is in no byte of what they become. (Of a command
// the digest of its files is in what it becomes: main stays as it is.)
func TestAgentIsReproducible(t *testing.T) {
	copied := filepath.Join(t.TempDir(), "copy", "of", "mimic")
	sources := agentSources(t)
	if len(sources) < 20 {
		t.Fatalf("the agent is made of %q", sources)
	}
	for _, path := range sources {
		b, err := os.ReadFile(filepath.Join("..", path))
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(path) == ".go" && filepath.Dir(path) != "cmd/agent" {
			b = fmt.Appendf(b, "\n// copied to %s\n", copied)
		}
		to := filepath.Join(copied, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, b, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	here := buildAgent(t, "..")
	if there := buildAgent(t, copied); !bytes.Equal(here, there) {
		t.Errorf("two folders make different agents, of %d and %d bytes", len(here), len(there))
	}
	path := filepath.Join(copied, "target/executor/features.go")
	if err := os.WriteFile(path, append(must(os.ReadFile(path)), "\nfunc init() { println(1) }\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(here, buildAgent(t, copied)) {
		t.Error("another source makes the same agent: the test compares nothing")
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
