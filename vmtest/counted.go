package vmtest

import (
	"fmt"
	"strconv"

	"mimic/vmtest/internal/wire"
)

// instructionShift says how long an instruction takes in a guest whose instructions are counted:
// 2^instructionShift nanoseconds. The longer, the fewer fit between two ticks of the kernel's clock,
// and the more often threads take turns: 31,000 at 250 ticks a second. With
// 9 and more the ticks leave a kernel no time to boot.
const instructionShift = 7

// countedKHz is the rate of the time stamp counter of such a guest, which counts nanoseconds.
const countedKHz = 1_000_000

// countedParameters are those of a kernel whose time runs much faster than it works: watchdogs would
// bark. It does not halt when it is idle: QEMU's main loop, which lets time pass then, may come before
// the instructions up to the halt are counted.
var countedParameters = []string{"idle=poll", "nokaslr", "tsc=reliable", "nowatchdog", "nosoftlockup",
	"rcupdate.rcu_cpu_stall_suppress=1", "audit=0"}

// counted are the arguments of a QEMU that counts: nothing of the host's clocks and random numbers
// gets in, and the guest can stop itself.
func counted() []string {
	return []string{
		"-icount", "shift=" + strconv.Itoa(instructionShift) + ",sleep=off",
		"-seed", "1",
		"-rtc", "base=2026-01-01,clock=vm",
		"-device", fmt.Sprintf("pvpanic,ioport=%d", wire.HoldPort),
		"-action", "panic=pause",
	}
}
