/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What Documentation/bpf/ringbuf.rst:61-66 says that outer maps are good for: an
 * array of ring buffers, of which a program picks one. */
#include "loader.h"

struct shard {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} shard_a SEC(".maps"), shard_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct shard);
} shards SEC(".maps") = {
	.values = { &shard_a, &shard_b },
};

SEC("xdp") int output(struct xdp_md *ctx)
{
	struct question *q = question_of(ctx);
	void *shard;
	__u32 record;

	if (!q)
		return ANSWER_SHORT;
	shard = bpf_map_lookup_elem(&shards, &q->outer);
	if (!shard)
		return ANSWER_NO_MAP;
	record = q->inner;
	return bpf_ringbuf_output(shard, &record, sizeof(record), 0) ? ANSWER_NO_ENTRY : ANSWER_OUTPUT;
}

char licence[] SEC("license") = "Dual MIT/GPL";
