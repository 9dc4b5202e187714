/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* An outer array that only says what its inner maps look like: the loader makes
 * a map of that for the kernel to copy from, and drops it. */
#include "loader.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 4);
		__type(key, __u32);
		__type(value, __u64);
	});
} outer SEC(".maps");

char licence[] SEC("license") = "Dual MIT/GPL";
