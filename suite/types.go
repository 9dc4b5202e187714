package suite

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"mimic/report"
)

// TypesFile is the table of map types by kernel, below the folder for what a run
// found.
const TypesFile = "types.tsv"

// SaveTypes writes what each map type was answered; nothing if there is no folder.
func SaveTypes(out string, kernels []*report.Kernel) error {
	if out == "" {
		return nil
	}
	var text bytes.Buffer
	report.TypesTSV(&text, kernels)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("save the table of map types: %w", err)
	}
	if err := os.WriteFile(filepath.Join(out, TypesFile), text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("save the table of map types: %w", err)
	}
	return nil
}
