package ops

import (
	"encoding/binary"
	"encoding/hex"
)

// Truncate is the number that a key or value of size bytes can hold of n.
func Truncate(n uint64, size Size) uint64 {
	if size >= 8 {
		return n
	}
	return n & (1<<(8*size) - 1)
}

// Bytes writes n as a key or value of size bytes, in the byte order of the
// machine: see BytesIn.
func Bytes(n uint64, size Size) []byte { return BytesIn(binary.NativeEndian, n, size) }

// BytesIn writes n as a key or value of size bytes: up to 8 bytes as an unsigned
// integer, of an odd size with the lowest byte first in every order; beyond that the
// lower half of n in the first four bytes, the upper half in the last four and zeros
// between, so that long keys can differ at either end.
func BytesIn(order binary.ByteOrder, n uint64, size Size) []byte {
	b := make([]byte, size)
	if size > 8 {
		order.PutUint32(b, uint32(n))
		order.PutUint32(b[size-4:], uint32(n>>32))
		return b
	}
	n = Truncate(n, size)
	switch size {
	case 8:
		order.PutUint64(b, n)
	case 4:
		order.PutUint32(b, uint32(n))
	case 2:
		order.PutUint16(b, uint16(n))
	default:
		for i := range b {
			b[i] = byte(n >> (8 * i))
		}
	}
	return b
}

// Number reads what Bytes wrote, as decimal: see NumberIn.
func Number(b []byte) string { return NumberIn(binary.NativeEndian, b) }

// NumberIn reads what BytesIn wrote, as decimal; bytes that it cannot have
// written are answered in hex, so that nothing a kernel returned is lost.
func NumberIn(order binary.ByteOrder, b []byte) string {
	size := Size(len(b))
	var n uint64
	switch {
	case size > 8:
		n = uint64(order.Uint32(b)) | uint64(order.Uint32(b[size-4:]))<<32
	case size == 8:
		n = order.Uint64(b)
	case size == 4:
		n = uint64(order.Uint32(b))
	case size == 2:
		n = uint64(order.Uint16(b))
	default:
		for i := range b {
			n |= uint64(b[i]) << (8 * i)
		}
	}
	if string(BytesIn(order, n, size)) != string(b) {
		return "x" + hex.EncodeToString(b)
	}
	k, _ := K(n).MarshalText()
	return string(k)
}
