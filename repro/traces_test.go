package repro

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mimic/ops"
	"mimic/properties"
)

// TestTracesOfRealKernelsAreWritten writes what real kernels answered: the traces of FINDINGS.md.
func TestTracesOfRealKernelsAreWritten(t *testing.T) {
	paths, err := filepath.Glob(findings + "traces/*/*.trace")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d traces, %v", len(paths), err)
	}
	files, kinds := map[string]string{}, map[string]bool{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		trace, err := ops.ParseTrace(string(text))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		k, err := properties.NewKernel(trace.Kernel, trace.Lacks)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		v := properties.Judge(k, trace, properties.Asked{})
		if v == nil {
			continue
		}
		src, err := C(v, About{Name: filepath.Base(filepath.Dir(path)), Kernel: trace.Kernel})
		var refused *Unexpressed
		if err != nil && !(errors.As(err, &refused) && (slices.Contains(undecided, v.By[0].Rule.ID) || strings.HasPrefix(v.By[0].Rule.ID, "example/"))) {
			t.Errorf("%s: %v", path, err)
		}
		if kind := v.By[0].Rule.ID; err == nil && !kinds[kind] { // those alike are the same C
			kinds[kind], files[filepath.Base(filepath.Dir(path))+"-"+filepath.Base(path)] = true, src
		}
	}
	t.Logf("%d traces, %d kinds of violations", len(paths), len(kinds))
	if len(kinds) < 8 {
		t.Errorf("%d kinds of violations, want most", len(kinds))
	}
	build(t, files)
}

// undecided are rules that a race breaks by its order, of which no single answer tells; a loader does the examples.
var undecided = []string{"race/linear", "race/reuse", "race/next", "race/batch", "race/closed"}
