// Package wire is what the two sides of a virtual machine agree on: package vmtest on the host,
// package guest inside.
package wire

import (
	"bytes"
	"strings"
)

// Files that the host puts into the initramfs beside /init.
const (
	TokenPath = "/vmtest/token" // the secret of this boot, hex, no newline
	ArgsPath  = "/vmtest/args"  // arguments after argv[0], each ended by a NUL
	EnvPath   = "/vmtest/env"   // environment, KEY=VALUE, each ended by a NUL

	// MemoryPath has the address of the memory that is set aside for the byte channel.
	MemoryPath = "/vmtest/memory"
)

// Devices of the machine.
const (
	Channel        = "/dev/ttyS1" // the byte channel where memory cannot be it, a 16550 UART
	ChannelTrigger = "/sys/class/tty/ttyS1/rx_trig_bytes"
	PortName       = "vmtest"                         // of the port of virtio that is it on machines without a UART
	PortNames      = "/sys/class/virtio-ports/*/name" // which port has which
	ControlPort    = 0xe9                             // isa-debugcon: words to the host, a byte a write
	ExitPort       = 0xf4                             // isa-debug-exit: any write ends QEMU
	HoldPort       = 0x505                            // pvpanic: a write of Hold stops the machine at that instruction
)

// Hold is the byte that HoldPort wants.
const Hold = 1

// HoldEnv is set in the environment of a guest that is to write to HoldPort.
const HoldEnv = "VMTEST_HOLD"

// Words of the guest to the host.
const (
	Ready = "ready" // followed by Memory if that is the channel
	Exit  = "exit"  // followed by a decimal code

	Memory = "memory"
)

// Line is the form of one word. It starts with a newline too, for it may follow half a line of
// the kernel on the console.
func Line(token string, words ...string) []byte {
	return []byte("\nvmtest " + token + " " + strings.Join(words, " ") + "\n")
}

// IsLine says whether a line of text, without its ends, looks like a word to the host.
func IsLine(line []byte) bool { return bytes.HasPrefix(line, []byte("vmtest ")) }

// Find returns the words of the first complete line in text, and what follows it; ok is false
// when there is none.
func Find(text []byte, token string) (words []string, rest []byte, ok bool) {
	start := []byte("\nvmtest " + token + " ")
	_, after, found := bytes.Cut(text, start)
	if !found {
		return nil, nil, false
	}
	line, rest, ended := bytes.Cut(after, []byte("\n"))
	return strings.Fields(string(line)), rest, ended
}

// PackList packs strings without a NUL into the form of ArgsPath and EnvPath.
func PackList(list []string) []byte {
	var b bytes.Buffer
	for _, s := range list {
		b.WriteString(s)
		b.WriteByte(0)
	}
	return b.Bytes()
}

// UnpackList is the inverse of PackList.
func UnpackList(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}
