package vmtest

import (
	"errors"
	"os/exec"
	"strings"
)

// unpackFailed begins the text of what u-root says; there is no error to compare with.
const unpackFailed = "error decompressing payload"

// corrupt says, as an *ImageError, that the compressed kernel in a bzImage is not what was compressed: why is
// what unpackBzImage answered. A kernel that nobody here knows how to unpack, and one that the tool for it
// is missing for, may unpack itself; one whose checksum is wrong would stop there without a word.
func corrupt(path string, why error) error {
	if why == nil || !strings.Contains(why.Error(), unpackFailed) || errors.Is(why, exec.ErrNotFound) {
		return nil
	}
	return &ImageError{path, "image is corrupt: the compressed kernel in it cannot be unpacked: " + lastCause(why)}
}

// lastCause is what the way that was tried last says; they all failed.
func lastCause(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimPrefix(lines[len(lines)-1], unpackFailed+": ")
}
