package executor

import (
	"os"
	"testing"
)

// Memory that grows by about as much each time is kept; what grows ever less, now and then, or until it is freed is not.
func TestRounds(t *testing.T) {
	for name, c := range map[string]struct {
		grows func(round int) int // bytes that a round takes
		late  int                 // looks until they are given back; 0: never
		put   bool                // they are given back when the kernel is told to
		level bool
	}{
		"kept":             {grows: func(int) int { return 8 << 10 }},
		"kept, by slabs":   {grows: func(n int) int { return 16<<10 + n%2*8<<10 }},
		"level":            {grows: func(int) int { return 0 }, level: true},
		"warming up":       {grows: func(n int) int { return 800 << 10 >> (2 * n) &^ 4095 }, level: true},
		"warming up long":  {grows: func(n int) int { return max(0, 40-n*2) << 10 }, level: true},
		"warming up badly": {grows: func(n int) int { return []int{8, 28, 16, 4, -16}[min(n, 4)] << 10 }, level: true},
		"put by":           {grows: func(int) int { return 20 << 10 }, put: true, level: true},
		"freed late":       {grows: func(int) int { return 64 << 10 }, late: 3, level: true},
	} {
		t.Run(name, func(t *testing.T) {
			inVain = 0
			round, used, given, looks, put := 0, 1<<20, 0, 0, 0
			grown, level := rounds(1, func() {
				given, looks = c.grows(round), 0
				used += given
				if c.put {
					put += given
				}
				round++
			}, func() int {
				if looks++; looks == c.late {
					used -= given
				}
				return used
			}, func() { used -= put; put = 0 })
			if level != c.level {
				t.Errorf("level is %v after rounds that grew by %v KiB", level, grown)
			}
		})
	}
}

func TestUsedMemory(t *testing.T) {
	if _, err := os.ReadFile("/proc/slabinfo"); err != nil {
		t.Skipf("%v: this needs root", err)
	}
	if all := usedMemory(); all < 1<<20 || all > 1<<36 {
		t.Errorf("the kernel uses %d bytes", all)
	}
}
