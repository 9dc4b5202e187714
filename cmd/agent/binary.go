package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"mimic/target/wire"
)

// binaryPath is where the binary is put: in memory, as all files of a guest.
const binaryPath = "/tmp/binary"

// runBinary takes a static binary from the host, runs it, and sends what it prints, up to its end. It
// answers the exit code: that of the binary, or one that says that it was not run, or killed.
func runBinary(channel io.ReadWriter) int {
	if err := receive(channel); err != nil {
		fmt.Fprintln(channel, "agent:", err)
		return wire.CodeNotRun
	}
	cmd := exec.Command(binaryPath)
	cmd.Stdout, cmd.Stderr = channel, channel
	err := cmd.Run()
	time.Sleep(settled / 2) // what the kernel has to say of it may come later
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode()
	case errors.As(err, &exit):
		fmt.Fprintln(channel, "agent: the binary was ended by:", err)
		return wire.CodeKilled
	}
	fmt.Fprintln(channel, "agent: run the binary:", err)
	return wire.CodeNotRun
}

func receive(channel io.Reader) error {
	binary, err := wire.ReadBinary(channel)
	if err != nil {
		return err
	}
	return os.WriteFile(binaryPath, binary, 0o755)
}
