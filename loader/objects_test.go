package loader

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
)

// sums reads what build.sh noted: the sum of each file that it read and wrote.
func sums(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("elf/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	noted := map[string]string{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 2 {
			t.Fatalf("elf/SHA256SUMS: %q is not a sum and a name", line)
		}
		noted[f[1]] = f[0]
	}
	return noted
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %v", pattern, files, err)
	}
	return files
}

func TestObjectsAreOfTheseSources(t *testing.T) {
	noted := sums(t)
	files := append(glob(t, "src/*"), glob(t, "elf/*.o")...)
	for _, file := range append(files, "build.sh") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != noted[file] {
			t.Errorf("%s is not what the objects were made with: go generate ./loader", file)
		}
		delete(noted, file)
	}
	for file := range noted {
		t.Errorf("%s is gone: go generate ./loader", file)
	}
}

func TestEverySourceHasItsObjectAndExample(t *testing.T) {
	for _, source := range glob(t, "src/*.c") {
		name := strings.TrimSuffix(filepath.Base(source), ".c")
		if !slices.Contains(Names(), name) {
			t.Errorf("%s is shown by no example", source)
		}
		elf, err := objects.ReadFile("elf/" + name + ".o")
		if err != nil {
			t.Error(err)
			continue
		}
		spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(elf))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), `SEC("xdp")`); n != len(spec.Programs) {
			t.Errorf("%s has %d programs, its object %d", source, n, len(spec.Programs))
		}
		if n := strings.Count(string(text), `SEC(".maps")`); n != len(spec.Maps) {
			t.Errorf("%s has %d maps, its object %d", source, n, len(spec.Maps))
		}
	}
}

func TestObjectsAreWhatTheCompilerMakes(t *testing.T) {
	if _, err := exec.LookPath("clang-14"); err != nil {
		t.Skipf("%v: build.sh says where to get it", err)
	}
	dir := t.TempDir()
	if out, err := exec.Command("./build.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("build.sh: %v\n%s", err, out)
	}
	for _, file := range glob(t, "elf/*.o") {
		want, err := os.ReadFile(filepath.Join(dir, filepath.Base(file)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what this compiler makes (%v): go generate ./loader", file, err)
		}
	}
}
