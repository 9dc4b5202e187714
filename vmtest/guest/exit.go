package guest

import (
	"fmt"
	"os"
	"strconv"

	"mimic/vmtest/internal/wire"

	"golang.org/x/sys/unix"
)

// Exit tells the host that init is done, with a code of its choice, and ends the machine. What
// was written to the channel before is sent first. It does not return.
func Exit(code int) {
	drain(wire.Channel)
	_ = say(wire.Exit, strconv.Itoa(code))
	drain("/dev/console")
	_ = outb(wire.ExitPort, 0) // QEMU ends here, unless the kernel knows no ports
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	for { // not select {}, which the runtime may call a deadlock
		_ = unix.Pause()
	}
}

// drain waits until the terminal has sent what was written to it.
func drain(path string) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	_ = unix.IoctlSetInt(fd, unix.TCSBRK, 1) // what tcdrain(3) does
	_ = unix.Close(fd)
}

// say sends words about this guest to the host: through the control port, which nothing else
// uses, or through the console when the kernel lets nobody write to ports. The secret makes them
// genuine.
func say(words ...string) error {
	token, err := os.ReadFile(wire.TokenPath)
	if err != nil {
		return fmt.Errorf("read this boot's token: %w", err)
	}
	line := wire.Line(string(token), words...)
	if outb(wire.ControlPort, line...) == nil {
		return nil
	}
	console, err := os.OpenFile("/dev/console", os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("tell the host %q: no port to write to, and no console: %w", words, err)
	}
	defer console.Close()
	_, err = console.Write(line)
	return err
}
