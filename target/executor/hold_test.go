package executor

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

func wantAnswers(t *testing.T, text string, want ...string) {
	t.Helper()
	got := answers(t, text)
	if got = got[len(got)-1-len(want) : len(got)-1]; !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", text, got, want)
	}
}

func TestLive(t *testing.T) {
	wantAnswers(t, "b0 = btf(plain)\n"+twoMaps+"i1 = map(hash, key=4, value=8, max=2)\nlive()\ni1.close()\nlive()\ni0.close()\no0.close()\nb0.close()\ni1.gone()\ni0.gone()\nlive()\n",
		"= b0 i0 i1 o0", "ok", "= b0 i0 o0", "ok", "ok", "ok", "= gone", "= gone", "ok")
}

func TestRenew(t *testing.T) {
	wantAnswers(t, twoMaps+"o0.renew(2)\no0.renew(2, NOEXIST)\no0.renew(3)\no0.lookup(2)\no0.lookup(3)\no0.renew(9)\no0.renew(1)\nlive()\no0.delete(3)\n",
		"= new1", "EINVAL", "= new3", "= new1", "= new3", "E2BIG", "= new5", "= i0 new1 new3 new5 o0", "ok")
	wantAnswers(t, twoMaps+"i0.renew(1)\nnone.renew(1)\no0.close()\no0.renew(1)\n", "ok", "EBADF", "ok", "EBADF")
	wantAnswers(t, "b0 = btf(plain)\ni0 = map(array, key=4, value=64, max=2, btf=b0)\no0 = outer(array, max=4, template=i0)\no0.renew(1)\n", "= not renewed")
}

// TestStill: what nobody writes to does not move. That it moves is seen by threads.
func TestStill(t *testing.T) {
	wantAnswers(t, twoMaps+"i0.still(1)\ni0.still(9)\nnone.still(0)\no0.still(1)\no0.still(2)\n", "= still", "ENOENT", "EBADF", "= still", "ENOENT")
}

func TestProcessKeepsAMap(t *testing.T) {
	wantAnswers(t, twoMaps+"i1 = map(hash, key=4, value=8, max=2)\nc0 = process(i1)\ni1.close()\nlive()\nc0.kill()\ni1.gone()\nlive()\nc0.kill()\nnone.kill()\nc1 = process(none)\nc1.kill()\n",
		"ok", "ok", "= i0 i1 o0", "ok", "= gone", "= i0 o0", "= no process", "= no process", "EBADF", "= no process")
}

// TestProcessesGoWithTheSequence: its end kills those that are left.
func TestProcessesGoWithTheSequence(t *testing.T) {
	got := answers(t, twoMaps+"c0 = process(o0)\nc1 = process(o0)\nc2 = process(i0)\nc1.kill()\n")
	if end := got[len(got)-1]; end != "ok" {
		t.Errorf("the end answers %q, want that nothing is left", end)
	}
}

// TestProcessHoldsOneDescriptor looks at what a child has.
func TestProcessHoldsOneDescriptor(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "held")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, errno := holdInProcess(uint32(f.Fd()))
	if errno != 0 {
		t.Fatal(errno)
	}
	defer p.kill()
	held, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid))
	if err != nil || len(held) != 2 {
		t.Errorf("it has %v, %v; want the descriptor and the end of its life", held, err)
	}
	if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", p.pid, f.Fd())); err != nil || to != f.Name() {
		t.Errorf("its descriptor is of %q, %v; want %q", to, err, f.Name())
	}
}

// TestProcessEndsWithUs: it is not left behind by one that dies.
func TestProcessEndsWithUs(t *testing.T) {
	p, errno := holdInProcess(0)
	if errno != 0 {
		t.Fatal(errno)
	}
	unix.Close(p.life)
	var status unix.WaitStatus
	if _, err := unix.Wait4(int(p.pid), &status, 0, nil); err != nil || !status.Exited() {
		t.Errorf("%v, status %v; want that it ended by itself", err, status)
	}
}

// TestManyProcesses starts processes while other goroutines allocate and run.
func TestManyProcesses(t *testing.T) {
	done := make(chan bool)
	defer close(done)
	for range 4 {
		go func() {
			for text := ""; ; text = strings.Repeat("x", len(text)%4096+1) {
				select {
				case <-done:
					return
				default:
					runtime.Gosched()
				}
			}
		}()
	}
	for i := range many {
		p, errno := holdInProcess(0)
		if errno != 0 {
			t.Fatalf("process %d: %v", i, errno)
		}
		if errno, was := p.kill(); errno != 0 || !was {
			t.Fatalf("process %d: %v, %v", i, errno, was)
		}
	}
}

const many = 500

// TestGatedProgramRuns: what attaches programs has them do nothing unless
// they are run.
func TestGatedProgramRuns(t *testing.T) {
	wantAnswers(t, twoMaps+"p0 = prog(xdp, i0, "+string(ops.BodyLookup)+")\np0.run(1, 1)\np0.run(1, 0)\nl0 = attach(p0)\nl1 = attach(none)\np0.run(1, 1)\n",
		"= 77", "= 0", "EINVAL", "EBADF", "= 77")
}
