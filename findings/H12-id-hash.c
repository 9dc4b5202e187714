// SPDX-License-Identifier: MIT
/*
 * What is promised (P92/hash): a lookup answers the id of a map that was stored, never 0
 * Source: kernel/bpf/map_in_map.c bpf_map_fd_sys_lookup_elem
 *
 * What was seen, on 7.3.4+deb13-cloud-amd64:
 *   join()
 *   answers = o0:1=new17, want an id that was stored, of o0.lookup(1)
 *
 * With mimic: scripts/run-vm.sh 7.3 -replay findings/H12-id-hash.seq
 *
 * Build and run as root, in a machine that may be lost:
 *   gcc -static -O1 -pthread -o repro repro.c && ./repro
 * Exits 1 if the bug is there, 0 if it is not, 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MANY_OBJECTS 5

/* What the last operation answered: ok, the name of an errno, or = and what it read. */
static __thread char answer[1 << 16];
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

static int elem(int cmd, int fd, const void *key, void *value, uint64_t flags, uint64_t tail)
{
	struct {
		uint32_t fd, pad;
		uint64_t key, value, flags, tail;
	} a = { .fd = fd, .key = ptr(key), .value = ptr(value), .flags = flags, .tail = tail };

	return bpf(cmd, &a, sizeof(a));
}

static void update(int fd, const void *key, void *value, uint64_t flags)
{
	elem(2 /* BPF_MAP_UPDATE_ELEM */, fd, key, value, flags, 0);
}

/* The maps and BTF objects of the sequence by their ids. */
static struct object {
	const char *name;
	uint32_t id, btf;
} known[MANY_OBJECTS];
static unsigned int many;

static uint32_t info_id(int fd, int btf)
{
	uint32_t info[64] = { 0 };
	struct {
		uint32_t fd, len;
		uint64_t info;
	} a = { .fd = fd, .len = btf ? 16 : sizeof(info), .info = ptr(info) };

	if (fd < 0 || syscall(__NR_bpf, 15 /* BPF_OBJ_GET_INFO_BY_FD */, &a, sizeof(a)))
		return 0;
	return info[btf ? 3 : 1];
}

static void remember(const char *name, int fd, int btf)
{
	uint32_t id = info_id(fd, btf);
	unsigned int n = __atomic_fetch_add(&many, id != 0, __ATOMIC_SEQ_CST);

	if (id && n < MANY_OBJECTS)
		known[n] = (struct object){ name, id, btf };
}

static const char *name_of(uint32_t id)
{
	unsigned int i;

	for (i = many; i-- > 0;)
		if (known[i].id == id && !known[i].btf)
			return known[i].name;
	return id ? "an id of no map of the sequence" : "id 0";
}

/* The map that is stored under a key: the kernel answers its id. */
static void lookup_map(int cmd, int fd, const void *key, uint64_t flags, uint64_t tail)
{
	uint32_t id[1024];
	unsigned int i;

	memset(id, 0xa5, sizeof(id));
	if (elem(cmd, fd, key, id, flags, tail) < 0)
		return;
	sprintf(answer, "= %s", name_of(id[0]));
	for (i = 1; i < 1024; i++)
		if (id[i] != 0xa5a5a5a5)
			strcpy(answer, "= more than four bytes");
}

/* A map like the template is made, stored and closed. */
static void renew(int fd, const void *key, struct map_attr *a, uint64_t flags)
{
	static unsigned int renewed;
	unsigned int n;
	int new = map(a);

	if (new < 0)
		return;
	n = __atomic_add_fetch(&renewed, 1, __ATOMIC_SEQ_CST);
	if (elem(2 /* BPF_MAP_UPDATE_ELEM */, fd, key, &new, flags, 0) >= 0)
		sprintf(answer, "= new%u", n);
	close(new);
}

/* What happens at the same time: each thread does its operations again and again. */
struct thread {
	void *(*work)(void *);
	int cpu;
	pthread_t id;
};

static int missing, busy;

static void begin(struct thread *t)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(t->cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
	__atomic_sub_fetch(&missing, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&missing, __ATOMIC_SEQ_CST) > 0)
		sched_yield();
}

static void race(struct thread *t, int n, int working)
{
	int i;

	missing = n;
	busy = working;
	for (i = 0; i < n; i++)
		if (pthread_create(&t[i].id, NULL, t[i].work, &t[i])) {
			printf("CANNOT TELL: no thread: %s\n", errno_name(errno));
			exit(2);
		}
	for (i = 0; i < n; i++)
		pthread_join(t[i].id, NULL);
}

static int bugs;
static char bug[256];

static void found(const char *op)
{
	if (!__atomic_fetch_add(&bugs, 1, __ATOMIC_SEQ_CST))
		snprintf(bug, sizeof(bug), "%s answers %.100s", op, answer);
}

/* The descriptors of the sequence, by its names. */
static int i0 = -1, o0 = -1, i1 = -1, i2 = -1;


static void *thread0(void *t)
{
	begin(t);
	for (int n = 0; n < 52; n++) {
		/* o0.lookup(0) */
		lookup_map(1 /* BPF_MAP_LOOKUP_ELEM */, o0, &(uint8_t){ 0 }, 0, 0);
		if (!strcmp(answer, "= id 0"))
			found("o0.lookup(0)");
		/* o0.lookup(0) */
		lookup_map(1 /* BPF_MAP_LOOKUP_ELEM */, o0, &(uint8_t){ 0 }, 0, 0);
		if (!strcmp(answer, "= id 0"))
			found("o0.lookup(0)");
	}
	__atomic_sub_fetch(&busy, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *thread1(void *t)
{
	begin(t);
	for (int n = 0; n < 17; n++) {
		/* o0.renew(1) */
		renew(o0, &(uint8_t){ 1 }, &(struct map_attr){ .map_type = 2 /* array */, .key_size = 4, .value_size = 8, .max_entries = 1 }, 0);
	}
	__atomic_sub_fetch(&busy, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *thread2(void *t)
{
	begin(t);
	for (int n = 0; n < 30; n++) {
		/* o0.lookup(0) */
		lookup_map(1 /* BPF_MAP_LOOKUP_ELEM */, o0, &(uint8_t){ 0 }, 0, 0);
		if (!strcmp(answer, "= id 0"))
			found("o0.lookup(0)");
		/* o0.lookup(1) */
		lookup_map(1 /* BPF_MAP_LOOKUP_ELEM */, o0, &(uint8_t){ 1 }, 0, 0);
		if (!strcmp(answer, "= id 0"))
			found("o0.lookup(1)");
	}
	__atomic_sub_fetch(&busy, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

int main(void)
{
	unlimited();

	step("i0 = map(array, key=4, value=8, max=1)");
	i0 = map(&(struct map_attr){
		.map_type = 2 /* array */, .key_size = 4, .value_size = 8, .max_entries = 1
	});
	remember("i0", i0, 0);
	expect("ok");

	step("o0 = outer(hash, key=1, max=8, template=i0)");
	o0 = map(&(struct map_attr){
		.map_type = 13 /* hash_of_maps */, .key_size = 1, .value_size = 4, .max_entries = 8,
		.inner_map_fd = i0
	});
	remember("o0", o0, 0);
	expect("ok");

	step("i1 = map(array, key=4, value=8, max=1)");
	i1 = map(&(struct map_attr){
		.map_type = 2 /* array */, .key_size = 4, .value_size = 8, .max_entries = 1
	});
	remember("i1", i1, 0);
	expect("ok");

	step("i2 = map(array, key=4, value=8, max=1)");
	i2 = map(&(struct map_attr){
		.map_type = 2 /* array */, .key_size = 4, .value_size = 8, .max_entries = 1
	});
	remember("i2", i2, 0);
	expect("ok");

	step("i0.update(0, 101)");
	update(i0, &(uint32_t){ 0 }, &(uint64_t){ 101 }, 0);
	expect("ok");

	/* The operations of threads, at the same time. */
	struct thread threads[] = { { .work = thread0, .cpu = 1 }, { .work = thread1, .cpu = 2 }, { .work = thread2, .cpu = 3 } };
	time_t began = time(NULL);
	for (int round = 0; round < 50 && !bugs && time(NULL) - began < 60; round++)
		race(threads, 3, 3);
	printf(bugs ? "BUG: %s, seen %d times, want %s\n" : "NOT THERE: not seen in up to 50 rounds\n", bug, bugs,
	       "an id that was stored, of o0.lookup(1)");
	return bugs > 0;
}
