/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Programs that look up in an outer map and then in the inner map that they
 * got: the helper returns "a pointer to the inner map, or NULL if no entry was
 * found", so one that does not look which does not load. */
#include "loader.h"

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct inner);
} in_array SEC(".maps") = {
	.values = { [0] = &inner_a, [2] = &inner_b },
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct inner);
} in_hash SEC(".maps") = {
	.values = { [0] = &inner_a, [2] = &inner_b },
};

static inline __attribute__((always_inline)) int answer(struct xdp_md *ctx, void *outer)
{
	struct question *q = question_of(ctx);
	void *inner;
	__u32 *value;

	if (!q)
		return ANSWER_SHORT;
	inner = bpf_map_lookup_elem(outer, &q->outer);
	if (!inner)
		return ANSWER_NO_MAP;
	value = bpf_map_lookup_elem(inner, &q->inner);
	if (!value)
		return ANSWER_NO_ENTRY;
	return *value;
}

SEC("xdp") int lookup_in_array(struct xdp_md *ctx)
{
	return answer(ctx, &in_array);
}

SEC("xdp") int lookup_in_hash(struct xdp_md *ctx)
{
	return answer(ctx, &in_hash);
}

static inline __attribute__((always_inline)) int answer_unchecked(void *outer)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(bpf_map_lookup_elem(outer, &key), &key) ? XDP_PASS : XDP_DROP;
}

SEC("xdp") int unchecked_in_array(struct xdp_md *ctx)
{
	return answer_unchecked(&in_array);
}

SEC("xdp") int unchecked_in_hash(struct xdp_md *ctx)
{
	return answer_unchecked(&in_hash);
}

char licence[] SEC("license") = "Dual MIT/GPL";
