package executor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mimic/ops"
	"mimic/progs"
)

// answers runs a sequence on the kernel of this machine and lists its answers.
func answers(t *testing.T, text string) (all []string) {
	t.Helper()
	seq, err := ops.Parse(text + "end()\n")
	if err != nil {
		t.Fatal(err)
	}
	x, err := New()
	if err != nil {
		t.Skipf("this kernel cannot be asked: %v", err)
	}
	for s := x.Start(seq, func(int) {}, func(s ops.Step) { all = append(all, s.Answer()) }); !s.Continue(); {
		time.Sleep(time.Millisecond)
	}
	return all
}

const twoMaps = `i0 = map(array, key=4, value=8, max=2)
o0 = outer(array, max=4, template=i0)
o0.update(1, i0)
i0.update(1, 77)
`

// TestRunsOfEveryType: programs of all types that run here find what is stored,
// and say at which check they ended if there is nothing.
func TestRunsOfEveryType(t *testing.T) {
	x, err := New()
	if err != nil {
		t.Skipf("this kernel cannot be asked: %v", err)
	}
	lacks := x.Lacks()
	for _, typ := range ops.ProgTypes {
		t.Run(typ.String(), func(t *testing.T) {
			if why := lacks[typ.RunFeature()]; why != "" {
				t.Skip(why)
			}
			word := typ.String()
			got := answers(t, twoMaps+"p0 = prog("+word+", i0, "+string(ops.BodyLookup)+")\n"+
				"p1 = prog("+word+", o0, "+string(ops.BodyLookup)+")\np0.run(1, 1)\np1.run(1, 1)\np1.run(2, 1)\np1.run(1, 9)\n")
			want := []string{"ok", "ok", "= 77", "= 77", "= null@2", "= null@4", "ok"}
			if !slices.Equal(got[4:], want) {
				t.Errorf("got %q, want %q", got[4:], want)
			}
		})
	}
}

func TestRefusalsSayWhy(t *testing.T) {
	got := answers(t, twoMaps+"p0 = prog(xdp, o0, find:in call:map_delete_elem)\np1 = prog(xdp, none, map)\np1.run(1, 1)\n")
	if r, _, _ := strings.Cut(got[4], " ="); r != "EACCES" || !strings.Contains(got[4], "# R1 ") {
		t.Errorf("got %q, want EACCES with a class, and what the verifier said of R1", got[4])
	}
	if got[5] != "EBADF" || got[6] != "EBADF" {
		t.Errorf("got %q of a descriptor that is not open, want EBADF", got[5:])
	}
}

// TestCallbacksAreDescribed: no kernel takes one that is not.
func TestCallbacksAreDescribed(t *testing.T) {
	got := answers(t, twoMaps+"p0 = prog(xdp, i0, map call:for_each_map_elem)\np0.run(1, 1)\n")
	if got[4] != "ok" {
		t.Skipf("this kernel has no callbacks: %s", got[4])
	}
	if got[5] != "= 2" {
		t.Errorf("got %q, want that it saw two elements", got[5])
	}
}

// TestUnsafeIsNotRun: what is not known to be safe is run only after the kernel
// took the same for an inner map itself.
func TestUnsafeIsNotRun(t *testing.T) {
	const inner, outer = "p0 = prog(xdp, i0, find:in check get:in check return)\n", "p1 = prog(xdp, o0, find:in check get:in check return)\n"
	const other = "p0 = prog(xdp, i0, find:in check get:1 check return)\n"
	for _, c := range []struct{ before, after, want string }{
		{"", "", "= not run: unsafe"}, {inner, "", "= end"}, {other, "", "= not run: unsafe"}, {"", inner, "= end"},
	} {
		got := answers(t, twoMaps+c.before+outer+c.after+"p1.run(1, 1)\n")
		if run := got[len(got)-2]; run != c.want {
			t.Errorf("with %q before and %q behind it: %q, want %q", c.before, c.after, run, c.want)
		}
	}
}

// TestMailboxBelongsToNoSequence: the map through which programs answer is not
// forgotten with theirs, and is no answer to anything.
func TestMailboxBelongsToNoSequence(t *testing.T) {
	got := answers(t, twoMaps+"p0 = prog(xdp, i0, map)\no0.dump()\n")
	if got[5] != "= {1=i0}" || got[6] != "ok" {
		t.Errorf("got %q", got[4:])
	}
}

// TestUnmappedMailbox: a kernel that does not map twoMaps is asked by bpf(2).
func TestUnmappedMailbox(t *testing.T) {
	if _, err := New(); err != nil {
		t.Skipf("this kernel cannot be asked: %v", err)
	}
	fd, errno := makeMailbox(0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer closeFD(fd)
	m := &mailbox{fd, make([]byte, progs.MailboxSize), false}
	m.memory[progs.EndAt] = 3
	if errno := m.send(); errno != 0 {
		t.Fatal(errno)
	}
	clear(m.memory)
	if errno := m.collect(); errno != 0 || m.memory[progs.EndAt] != 3 {
		t.Errorf("%v, read back %d, want 3", errno, m.memory[progs.EndAt])
	}
}
