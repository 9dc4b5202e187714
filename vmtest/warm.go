package vmtest

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A start is a guest that waited for its first question, in a file of the cache: what is not zero of its
// RAM, the state of its devices, a description of both, and where that is. What else than these made a guest
// what it is, is in the file's name: another kernel, init, QEMU or option, or another boot of this host, and the
// file is not found.

// startForm changes when the file does.
const startForm = "start 1"

// keptStarts is how many stay in a cache; each takes some 100 MB.
const keptStarts = 24

// savedStart describes a start.
type savedStart struct {
	Token   string
	Recipe  Recipe
	Console string
	RAM     []piece
	State   piece
}

// piece is bytes of the file From an offset on, of RAM those at an address.
type piece struct {
	At, From, Size int64
	Sum            uint32 // CRC-32C
}

// startEnd is how the file ends: the size of the description, which is before it, and its sum.
type startEnd struct {
	Size int64
	Sum  uint32
}

var sums = crc32.MakeTable(crc32.Castagnoli)

// Start is the guest that Boot would boot, as it was when another one waited for its first question and
// Save kept it: nil if there is none. The error says what is wrong with it.
func Start(c Config) (*Snapshot, error) {
	c, err := c.prepare()
	if err != nil || archOf(c.Kernel.Arch).timeless {
		return nil, err
	}
	path, err := c.startPath()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &Snapshot{ram: f, path: path}
	if err := s.load(c); err != nil {
		return nil, errors.Join(fmt.Errorf("the start of %s in %s is of no use: %w", c.Kernel.Name, path, err), s.Discard())
	}
	return s, nil
}

// load reads all but the RAM.
func (s *Snapshot) load(c Config) error {
	about, err := readStart(s.ram)
	if err != nil {
		return err
	}
	s.console, s.pieces = about.Console, about.RAM
	if s.state, err = memfile("state"); err != nil {
		return err
	}
	if err := about.State.copy(s.state, s.ram, make([]byte, copyBuffer)); err != nil {
		return err
	}
	s.machine = &machine{config: c, recipe: about.Recipe, token: about.Token}
	return s.machine.pack()
}

// readStart reads the description of a start.
func readStart(f *os.File) (about savedStart, err error) {
	info, err := f.Stat()
	if err != nil {
		return about, err
	}
	var end startEnd
	size := int64(binary.Size(end))
	if err := binary.Read(io.NewSectionReader(f, info.Size()-size, size), binary.LittleEndian, &end); err != nil {
		return about, fmt.Errorf("read its end: %w", err)
	}
	if end.Size < 0 || end.Size > info.Size()-size {
		return about, fmt.Errorf("its description would have %d bytes", end.Size)
	}
	text := make([]byte, end.Size)
	if _, err := f.ReadAt(text, info.Size()-size-end.Size); err != nil {
		return about, err
	}
	if sum := crc32.Checksum(text, sums); sum != end.Sum {
		return about, fmt.Errorf("its description has the sum %08x, not %08x", sum, end.Sum)
	}
	return about, json.Unmarshal(text, &about)
}

// copyBuffer is what pieces are copied through: thousands of them, so it is made once for all.
const copyBuffer = 1 << 20

// copy copies a piece of a file to where it belongs, and checks it if it has a sum: one of memory has none.
func (p piece) copy(to io.WriterAt, from io.ReaderAt, buffer []byte) error {
	sum := crc32.New(sums)
	var source io.Reader = io.NewSectionReader(from, p.From, p.Size)
	if p.Sum != 0 {
		source = io.TeeReader(source, sum)
	}
	n, err := io.CopyBuffer(io.NewOffsetWriter(to, p.At), source, buffer)
	switch {
	case err != nil:
		return err
	case n != p.Size:
		return fmt.Errorf("it ends after %d of the %d bytes from %d on", n, p.Size, p.From)
	case p.Sum != 0 && sum.Sum32() != p.Sum:
		return fmt.Errorf("the %d bytes from %d on have the sum %08x, not %08x", p.Size, p.From, sum.Sum32(), p.Sum)
	}
	return nil
}

// Save keeps a guest in the cache, for a Start of the same Config.
func (s *Snapshot) Save() error {
	path, err := s.machine.config.startPath()
	if err == nil {
		err = writeUnnamed(path, s.write)
	}
	if err != nil {
		return fmt.Errorf("keep the start of %s: %w", s.machine.config.Kernel.Name, err)
	}
	return sweepStarts(filepath.Dir(path))
}

// writeUnnamed gives a file its name when fill has written it: who is killed before leaves nothing. A file that has
// the name meanwhile stays.
func writeUnnamed(path string, fill func(*os.File) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(dir, unix.O_TMPFILE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("a file without a name in %s: %w", dir, err)
	}
	defer f.Close()
	if err := fill(f); err != nil {
		return err
	}
	err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	if err == unix.EEXIST {
		return nil
	}
	return err
}

// write writes the RAM, the state, the description and its end.
func (s *Snapshot) write(f *os.File) error {
	about := savedStart{Token: s.machine.token, Recipe: s.machine.recipe, Console: s.console}
	state, err := s.state.Stat()
	if err != nil {
		return err
	}
	about.State.Size = state.Size()
	if about.RAM, err = s.data(); err != nil {
		return err
	}
	at, buffer := int64(0), make([]byte, copyBuffer)
	for i := range about.RAM {
		err = errors.Join(err, about.RAM[i].append(f, s.ram, &at, buffer))
	}
	if err := errors.Join(err, about.State.append(f, s.state, &at, buffer)); err != nil {
		return err
	}
	text, err := json.Marshal(about)
	if err != nil {
		return err
	}
	if text, err = binary.Append(text, binary.LittleEndian, startEnd{int64(len(text)), crc32.Checksum(text, sums)}); err != nil {
		return err
	}
	_, err = f.WriteAt(text, at)
	return err
}

// append copies a piece to a file at an offset, which is where it comes from when it is read again.
func (p *piece) append(to io.WriterAt, from io.ReaderAt, at *int64, buffer []byte) error {
	sum := crc32.New(sums)
	n, err := io.CopyBuffer(io.MultiWriter(io.NewOffsetWriter(to, *at), sum), io.NewSectionReader(from, p.From, p.Size), buffer)
	p.From, p.Size, p.Sum = *at, n, sum.Sum32()
	*at += n
	return err
}

// Discard is Close for a snapshot that is of no use; a file of the cache that it is in is deleted.
func (s *Snapshot) Discard() error {
	if s == nil {
		return nil
	}
	err := s.Close()
	if s.path != "" {
		err = errors.Join(err, removeIfThere(s.path))
	}
	return err
}

// startPath is where the cache has the start of a Config.
func (c Config) startPath() (string, error) {
	h := sha256.New()
	a := archOf(c.Kernel.Arch)
	fmt.Fprintln(h, startForm, c.Args, c.Env, c.Backend, c.Recipe, c.ForceTCG, recall(c).kvm)
	for _, board := range backendOf(c.Backend).boardsFor(a) {
		r := Recipe{TCG, board}
		command := commandFor(c, r)
		command.KernelCommandLine = kernelCommandLine(c, r, 0) // whose clock is measured anew each time
		fmt.Fprintln(h, command.args(), c.extra)
	}
	for _, path := range []string{c.Kernel.Image, c.Kernel.Vmlinux, c.Kernel.Modules, c.QEMU} {
		if err := identify(h, path); err != nil {
			return "", err
		}
	}
	init, err := HashFile(c.Init)
	fmt.Fprintln(h, init)
	return filepath.Join(c.Cache, "starts", thisBoot()+hex.EncodeToString(h.Sum(nil)[:16])), err
}

// identify writes what changes when a file does.
func identify(h hash.Hash, path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err == nil {
		fmt.Fprintln(h, path, info.Size(), info.ModTime().UnixNano())
	}
	return err
}

// thisBoot is what the names of starts of this boot of this host begin with.
func thisBoot() string {
	sum := sha256.Sum256([]byte(hostBootID()))
	return hex.EncodeToString(sum[:4]) + "-"
}

// sweepStarts deletes the starts of other boots, and of this one all but the newest.
func sweepStarts(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var ours []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		switch {
		case err != nil: // gone meanwhile
		case strings.HasPrefix(e.Name(), thisBoot()):
			ours = append(ours, info)
		default:
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	slices.SortFunc(ours, func(a, b fs.FileInfo) int { return cmp.Compare(b.ModTime().UnixNano(), a.ModTime().UnixNano()) })
	for _, old := range ours[min(keptStarts, len(ours)):] {
		_ = os.Remove(filepath.Join(dir, old.Name())) // another process may have done it
	}
	return nil
}
