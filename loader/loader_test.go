package loader

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"mimic/properties"
)

// needKernel skips a test where bpf(2) is not to be had.
func needKernel(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("loading maps and programs needs root")
	}
	if _, err := ebpf.MapGetNextID(0); errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skipf("bpf(2) is not to be had here: %v", err)
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Skipf("raise the limit on locked memory: %v", err)
	}
}

func TestExamples(t *testing.T) {
	needKernel(t)
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			before := left()
			for range 3 {
				got, err := Run(name)
				if want := properties.Examples()[name]; err != nil || got != want {
					t.Fatalf("%v\ngot  %s\nwant %s", err, got, want)
				}
			}
			before.await(t)
		})
	}
	if n := len(properties.Examples()); n != len(Names()) {
		t.Errorf("%d lines are expected of %d examples", n, len(Names()))
	}
}

// leftovers is what an example must not leave behind.
type leftovers struct {
	maps, programs []uint32
	files          int
	goroutines     int
}

func left() leftovers {
	files, _ := os.ReadDir("/proc/self/fd")
	return leftovers{
		maps: ids(func(id uint32) (uint32, error) {
			next, err := ebpf.MapGetNextID(ebpf.MapID(id))
			return uint32(next), err
		}),
		programs: ids(func(id uint32) (uint32, error) {
			next, err := ebpf.ProgramGetNextID(ebpf.ProgramID(id))
			return uint32(next), err
		}),
		files:      len(files),
		goroutines: runtime.NumGoroutine(),
	}
}

func ids(next func(uint32) (uint32, error)) (all []uint32) {
	for id, err := next(0); err == nil; id, err = next(id) {
		all = append(all, id)
	}
	return all
}

// await gives the kernel two seconds to forget what was not there before.
func (before leftovers) await(t *testing.T) {
	t.Helper()
	var now leftovers
	for range 200 {
		now = left()
		now.maps, now.programs = without(now.maps, before.maps), without(now.programs, before.programs)
		if len(now.maps)+len(now.programs) == 0 && now.files <= before.files && now.goroutines <= before.goroutines {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("left behind: %+v, before there were %d files and %d goroutines", now, before.files, before.goroutines)
}

func without(ids, known []uint32) []uint32 {
	return slices.DeleteFunc(ids, func(id uint32) bool { return slices.Contains(known, id) })
}

// A program could fail to load for a reason that has nothing to do with maps.
func TestProgramsAreRefusedForTheirMaps(t *testing.T) {
	needKernel(t)
	for _, refused := range []struct{ object, program, why string }{
		{"devmaps", "update", "cannot pass map_type 12 into func bpf_map_update_elem"},
		{"devmaps", "delete", "cannot pass map_type 12 into func bpf_map_delete_elem"},
		{"hash-outer", "update", "cannot pass map_type 13 into func bpf_map_update_elem"},
		{"hash-outer", "delete", "cannot pass map_type 13 into func bpf_map_delete_elem"},
		{"prog-lookup", "unchecked_in_array", "expected=map_ptr"},
		{"prog-lookup", "unchecked_in_hash", "expected=map_ptr"},
	} {
		_, err := run(refused.object, func(s *stage) {
			s.load()
			s.runnable(refused.program)
		})
		var verifier *ebpf.VerifierError
		if !errors.As(err, &verifier) || !strings.Contains(strings.Join(verifier.Log, "\n"), refused.why) {
			t.Errorf("%s of %s: %+v, want %q", refused.program, refused.object, verifier, refused.why)
		}
	}
}

func TestErrorsKeepTheErrno(t *testing.T) {
	needKernel(t)
	before := left()
	_, err := run("devmaps", func(s *stage) {
		s.load()
		s.put("inner_map1", 10, 0)
		s.update("outer_map", 0, "inner_map2")
		s.see("never")
	})
	if !errors.Is(err, unix.E2BIG) || !strings.HasPrefix(err.Error(), "example devmaps: put 10=0 in inner_map1: ") {
		t.Errorf("%v, want E2BIG of the put", err)
	}
	before.await(t)
}

func TestExampleThatIsNone(t *testing.T) {
	if line, err := Run("sockmap"); err == nil || !strings.Contains(err.Error(), "devmaps, template-fd") {
		t.Errorf("%q, %v, want the names that there are", line, err)
	}
}

func TestRunsThatSignalsCutOffAreBegunAnew(t *testing.T) {
	needKernel(t)
	defer func(of []example) { examples = of }(examples)
	runs := 0
	examples = []example{{"shaky", func(s *stage) {
		if runs++; runs < 3 {
			s.failed(unix.EINTR, "run")
		}
		s.see("done")
	}}}
	if line, err := Run("shaky"); line != "done" || err != nil || runs != 3 {
		t.Errorf("%q, %v after %d runs, want done after 3", line, err, runs)
	}
}
