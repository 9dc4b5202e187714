package progs

import (
	"regexp"
	"strings"
)

// The classes of what verifiers give as their reason.
const (
	ReasonNone       = "none"       // it said nothing: bpf(2) refused before there was a verifier
	ReasonDescriptor = "descriptor" // the descriptor is of no map
	ReasonExclusive  = "exclusive"  // the map is for another program
	ReasonProgType   = "progtype"   // no map with such values in programs of this type
	ReasonSleepable  = "sleepable"  // not in programs that may sleep, or only there
	ReasonReference  = "reference"  // something is not given back
	ReasonTimer      = "timer"      // no such timer, or of another map
	ReasonField      = "field"      // what the kernel keeps in a value is accessed as memory
	ReasonLock       = "lock"       // no such lock, another one, not released
	ReasonNull       = "null"       // it may be NULL
	ReasonScalar     = "scalar"     // it is a number: NULL itself, for one
	ReasonForbidden  = "forbidden"  // the map is not for programs to read or to write
	ReasonReadOnly   = "readonly"   // what is written to can only be read
	ReasonOpaque     = "opaque"     // a map's own structure, which this kernel does not describe
	ReasonArithmetic = "arithmetic" // no arithmetic with such a pointer
	ReasonMapType    = "maptype"    // not with maps of this type
	ReasonCallback   = "callback"   // no callback for this map
	ReasonValue      = "value"      // this map's values have no address
	ReasonTailCall   = "tailcall"   // no tail call with that, or from here
	ReasonHelper     = "helper"     // no such helper or kfunc here
	ReasonLeak       = "leak"       // an address would be given away
	ReasonExit       = "exit"       // no such return value
	ReasonSize       = "size"       // no such size of memory
	ReasonBounds     = "bounds"     // outside what it points to
	ReasonType       = "type"       // a pointer, but to something else
	ReasonOther      = "other"
)

// reasons is the table of classes: the first that matches the line counts. All
// is in kernel/bpf/verifier.c if nothing else is said.
var reasons = []struct {
	class string
	line  *regexp.Regexp
}{
	// "fd 9 is not pointing to valid bpf_map", since 6.14 "… bpf_map or btf".
	{ReasonDescriptor, regexp.MustCompile(`is not pointing to valid bpf_map`)},
	// Since 6.18.
	{ReasonExclusive, regexp.MustCompile(`excl_prog_hash`)},
	// check_map_prog_compatibility: 5.10 calls socket filters tracing programs, has
	// the hash maps without preallocation; 6.1 timers and sleepable programs; 6.12
	// bpf_wq and {list_head,rb_root}; 7.3 no timers any more.
	{ReasonProgType, regexp.MustCompile(`prog(ram)?s (cannot use bpf_\S+ yet|can only use preallocated hash map$)|can't be used in tracing`)},
	// The maps of such programs: 5.10 "array and hash maps", 6.1 "array, hash, and
	// ringbuf maps", 6.12 "… and local storage maps". Which programs may sleep:
	// "Only fentry/… programs can be sleepable", 7.3 "Program of this type cannot be
	// sleepable". Helpers and kfuncs: 6.1 "helper call might sleep in a
	// non-sleepable prog", "kernel function … is sleepable but the program is not".
	{ReasonSleepable, regexp.MustCompile(`[Ss]leepable|might sleep`)},
	// "Unreleased reference id=…"; since 6.12 "BPF_EXIT instruction … would lead to
	// reference leak" behind it; releases of what is not held.
	{ReasonReference, regexp.MustCompile(`Unreleased reference|reference leak|reference has not been acquired|unacquired reference|must be referenced|expects referenced`)},
	// Memory that a special field is in: 5.10 has no "indirectly".
	{ReasonField, regexp.MustCompile(`cannot be accessed (in)?directly by|kptr access|kptr in map can only|doesn't point to kptr|store to (referenced kptr|uptr)`)},
	// process_timer_func, and the map of another inner map: up to 6.18 "timer pointer
	// in R1 map_uid=…", 7.3 "bpf_timer pointer in R1 map_uid=…".
	{ReasonTimer, regexp.MustCompile(`bpf_timer|map_uid=\d+ doesn't match`)},
	// process_spin_lock, and what is not done with a lock held: "holding a lock",
	// since 6.14 "… cannot be used inside bpf_spin_lock-ed region".
	{ReasonLock, regexp.MustCompile(`spin_lock|spin_unlock|spin_\{lock|holding a lock|_unlock (of different|without taking|is missing|cannot be)|` +
		`Locking two|has no valid \S+_lock|is not a constant address|doesn't have constant offset. \S*lock`)},
	// "R7 invalid mem access 'map_value_or_null'" and the same as type=, 5.10 to 7.3;
	// "… prohibited, null-check it first"; since 6.1 "Possibly NULL pointer passed";
	// kfuncs: "arg#0 is expected to be non-NULL".
	{ReasonNull, regexp.MustCompile(`invalid mem access '\w*or_null|type=\w*or_null\w* expected|null-check it first|Possibly NULL pointer|expected to be non-NULL`)},
	// A number is 'inv' up to 5.17 and 'scalar' since.
	{ReasonScalar, regexp.MustCompile(`invalid mem access '(inv|scalar)'|type=(inv|scalar) expected|R\d+ is not a pointer$`)},
	// check_map_access_type; BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG.
	{ReasonForbidden, regexp.MustCompile(`(write into|read from) map forbidden`)},
	// check_ptr_to_map_access names the map's struct: "only read from bpf_array is
	// supported"; 7.3 "only read is supported" of others. Since 5.17 "cannot write
	// into rdonly_mem".
	{ReasonReadOnly, regexp.MustCompile(`only read (from \S+ )?is supported|cannot write into|write to change key|stores into R\d+ \S+ is not allowed|may write into memory`)},
	// check_ptr_to_map_access of a kernel without BTF of its own.
	{ReasonOpaque, regexp.MustCompile(`map_ptr access not supported without`)},
	// adjust_ptr_min_max_vals, check_reg_sane_offset.
	{ReasonArithmetic, regexp.MustCompile(`pointer arithmetic|math between|pointer be out of bounds|bitwise operator|subtract(ion)? (pointer )?from|` +
		`unsupported alu operation|partial copy of pointer|could not be pushed for speculative|offset -?\d+ is not allowed`)},
	// check_map_func_compatibility; maps that no program may name; check_ptr_to_map_access
	// of a type without a struct.
	{ReasonMapType, regexp.MustCompile(`cannot pass map_type \d+ into func|bpf_struct_ops map cannot be used|map_ptr access not supported for map type|` +
		`only one cgroup storage|arena|offload device mismatch`)},
	// set_map_elem_callback_state; without func_info: the program is not described.
	{ReasonCallback, regexp.MustCompile(`callback function not|missing btf func_info`)},
	// resolve_pseudo_ldimm64 of BPF_PSEUDO_MAP_VALUE.
	{ReasonValue, regexp.MustCompile(`direct value`)},
	// record_func_map, and restrictions of tail calls; a NULL map made older kernels
	// speak of themselves (check_helper_call, check_func_arg).
	{ReasonTailCall, regexp.MustCompile(`tail[_ ]calls?|misconfigured|[Vv]erifier (bug|BUG|internal error)|unexpected null map_ptr`)},
	// check_helper_call: "unknown func" up to 6.12, for programs of other types too;
	// then "program of this type cannot use helper". Kfuncs: "calling kernel function
	// … is not allowed"; 5.10 knows neither them ("BPF_CALL uses reserved fields")
	// nor callbacks ("unrecognized bpf_ld_imm64 insn").
	{ReasonHelper, regexp.MustCompile(`unknown func|program of this type cannot use helper|invalid func |helper call is not allowed in probe|` +
		`cannot call (GPL|kernel function)|calling kernel function|kernel function btf_id|kernel btf_id|` +
		`not supported for program type|supported only for fentry|BPF_CALL uses reserved|unrecognized bpf_ld_imm64|` +
		`cannot call .* from`)},
	// is_pointer_value: without CAP_PERFMON.
	{ReasonLeak, regexp.MustCompile(`leaks addr|leaking pointer|allowed only to CAP_PERFMON|pointer comparison prohibited`)},
	// check_return_code: "At program exit the register R0 has value (0x2; 0x0) should
	// have been in (0x0; 0x1)", since 6.8 "has smin=2 smax=2 should have been in [0, 1]".
	{ReasonExit, regexp.MustCompile(`^At \S+ (\S+ )?(exit|return)|In async callback the register`)},
	// check_mem_size_reg.
	{ReasonSize, regexp.MustCompile(`invalid zero-sized read|either use unsigned or 'var|unbounded (memory access, use|size)|is not a known constant|` +
		`memory size \d+ is too large|R\d+ invalid \S*size`)},
	// check_mem_region_access, __check_buffer_access, btf_struct_access (btf.c), the
	// stack, the context.
	{ReasonBounds, regexp.MustCompile(`invalid access to|(min|max) value is|unbounded memory access|invalid (negative|variable|unbounded)|` +
		`access beyond|cannot access ptr member|misaligned|dereference of modified|negative offset|invalid \w+ (buffer )?access|` +
		`invalid bpf_context access|\bstack\b|len pair leads to|variable \w+ access`)},
	// check_reg_type: "R1 type=map_value expected=map_ptr". Kfuncs: 6.1 "arg#0 …",
	// "kernel function … args#0 expected pointer to …", 6.12 "pointer in R1 isn't map
	// pointer".
	{ReasonType, regexp.MustCompile(`type=\S+ expected=|arg#\d|args#\d|isn't map pointer|is of type \S+ but|expected pointer to|doesn't point to|invalid mem access '`)},
}

// Reason is the class of the reason that a verifier gives in its log (log_level
// 1) for refusing a program: one of the words above.
func Reason(log string) string {
	line := ReasonLine(log)
	if line == "" {
		return ReasonNone
	}
	for _, r := range reasons {
		if r.line.MatchString(line) {
			return r.class
		}
	}
	return ReasonOther
}

// noise is what verifiers log besides reasons: instructions, states, the way to
// them, statistics. 5.10 warns of hash maps without preallocation.
var noise = regexp.MustCompile(`^(\d+: |from \d+ to \d+|;|\s*(frame\d+: ?)?R\d+(_\w+)?=|\s*frame\d|caller:|callee:|returning from callee|to caller at|` +
	`func#\d+ @|Func#\d|Validating |propagating|mark_precise|last_idx|regs=|parent |old state|cur state|` +
	`verification time|insns processed|total states|peak states|stack depth|max_states|insns_stats|subprog |.*BTF program ctx type|arg#\d+ reference type\('UNKNOWN |` +
	`trace type programs with run-time allocated)`)

// statistics are what some reasons have behind them because they end no line
// ("expected prog array map for tail call").
var statistics = regexp.MustCompile(`processed \d+ insns .*`)

// diagnosis begins the report that 7.3 writes behind its reason.
const diagnosis = "Verification failed: "

// ReasonLine is the line of a verifier's log that says why: the last that is not
// about instructions or states; "" if there is none.
func ReasonLine(log string) (line string) {
	for l := range strings.Lines(log) {
		l = strings.TrimSpace(statistics.ReplaceAllString(l, ""))
		if strings.HasPrefix(l, diagnosis) {
			if line == "" {
				line = l
			}
			return line
		}
		if l != "" && !noise.MatchString(l) {
			line = l
		}
	}
	return line
}
