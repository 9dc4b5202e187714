/*
 * F8: a write to a map that is done after BPF_MAP_FREEZE has answered success.
 *
 *   gcc -static -O1 -pthread -o f8 F8-freeze-late.c && ./f8     as root, on two processors
 *
 * One thread writes once to the one element of an array; at the same time another freezes the array, reads,
 * and reads again when the writer is done. Written by hand: the sequence of mimic,
 * findings/F8-freeze-late.seq, is a race in which no single answer is wrong.
 *
 * Exit code: 1 the bug was seen, 0 not in 60 seconds (which proves little), 2 could not tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MAP_CREATE = 0, MAP_LOOKUP_ELEM = 1, MAP_UPDATE_ELEM = 2, MAP_FREEZE = 22, TYPE_ARRAY = 2 };

static int fd;
static volatile long begun, done; /* rounds */

static long bpf(int cmd, void *attr, int size)
{
	return syscall(SYS_bpf, cmd, attr, size);
}

static long element(int cmd, unsigned long long *value)
{
	unsigned int key = 0;
	unsigned long long attr[4] = { fd, (unsigned long)&key, (unsigned long)value, 0 };

	return bpf(cmd, attr, sizeof(attr));
}

static void on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* spin waits a little, and not as long each time. */
static void spin(unsigned int *seed)
{
	for (volatile int n = rand_r(seed) % 2000; n > 0; n--)
		;
}

static void *writer(void *unused)
{
	unsigned long long one = 1;
	unsigned int seed = 1;

	on(1);
	for (long round = 1;; round++) {
		while (begun < round)
			;
		spin(&seed);
		element(MAP_UPDATE_ELEM, &one);
		__sync_synchronize();
		done = round;
	}
	return unused;
}

int main(void)
{
	unsigned int create[18] = { TYPE_ARRAY, 4, 8, 1 }, freeze[4] = { 0 }, seed = 2;
	unsigned long long first, last;
	time_t end = time(NULL) + 60;
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	long busy = 0;
	pthread_t thread;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return puts("want two processors"), 2;
	setrlimit(RLIMIT_MEMLOCK, &all); /* up to 5.10 maps are charged to it */
	on(0);
	if (pthread_create(&thread, NULL, writer, NULL))
		return puts("no thread"), 2;
	for (long round = 1; time(NULL) < end; round++) {
		fd = bpf(MAP_CREATE, create, sizeof(create));
		if (fd < 0)
			return printf("BPF_MAP_CREATE: %s\n", strerror(errno)), 2;
		freeze[0] = fd;
		__sync_synchronize();
		begun = round;
		spin(&seed);
		if (bpf(MAP_FREEZE, freeze, sizeof(freeze))) {
			if (errno != EBUSY)
				return printf("BPF_MAP_FREEZE: %s\n", strerror(errno)), 2;
			busy++;
			first = ~0ull;
		} else if (element(MAP_LOOKUP_ELEM, &first)) {
			return printf("BPF_MAP_LOOKUP_ELEM: %s\n", strerror(errno)), 2;
		}
		while (done < round)
			;
		if (element(MAP_LOOKUP_ELEM, &last))
			return printf("BPF_MAP_LOOKUP_ELEM: %s\n", strerror(errno)), 2;
		close(fd);
		if (first != ~0ull && first != last) {
			printf("BUG: round %ld: frozen, the element was %llu, and %llu after that\n", round, first, last);
			return 1;
		}
	}
	printf("not seen in %ld rounds (EBUSY %ld times)\n", done, busy);
	return 0;
}
