package vmtest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"mimic/vmtest/internal/wire"

	"io"

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
