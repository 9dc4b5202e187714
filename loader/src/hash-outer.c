/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Hashes of hashes: one with initial values, which C can only write under small
 * integers, and one whose key type was chosen and that is not preallocated; and
 * programs that do to the first what the document says of programs. */
#include "loader.h"

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct inner);
} by_number SEC(".maps") = {
	.values = { [0] = &inner_a, [7] = &inner_b },
};

struct flow {
	__u32 address;
	__u16 port;
	__u8 protocol;
	__u8 zero;
	__u64 cookie;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct flow);
	__array(values, struct inner);
} by_flow SEC(".maps");

SEC("xdp") int lookup(struct xdp_md *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&by_number, &key) ? XDP_PASS : XDP_DROP;
}

SEC("xdp") int update(struct xdp_md *ctx)
{
	__u32 key = 0, value = 0;

	return bpf_map_update_elem(&by_number, &key, &value, BPF_ANY) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int delete(struct xdp_md *ctx)
{
	__u32 key = 0;

	return bpf_map_delete_elem(&by_number, &key) ? XDP_DROP : XDP_PASS;
}

char licence[] SEC("license") = "Dual MIT/GPL";
