// SPDX-License-Identifier: MIT
/*
 * What is promised (P65/inner): a map lives while a descriptor of it is open, and is gone when
 *   nothing refers to it
 * Source: kernel/bpf/syscall.c bpf_map_release
 *
 * What was seen, on 7.3.4+deb13-cloud-amd64:
 *   end()
 *   answers = i0 i1 i10 i100 i101 i102 i103 i104 i105 i106 i107 i108 i109 i11 i110 i111 i112 i113
 *   i114 i115 i116 i117 i118 i119 i12 i120 i121 i122 i123 i124 i125 i126 i127 …, want ok
 *
 * With mimic: scripts/run-vm.sh 7.3 -replay findings/F1-prog-array-leak.seq
 *
 * Build and run as root, in a machine that may be lost:
 *   gcc -static -O1 -o repro repro.c && ./repro
 * Exits 1 if the bug is there, 0 if it is not, 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATIENCE_MS 5000
#define MANY_OBJECTS 1202

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

/* More of an answer. */
__attribute__((format(printf, 1, 2))) static void add(const char *format, ...)
{
	size_t n = strlen(answer);
	va_list args;

	va_start(args, format);
	vsnprintf(answer + n, sizeof(answer) - n, format, args);
	va_end(args);
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

static uint32_t id_of(const char *name)
{
	unsigned int i;

	for (i = many; i-- > 0;)
		if (!strcmp(known[i].name, name))
			return known[i].id;
	return 0;
}

static void close_fd(int *fd)
{
	answers(close(*fd));
	*fd = -1;
}

static int reopen(uint32_t id, uint32_t flags)
{
	uint32_t a[3] = { id, 0, flags };

	return bpf(14 /* BPF_MAP_GET_FD_BY_ID */, a, sizeof(a));
}

/* Whether the kernel knows an id: nothing is opened for that. */
static int is_known(uint32_t id, int btf)
{
	uint32_t a[3] = { id - 1 };

	return id && !syscall(__NR_bpf, btf ? 23 /* BPF_BTF_GET_NEXT_ID */ : 12 /* BPF_MAP_GET_NEXT_ID */, a, sizeof(a)) && a[1] == id;
}

/* The maps and BTF objects that the kernel still knows. */
static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct object *)a)->name, ((const struct object *)b)->name);
}

static unsigned int left(void)
{
	struct object all[MANY_OBJECTS];
	unsigned int i, n = 0;

	memcpy(all, known, sizeof(all));
	qsort(all, many, sizeof(all[0]), by_name);
	strcpy(answer, "ok");
	for (i = 0; i < many; i++)
		if (is_known(all[i].id, all[i].btf)) {
			if (!n++)
				strcpy(answer, "=");
			add(" %s", all[i].name);
		}
	return n;
}

/* Nothing refers to the objects any more: the kernel has some time to forget them. */
static void forgotten(void)
{
	int ms;

	for (ms = 0; left() && ms < PATIENCE_MS; ms += 5)
		usleep(5000);
}

/* The descriptors of the sequence, by its names. */
static int i0 = -1, r0 = -1;

int main(void)
{
	unlimited();

	for (int n = 0; n < 300; n++) {
		step("i0 = map(prog_array, key=4, value=4, max=1)");
		i0 = map(&(struct map_attr){
			.map_type = 3 /* prog_array */, .key_size = 4, .value_size = 4, .max_entries = 1
		});
		remember("i0", i0, 0);
		expect("ok");

		step("i0.close()");
		close_fd(&i0);
		expect("ok");

		step("r0 = reopen(i0)");
		r0 = reopen(id_of("i0"), 0);
		expect(NULL);

		step("r0.close()");
		close_fd(&r0);
		expect(NULL);
	}

	step("end()");
	close_fd(&i0);
	close_fd(&r0);
	forgotten();
	return decide((const char *[]){ "ok", NULL }, "= i0 i1 i10 i100 i101 i102 i103 i104 i105 i106 i107 i108 i109 i11 i110 i111 i112 i113 i114 i115 i116 i117 i118 i119 i12 i120 i121 i122 i123 i124 i125 i126 i127 i128 i129 i13 i130 i131 i132 i133 i134 i135 i136 i137 i138 i139 i14 i140 i141 i142 i143 i144 i145 i148 i149 i15 i150 i151 i152 i153 i154 i155 i156 i157 i158 i159 i16 i160 i161 i162 i163 i164 i165 i166 i167 i168 i169 i17 i170 i171 i172 i173 i174 i175 i176 i177 i178 i179 i18 i180 i181 i182 i185 i186 i187 i188 i189 i19 i190 i191 i192 i193 i194 i195 i196 i197 i198 i199 i2 i20 i200 i201 i202 i203 i204 i205 i206 i207 i208 i209 i21 i210 i211 i212 i213 i214 i215 i216 i217 i218 i219 i22 i220 i221 i222 i223 i224 i227 i228 i229 i23 i230 i231 i232 i233 i234 i235 i236 i237 i238 i239 i24 i240 i241 i242 i243 i244 i245 i246 i247 i248 i249 i25 i250 i251 i252 i253 i254 i255 i256 i257 i258 i259 i26 i260 i261 i262 i263 i264 i265 i266 i267 i268 i269 i272 i273 i274 i275 i276 i277 i278 i279 i280 i281 i282 i283 i284 i285 i286 i287 i288 i289 i290 i291 i292 i293 i294 i295 i296 i297 i298 i299 i3 i30 i31 i32 i33 i34 i35 i36 i37 i38 i39 i4 i40 i41 i42 i43 i44 i45 i46 i47 i48 i49 i5 i50 i51 i52 i53 i54 i55 i58 i59 i6 i60 i61 i62 i63 i64 i65 i66 i67 i68 i69 i7 i70 i71 i72 i73 i74 i75 i76 i77 i78 i79 i8 i80 i81 i82 i83 i84 i85 i86 i87 i88 i89 i9 i90 i91 i92 i93 i94 i95 i96 i97");
}
