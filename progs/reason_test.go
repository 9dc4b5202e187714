package progs

import "testing"

// lines are what verifiers write, 5.10 to 7.3, and the class of each.
var lines = []struct{ line, class string }{
	{"R7 invalid mem access 'map_value_or_null'", ReasonNull},
	{"R1 type=map_value_or_null expected=map_ptr", ReasonNull},
	{"R2 type=ptr_or_null_ expected=fp, pkt, pkt_meta, map_value", ReasonNull},
	{"R7 pointer arithmetic on map_value_or_null prohibited, null-check it first", ReasonNull},
	{"R7 pointer arithmetic on map_ptr_or_null prohibited, null-check it first", ReasonNull},
	{"Possibly NULL pointer passed to trusted arg0", ReasonNull},
	{"Possibly NULL pointer passed to helper R3", ReasonNull}, // 7.3
	{"R7 invalid mem access 'inv'", ReasonScalar},             // 5.10
	{"R7 invalid mem access 'scalar'", ReasonScalar},
	{"R1 type=inv expected=map_ptr", ReasonScalar}, // 5.10
	{"R2 type=scalar expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_", ReasonScalar},
	{"only read from bpf_array is supported", ReasonReadOnly},
	{"R1 cannot write into rdonly_mem", ReasonReadOnly},
	{"R7 pointer arithmetic on map_ptr prohibited", ReasonArithmetic},
	{"math between map_value pointer and 536870913 is not allowed", ReasonArithmetic},
	{"value -536870913 makes map_value pointer be out of bounds", ReasonArithmetic},
	{"R7 bitwise operator &= on pointer prohibited", ReasonArithmetic},
	{"R1 type=map_ptr expected=fp", ReasonType},
	{"R1 type=map_value expected=map_ptr", ReasonType},
	{"R2 type=map_ptr expected=fp, pkt, pkt_meta, map_value", ReasonType}, // 5.10
	{"R1 type=ctx expected=fp, pkt, pkt_meta, map_value, mem, rdonly_buf_or_null", ReasonType},
	{"arg#0 pointer type STRUCT bpf_map must point to scalar, or struct with scalar", ReasonType},
	{"kernel function bpf_map_sum_elem_count args#0 expected pointer to STRUCT bpf_map but R1 has a pointer to UNKNOWN", ReasonType},
	{"pointer in R1 isn't map pointer", ReasonType},
	{"cannot pass map_type 12 into func bpf_map_update_elem#2", ReasonMapType},
	{"bpf_struct_ops map cannot be used in prog", ReasonMapType},
	{"callback function not allowed for map", ReasonCallback},
	{"missing btf func_info", ReasonCallback},
	{"no direct value access support for this map type", ReasonValue},
	{"direct value offset of 4 is not allowed", ReasonValue}, // up to 6.12
	{"expected prog array map for tail call", ReasonTailCall},
	{"kernel subsystem misconfigured verifier", ReasonTailCall},
	{"tail_call abusing map_ptr", ReasonTailCall}, // 5.10
	{"tail_calls are not allowed in non-JITed programs with bpf-to-bpf calls", ReasonTailCall},
	{"write into map forbidden, value_size=8 off=0 size=8", ReasonForbidden},
	{"write into map forbidden", ReasonForbidden},
	{"read from map forbidden, value_size=8 off=0 size=8", ReasonForbidden},
	{"R7 min value is outside of the allowed memory range", ReasonBounds},
	{"R7 max value is outside of the allowed memory range", ReasonBounds}, // since 5.11
	{"R7 max value is outside of the array range", ReasonBounds},
	{"R7 min value is negative, either use unsigned index or do a if (index >=0) check.", ReasonBounds},
	{"invalid access to map value, value_size=8 off=8 size=1", ReasonBounds},
	{"access beyond struct bpf_array at off 4096 size 8", ReasonBounds},
	{"cannot access ptr member ops with moff 0 in struct bpf_map with off 1 size 4", ReasonBounds},
	{"R7 is bpf_array invalid negative access: off=-8", ReasonBounds},
	{"invalid indirect read from stack R2 off -128+4 size 12", ReasonBounds},
	{"Sleepable programs can only use array and hash maps", ReasonSleepable}, // 5.10
	{"Sleepable programs can only use array, hash, ringbuf and local storage maps", ReasonSleepable},
	{"Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable", ReasonSleepable},
	{"Program of this type cannot be sleepable", ReasonSleepable},                                   // 7.3
	{"kernel function bpf_arena_free_pages is sleepable but the program is not", ReasonSleepable},   // 6.1
	{"program must be sleepable to call sleepable kfunc bpf_arena_free_pages", ReasonSleepable},     // 6.12
	{"helper call might sleep in a non-sleepable prog", ReasonSleepable},                            // 6.1
	{"tracing progs cannot use bpf_spin_lock yet", ReasonProgType},                                  // 5.10
	{"socket filter progs cannot use bpf_spin_lock yet", ReasonProgType},                            // 6.1
	{"sleepable progs cannot use bpf_spin_lock yet", ReasonProgType},                                // 6.1
	{"tracing progs cannot use bpf_timer yet", ReasonProgType},                                      // 6.1
	{"tracing progs cannot use bpf_{list_head,rb_root} yet", ReasonProgType},                        // 6.12
	{"perf_event programs can only use preallocated hash map", ReasonProgType},                      // 5.10
	{"bpf_spin_unlock of different lock", ReasonLock},                                               // 5.10
	{"bpf_spin_unlock is missing", ReasonLock},                                                      // up to 6.12
	{"BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region", ReasonLock}, // 6.14
	{"function calls are not allowed while holding a lock", ReasonLock},
	{"map '' has to have BTF in order to use bpf_spin_lock", ReasonLock},
	{"off 4 doesn't point to 'struct bpf_spin_lock' that is at 0", ReasonLock},
	{"bpf_spin_lock cannot be accessed directly by load/store", ReasonField},
	{"kptr cannot be accessed indirectly by helper", ReasonField},
	{"timer pointer in R1 map_uid=4 doesn't match map pointer in R2 map_uid=1", ReasonTimer},
	{"bpf_timer pointer in R1 map_uid=4 doesn't match map pointer in R2 map_uid=1", ReasonTimer}, // 7.3
	{"off 4 doesn't point to 'struct bpf_timer' that is at 0", ReasonTimer},
	{"map '' has to have BTF in order to use bpf_timer", ReasonTimer},
	{"R0 leaks addr as return value", ReasonLeak},
	{"R1 leaks addr into map", ReasonLeak},
	{"Unreleased reference id=3 alloc_insn=20", ReasonReference},
	{"BPF_EXIT instruction in main prog would lead to reference leak", ReasonReference}, // 6.14
	{"unknown func bpf_inode_storage_delete#146", ReasonHelper},                         // up to 6.12
	{"program of this type cannot use helper bpf_inode_storage_delete#146", ReasonHelper},
	{"invalid func unknown#209", ReasonHelper},
	{"helper call is not allowed in probe", ReasonHelper},
	{"calling kernel function bpf_map_sum_elem_count is not allowed", ReasonHelper},
	{"cannot call kernel function from non-GPL compatible program", ReasonHelper},
	{"BPF_CALL uses reserved fields", ReasonHelper},  // a kfunc, on 5.10
	{"unrecognized bpf_ld_imm64 insn", ReasonHelper}, // a callback, on 5.10
	{"kernel btf_id 65082 is not a function", ReasonHelper},
	{"R2 invalid zero-sized read: u64=[0,0]", ReasonSize},
	{"R2 invalid zero-sized read", ReasonSize}, // 5.10
	{"R2 min value is negative, either use unsigned or 'var &= const'", ReasonSize},
	{"R2 unbounded memory access, use 'var &= const' or 'if (var < const)'", ReasonSize},
	{"At program exit the register R0 is not a known value (map_ptr)", ReasonExit},
	{"At program exit the register R0 has value (0x2; 0x0) should have been in (0x0; 0x1)", ReasonExit},
	{"At program exit the register R0 has smin=2 smax=2 should have been in [0, 1]", ReasonExit},
	{"fd 9 is not pointing to valid bpf_map", ReasonDescriptor},
	{"fd 9 is not pointing to valid bpf_map or btf", ReasonDescriptor},
	{"program's hash doesn't match map's excl_prog_hash", ReasonExclusive},
	{"R0 !read_ok", ReasonOther},
	{"Tracing programs must provide btf_id", ReasonOther},
	{"", ReasonNone},
}

func TestReason(t *testing.T) {
	for _, c := range lines {
		if got := Reason(c.line); got != c.class {
			t.Errorf("%q is %s, want %s", c.line, got, c.class)
		}
	}
}

// TestReasonLine finds the reason in whole logs.
func TestReasonLine(t *testing.T) {
	for log, want := range map[string]string{
		"0: R1=ctx(off=0,imm=0) R10=fp0\n0: (7b) *(u64 *)(r10 -8) = r1 ; R1=ctx() R10=fp0\nfrom 9 to 12: R0=map_ptr()\n12: (79) r1 = *(u64 *)(r7 +0)\n" +
			"R7 invalid mem access 'scalar'\nprocessed 12 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n": "R7 invalid mem access 'scalar'",
		"func#0 @0\n0: R1=ctx(id=0,off=0,imm=0) R10=fp0\n; \n R0_w=inv0 R6_w=map_value(id=0,off=0,ks=4,vs=65536,imm=0)\n4: (85) call bpf_map_lookup_elem#1\n" +
			"R1 type=inv expected=map_ptr\nverification time 40 usec\nstack depth 8\nprocessed 5 insns (limit 1000000) max_states_per_insn 0": "R1 type=inv expected=map_ptr",
		"7: (85) call bpf_tail_call#12\nexpected prog array map for tail callprocessed 9 insns (limit 1000000) max_states_per_insn 0\n": "expected prog array map for tail call",
		"invalid access to map value, value_size=8 off=8 size=1\nR7 min value is outside of the allowed memory range\n\nVerification failed: Memory Safety: Out of bounds\n\n" +
			"Reason:\n  the minimal bound\n\nprocessed 3 insns": "R7 min value is outside of the allowed memory range", // 7.3
		"1: (bf) r0 = r1\n\nVerification failed: Policy: Not allowed\n\nReason:\n  this program\n": "Verification failed: Policy: Not allowed",
		"processed 3 insns (limit 1000000)\n":                                                      "",
	} {
		if got := ReasonLine(log); got != want {
			t.Errorf("of %q got %q, want %q", log, got, want)
		}
	}
}
