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
)

// lines are what every kernel of kernels.txt answers.
var lines = map[string][]string{
	"devmaps": {
		"outer_map array_of_maps key=4 value=4 max=2", "inner_map1 devmap key=4 value=4 max=10", "inner_map2 devmap key=4 value=4 max=10",
		"0=inner_map1 1=inner_map2",
		"update(0, inner_map2) ok", "delete(1) ok", "0=inner_map2 1=empty",
		"programs lookup ok, update EINVAL, delete EINVAL",
	},
	"template-fd": {
		"example_array array_of_maps key=4 value=4 max=256", "0 of 256 used",
		"update(0, dev0) ok", "update(255, dev255) ok", "update(256, dev256) E2BIG", "0=dev0 1=empty 255=dev255", "2 of 256 used",
		"delete(0) ok", "0=empty 1=empty 255=dev255", "1 of 256 used",
	},
	"btf-inner": {
		"outer array_of_maps key=4 value=4 max=3", "0=empty 1=empty 2=empty",
		"update(1, as_declared) ok", "update(1, longer_values) EINVAL", "update(1, fewer_entries) EINVAL", "update(1, another_type) EINVAL",
		"0=empty 1=as_declared 2=empty",
	},
	"hash-outer": {
		"by_number hash_of_maps key=4 value=4 max=3", "0=inner_a 1=empty 7=inner_b",
		"update(1, inner_b) ok", "update(2, inner_a) E2BIG", "delete(0) ok", "update(2, inner_a) ok", "0=empty 1=inner_b 2=inner_a 7=inner_b", "keys [1 2 7]",
		"programs lookup ok, update EINVAL, delete EINVAL",
		"by_flow hash_of_maps key=16 value=4 max=4 flags=NO_PREALLOC", "update(flow4, inner_a) ok", "flow4=inner_a flow5=empty",
	},
	"prog-lookup": {
		"lookup_in_array [0][1]=100 [2][1]=200 [0][9]=no entry [1][1]=no map [3][1]=no map",
		"update(0, inner_b) ok", "delete(2) ok", "lookup_in_array [0][1]=200 [2][1]=no map",
		"lookup_in_hash [0][1]=100 [2][1]=200 [0][9]=no entry [1][1]=no map [3][1]=no map",
		"update(0, inner_b) ok", "delete(2) ok", "lookup_in_hash [0][1]=200 [2][1]=no map",
		"programs unchecked_in_array EACCES, unchecked_in_hash EACCES",
	},
	"sharded-ringbuf": {
		"shards array_of_maps key=4 value=4 max=3", "shard_a ringbuf key=0 value=0 max=4096", "shard_b ringbuf key=0 value=0 max=4096",
		"0=shard_a 1=shard_b 2=empty",
		"output [0][70]=ok [1][71]=ok [1][72]=ok [2][73]=no map", "shard_a holds 70", "shard_b holds 71 72",
	},
}

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
				if want := strings.Join(lines[name], "; "); err != nil || got != want {
					t.Fatalf("%v\ngot  %s\nwant %s", err, got, want)
				}
			}
			before.await(t)
		})
	}
	if len(lines) != len(Names()) {
		t.Errorf("%d lines are expected of %d examples", len(lines), len(Names()))
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
