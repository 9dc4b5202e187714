/* SPDX-License-Identifier: GPL-2.0-only */
/* The example of Documentation/bpf/map_of_maps.rst:68-85 (Copyright (C) 2022
 * Red Hat, Inc.), letter for letter, and programs that do to its outer map what
 * the document says of programs: look up is all that they may. */
#include "loader.h"

struct inner_map {
        __uint(type, BPF_MAP_TYPE_DEVMAP);
        __uint(max_entries, 10);
        __type(key, __u32);
        __type(value, __u32);
} inner_map1 SEC(".maps"), inner_map2 SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
        __uint(max_entries, 2);
        __type(key, __u32);
        __array(values, struct inner_map);
} outer_map SEC(".maps") = {
        .values = { &inner_map1,
                    &inner_map2 }
};

SEC("xdp") int lookup(struct xdp_md *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&outer_map, &key) ? XDP_PASS : XDP_DROP;
}

SEC("xdp") int update(struct xdp_md *ctx)
{
	__u32 key = 0, value = 0;

	return bpf_map_update_elem(&outer_map, &key, &value, BPF_ANY) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int delete(struct xdp_md *ctx)
{
	__u32 key = 0;

	return bpf_map_delete_elem(&outer_map, &key) ? XDP_DROP : XDP_PASS;
}

char licence[] SEC("license") = "GPL";
