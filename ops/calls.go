package ops

// HelperCall is a helper or kfunc that a body can call.
type HelperCall struct {
	Name    string     // the kernel's, without bpf_, and what is other, or wrong, with how it is called
	ID      int32      // enum bpf_func_id; 0: a kfunc
	Args    []ArgOf    // what it is given, in order
	Memory  bool       // it is handed over as memory, not as a map
	Pointer bool       // it returns a pointer, of which is answered whether there is one: 1 or 0
	Void    bool       // it returns nothing if it returns: answered as 0
	In      []ProgType // program types that have it in some version; nil: all
}

// ArgOf is one argument of a call.
type ArgOf string

// Arguments of calls.
const (
	ArgIt       ArgOf = "it"       // the pointer
	ArgContext  ArgOf = "ctx"      // the context of the program
	ArgKey      ArgOf = "key"      // the address of the step's key
	ArgIndex    ArgOf = "index"    // the step's key, as a number
	ArgValue    ArgOf = "value"    // the address of the step's number, as a value, zeros behind it
	ArgRoom     ArgOf = "room"     // the address of memory to write to; what is written is answered if the call succeeds
	ArgFlags    ArgOf = "flags"    // the step's flags
	ArgSize     ArgOf = "size"     // the step's size (of memory)
	ArgEight    ArgOf = "8"        // eight
	ArgZero     ArgOf = "0"        // zero
	ArgCPU      ArgOf = "cpu"      // the number of the CPU that the program runs on
	ArgCallback ArgOf = "callback" // a subprogram that returns 0
	ArgStop     ArgOf = "stop"     // a subprogram that returns 1
	ArgSocket   ArgOf = "sk"       // the socket of the context, which has been checked
	ArgTask     ArgOf = "task"     // the current task (bpf_get_current_task_btf)
	ArgStack    ArgOf = "stack"    // the address of eight initialised bytes on the stack

	ArgShortKey   ArgOf = "short key"   // that of memory that ends one byte before a key would
	ArgShortValue ArgOf = "short value" // the same of a value
)

var (
	packetTypes = []ProgType{XDP, SchedCLS}
	skbTypes    = []ProgType{SchedCLS, SocketFilter, CgroupSKB}
	netTypes    = []ProgType{XDP, SchedCLS, SocketFilter, CgroupSKB}
	traceTypes  = []ProgType{Kprobe, Tracepoint, RawTracepoint, PerfEvent}
)

// calls is the table of what bodies call: every helper and kfunc that takes a
// map (ARG_CONST_MAP_PTR in 7.3), and some that take memory.
var calls = []HelperCall{
	{Name: "map_update_elem", ID: 2, Args: []ArgOf{ArgIt, ArgKey, ArgValue, ArgFlags}},
	{Name: "map_delete_elem", ID: 3, Args: []ArgOf{ArgIt, ArgKey}},
	{Name: "map_update_elem_short_value", ID: 2, Args: []ArgOf{ArgIt, ArgKey, ArgShortValue, ArgFlags}},
	{Name: "map_delete_elem_short_key", ID: 3, Args: []ArgOf{ArgIt, ArgShortKey}},
	{Name: "tail_call", ID: 12, Void: true, Args: []ArgOf{ArgContext, ArgIt, ArgIndex}},
	{Name: "perf_event_read", ID: 22, Args: []ArgOf{ArgIt, ArgIndex}, In: traceTypes},
	{Name: "perf_event_output", ID: 25, Args: []ArgOf{ArgContext, ArgIt, ArgFlags, ArgStack, ArgEight}},
	{Name: "get_stackid", ID: 27, Args: []ArgOf{ArgContext, ArgIt, ArgFlags}, In: traceTypes},
	{Name: "skb_under_cgroup", ID: 33, Args: []ArgOf{ArgContext, ArgIt, ArgIndex}, In: []ProgType{SchedCLS}},
	{Name: "current_task_under_cgroup", ID: 37, Args: []ArgOf{ArgIt, ArgIndex}, In: traceTypes},
	{Name: "redirect_map", ID: 51, Args: []ArgOf{ArgIt, ArgIndex, ArgFlags}, In: []ProgType{XDP}},
	{Name: "sk_redirect_map", ID: 52, Args: []ArgOf{ArgContext, ArgIt, ArgIndex, ArgFlags}, In: []ProgType{SkSKB}},
	{Name: "sock_map_update", ID: 53, Args: []ArgOf{ArgContext, ArgIt, ArgKey, ArgFlags}, In: []ProgType{SockOps}},
	{Name: "perf_event_read_value", ID: 55, Args: []ArgOf{ArgIt, ArgFlags, ArgRoom, ArgEight}, In: traceTypes},
	{Name: "msg_redirect_map", ID: 60, Args: []ArgOf{ArgContext, ArgIt, ArgIndex, ArgFlags}, In: []ProgType{SkMsg}},
	{Name: "sock_hash_update", ID: 70, Args: []ArgOf{ArgContext, ArgIt, ArgKey, ArgFlags}, In: []ProgType{SockOps}},
	{Name: "msg_redirect_hash", ID: 71, Args: []ArgOf{ArgContext, ArgIt, ArgKey, ArgFlags}, In: []ProgType{SkMsg}},
	{Name: "sk_redirect_hash", ID: 72, Args: []ArgOf{ArgContext, ArgIt, ArgKey, ArgFlags}, In: []ProgType{SkSKB}},
	{Name: "get_local_storage", ID: 81, Pointer: true, Args: []ArgOf{ArgIt, ArgFlags}, In: []ProgType{CgroupSKB}},
	{Name: "sk_select_reuseport", ID: 82, Args: []ArgOf{ArgContext, ArgIt, ArgKey, ArgFlags}, In: []ProgType{SkReuseport}},
	{Name: "map_push_elem", ID: 87, Args: []ArgOf{ArgIt, ArgValue, ArgFlags}},
	{Name: "map_push_elem_short_value", ID: 87, Args: []ArgOf{ArgIt, ArgShortValue, ArgFlags}},
	{Name: "map_pop_elem", ID: 88, Args: []ArgOf{ArgIt, ArgRoom}},
	{Name: "map_peek_elem", ID: 89, Args: []ArgOf{ArgIt, ArgRoom}},
	{Name: "sk_storage_get", ID: 107, Pointer: true, Args: []ArgOf{ArgIt, ArgSocket, ArgZero, ArgFlags}, In: []ProgType{SchedCLS, CgroupSKB}},
	{Name: "sk_storage_delete", ID: 108, Args: []ArgOf{ArgIt, ArgSocket}, In: []ProgType{SchedCLS, CgroupSKB}},
	{Name: "ringbuf_output", ID: 130, Args: []ArgOf{ArgIt, ArgStack, ArgEight, ArgFlags}},
	{Name: "ringbuf_reserve", ID: 131, Pointer: true, Args: []ArgOf{ArgIt, ArgEight, ArgFlags}},
	{Name: "ringbuf_reserve_dynptr", ID: 198, Args: []ArgOf{ArgIt, ArgEight, ArgFlags, ArgStack}},
	{Name: "ringbuf_query", ID: 134, Args: []ArgOf{ArgIt, ArgFlags}},
	{Name: "inode_storage_delete", ID: 146, Args: []ArgOf{ArgIt, ArgContext}},
	{Name: "task_storage_get", ID: 156, Pointer: true, Args: []ArgOf{ArgIt, ArgTask, ArgZero, ArgFlags}, In: traceTypes},
	{Name: "task_storage_delete", ID: 157, Args: []ArgOf{ArgIt, ArgTask}, In: traceTypes},
	{Name: "for_each_map_elem", ID: 164, Args: []ArgOf{ArgIt, ArgCallback, ArgZero, ArgFlags}},
	{Name: "for_each_map_elem_stop", ID: 164, Args: []ArgOf{ArgIt, ArgStop, ArgZero, ArgFlags}},
	{Name: "map_lookup_percpu_elem", ID: 195, Pointer: true, Args: []ArgOf{ArgIt, ArgKey, ArgCPU}},
	{Name: "user_ringbuf_drain", ID: 209, Args: []ArgOf{ArgIt, ArgCallback, ArgZero, ArgFlags}},
	{Name: "cgrp_storage_delete", ID: 211, Args: []ArgOf{ArgIt, ArgContext}},
	{Name: "map_sum_elem_count", Args: []ArgOf{ArgIt}},
	{Name: "arena_free_pages", Void: true, Args: []ArgOf{ArgIt, ArgZero, ArgZero}},

	{Name: "csum_diff", ID: 28, Memory: true, Args: []ArgOf{ArgIt, ArgSize, ArgZero, ArgZero, ArgZero}, In: packetTypes},
	{Name: "trace_printk", ID: 6, Memory: true, Args: []ArgOf{ArgIt, ArgSize}},
	{Name: "skb_store_bytes", ID: 9, Memory: true, Args: []ArgOf{ArgContext, ArgZero, ArgIt, ArgSize, ArgZero}, In: []ProgType{SchedCLS}},
	{Name: "get_current_comm", ID: 16, Memory: true, Args: []ArgOf{ArgIt, ArgSize}, In: traceTypes},
	{Name: "skb_load_bytes", ID: 26, Memory: true, Args: []ArgOf{ArgContext, ArgZero, ArgIt, ArgSize}, In: skbTypes},
	{Name: "get_stack", ID: 67, Memory: true, Args: []ArgOf{ArgContext, ArgIt, ArgSize, ArgZero}, In: traceTypes},
	{Name: "probe_read_kernel", ID: 113, Memory: true, Args: []ArgOf{ArgIt, ArgSize, ArgStack}, In: traceTypes},
	{Name: "get_ns_current_pid_tgid", ID: 120, Memory: true, Args: []ArgOf{ArgZero, ArgZero, ArgIt, ArgSize}, In: traceTypes},
}

// Calls lists what bodies can call.
func Calls() []HelperCall { return calls }

// CallNamed is the call with that name, or nil.
func CallNamed(name string) *HelperCall {
	for i := range calls {
		if calls[i].Name == name {
			return &calls[i]
		}
	}
	return nil
}
