package target

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"mimic/target/wire"
)

// countersEnv names the folder below which each guest that is left leaves a folder of its own, if its kernel counts how
// often its lines are run: its counters, and beside them what gcov needs to tell of them. profilesEnv names the one in which
// it leaves a profile of its agent, for go tool pprof.
const countersEnv, profilesEnv = "MIMIC_COVERAGE", "MIMIC_PROFILES"

// profiled is the environment of an agent, if its profile is wanted.
func profiled() []string {
	if os.Getenv(profilesEnv) == "" {
		return nil
	}
	return []string{wire.ProfileEnv + "=1"}
}

// collect asks for the counters of a kernel that counts, and for the profile of its agent. A guest that died took them along.
func (v *VM) collect() error {
	coverage, profiles := os.Getenv(countersEnv), os.Getenv(profilesEnv)
	if v.config.Kernel.Notes == "" {
		coverage = ""
	}
	if coverage == "" && profiles == "" || !v.vm.Quiet() {
		return nil
	}
	v.session.extend(sequenceLimit)
	files, err := v.session.conn.AskCounters()
	if err != nil {
		return fmt.Errorf("the counters of %s: %w", v.config.Kernel.Name, err)
	}
	if profile, ok := files[wire.ProfileName]; ok && profiles != "" {
		if err := writeInto(profiles, strings.ReplaceAll(v.config.Kernel.Name, "/", "-")+"-*.pprof", profile); err != nil {
			return err
		}
	}
	delete(files, wire.ProfileName)
	if coverage == "" {
		return nil
	}
	return writeCounters(coverage, v.config.Kernel.Notes, files)
}

// writeInto writes a file of its own, named after a pattern, to a folder.
func writeInto(folder, pattern string, text []byte) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, pattern)
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// writeCounters writes counters to a folder of their own, with the notes of the kernel that they are of.
func writeCounters(below, notes string, files map[string][]byte) error {
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
