/* SPDX-License-Identifier: MIT */
/* What the examples need of libbpf's bpf_helpers.h, and no more. */
#pragma once

#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)BPF_FUNC_map_update_elem;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)BPF_FUNC_map_delete_elem;
static long (*const bpf_ringbuf_output)(void *ringbuf, void *data, __u64 size, __u64 flags) = (void *)BPF_FUNC_ringbuf_output;

/* What a program that looks up in an outer map and then in an inner one is
 * asked: the packet, behind a link layer header that stays zero. */
struct question {
	__u64 header[2];
	__u32 outer;
	__u32 inner;
};

/* What such programs return when it is not a value out of a map, which are
 * larger; package loader knows these numbers too. */
enum {
	ANSWER_SHORT = 1,    /* the packet holds no question */
	ANSWER_NO_MAP = 2,   /* nothing in the outer map */
	ANSWER_NO_ENTRY = 3, /* nothing in the inner map, or no room in it */
	ANSWER_OUTPUT = 4,   /* the inner map has taken it */
};

static inline __attribute__((always_inline)) struct question *question_of(struct xdp_md *ctx)
{
	struct question *q = (void *)(long)ctx->data;

	return (void *)(q + 1) > (void *)(long)ctx->data_end ? 0 : q;
}
