// SPDX-License-Identifier: MIT
/*
 * What is promised (P80/array): a sleepable program may use inside an outer map only what it may
 *   use directly
 * Source: kernel/bpf/verifier.c check_map_prog_compatibility
 *
 * What was seen, on 7.3.4+deb13-cloud-amd64:
 *   p1 = prog(kprobe, o0, find:0, flags=sleepable)
 *   answers ok, want EINVAL = sleepable
 *
 * With mimic: scripts/run-vm.sh 7.3 -replay findings/H11-sleepable-array.seq
 *
 * Build and run as root, in a machine that may be lost:
 *   gcc -static -O1 -o repro repro.c && ./repro
 * Exits 1 if the bug is there, 0 if it is not, 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAILBOX_SIZE 65536

/* What the last operation answered: ok, the name of an errno, or = and what it read. */
static char answer[1 << 16];
static const char *doing;

static const char *errno_name(int e)
{
	static char other[16];

	switch (e) {
	case 0: return "ok";
	case EPERM: return "EPERM";
	case ENOENT: return "ENOENT";
	case ENXIO: return "ENXIO";
	case EIO: return "EIO";
	case E2BIG: return "E2BIG";
	case EBADF: return "EBADF";
	case EAGAIN: return "EAGAIN";
	case ENOMEM: return "ENOMEM";
	case EACCES: return "EACCES";
	case EFAULT: return "EFAULT";
	case EBUSY: return "EBUSY";
	case EEXIST: return "EEXIST";
	case ENODEV: return "ENODEV";
	case EINVAL: return "EINVAL";
	case ENOSPC: return "ENOSPC";
	case ERANGE: return "ERANGE";
	case ENOSYS: return "ENOSYS";
	case ESRCH: return "ESRCH";
	case ELOOP: return "ELOOP";
	case EOPNOTSUPP: return "EOPNOTSUPP";
	case ETXTBSY: return "ETXTBSY";
	case 524: return "ENOTSUPP";
	}
	snprintf(other, sizeof(other), "E%d", e);
	return other;
}

/* answers takes what a system call returned as the answer; it returns that, or -1. */
static int answers(long r)
{
	strcpy(answer, errno_name(r < 0 ? errno : 0));
	return r;
}

static void step(const char *op)
{
	doing = op;
	printf("%-60s  ", op);
	fflush(stdout);
}

static int bpf(int cmd, void *attr, unsigned int size)
{
	return answers(syscall(__NR_bpf, cmd, attr, size));
}

static uint64_t ptr(const void *p)
{
	return (uintptr_t)p;
}

/* Every step but the last must go as it did where the bug was seen; NULL: in any way. */
static void expect(const char *want)
{
	printf("%s\n", answer);
	if (!want || !strcmp(answer, want))
		return;
	printf("CANNOT TELL: %s should have answered %s\n", doing, want);
	exit(2);
}

/* Up to 5.10 maps count as locked memory. */
static void unlimited(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &all))
		printf("(the limit on locked memory stays: is this root?)\n");
}

/* The step that shows the bug: whatever is not among what is allowed does. */
static int decide(const char *const *allowed, const char *seen)
{
	const char *const *a;

	printf("%s\n", answer);
	for (a = allowed; *a; a++)
		if (!strcmp(answer, *a)) {
			printf("NOT THERE: %s answers %s, as it should\n", doing, answer);
			return 0;
		}
	if (strcmp(answer, seen) && (!strcmp(answer, "EPERM") || !strcmp(answer, "ENOSYS"))) {
		printf("CANNOT TELL: %s answers %s\n", doing, answer);
		return 2;
	}
	printf("BUG: %s answers %s, want %s", doing, answer, allowed[0]);
	for (a = allowed + 1; *a; a++)
		printf(" or %s", *a);
	printf("\n");
	return 1;
}

/* The attributes of BPF_MAP_CREATE, and room behind them. */
struct map_attr {
	uint32_t map_type, key_size, value_size, max_entries, map_flags, inner_map_fd, numa_node;
	char map_name[16];
	uint32_t map_ifindex, btf_fd, btf_key_type_id, btf_value_type_id, btf_vmlinux_value_type_id;
	uint64_t map_extra;
	uint32_t value_type_btf_obj_fd, map_token_fd;
	uint64_t excl_prog_hash;
	uint32_t excl_prog_hash_size, unknown[5], tail, pad, far[33], beyond;
};

static int map(struct map_attr *a)
{
	unsigned int size = a->beyond ? sizeof(*a) : offsetof(struct map_attr, far);

	return bpf(0 /* BPF_MAP_CREATE */, a, size);
}

struct insn {
	uint8_t code, regs; /* dst in the lower half, src in the upper */
	int16_t off;
	int32_t imm;
};

/* The attributes of BPF_PROG_LOAD. */
struct prog_attr {
	uint32_t prog_type, insn_cnt;
	uint64_t insns, license;
	uint32_t log_level, log_size;
	uint64_t log_buf;
	uint32_t kern_version, prog_flags;
	char prog_name[16];
	uint32_t prog_ifindex, expected_attach_type, prog_btf_fd, func_info_rec_size;
	uint64_t func_info;
	uint32_t func_info_cnt, line_info_rec_size;
	uint64_t line_info;
	uint32_t line_info_cnt, attach_btf_id, attach_prog_fd, pad;
	uint64_t fd_array;
};

/* What is asked of the verifier is whether it takes a program. */
static int load(struct prog_attr *a)
{
	static char log[1 << 20];
	int fd, tries = 0;
	char *line = log, *end;

	a->license = ptr("Dual MIT/GPL");
	a->log_level = 4;
	a->log_size = sizeof(log);
	a->log_buf = ptr(log);
	do {
		fd = bpf(5 /* BPF_PROG_LOAD */, a, sizeof(*a));
	} while (fd < 0 && errno == EAGAIN && ++tries < 20);
	if (fd >= 0)
		return fd;
	if (errno == EPERM || errno == ENOSYS)
		return -1;
	for (end = log; (end = strchr(end, '\n')) && end[1]; end++) {
		if (!strncmp(end + 1, "processed ", 10) || !strncmp(end + 1, "verification time", 17) || !strncmp(end + 1, "stack depth", 11))
			break;
		line = end + 1;
	}
	printf("(%s: %.*s) ", errno_name(errno), (int)strcspn(line, "\n"), line);
	strcpy(answer, "refused");
	return -1;
}

/* Programs are handed keys, and answer, in the only value of an array. */
struct mailbox {
	int fd;
	unsigned char *memory;
};

static void open_mailbox(struct mailbox *m)
{
	m->fd = map(&(struct map_attr){ .map_type = 2 /* ARRAY */, .key_size = 4, .value_size = MAILBOX_SIZE,
					.max_entries = 1, .map_flags = 1 << 10 /* BPF_F_MMAPABLE */ });
	m->memory = mmap(NULL, MAILBOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	if (m->fd < 0 || m->memory == MAP_FAILED) {
		printf("CANNOT TELL: no array to hand keys to programs in: %s\n", errno_name(errno));
		exit(2);
	}
}

struct program {
	const char *steps; /* a letter each: r: it reads, c: it calls, R: it calls and gets room; '.': nothing */
	unsigned int value; /* size */
	struct mailbox mail;
};

/* The descriptors of the sequence, by its names. */
static int i0 = -1, o0 = -1, p0 = -1, p1 = -1;

static struct program p0_at = { .steps = ".", .value = 8 };
static struct program p1_at = { .steps = ".", .value = 8 };

int main(void)
{
	unlimited();

	step("i0 = map(stack_trace, key=4, value=8, max=4)");
	i0 = map(&(struct map_attr){
		.map_type = 7 /* stack_trace */, .key_size = 4, .value_size = 8, .max_entries = 4
	});
	expect("ok");

	step("o0 = outer(array, max=4, template=i0)");
	o0 = map(&(struct map_attr){
		.map_type = 12 /* array_of_maps */, .key_size = 4, .value_size = 4, .max_entries = 4,
		.inner_map_fd = i0
	});
	expect("ok");

	step("p0 = prog(kprobe, i0, find:0, flags=sleepable)");
	open_mailbox(&p0_at.mail);
	{
		struct insn insns[] = {
			{ 0x7b, 0x1a, -8, 0 },                     /* StXMemDW dst: rfp src: r1 off: -8 imm: 0 */
			{ 0x18, 0x26, 0, p0_at.mail.fd },          /* LoadMapValue dst: r6, fd: p0_at.mail.fd off: 0 */
			{ 0x00, 0x00, 0, 0 },
			{ 0xb7, 0x07, 0, 0 },                      /* MovImm dst: r7 imm: 0 */
			{ 0xb7, 0x08, 0, 0 },                      /* MovImm dst: r8 imm: 0 */
			{ 0x18, 0x17, 0, i0 },                     /* step1: LoadMapPtr dst: r7 fd: i0 */
			{ 0x00, 0x00, 0, 0 },
			{ 0x18, 0x01, 0, 0 },                      /* end: LdImmDW dst: r1 imm: 4294967296 */
			{ 0x00, 0x00, 0, 1 },
			{ 0x7b, 0x16, 1032, 0 },                   /* StXMemDW dst: r6 src: r1 off: 1032 imm: 0 */
			{ 0xb7, 0x00, 0, 0 },                      /* exit: MovImm dst: r0 imm: 0 */
			{ 0x95, 0x00, 0, 0 },                      /* Exit */
		};
		p0 = load(&(struct prog_attr){
			.prog_type = 2 /* kprobe */, .insn_cnt = sizeof(insns) / sizeof(insns[0]), .insns = ptr(insns),
			.prog_flags = 16 /* sleepable */
		});
	}
	expect("refused");

	step("p1 = prog(kprobe, o0, find:0, flags=sleepable)");
	open_mailbox(&p1_at.mail);
	{
		struct insn insns[] = {
			{ 0x7b, 0x1a, -8, 0 },                     /* StXMemDW dst: rfp src: r1 off: -8 imm: 0 */
			{ 0x18, 0x26, 0, p1_at.mail.fd },          /* LoadMapValue dst: r6, fd: p1_at.mail.fd off: 0 */
			{ 0x00, 0x00, 0, 0 },
			{ 0xb7, 0x07, 0, 0 },                      /* MovImm dst: r7 imm: 0 */
			{ 0xb7, 0x08, 0, 0 },                      /* MovImm dst: r8 imm: 0 */
			{ 0x62, 0x0a, -128, 0 },                   /* step1: StMemW dst: rfp src: r0 off: -128 imm: 0 */
			{ 0x18, 0x11, 0, o0 },                     /* LoadMapPtr dst: r1 fd: o0 */
			{ 0x00, 0x00, 0, 0 },
			{ 0xbf, 0xa2, 0, 0 },                      /* MovReg dst: r2 src: rfp */
			{ 0x07, 0x02, 0, -128 },                   /* AddImm dst: r2 imm: -128 */
			{ 0x85, 0x00, 0, 1 },                      /* Call FnMapLookupElem */
			{ 0xbf, 0x07, 0, 0 },                      /* MovReg dst: r7 src: r0 */
			{ 0x18, 0x01, 0, 0 },                      /* end: LdImmDW dst: r1 imm: 4294967296 */
			{ 0x00, 0x00, 0, 1 },
			{ 0x7b, 0x16, 1032, 0 },                   /* StXMemDW dst: r6 src: r1 off: 1032 imm: 0 */
			{ 0xb7, 0x00, 0, 0 },                      /* exit: MovImm dst: r0 imm: 0 */
			{ 0x95, 0x00, 0, 0 },                      /* Exit */
		};
		p1 = load(&(struct prog_attr){
			.prog_type = 2 /* kprobe */, .insn_cnt = sizeof(insns) / sizeof(insns[0]), .insns = ptr(insns),
			.prog_flags = 16 /* sleepable */
		});
	}
	return decide((const char *[]){ "refused", NULL }, "ok");
}
