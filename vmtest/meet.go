package vmtest

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// meet waits for QEMU at an abstract name, and joins what comes there with the other end of a line.
// Nothing of it is in a file system.
func (l *lines) meet(name string, theirs *os.File) error {
	near, err := net.FileConn(theirs) // a duplicate
	if err != nil {
		return err
	}
	at, err := net.ListenUnix("unix", &net.UnixAddr{Name: "@" + name, Net: "unix"})
	if err != nil {
		near.Close()
		return fmt.Errorf("wait for QEMU: %w", err)
	}
	l.met = append(l.met, at)
	go func() {
		defer near.Close()
		far, err := acceptOwn(at)
		at.Close()
		if err != nil {
			return // it was hung up
		}
		defer far.Close()
		go func() {
			_, _ = io.Copy(far, near) // until the guest is closed
			far.Close()
		}()
		_, _ = io.Copy(near, far) // until QEMU ends
	}()
	return nil
}

// acceptOwn is the first connection of a process of this user: anybody can connect to an abstract name.
func acceptOwn(at *net.UnixListener) (*net.UnixConn, error) {
	for {
		c, err := at.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if raw, err := c.SyscallConn(); err == nil {
			var peer *unix.Ucred
			failed := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
			if failed == nil && err == nil && int(peer.Uid) == os.Getuid() {
				return c, nil
			}
		}
		c.Close()
	}
}

// ownProcesses gives a command processes of its own, which the kernel kills when it ends, however it
// ends: one that runs QEMU through a shell does not do that itself. It takes root, for others could have them only among
// users of their own, who may not open our files; there the group of processes is killed, but
// nobody does that if this process is killed itself.
func ownProcesses() *syscall.SysProcAttr {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
}
