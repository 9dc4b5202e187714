/*
 * F6: a value that may be NULL is taken by the verifier as four bytes for bpf_csum_diff() to read.
 *
 *   gcc -static -O1 -o f6 F6-nullable-memory.c && ./f6     as root
 *
 * The program is loaded and not run: run on an empty hash, it is a NULL dereference in the kernel.
 * Written by hand: no rule of mimic asks it, for it is not about maps of maps.
 *
 * Exit code: 1 the bug is there (the program loads), 0 it is not (EACCES), 2 could not tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAP_CREATE = 0, PROG_LOAD = 5, TYPE_HASH = 1, TYPE_XDP = 6, LOOKUP = 1, CSUM_DIFF = 28 };

struct insn {
	unsigned char code, regs; /* source in the upper half, destination in the lower */
	short off;
	int imm;
};

int main(void)
{
	unsigned int create[18] = { TYPE_HASH, 4, 4, 4 };
	int map = syscall(SYS_bpf, MAP_CREATE, create, sizeof(create));
	struct insn p[] = {
		{ 0x7a, 0x0a, -8, 0 },          /* *(u64 *)(r10 - 8) = 0 */
		{ 0x18, 0x11, 0, map },         /* r1 = map */
		{ 0, 0, 0, 0 },
		{ 0xbf, 0xa2, 0, 0 },           /* r2 = r10 */
		{ 0x07, 0x02, 0, -8 },          /* r2 += -8 */
		{ 0x85, 0, 0, LOOKUP },         /* r0 = bpf_map_lookup_elem(r1, r2) */
		{ 0xbf, 0x01, 0, 0 },           /* r1 = r0, which may be NULL */
		{ 0xb7, 0x02, 0, 4 },           /* r2 = 4 */
		{ 0xb7, 0x03, 0, 0 },           /* r3 = 0 */
		{ 0xb7, 0x04, 0, 0 },           /* r4 = 0 */
		{ 0xb7, 0x05, 0, 0 },           /* r5 = 0 */
		{ 0x85, 0, 0, CSUM_DIFF },      /* bpf_csum_diff(r1, r2, r3, r4, r5) */
		{ 0xb7, 0x00, 0, 0 },           /* r0 = 0 */
		{ 0x95, 0, 0, 0 },              /* exit */
	};
	struct {
		unsigned int type, count;
		unsigned long long insns, license;
		unsigned int rest[20];
	} load = { TYPE_XDP, sizeof(p) / sizeof(*p), (unsigned long)p, (unsigned long)"GPL", { 0 } };

	if (map < 0)
		return printf("BPF_MAP_CREATE: %s\n", strerror(errno)), 2;
	if (syscall(SYS_bpf, PROG_LOAD, &load, sizeof(load)) >= 0)
		return puts("BUG: the program loads"), 1;
	printf("BPF_PROG_LOAD: %s\n", strerror(errno));
	return errno == EACCES ? 0 : 2;
}
