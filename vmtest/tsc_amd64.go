package vmtest

import (
	"sync"
	"time"
)

// tsc reads the time stamp counter.
func tsc() uint64

// tscKHz measures the counter's rate against the clock, once. An emulated processor uses the
// host's counter as it is, and with a wrong rate the guest's clock runs wrong.
var tscKHz = sync.OnceValue(func() int {
	const long = 10 * time.Millisecond
	start, from := time.Now(), tsc()
	<-time.After(long)
	took, ticks := time.Since(start), tsc()-from
	return int(ticks * 1000 / uint64(took.Microseconds()))
})
