package executor

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// disabledPath is the sysctl that says whether bpf(2) is for those who have no CAP_BPF.
const disabledPath = "/proc/sys/kernel/unprivileged_bpf_disabled"

// capBits are the capabilities of a set that is not all of them.
var capBits = map[ops.CapSet]uint{
	ops.CapBPF: unix.CAP_BPF, ops.CapPerfmon: unix.CAP_PERFMON, ops.CapNetAdmin: unix.CAP_NET_ADMIN, ops.CapSysAdmin: unix.CAP_SYS_ADMIN,
}

// caps says what the operations after it are done with. What they need that only all privileges can make is made now.
func (x *Executor) caps(o ops.Caps) ops.Result {
	if why := x.whyNotLowered(o.Disabled); why != "" {
		return ops.Read("not lowered: " + why)
	}
	x.shared.pins.enter() // what fails does so again, where it can be said
	iterator()
	x.may = &o
	return ops.OK
}

// OwnMachine says that nobody but this process cares for the sysctls of the machine.
func (x *Executor) OwnMachine() { x.shared.own = true }

// whyNotAtAll is why no operation can be done with fewer privileges; "" if it can.
func whyNotAtAll() string {
	all, err := effective()
	if err == nil && missing(ops.CapsEach, all) {
		return "this process has not all capabilities itself"
	}
	if err == nil {
		_, err = disabled()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// whyNotLowered is why operations cannot be done so; "" if they can. A 1 stays until the next boot.
func (x *Executor) whyNotLowered(to ops.Disabled) string {
	if why := whyNotAtAll(); why != "" {
		return why
	}
	is, _ := disabled() // which can be read
	if is != uint64(to) && (is == 1 || !x.shared.own) {
		return fmt.Sprintf("kernel.unprivileged_bpf_disabled is %d on this machine, and stays", is)
	}
	return ""
}

// missing says whether a thread has less than a set.
func missing(set ops.CapSet, all threadCaps) bool {
	for c, bit := range capBits {
		if set.Has(c) && all[bit/32].Effective&(1<<(bit%32)) == 0 {
			return true
		}
	}
	return false
}

func disabled() (uint64, error) {
	text, err := os.ReadFile(disabledPath)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 8)
}

func setDisabled(to uint64) error {
	return os.WriteFile(disabledPath, strconv.AppendUint(nil, to, 10), 0)
}

// asAllowed does something with the privileges that the sequence says, of this thread alone, and takes back all that
// it had then. The thread keeps what it may have: only what is in effect is lowered.
func (x *Executor) asAllowed(do func()) {
	if x.may == nil {
		do()
		return
	}
	runtime.LockOSThread() // which threads that the Go runtime makes meanwhile are not made from
	defer runtime.UnlockOSThread()
	was, err := disabled()
	if err == nil && was != uint64(x.may.Disabled) {
		err = setDisabled(uint64(x.may.Disabled))
		defer func() { must(setDisabled(was)) }()
	}
	must(err)
	all, err := effective()
	must(err)
	must(setEffective(all, wanted(x.may.Set, all)))
	do()
	must(setEffective(all, wanted(ops.CapsAll, all)))
}

// must ends the agent: whatever it did now it would do with other privileges than it says.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("change the privileges of this thread: %v", err))
	}
}

// threadCaps are the capabilities of a thread, in the two parts that the kernel takes.
type threadCaps [2]unix.CapUserData

func effective() (all threadCaps, err error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	return all, unix.Capget(&header, &all[0])
}

// wanted is the part of what a thread has that is in a set.
func wanted(set ops.CapSet, all threadCaps) (bits [2]uint32) {
	for i := range all {
		bits[i] = all[i].Effective
	}
	if set == ops.CapsAll {
		return bits
	}
	var keep [2]uint32
	for c, bit := range capBits {
		if set.Has(c) {
			keep[bit/32] |= 1 << (bit % 32)
		}
	}
	return [2]uint32{bits[0] & keep[0], bits[1] & keep[1]}
}

func setEffective(all threadCaps, bits [2]uint32) error {
	for i := range all {
		all[i].Effective = bits[i]
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	return unix.Capset(&header, &all[0])
}
