package vmtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"mimic/vmtest/internal/wire"

	"github.com/u-root/u-root/pkg/cpio"
	"golang.org/x/sys/unix"
)

// devices are made by hand: a small kernel has no devtmpfs, and with these none is needed.
var devices = []struct {
	name         string
	major, minor uint64
}{
	{"dev/console", 5, 1}, {"dev/tty", 5, 0}, {"dev/ttyS0", 4, 64}, {"dev/ttyS1", 4, 65},
	{"dev/mem", 1, 1}, {"dev/null", 1, 3}, {"dev/port", 1, 4}, {"dev/zero", 1, 5},
	{"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/kmsg", 1, 11},
}

// initramfs writes the guest's root file system, uncompressed (unpacking costs more than
// reading), into memory that has a descriptor but no name, and behind it the archive of the kernel's modules:
// a kernel unpacks one after the other. memory is the address of that shared
// with the guest, 0 without. The caller closes the file.
func initramfs(init string, args, env []string, token string, memory int64, modules string) (*os.File, error) {
	f, err := memfile("initramfs")
	if err != nil {
		return nil, fmt.Errorf("memory for the initramfs: %w", err)
	}
	if err := errors.Join(writeInitramfs(f, init, args, env, token, memory), appendFile(f, modules)); err != nil {
		f.Close()
		return nil, fmt.Errorf("write the initramfs with %s: %w", init, err)
	}
	return f, nil
}

// appendFile copies a file to the end of another; "" is nothing.
func appendFile(f *os.File, path string) error {
	if path == "" {
		return nil
	}
	more, err := os.Open(path)
	if err != nil {
		return err
	}
	defer more.Close()
	_, err = io.Copy(f, more)
	return err
}

func writeInitramfs(w io.Writer, init string, args, env []string, token string, memory int64) error {
	bin, err := os.Open(init)
	if err != nil {
		return err
	}
	defer bin.Close()
	size, err := bin.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(w, 1<<20)
	archive := cpio.Newc.Writer(buffered)
	for _, r := range records(bin, uint64(size), args, env, token, memory) {
		if err := archive.WriteRecord(r); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	if err := cpio.WriteTrailer(archive); err != nil {
		return err
	}
	return buffered.Flush()
}

// records lists the whole file system, directories before what is in them.
func records(bin io.ReaderAt, size uint64, args, env []string, token string, memory int64) []cpio.Record {
	var list []cpio.Record
	for _, d := range []string{"dev", "proc", "sys", "run", "tmp", "vmtest"} {
		list = append(list, cpio.Directory(d, 0o755))
	}
	for _, d := range devices {
		list = append(list, cpio.CharDev(d.name, 0o600, d.major, d.minor))
	}
	list = append(list, cpio.Record{
		ReaderAt: bin,
		Info:     cpio.Info{Name: "init", Mode: unix.S_IFREG | 0o755, FileSize: size, NLink: 1},
	})
	list = append(list,
		cpio.StaticFile(wire.TokenPath[1:], token, 0o400),
		cpio.StaticFile(wire.ArgsPath[1:], string(wire.PackList(args)), 0o400),
		cpio.StaticFile(wire.EnvPath[1:], string(wire.PackList(env)), 0o400),
	)
	if memory != 0 {
		list = append(list, cpio.StaticFile(wire.MemoryPath[1:], fmt.Sprintf("%#x", memory), 0o400))
	}
	for i := range list {
		list[i].Ino = uint64(i) + 1 // equal inode numbers would be hard links
	}
	return list
}
