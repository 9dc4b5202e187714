//go:build !amd64

package vmtest

// tscKHz is unknown where the host has no time stamp counter.
func tscKHz() int { return 0 }
