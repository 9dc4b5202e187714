/*
 * F9: what user space stores in an array of maps is found at another index, on a kernel of 32 bits.
 *
 *   gcc -m32 -static -O1 -o f9 F9-array-32bit.c && ./f9     as root
 *
 * Written by hand, short enough to read: mimic's own C is made for this machine's architecture.
 *
 * Exit code: 1 the bug is there, 0 it is not (as on every kernel of 64 bits), 2 could not tell.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAP_CREATE = 0, LOOKUP = 1, UPDATE = 2, TYPE_HASH = 1, TYPE_ARRAY_OF_MAPS = 12 };
enum { MAX = 8, STORED = 4 };

struct create { uint32_t type, key, value, max, flags, inner; };
struct element { uint32_t fd, pad; uint64_t key, value, flags; };

static long bpf(int cmd, void *attr, unsigned size)
{
	return syscall(__NR_bpf, cmd, attr, size);
}

int main(void)
{
	struct create in = { TYPE_HASH, 4, 4, 4, 0, 0 }, out = { TYPE_ARRAY_OF_MAPS, 4, 4, MAX, 0, 0 };
	uint32_t key = STORED, value;
	struct element e = { .key = (uintptr_t)&key, .value = (uintptr_t)&value };
	long inner, outer;
	int wrong = 0;

	inner = bpf(MAP_CREATE, &in, sizeof(in));
	out.inner = inner;
	outer = inner < 0 ? -1 : bpf(MAP_CREATE, &out, sizeof(out));
	e.fd = outer;
	value = inner;
	if (outer < 0 || bpf(UPDATE, &e, sizeof(e))) {
		printf("could not tell: %s\n", strerror(errno));
		return 2;
	}
	for (key = 0; key < MAX; key++) {
		int found = !bpf(LOOKUP, &e, sizeof(e));

		printf("lookup(%u): %s\n", key, found ? "a map" : strerror(errno));
		wrong += found != (key == STORED);
	}
	printf(wrong ? "BUG: stored at %d, found elsewhere\n" : "no bug: found at %d alone\n", STORED);
	return !!wrong;
}
