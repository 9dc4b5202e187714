package faults

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// whileRunning has something done while mimic runs.
func (t *try) whileRunning(f func(mimic int, done <-chan struct{})) error {
	t.background = f
	return nil
}

func (t *try) reportTo(path string) error {
	t.stdout = path
	return nil
}

// moment waits for a random time within what a run takes; it says whether mimic still runs then.
func (t *try) moment(done <-chan struct{}, within time.Duration) bool {
	select {
	case <-done:
		return false
	case <-time.After(time.Duration(t.random.Int64N(int64(within)))):
		return true
	}
}

// signal sends a signal, every other time twice, and every other time to all who were started with mimic.
// A group is not sent what nobody can handle.
func (t *try) signal(s syscall.Signal) func(int, <-chan struct{}) {
	to := 1
	if s != syscall.SIGKILL && t.number%4 >= 2 {
		to = -1
	}
	return func(mimic int, done <-chan struct{}) {
		for range 1 + t.number%2 {
			if t.moment(done, t.usually) {
				_ = syscall.Kill(to*mimic, s)
			}
			if s != syscall.SIGKILL && !t.moment(done, 200*time.Millisecond) {
				return
			}
		}
	}
}

// killQEMU kills QEMU at a random moment of its life, so many times.
func (t *try) killQEMU(times int) func(int, <-chan struct{}) {
	within := t.usually
	if times > 1 {
		within = []time.Duration{time.Second, within / 2}[t.number%2]
	}
	return func(_ int, done <-chan struct{}) {
		for killed := map[int]bool{}; len(killed) < times; {
			pid := t.awaitQEMU(done, killed)
			if pid == 0 || !t.moment(done, within) {
				return
			}
			_ = syscall.Kill(pid, syscall.SIGKILL)
			killed[pid] = true
		}
	}
}

// awaitQEMU waits for one that was not killed; 0 if mimic has ended.
func (t *try) awaitQEMU(done <-chan struct{}, killed map[int]bool) int {
	for {
		for _, p := range processes(t.marker) {
			if strings.Contains(p.command, "qemu-system") && !killed[p.pid] {
				return p.pid
			}
		}
		select {
		case <-done:
			return 0
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// signalFetch sends a signal while there is a kernel to fetch.
func signalFetch(t *try) error {
	which := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL}
	t.background = t.signal(which[t.random.IntN(len(which))])
	if t.number%3 == 0 { // nor package lists
		return errors.Join(os.RemoveAll(t.cache), os.MkdirAll(t.cache, 0o755))
	}
	return t.freshCache(t.empty)
}

// freshCache replaces the cache of a try.
func (t *try) freshCache(from string) error {
	return errors.Join(os.RemoveAll(t.cache), copyTree(from, t.cache))
}

// twoRuns has another run beside the first, whose verdicts count too unless it is killed.
func twoRuns(t *try) error {
	other := t.newTry(t.random.Uint64(), fault{exits: []int{0}})
	other.cache = t.cache
	dies := t.number%3 == 2
	if dies {
		other.exits = []int{killed, 0}
		other.background = other.signal(syscall.SIGKILL)
	}
	t.beside = func() []string {
		defer other.close()
		r := other.run()
		return other.judge(r)
	}
	err := errors.Join(os.MkdirAll(other.temp, 0o755), os.MkdirAll(other.out, 0o755))
	if t.number%2 == 1 {
		err = errors.Join(err, t.freshCache(t.empty))
	}
	return err
}

// mount mounts in the namespace of the try.
func (t *try) mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	t.undo = append(t.undo, func() error { return unix.Unmount(target, unix.MNT_DETACH) })
	return nil
}

// fill leaves so many bytes on a small file system, until the fault is to end.
func (t *try) fill(dir string, leave int64) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return err
	}
	filler := filepath.Join(dir, "filler")
	t.heal = func() error { return os.Remove(filler) }
	return os.WriteFile(filler, make([]byte, max(0, int64(fs.Bavail)*fs.Bsize-leave)), 0o644)
}

const roomy = "size=400m"

// smallCache mounts a file system over the cache, with the kernel in it or without.
func (t *try) smallCache() error {
	from := t.world.cache
	if t.number%2 == 1 {
		from = t.empty
	}
	return errors.Join(t.mount("tmpfs", t.cache, "tmpfs", 0, roomy), copyTree(from, t.cache))
}

func fullCache(t *try) error {
	space := t.random.Int64N(24 << 20)
	if t.number%2 == 1 {
		space = t.random.Int64N(160 << 20) // a kernel is to be downloaded and unpacked
	}
	return errors.Join(t.smallCache(), t.fill(t.cache, space))
}

func fullTemp(t *try) error {
	size := fmt.Sprintf("size=%dk", 4+t.random.IntN(24<<10))
	t.heal = func() error { return unix.Mount("", t.temp, "", unix.MS_REMOUNT, roomy) }
	return t.mount("tmpfs", t.temp, "tmpfs", 0, size)
}

func fullOut(t *try) error {
	return errors.Join(t.mount("tmpfs", t.out, "tmpfs", 0, "size=64k"), t.fill(t.out, t.random.Int64N(2)<<12))
}

func readOnlyCache(t *try) error {
	t.heal = func() error { return unix.Mount("", t.cache, "", unix.MS_REMOUNT, roomy) }
	return errors.Join(t.smallCache(), unix.Mount("", t.cache, "", unix.MS_REMOUNT|unix.MS_RDONLY, roomy))
}

// imageFrom writes an image for the try.
func (t *try) imageFrom(data []byte) error {
	t.image = filepath.Join(t.dir, "image")
	return os.WriteFile(t.image, data, 0o644)
}

// kernelFile is the bzImage, or every other time the ELF kernel.
func (t *try) kernelFile() ([]byte, error) {
	if t.number%2 == 1 && t.kernel.Vmlinux != "" {
		return os.ReadFile(t.kernel.Vmlinux)
	}
	return os.ReadFile(t.kernel.Image)
}

func truncatedImage(t *try) error {
	data, err := t.kernelFile()
	if err != nil {
		return err
	}
	return t.imageFrom(data[:t.random.IntN(len(data))])
}

func corruptImage(t *try) error {
	if sampled() {
		t.number *= 2 // an ELF kernel that does not get ready takes a minute
	}
	data, err := t.kernelFile()
	if err != nil {
		return err
	}
	return t.imageFrom(t.corrupt(data))
}

// corrupt changes up to a thousand bytes, at places all over or in one piece.
func (t *try) corrupt(data []byte) []byte {
	start, within := 0, len(data)
	if t.random.IntN(2) == 0 {
		start = t.random.IntN(len(data))
		within = min(4096, len(data)-start)
	}
	for n := 1 << t.random.IntN(11); n > 0; n-- {
		data[start+t.random.IntN(within)] ^= byte(1 + t.random.IntN(255))
	}
	return data
}

// foreign are images of which none boots on the machine that is asked for.
var foreign = []func(t *try, elf []byte) []byte{
	func(t *try, _ []byte) []byte { return arm64Image(t) },
	machineOf(elf.EM_AARCH64), machineOf(elf.EM_RISCV), machineOf(elf.EM_S390), machineOf(elf.EM_PPC64),
	machineOf(elf.EM_386), machineOf(elf.EM_ARM), machineOf(elf.EM_MIPS), machineOf(elf.EM_LOONGARCH),
	func(t *try, _ []byte) []byte { return append([]byte("MZ\x00\x00zimg"), t.noiseBytes(1<<20)...) },
	func(*try, []byte) []byte { return nil },
	func(*try, []byte) []byte { return []byte("#!/bin/sh\n") },
	func(t *try, _ []byte) []byte { return t.noiseBytes(1 << 20) },
}

func foreignImage(t *try) error {
	data, err := os.ReadFile(t.kernel.Vmlinux)
	if err != nil {
		return err
	}
	return t.imageFrom(foreign[t.number%len(foreign)](t, data))
}

// machineOf makes an ELF kernel one of another machine.
func machineOf(m elf.Machine) func(*try, []byte) []byte {
	return func(_ *try, data []byte) []byte {
		const machineAt = 18
		data[machineAt], data[machineAt+1] = byte(m), byte(m>>8)
		return data
	}
}

// arm64Image has the header of Documentation/arch/arm64/booting.rst.
func arm64Image(t *try) []byte {
	data := t.noiseBytes(1 << 20)
	clear(data[:64])
	copy(data[0x38:], "ARM\x64")
	return data
}

func (t *try) noiseBytes(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(t.random.Uint32())
	}
	return data
}

// damagedCache damages what is of worth in the cache: files of kernels, the agent, lists of kernels.
func damagedCache(t *try) error {
	files := slices.DeleteFunc(filesIn(t.cache), func(path string) bool {
		info, err := os.Stat(path)
		lists := strings.Contains(path, "/apt/") && filepath.Base(path) != "candidates.json"
		return err != nil || info.Size() == 0 || lists
	})
	if len(files) == 0 {
		return fs.ErrNotExist
	}
	path := files[t.random.IntN(len(files))]
	t.told = path
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if data = t.corrupt(data); t.random.IntN(2) == 0 {
		data = data[:t.random.IntN(len(data))]
	}
	return errors.Join(os.Remove(path), os.WriteFile(path, data, 0o644))
}

// noise puts a QEMU before the real one that disturbs the console.
func (t *try) noise(kind string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	bin := filepath.Join(t.dir, "bin")
	t.env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), noiseKind + "=" + kind, realQEMU + "=" + t.qemu}
	return errors.Join(os.MkdirAll(bin, 0o755), os.Symlink(self, filepath.Join(bin, "qemu-system-x86_64")))
}
