package target

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// countersEnv names the folder below which each guest that is left leaves a folder of its own, if its kernel counts how
// often its lines are run: its counters, and beside them what gcov needs to tell of them.
const countersEnv = "MIMIC_COVERAGE"

// collect asks a kernel that counts for its counters. A guest that died took them along.
func (v *VM) collect(below string) error {
	notes := v.config.Kernel.Notes
	if below == "" || notes == "" || !v.vm.Quiet() {
		return nil
	}
	v.session.extend(sequenceLimit)
	files, err := v.session.conn.AskCounters()
	if err != nil {
		return fmt.Errorf("the counters of %s: %w", v.config.Kernel.Name, err)
	}
	if err := os.MkdirAll(below, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(below, "guest-")
	if err != nil {
		return err
	}
	if out, err := exec.Command("tar", "-xf", notes, "-C", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("unpack %s: %w: %s", notes, err, out)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
