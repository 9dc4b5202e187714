package executor

import (
	"testing"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// here is the value of kernel.unprivileged_bpf_disabled on this machine, as text. Nothing here changes it.
func here(t *testing.T) string {
	t.Helper()
	v, err := disabled()
	if err != nil || v == 1 {
		t.Skipf("kernel.unprivileged_bpf_disabled is %d, %v", v, err)
	}
	return ops.Disabled(v).String()
}

// TestCaps: ids are for CAP_SYS_ADMIN, elements for who has the descriptor; what is not lowered is done with all.
func TestCaps(t *testing.T) {
	at := ", disabled=" + here(t) + ")\n"
	wantAnswers(t, twoMaps+"caps(bpf"+at+"o0.update(1, i0)\no0.lookup(1)\nr0 = reopen(o0)\no0.alive()\nlive()\n"+
		"caps(sys_admin"+at+"r1 = reopen(o0)\no0.alive()\ncaps(bpf"+at+"caps(all"+at+"r2 = reopen(o0)\ni0.close()\n",
		"ok", "ok", "= i0", "EPERM", "EPERM", "= i0 o0", "ok", "ok", "= alive", "ok", "ok", "ok", "ok")
}

// TestCapsOfNobody: without any, a thing that takes CAP_BPF on every kernel is refused, and a race is none of it.
func TestCapsOfNobody(t *testing.T) {
	at := ", disabled=" + here(t) + ")\n"
	wantAnswers(t, twoMaps+"caps(none"+at+"b0 = btf(plain)\np0 = prog(xdp, o0, find:in check)\nthread()\no0.update(1, i0)\njoin()\n",
		"ok", "EPERM", "EPERM", "ok", "= 1-2 ok", "= o0:1=i0")
}

// TestMachineOfOthers: its sysctls stay what they are, and the thread is given back what it had.
func TestMachineOfOthers(t *testing.T) {
	before, err := effective()
	if err != nil {
		t.Fatal(err)
	}
	other := map[string]string{"0": "2", "2": "0"}[here(t)]
	got := answers(t, twoMaps+"caps(none, disabled="+other+")\no0.alive()\n")
	if why := got[len(got)-3]; len(why) < 12 || why[:12] != "= not lowere" {
		t.Errorf("the sysctl of another machine answers %s", why)
	}
	if alive := got[len(got)-2]; alive != "= alive" {
		t.Errorf("after that a map that is open is %s, want what all privileges show", alive)
	}
	if after, err := effective(); err != nil || after != before {
		t.Errorf("capabilities were %v and are %v, %v", before, after, err)
	}
}

func TestWanted(t *testing.T) {
	all := threadCaps{{Effective: ^uint32(0)}, {Effective: 1<<(unix.CAP_PERFMON%32) | 1<<(unix.CAP_BPF%32)}}
	for set, want := range map[ops.CapSet][2]uint32{
		ops.CapsNone: {}, ops.CapBPF: {0, 1 << 7}, ops.CapNetAdmin | ops.CapPerfmon: {1 << 12, 1 << 6},
		ops.CapSysAdmin: {1 << 21, 0}, ops.CapsAll: {^uint32(0), 1<<6 | 1<<7},
	} {
		if got := wanted(set, all); got != want {
			t.Errorf("%s of all is %#x, want %#x", set, got, want)
		}
	}
	if !missing(ops.CapBPF, threadCaps{}) || missing(ops.CapBPF, all) {
		t.Error("a thread that has nothing has CAP_BPF, or one that has all has it not")
	}
}
