package vmtest

import (
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"io"
)

const oldOops = `[ 2.3456] BUG: kernel NULL pointer dereference, address: 00000008` + "\r" + `
[    2.345679] #PF: supervisor read access in kernel mode
[    2.345680] Oops: 0000 [#1] SMP PTI
[    2.345681] CPU: 0 PID: 1 Comm: init Not tainted 5.10.0-46-cloud-amd64 #1
[    2.345682] RIP: 0010:array_map_free+0x1f/0x90
[    2.345683] Kernel panic - not syncing: Fatal exception
`

const newOops = `<4>[    2.345678][    T1] Oops: general protection fault, probably for ` +
	`non-canonical address 0xdead000000000100: 0000 [#1] SMP NOPTI
[    2.345682][    T1] RIP: 0010:htab_map_update_elem+0x1f/0x90
[    2.345682][    T1] RIP: 0033:0x401000
`

func TestCrashesAreRecognised(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		kind EndKind
		want string
	}{
		"old-oops": {oldOops, Oopsed,
			"BUG: kernel NULL pointer dereference, address: 00000008 in array_map_free+0x1f/0x90"},
		"new-oops": {newOops, Oopsed, "Oops: general protection fault, probably for non-canonical " +
			"address 0xdead000000000100: 0000 [#1] SMP NOPTI in htab_map_update_elem+0x1f/0x90"},
		"kernel-bug": {"kernel BUG at mm/slub.c:1!\ninvalid opcode: 0000 [#1] SMP\n" +
			"RIP: 0010:kfree+0x1/0x2\n", Oopsed, "kernel BUG at mm/slub.c:1! in kfree+0x1/0x2"},
		"panic": {"[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs", Panicked,
			"VFS: Unable to mount root fs"},
		"panic-on-warning": {"WARNING: CPU: 0 PID: 1 at kernel/bpf/core.c:1 f+0x1/0x2\nRIP: 0010:f+1\n" +
			"Kernel panic - not syncing: kernel: panic_on_warn set ...\n", Panicked,
			"kernel: panic_on_warn set ... after WARNING: CPU: 0 PID: 1 at kernel/bpf/core.c:1 f+0x1/0x2"},
		"old-complaint": {"BUG: sleeping function\n" + strings.Repeat("\n", 9) + "Oops: 0000 [#1]\n",
			Oopsed, "Oops: 0000 [#1]"},
		"init-exits": {"[ 1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000700\n",
			InitDied, "init ended without a goodbye: exit status 7"},
		"init-killed": {"Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b\n",
			InitDied, "init ended without a goodbye: killed by signal 11"},
		"no-crash": {"ACPI BIOS Error (bug): no RSDP\n[ 1.1] BUG: sleeping function\n[ 1.1] x: 00 [#",
			Lost, "QEMU ended (exit status 0) after 1.0s and neither init nor the console says why"},
		"quoted": {"init: someone said Kernel panic - not syncing: oh\n",
			Lost, "QEMU ended (exit status 0) after 1.0s and neither init nor the console says why"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newConsole(nil)
			if _, err := io.Copy(c, iotest.OneByteReader(strings.NewReader(tt.text))); err != nil {
				t.Fatal(err)
			}
			c.finish()
			got := judge(evidence{crash: c.seen(), status: "exit status 0", lived: time.Second})
			if got.Kind != tt.kind || got.Reason != tt.want {
				t.Errorf("end is %q, want %q", got, End{Kind: tt.kind, Reason: tt.want})
			}
			if c.String() != tt.text {
				t.Error("the console keeps another text")
			}
		})
	}
}

func TestJudgeWeighsEvidence(t *testing.T) {
	code := 3
	hung := &End{Kind: Hung, Reason: "deadline"}
	for name, tt := range map[string]struct {
		evidence evidence
		want     EndKind
	}{
		"goodbye-before-kill":  {evidence{goodbye: &code, killed: hung}, Completed},
		"oops-before-goodbye":  {evidence{goodbye: &code, crash: crash{oops: "Oops: 0000 [#1]"}}, Oopsed},
		"goodbye-before-panic": {evidence{goodbye: &code, crash: crash{panic: "late"}}, Completed},
		"panic-before-kill":    {evidence{killed: hung, crash: crash{panic: "x"}}, Panicked},
		"killed":               {evidence{killed: hung}, Hung},
		"nothing":              {evidence{}, Lost},
	} {
		if got := judge(tt.evidence); got.Kind != tt.want {
			t.Errorf("%s: end is %q, want %v", name, got, tt.want)
		}
	}
	if (End{}).Kind != Undecided {
		t.Error("the zero End is decided")
	}
}

func TestConsoleIsBounded(t *testing.T) {
	c := newConsole(nil)
	total := 0
	for i := range 100_000 {
		n, _ := fmt.Fprintf(c, "line %06d\n", i)
		total += n
	}
	got := c.String()
	left := total - consoleHead - consoleTail
	want := fmt.Sprintf("\n[vmtest: %d bytes of console left out]\n", left)
	if !strings.HasPrefix(got, "line 000000\n") || !strings.HasSuffix(got, "line 099999\n") ||
		!strings.Contains(got, want) || len(got) != consoleHead+consoleTail+len(want) {
		t.Errorf("console of %d bytes, want both ends and %q", len(got), want)
	}
	before := len(c.line)
	_, _ = c.Write(make([]byte, 1<<20))
	if len(c.line) > before+longestLine {
		t.Errorf("a line without an end takes %d bytes", len(c.line))
	}
}
