package guest

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// out writes one byte to an I/O port; without permission it is a fault.
func out(port uint16, b byte)

// outb writes bytes to one I/O port. Debian's cloud kernels have ioperm(2) but no /dev/port,
// other small kernels the reverse.
func outb(port uint16, bytes ...byte) error {
	runtime.LockOSThread() // the permission is the thread's
	defer runtime.UnlockOSThread()
	if _, _, errno := unix.Syscall(unix.SYS_IOPERM, uintptr(port), 1, 1); errno != 0 {
		return outbFile(port, bytes)
	}
	for _, b := range bytes {
		out(port, b)
	}
	return nil
}

func outbFile(port uint16, bytes []byte) error {
	f, err := os.OpenFile("/dev/port", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	for i := range bytes {
		if _, err := f.WriteAt(bytes[i:i+1], int64(port)); err != nil {
			return err
		}
	}
	return nil
}
