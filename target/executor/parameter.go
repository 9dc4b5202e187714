package executor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// parameters are those of the kernel itself, which are no module's.
var parameters = "/sys/module/kernel/parameters"

// SetParameter gives a parameter of the kernel, NAME=VALUE, another value while it runs.
func SetParameter(parameter string) error {
	name, value, ok := strings.Cut(parameter, "=")
	if !ok || !filepath.IsLocal(name) {
		return fmt.Errorf("set %q: want NAME=VALUE", parameter)
	}
	path := filepath.Join(parameters, name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return fmt.Errorf("set %s: %w; does this kernel have it, and may it be set while it runs?", parameter, err)
	}
	defer f.Close()
	if _, err := f.WriteString(value); err != nil {
		return fmt.Errorf("set %s: %w", parameter, err)
	}
	return nil
}
