package progs

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mimic/ops"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// bodies are those with golden files, and those that kernels are to take.
var bodies = map[string]ops.Body{
	"lookup":   ops.BodyLookup,
	"constant": "find:1 check get:2 check read:2:4 write:0:8:0x100000001",
	"update":   "find:in check call:map_update_elem:in:42:1 call:map_delete_elem:3",
	"queue":    "find:1 check call:map_push_elem:in:42 call:map_peek_elem call:map_pop_elem",
	"merge":    "find:1 check keep find:in check merge get:in check read",
	"cross":    "find:1 check keep find:in check cross get:in check read",
	"maybe":    "find:1 check get:1 maybe check spill read",
	"pass":     "find:1 pass check get:1 pass check read",
	"callback": "find:1 check call:for_each_map_elem pass",
	"percpu":   "find:1 check call:map_lookup_percpu_elem:in",
	"beside":   "find:1 check beside:in check read",
	"stop":     "find:1 check call:for_each_map_elem_stop",
	"section":  "find:1 check section get:1 section check read",
	"kfunc":    "find:1 check call:map_sum_elem_count",
	"arith":    "find:1 check get:1 check add:in read:0:1 add:1 swap",
	"outside":  "find:1 check get:1 check askey keep mem:trace_printk:4",
	"tail":     "map call:tail_call:in",
	"return":   "map check return",
	"lock":     "find:1 check get:1 check lock unlock",
	"timer":    "find:1 check keep get:1 check timer stop",
	"direct":   "direct asval",
	"count":    "find:1 check get:in check count:1000 read",
	"second":   "find:1 check keep second:in check merge get:in",
	"stash":    "find:1 stash check fetch",
	"same":     "find:1 check keep find:2 differ same",
	"either":   "far either:1 check get:in",
	"within":   "within find:1 check get:1 pass check read",
	"called":   "called find:1 check get:1 check read",
	"lend":     "find:1 check lend",
	"sum":      "find:1 check sum",
	"half":     "find:1 half check half tell",
	"adder":    "find:1 check get:in check count:2000000 read",
}

var shape = Program{Reach: reach(5, 13), Second: reach(7, 4), Mailbox: 6,
	Functions: map[string]int32{"bpf_map_sum_elem_count": 77, "bpf_arena_free_pages": 78, "bpf_rcu_read_lock": 79, "bpf_rcu_read_unlock": 80}}

func reach(fd int, value ops.Size) Reach {
	return Reach{Map: fd, Outer: true, OuterKey: 4, Key: 12, Value: value, Timer: 16}
}

func with(t ops.ProgType, b ops.Body) Program {
	p := shape
	p.Type, p.Body = t, b
	return p
}

// TestDisassembly holds bodies to their golden disassembly, in two types of
// programs: it is the same in all.
func TestDisassembly(t *testing.T) {
	for _, typ := range []ops.ProgType{ops.XDP, ops.Kprobe} {
		for name, body := range bodies {
			ins, err := with(typ, body).Instructions()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", fmt.Sprintf("%s\n%v", body, ins))
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./progs -update writes it)", err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./progs -update rewrites it):\n%s", path, got)
	}
}

// everything is a body for each step word, and for each call with and without a key.
func everything() (all []ops.Body) {
	args := map[ops.StepWord]string{ops.StepFind: ":7", ops.StepSecond: ":7", ops.StepEither: ":7", ops.StepGet: ":0xffffffffffffffff", ops.StepBeside: ":3", ops.StepWrite: ":8:2:-1", ops.StepAdd: ":0xfffffffffffffffc", ops.StepCount: ":100"}
	for _, w := range ops.StepWords() {
		if w == ops.StepLoop {
			all = append(all, "map loop:3")
		} else if w != ops.StepCall && w != ops.StepMemory {
			all = append(all, ops.Body(string(w)+args[w]))
		}
	}
	for _, c := range ops.Calls() {
		if c.Memory {
			all = append(all, ops.Body("mem:"+c.Name+":8"))
			continue
		}
		all = append(all, ops.Body("call:"+c.Name), ops.Body("call:"+c.Name+":3:0x1122334455667788:-1"))
	}
	return all
}

func TestEveryStepAssembles(t *testing.T) {
	for _, typ := range ops.ProgTypes {
		for _, body := range everything() {
			for _, size := range []ops.Size{0, 1, 3, 4, 5, 8, 13, MaxKey} {
				p := with(typ, body)
				p.Map, p.OuterKey, p.Key, p.Value = -1, size, size, size
				code, err := p.Assemble()
				if err != nil || len(code) == 0 || len(code)%8 != 0 {
					t.Errorf("%s %s with keys of %d bytes: %d bytes of code, %v", typ, body, size, len(code), err)
				}
			}
		}
	}
	if len(Nothing()) != 16 {
		t.Errorf("nothing is %d bytes of code, want two instructions", len(Nothing()))
	}
}

func TestErrors(t *testing.T) {
	big := with(ops.XDP, "call:map_push_elem call:map_pop_elem")
	long := with(ops.XDP, ops.BodyLookup)
	long.Key, big.Value = MaxKey+1, MaxValue+1
	many := func(step string, n int) Program { return with(ops.XDP, ops.Body(strings.Repeat(step+" ", n))) }
	unknown := with(ops.XDP, "call:map_sum_elem_count")
	unknown.Functions = nil
	for want, p := range map[string]Program{
		"that is no body":                             with(ops.XDP, "jump"),
		"32 steps, want at most 31":                   many("keep", 32),
		"keys of 4 and 97 bytes, want at most 96":     long,
		"hands over values of 16385 bytes":            big,
		"step 9 is one too many":                      many("call:map_pop_elem", 9),
		"accesses byte 32768, an instruction has":     with(ops.XDP, "write:32768:1:0"),
		"step 1 counts 0 times, want 1 to 8388608":    with(ops.XDP, "count:0"),
		"step 2 comes after return and is never":      with(ops.XDP, "return keep"),
		"the BTF id of bpf_map_sum_elem_count is not": unknown,
	} {
		if _, err := p.Assemble(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", p.Body, err, want)
		}
	}
}

func TestOnlyCallbacksAreDescribed(t *testing.T) {
	for name, body := range bodies {
		types, functions, err := with(ops.XDP, body).Describe()
		if err != nil || !CallsBack(body) && len(types)+len(functions) != 0 {
			t.Errorf("%s: %d bytes of BTF, %d of functions, %v", name, len(types), len(functions), err)
		}
		if name == "callback" && (len(types) == 0 || len(functions) != 3*FuncInfoSize) {
			t.Errorf("%s: %d bytes of BTF, %d of functions, want three", name, len(types), len(functions))
		}
	}
}

func TestReadSize(t *testing.T) {
	for value, want := range map[ops.Size]ops.Size{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 7: 4, 8: 8, 64: 8} {
		if got := ReadSize(value); got != want {
			t.Errorf("of %d bytes %d are read, want %d", value, got, want)
		}
	}
}

func TestAnswer(t *testing.T) {
	p := with(ops.XDP, "find:in check read call:map_pop_elem call:map_pop_elem stop check read")
	minus := int64(-2)
	for want, words := range map[string]map[int]uint64{
		AnswerNotEnded: {},
		"null@2":       {EndAt: 2},
		// The second pop as a helper returns it, stop as an int of an older kernel.
		"9223372036854775808 0 42 -2 -2 null@7": {EndAt: 7, AnswersAt + 8*2: 1 << 63, AnswersAt + 8*4: uint64(minus), AnswersAt + 8*5: uint64(uint32(minus)), RoomAt: 42},
		"0 0 0 0 0 0 0":                         {EndAt: EndReached},
	} {
		box := bytes.Repeat([]byte{0xee}, MailboxSize)
		p.Prepare(box, 7, 9, 5)
		for at, v := range words {
			binary.NativeEndian.PutUint64(box[at:], v)
		}
		if got := p.Answer(box); got != want {
			t.Errorf("of %v got %q, want %q", words, got, want)
		}
	}
}

func TestNoAnswers(t *testing.T) {
	p, box := with(ops.XDP, "map check"), make([]byte, MailboxSize)
	binary.NativeEndian.PutUint64(box[EndAt:], EndReached)
	if got := p.Answer(box); got != AnswerEnd {
		t.Errorf("got %q, want %q", got, AnswerEnd)
	}
}

func TestPrepare(t *testing.T) {
	p, box := with(ops.XDP, "find:in get:in"), bytes.Repeat([]byte{0xee}, MailboxSize)
	p.Prepare(box, 7, 9, 5)
	for at, want := range map[int]string{OuterKeyAt: "7", InnerKeyAt: "9", BranchesAt: "5", EndAt: "0", AnswersAt: "0", ValueAt: "0"} {
		if got := ops.Number(box[at : at+8]); got != want {
			t.Errorf("at %d is %s, want %s", at, got, want)
		}
	}
}
