package wire

import (
	"encoding/binary"
	"fmt"
	"io"
)

// ArgBinary is the argument of an agent that runs a binary instead of sequences.
const ArgBinary = "run-binary"

// Exit codes of such an agent that are not those of the binary.
const (
	CodeNotRun = 126
	CodeKilled = 125
)

// maxBinary bounds what an agent takes.
const maxBinary = 64 << 20

// WriteBinary sends a binary: its length, then itself.
func WriteBinary(w io.Writer, b []byte) error {
	if err := binary.Write(w, binary.LittleEndian, uint64(len(b))); err != nil {
		return fmt.Errorf("send a binary of %d bytes: %w", len(b), err)
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("send a binary of %d bytes: %w", len(b), err)
	}
	return nil
}

// ReadBinary receives what WriteBinary sent.
func ReadBinary(r io.Reader) ([]byte, error) {
	var n uint64
	if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
		return nil, fmt.Errorf("receive the length of a binary: %w", err)
	}
	if n > maxBinary {
		return nil, fmt.Errorf("receive a binary of %d bytes: at most %d are taken", n, maxBinary)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("receive a binary of %d bytes: %w", n, err)
	}
	return b, nil
}
