package faults

import "syscall"

// fault is a way in which something around mimic breaks.
type fault struct {
	name, how, outcome string           // for people: docs/faults.md is made of them
	inject             func(*try) error // readies what is broken, or says what is to be broken when
	exits              []int            // that are allowed; 0 means that the verdicts were right all the same
	says               string           // a regular expression that a run which did not hold must match; "" is anything at all
	judged             bool             // what is broken is the kernel: it may violate anything
	mounts             bool             // needs a namespace of its own to mount in: root
	workload           []string         // arguments of mimic; those of holding if nil
}

// killed is the exit code of a process that a signal ended.
const killed = -1

// Workloads: the first holds on the kernel that is used, of the second something is broken, since the
// tree that the tests run with knows of no deviation, and is reduced.
var (
	holding  = []string{"-claims", "P20/array", "-sequences", "15"}
	reducing = []string{"-claims", "P81/array", "-sequences", "15"}
)

// table has every fault.
func table() []fault {
	return []fault{
		{
			name: "QEMU killed", how: "SIGKILL to QEMU at a random moment: boot, run, or reduction of a violation",
			inject: func(t *try) error { return t.whileRunning(t.killQEMU(1)) }, workload: reducing,
			exits: []int{1, 3}, says: `QEMU ended|^P81/array +FAIL`,
			outcome: "what was asked is asked again in a fresh guest and every verdict is right, or exit 3 that tells of QEMU's end",
		},
		{
			name: "every QEMU killed", how: "SIGKILL to each QEMU that is started, within a second or within half a run",
			inject: func(t *try) error { return t.whileRunning(t.killQEMU(1000)) },
			exits:  []int{0, 3}, says: `QEMU ended|signal: killed`,
			outcome: "exit 3 after a bounded number of boots, unless a guest lived long enough",
		},
		{
			name: "full disk: cache", how: "the cache on a file system with a random little space left, with and without the kernel in it",
			inject: fullCache, mounts: true, exits: []int{0, 3}, says: `no space left|No space left|space in`,
			outcome: "exit 3 that says so, unless the space happens to be enough; usable when there is space again",
		},
		{
			name: "full disk: TMPDIR", how: "TMPDIR on a file system with a random little space",
			inject: fullTemp, mounts: true, exits: []int{0, 3}, says: `no space left|No space left`,
			outcome: "the same",
		},
		{
			name: "full disk: out", how: "the folder for what is found on a full file system, and a violation to save there",
			inject: fullOut, mounts: true, exits: []int{1}, says: `no space left on device`, workload: reducing,
			outcome: "the verdicts stand, and what was not saved is named",
		},
		{
			name: "full disk: report", how: "standard output is /dev/full",
			inject: func(t *try) error { return t.reportTo("/dev/full") }, exits: []int{3}, says: `no space left on device`,
			outcome: "exit 3: a verdict that nobody can read is none",
		},
		{
			name: "read-only cache", how: "the cache is mounted read-only",
			inject: readOnlyCache, mounts: true, exits: []int{0, 3}, says: `read-only file system`,
			outcome: "exit 3 that says so",
		},
		{
			name: "truncated image", how: "a bzImage or an ELF kernel, cut at a random byte",
			inject: truncatedImage, exits: []int{0, 2}, says: `truncated|not a kernel`,
			outcome: "exit 2 with the reason; a cut that takes only the signature does no harm",
		},
		{
			name: "corrupt image", how: "a bzImage or an ELF kernel with up to 1000 random bytes changed",
			inject: corruptImage, judged: true, exits: []int{0, 1, 2, 3},
			outcome: "exit 2 if the image cannot be unpacked, 3 if it does not boot; else it is a kernel like any other, and is judged",
		},
		{
			name: "image of another machine", how: "arm64 Image and ELF kernels of eight other machines, an EFI program, no kernel at all",
			inject: foreignImage, exits: []int{2}, says: `kernel image .*: |-vm .*: `,
			outcome: "exit 2 with the reason",
		},
		{
			name: "damaged cache", how: "a random file of the cache cut, or bytes of it changed",
			inject: damagedCache, exits: []int{0, 3},
			outcome: "noticed and fetched or built again",
		},
		{
			name: "console flooded", how: "the kernel prints all it can, and more lines come as fast as the socket takes them",
			inject: func(t *try) error { return t.noise("flood") }, exits: []int{0},
			outcome: "every verdict is right",
		},
		{
			name: "console garbled", how: "random bytes between what the kernel prints, and endless lines",
			inject: func(t *try) error { return t.noise("garble") }, exits: []int{0},
			outcome: "every verdict is right",
		},
		{
			name: "SIGINT", how: "at a random moment, to mimic or to its whole process group; every other time twice",
			inject: func(t *try) error { return t.whileRunning(t.signal(syscall.SIGINT)) }, exits: []int{killed, 0, 3},
			outcome: "exit 3, or the end by the signal itself when mimic has just begun; right verdicts if all was done already",
		},
		{
			name: "SIGTERM", how: "the same",
			inject: func(t *try) error { return t.whileRunning(t.signal(syscall.SIGTERM)) }, exits: []int{killed, 0, 3},
			outcome: "the same",
		},
		{
			name: "SIGKILL", how: "the same, to mimic alone",
			inject: func(t *try) error { return t.whileRunning(t.signal(syscall.SIGKILL)) }, exits: []int{killed, 0},
			outcome: "QEMU dies with it; what it left in the cache is gone after the next run",
		},
		{
			name: "signals while a kernel is fetched", how: "SIGINT, SIGTERM or SIGKILL at a random moment, without the kernel in the cache, every third time without package lists",
			inject: signalFetch, exits: []int{killed, 0, 3},
			outcome: "as above",
		},
		{
			name: "two runs, one cache", how: "two runs begin at the same time, every other time without the kernel in the cache; the other is killed every third time",
			inject: twoRuns, exits: []int{0},
			outcome: "the verdicts of both are right",
		},
	}
}
