package guest

import (
	"fmt"
	"os"

	"mimic/vmtest/internal/wire"
)

// IsHeld says whether the host waits for Hold.
func IsHeld() bool { return os.Getenv(wire.HoldEnv) != "" }

// Hold stops the machine: the host keeps the guest as it is at that moment, and goes on from there any
// number of times. The error says that there is no port to write to.
func Hold() error {
	if err := outb(wire.HoldPort, wire.Hold); err != nil {
		return fmt.Errorf("stop this machine: %w (the kernel needs ioperm(2), CONFIG_X86_IOPL_IOPERM, or CONFIG_DEVPORT)", err)
	}
	return nil
}
