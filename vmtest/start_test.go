package vmtest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"mimic/vmtest/internal/wire"

	"io"
	"path/filepath"

	"github.com/u-root/u-root/pkg/cpio"
)

func TestListenerHearsWordsInPieces(t *testing.T) {
	var heard []string
	l := &listener{token: "t", hear: func(w []string) { heard = append(heard, strings.Join(w, " ")) }}
	text := strings.Repeat("noise\n", 1000) + string(wire.Line("t", "ready")) + "more\nnoise" +
		string(wire.Line("u", "exit", "1")) + string(wire.Line("t", "exit", "0"))
	if _, err := io.Copy(l, iotest.OneByteReader(strings.NewReader(text))); err != nil {
		t.Fatal(err)
	}
	if want := "[ready exit 0]"; fmt.Sprint(heard) != want {
		t.Errorf("heard %v, want %v", heard, want)
	}
	if len(l.text) > longestWord+1 {
		t.Errorf("the listener keeps %d bytes", len(l.text))
	}
}

func TestInitramfs(t *testing.T) {
	f, err := initramfs(testInit, []string{"a"}, []string{"K=v"}, "secret", 0xc000000, "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files, err := cpio.ReadAllRecords(cpio.Newc.Reader(f))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for _, r := range files {
		fmt.Fprintf(&got, "%o %s %d:%d\n", r.Mode, r.Name, r.Rmajor, r.Rminor)
	}
	golden(t, "testdata/initramfs.list", got.String())
}

// A kernel unpacks one archive after the other, so modules need only stand behind.
func TestInitramfsWithModules(t *testing.T) {
	m, err := newModuleArchive(filepath.Join(t.TempDir(), "modules"))
	if err != nil {
		t.Fatal(err)
	}
	u := unpacker{modules: m}
	if err := m.add("lib/modules/a.ko", &tar.Header{Typeflag: tar.TypeReg}, strings.NewReader("module")); err != nil {
		t.Fatal(err)
	}
	if err := u.close(); err != nil {
		t.Fatal(err)
	}
	sizes := map[bool]int64{}
	for _, with := range []bool{false, true} {
		path := map[bool]string{true: m.file.Name()}[with]
		f, err := initramfs(testInit, nil, nil, "secret", 0, path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if sizes[with], err = f.Seek(0, io.SeekEnd); err != nil {
			t.Fatal(err)
		}
		if !with {
			continue
		}
		if sizes[false]%4 != 0 {
			t.Errorf("the second archive begins at %d, a kernel looks for it at a multiple of 4", sizes[false])
		}
		records, err := cpio.ReadAllRecords(cpio.Newc.Reader(io.NewSectionReader(f, sizes[false], sizes[true]-sizes[false])))
		if last := len(records) - 1; err != nil || last != 2 || records[last].Name != "lib/modules/a.ko" {
			t.Errorf("behind it are %v, %v", records, err)
		}
	}
}
