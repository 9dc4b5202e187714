//go:build !amd64

package guest

import "errors"

// outb has no I/O ports to write to on this architecture; words go through the console.
func outb(uint16, ...byte) error { return errors.ErrUnsupported }
