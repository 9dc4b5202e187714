package executor

import (
	"encoding/binary"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Reseed has the kernel draw its random numbers from what somebody sends: one that goes on from where others began
// would draw the same as they. What does not work is left: nothing is claimed of it.
func Reseed(random string) {
	f, err := os.OpenFile("/dev/urandom", os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer f.Close()
	pool := binary.NativeEndian.AppendUint32(nil, uint32(8*len(random))) // struct rand_pool_info
	pool = append(binary.NativeEndian.AppendUint32(pool, uint32(len(random))), random...)
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.RNDADDENTROPY, uintptr(unsafe.Pointer(&pool[0])))
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.RNDRESEEDCRNG, 0)
}
