package executor

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mimic/ops"
	"mimic/progs"
)

// Release is what uname -r says.
func Release() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("uname: %w", err)
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}

// Lacks asks the kernel for each feature that its configuration can leave out
// and answers those that it has not, with what it said. A feature's name is the
// one that plans and claims use.
func (x *Executor) Lacks() map[string]string {
	lacks := map[string]string{}
	note := func(feature, why string) {
		if why != "" {
			lacks[feature] = why
		}
	}
	for _, t := range ops.ProgTypes { // before the maps: the first program lets the kernel read its own BTF
		note(t.Feature(), x.probeProg(t, 0))
		note(t.RunFeature(), x.probeRun(t))
	}
	for _, t := range []ops.ProgType{ops.Kprobe, ops.LSM, ops.Tracing} {
		note(t.SleepableFeature(), x.probeProg(t, ops.Sleepable))
	}
	note(ops.FeatureRun, lacks[ops.XDP.RunFeature()])
	note(ops.FeatureKernelBTF, probeKernelBTF())
	note(ops.FeatureIter, probeIter())
	note(ops.FeaturePins, x.probe(ops.Map{Def: "m", Type: ops.Array, Key: 4, Value: 4, Max: 1}, ops.Pin{Def: "n", Of: "m"}))
	note(ops.FeatureSys, x.probeSys())
	note(ops.FeatureSmall, probeMemory())
	if x.shared.own {
		note(ops.FeatureSlabs, probeSlabs())
	}
	note(ops.FeatureCPUs, probeProcessors())
	note(ops.FeatureLittleEndian, probeOrder())
	note(ops.FeatureJIT, probeJIT())
	note(ops.FeatureTimers, x.probeTimers())
	note(ops.FeatureUnaligned, x.probeUnaligned())
	note(ops.FeatureInlined, x.probeInlined())
	note(ops.FeaturePointers, probePointers())
	note(ops.FeatureRefill, x.probeRefill())
	note(ops.FeatureKeyLimit, x.probeKeyLimit())
	note(ops.FeatureSMP, probeSMP())
	note(ops.FeatureCaps, whyNotAtAll())
	for _, v := range []ops.Disabled{ops.NotDisabled, ops.DisabledByNow} {
		note(v.Feature(), x.whyNotLowered(v))
	}
	for _, m := range ops.Plainest() {
		note(m.Type.Feature(), x.probeMap(m))
	}
	for _, kind := range []ops.OuterKind{ops.OuterArray, ops.OuterHash} {
		note(kind.MapType().Feature(), x.probe(
			ops.Map{Def: "m", Type: ops.Hash, Key: 4, Value: 4, Max: 1}, ops.Outer{Def: "o", Kind: kind, Key: 4, Value: 4, Max: 1, Template: "m"}))
	}
	return lacks
}

// probe runs a sequence and says what the first of it answered that failed.
func (x *Executor) probe(seq ...ops.Op) (why string) {
	each := func(s ops.Step) {
		if _, ended := s.Op.(ops.End); why == "" && s.Got != ops.OK && !ended {
			why = "creating one answers " + s.Got.String()
		}
	}
	for s := x.Start(append(seq, ops.End{}), func(int) {}, each); !s.Continue(); {
		time.Sleep(time.Millisecond)
	}
	return why
}

// probeMap makes the plainest map of a type.
func (x *Executor) probeMap(m ops.Map) string {
	m.Def = "m"
	if m.BTF == "" {
		return x.probe(m)
	}
	return x.probe(ops.BTF{Def: m.BTF, Kind: ops.BTFKind(m.BTF)}, m)
}

// probeSys has a program delete in no map: what that answers is no matter.
func (x *Executor) probeSys() string {
	fresh := x.fresh()
	if got := fresh.bySyscall(ops.Sys{On: "none", Command: ops.ByDelete}).Got; strings.HasPrefix(got, "not ") {
		return "a program that calls it is " + got
	}
	return ""
}

func probeIter() string {
	if _, err := iterator(); err != nil {
		return "loading a program that iterates answers " + err.Error()
	}
	return ""
}

func probeKernelBTF() string {
	if _, err := os.Stat(kernelBTF); err != nil {
		return err.Error()
	}
	return ""
}

// small is less memory than a map that is too big for it would take.
const small = 500 << 20

func probeMemory() string {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return err.Error()
	}
	if all := uint64(info.Totalram) * uint64(info.Unit); all > small {
		return fmt.Sprintf("this machine has %d MiB", all>>20)
	}
	return ""
}

func probeProcessors() string {
	if len(processors()) < 2 {
		return "one processor: nothing happens at the same time"
	}
	return ""
}

// probeSMP reads what the kernel says it was built with.
func probeSMP() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "uname: " + err.Error()
	}
	if version := unix.ByteSliceToString(name.Version[:]); !slices.Contains(strings.Fields(version), "SMP") {
		return "built for one processor: " + version
	}
	return ""
}

// JITSwitch is where a kernel is told whether to translate programs, on those that can.
const JITSwitch = "/proc/sys/net/core/bpf_jit_enable"

func probeJIT() string {
	text, err := os.ReadFile(JITSwitch)
	if err != nil {
		return "programs are interpreted: " + err.Error()
	}
	if strings.TrimSpace(string(text)) == "0" {
		return "programs are interpreted: " + JITSwitch + " is 0"
	}
	return ""
}

// probeTimers has a program set up the timer of an element.
func (x *Executor) probeTimers() string {
	return x.probe(ops.BTF{Def: "b", Kind: "timer"}, ops.Map{Def: "m", Type: ops.Array, Key: 4, Value: 64, Max: 1, BTF: "b"},
		ops.Prog{Def: "p", Type: ops.XDP, Map: "m", Body: "map keep get:0 check timer"})
}

// probeUnaligned has a program access four bytes from the second on.
func (x *Executor) probeUnaligned() string {
	return x.probe(ops.Map{Def: "m", Type: ops.Array, Key: 4, Value: 8, Max: 1},
		ops.Prog{Def: "p", Type: ops.XDP, Map: "m", Body: "map get:0 check read:1:4"})
}

// probeInlined reads what the verifier made of a lookup in a per-CPU array.
func (x *Executor) probeInlined() string {
	fresh := x.fresh()
	defer fresh.closeAll()
	for _, op := range (ops.Sequence{
		ops.Map{Def: "m", Type: ops.PercpuArray, Key: 4, Value: 4, Max: 1},
		ops.Prog{Def: "p", Type: ops.SocketFilter, Map: "m", Body: ops.BodyLookup},
	}) {
		if r := fresh.do(op); r != ops.OK {
			return fmt.Sprintf("%s answers %s", ops.Verb(op), r)
		}
	}
	insns, _, errno := translated(fresh.handle("p").fd)
	if errno != 0 {
		return fmt.Sprintf("reading a translated program answers %v", ops.Failed(errno))
	}
	if !slices.ContainsFunc(insns, instruction.percpu) {
		return "a lookup in a per-CPU array calls a function"
	}
	return ""
}

// refillKeys are stored in one call, which gives the allocator little time, refillTries times.
const refillKeys, refillTries = 256, 8

func (x *Executor) probeRefill() string {
	if realTime() {
		return "what fetches more has a thread: PREEMPT_RT"
	}
	fresh := x.fresh()
	defer fresh.closeAll()
	fresh.do(ops.Map{Def: "i", Type: ops.Array, Key: 4, Value: 4, Max: 1})
	var keys, values []string
	for n := range refillKeys {
		keys, values = append(keys, strconv.Itoa(n)), append(values, "i")
	}
	store := ops.UpdateBatch{On: "o", Keys: ops.Keys(strings.Join(keys, ";")), Values: ops.Vals(strings.Join(values, ";"))}
	for range refillTries {
		fresh.do(ops.Outer{Def: "o", Kind: ops.OuterHash, Key: 4, Value: 4, Max: refillKeys, Template: "i", Flags: ops.NoPrealloc})
		if r := fresh.do(store); r.Errno == ops.Errno(unix.ENOMEM) {
			return fmt.Sprintf("storing %d elements at once answers %s", refillKeys, r)
		}
		fresh.do(ops.Close{On: "o"})
	}
	return ""
}

// realTime goes by what uname -v says.
func realTime() bool {
	var u unix.Utsname
	return unix.Uname(&u) == nil && strings.Contains(unix.ByteSliceToString(u.Version[:]), "PREEMPT_RT")
}

// probeKeyLimit asks for a key of 4 MiB.
func (x *Executor) probeKeyLimit() string {
	if x.probe(ops.Map{Def: "m", Type: ops.Hash, Key: 4 << 20, Value: 4, Max: 1, Flags: ops.NoPrealloc}) == "" {
		return "a hash with keys of 4 MiB is made"
	}
	return ""
}

// probePointers asks for the machine, which is the kernel's and not that of a program of 32 bits.
func probePointers() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err.Error()
	}
	if machine := unix.ByteSliceToString(u.Machine[:]); !strings.Contains(machine, "64") && machine != "s390x" {
		return "the machine is " + machine
	}
	return ""
}

func probeOrder() string {
	if ops.Bytes(1, 4)[0] != 1 {
		return "numbers begin with the highest byte"
	}
	return ""
}

// available errs if this process cannot use bpf(2) at all.
func available() error {
	if _, errno := openByID(0, 0); errno == unix.ENOSYS || errno == unix.EPERM {
		return fmt.Errorf("bpf(2) answers %v: %s", ops.Failed(errno), bpfHint[errno])
	}
	return nil
}

var bpfHint = map[unix.Errno]string{
	unix.ENOSYS: "this kernel is built without CONFIG_BPF_SYSCALL",
	unix.EPERM:  "run as root, or with CAP_SYS_ADMIN",
}

func (x *Executor) probeProg(t ops.ProgType, flags ops.ProgFlags) string {
	fd, log, errno := x.shared.loadProgram(image{kind: t, how: progKinds[t].progLoad, flags: flags, insns: progs.Nothing()})
	if errno != 0 {
		return strings.TrimSpace(fmt.Sprintf("loading one answers %v %s", ops.Failed(errno), progs.ReasonLine(log)))
	}
	closeFD(fd)
	return ""
}

// probeRun has a program look at an array, in the way that those of its type are run.
func (x *Executor) probeRun(t ops.ProgType) string {
	fresh := x.fresh()
	defer fresh.closeAll()
	for _, op := range (ops.Sequence{
		ops.Map{Def: "m", Type: ops.Array, Key: 4, Value: 4, Max: 1},
		ops.Prog{Def: "p", Type: t, Map: "m", Body: ops.BodyLookup},
	}) {
		if r := fresh.do(op); r != ops.OK {
			return fmt.Sprintf("%s answers %s", ops.Verb(op), r)
		}
	}
	for range 2 { // up to 5.12 a program of type tracing is attached only once
		if why := whyNotRun(fresh.do(ops.Run{On: "p"})); why != "" {
			return why
		}
	}
	return ""
}

// whyNotRun says of the answer to a run why it is none.
func whyNotRun(r ops.Result) string {
	why, not := strings.CutPrefix(r.Got, beforeWhy)
	switch {
	case not:
		return why
	case r.Errno != 0:
		return "running one answers " + r.String()
	case r.Got == progs.AnswerNotEnded:
		return "its event does not come"
	}
	return ""
}
