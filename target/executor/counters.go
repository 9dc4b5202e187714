package executor

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// countersFolder has what a kernel that was built with gcov counts, see Documentation/dev-tools/gcov.rst.
const countersFolder = "/sys/kernel/debug/gcov"

// ResetCounters has the kernel count from nothing, if it counts.
func ResetCounters() { _ = os.WriteFile(filepath.Join(countersFolder, "reset"), []byte("0"), 0) }

// Counters are the files of counters by their names; what cannot be read is left out.
func Counters() map[string][]byte {
	files := map[string][]byte{}
	_ = filepath.WalkDir(countersFolder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".gcda") {
			return nil
		}
		if text, err := os.ReadFile(path); err == nil {
			files[filepath.Base(path)] = text
		}
		return nil
	})
	return files
}
