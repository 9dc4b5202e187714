//# base
/* What the last operation answered: ok, the name of an errno, or = and what it read. */
static THREAD char answer[1 << 16];
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

//# bpf
static int bpf(int cmd, void *attr, unsigned int size)
{
	return answers(syscall(__NR_bpf, cmd, attr, size));
}

//# ptr
static uint64_t ptr(const void *p)
{
	return (uintptr_t)p;
}

//# add
/* More of an answer. */
__attribute__((format(printf, 1, 2))) static void add(const char *format, ...)
{
	size_t n = strlen(answer);
	va_list args;

	va_start(args, format);
	vsnprintf(answer + n, sizeof(answer) - n, format, args);
	va_end(args);
}

//# expect
/* Every step but the last must go as it did where the bug was seen; NULL: in any way. */
static void expect(const char *want)
{
	printf("%s\n", answer);
	if (!want || !strcmp(answer, want))
		return;
	printf("CANNOT TELL: %s should have answered %s\n", doing, want);
	exit(2);
}

//# unless
/* Some kernels refuse a step on the way, as they may: what would show the bug is not done there. */
static void unless(const char *refusal)
{
	if (strcmp(answer, refusal))
		return;
	printf("%s\nNOT THERE: this kernel does not let %s happen\n", answer, doing);
	exit(0);
}

//# memlock
/* Up to 5.10 maps count as locked memory. */
static void unlimited(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &all))
		printf("(the limit on locked memory stays: is this root?)\n");
}

//# decide
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

//# exactly
/* The bug is one answer; what else may be answered is not a matter of one text. */
static int exactly(const char *seen, const char *want)
{
	printf("%s\n", answer);
	if (!strcmp(answer, seen)) {
		printf("BUG: %s answers %s, want %s\n", doing, answer, want);
		return 1;
	}
	if (!strcmp(answer, "EPERM") || !strcmp(answer, "ENOSYS")) {
		printf("CANNOT TELL: %s answers %s\n", doing, answer);
		return 2;
	}
	printf("NOT THERE: %s answers %s and not %s\n", doing, answer, seen);
	return 0;
}

//# survived
static int survived(void)
{
	printf("%s\nNOT THERE: the kernel lives\n", answer);
	return 0;
}

//# map bpf
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

//# elem ptr bpf
static int elem(int cmd, int fd, const void *key, void *value, uint64_t flags, uint64_t tail)
{
	struct {
		uint32_t fd, pad;
		uint64_t key, value, flags, tail;
	} a = { .fd = fd, .key = ptr(key), .value = ptr(value), .flags = flags, .tail = tail };

	return bpf(cmd, &a, sizeof(a));
}

//# update elem
static void update(int fd, const void *key, void *value, uint64_t flags)
{
	elem(2 /* BPF_MAP_UPDATE_ELEM */, fd, key, value, flags, 0);
}

//# delete elem
static void delete(int fd, const void *key)
{
	elem(3 /* BPF_MAP_DELETE_ELEM */, fd, key, NULL, 0, 0);
}

//# padded
/* A value with zeros behind it: of per-CPU maps the kernel reads more. */
static void *padded(const void *value, unsigned int size)
{
	static THREAD char room[1 << 17];

	memset(room, 0, sizeof(room));
	return memcpy(room, value, size);
}

//# mapped
/* Maps a page of it to write, and unmaps that. */
static int mapped(int fd)
{
	void *page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return page == MAP_FAILED ? -1 : munmap(page, getpagesize());
}

//# each
/* A value for every processor: of per-CPU maps the kernel reads as many. */
static void *each(const void *value, unsigned int size)
{
	static THREAD char room[1 << 17];
	unsigned int at;

	memset(room, 0, sizeof(room));
	for (at = 0; at + size <= sizeof(room); at += (size + 7) & ~7u)
		memcpy(room + at, value, size);
	return room;
}

//# number
/* Keys and values are numbers; long ones have their upper half in the last four bytes. */
static const char *number(const void *bytes, unsigned int size)
{
	static THREAD char text[1 << 13];
	const unsigned char *b = bytes;
	uint64_t n = 0, high = 0;
	unsigned int i;

	memcpy(&n, b, size > 8 ? 4 : size);
	if (size > 8) {
		memcpy(&high, b + size - 4, 4);
		n |= high << 32;
	}
	sprintf(text, "%llu", (unsigned long long)n);
	for (i = 4; size > 8 && i < size - 4; i++)
		if (b[i])
			break;
	if (size <= 8 || i == size - 4)
		return text;
	strcpy(text, "x");
	for (i = 0; i < size && i < 4000; i++)
		sprintf(text + 1 + 2 * i, "%02x", b[i]);
	return text;
}

//# ids ptr
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

//# id ids
static uint32_t id_of(const char *name)
{
	unsigned int i;

	for (i = many; i-- > 0;)
		if (!strcmp(known[i].name, name))
			return known[i].id;
	return 0;
}

//# nameof ids
static const char *name_of(uint32_t id)
{
	unsigned int i;

	for (i = many; i-- > 0;)
		if (known[i].id == id && !known[i].btf)
			return known[i].name;
	return id ? "an id of no map of the sequence" : "id 0";
}

//# valueroom
static THREAD unsigned char value[1 << 16];

//# lookup elem number valueroom
/* What is stored under a key, as a number. */
static void lookup(int cmd, int fd, const void *key, uint64_t flags, uint64_t tail, unsigned int size)
{
	if (elem(cmd, fd, key, value, flags, tail) >= 0)
		sprintf(answer, "= %s", number(value, size));
}

//# lookupeach elem number valueroom
static int by_number(const void *a, const void *b)
{
	unsigned long long n = strtoull(*(char *const *)a, NULL, 10), m = strtoull(*(char *const *)b, NULL, 10);

	return n < m ? -1 : n > m;
}

/* What the processors have under a key of a per-CPU map: each value once, in the order of numbers. */
static void lookup_each(int cmd, int fd, const void *key, uint64_t flags, uint64_t tail, unsigned int size)
{
	char *all[64];
	int i, n = sysconf(_SC_NPROCESSORS_CONF), at = 0;

	if (n > 64)
		n = 64;
	if (elem(cmd, fd, key, value, flags, tail) < 0)
		return;
	for (i = 0; i < n; i++)
		all[i] = strdup(number(value + i * ((size + 7) & ~7u), size));
	qsort(all, n, sizeof(*all), by_number);
	for (i = 0; i < n; i++)
		if (!i || strcmp(all[i], all[i - 1]))
			at += sprintf(answer + at, "%s%s", i ? "+" : "= ", all[i]);
}

//# lookupmap elem nameof
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

//# next elem number
static void next(int fd, const void *key, uint64_t tail, unsigned int size)
{
	static THREAD unsigned char k[1 << 16];

	if (elem(4 /* BPF_MAP_GET_NEXT_KEY */, fd, key, k, tail, 0) >= 0)
		sprintf(answer, "= %s", number(k, size));
}

//# pairs number nameof add
/* Pairs of a key and a map, in the order of the keys. */
static THREAD struct pair {
	char key[64];
	const char *name;
} pairs[4096];

static int by_key(const void *a, const void *b)
{
	const struct pair *p = a, *q = b;
	size_t n = strlen(p->key), m = strlen(q->key);

	return n != m ? (n > m) - (n < m) : strcmp(p->key, q->key);
}

static void add_pairs(const char *before, unsigned int n)
{
	unsigned int i;

	qsort(pairs, n, sizeof(pairs[0]), by_key);
	for (i = 0; i < n; i++)
		add("%s%s=%s", i ? " " : before, pairs[i].key, pairs[i].name);
}

//# batch ptr add bpf
static unsigned int batch(int cmd, int fd, void *in, void *out, const void *keys, const void *values,
			  unsigned int count, uint64_t elem_flags, uint64_t flags, uint64_t tail)
{
	struct {
		uint64_t in, out, keys, values;
		uint32_t count, fd;
		uint64_t elem_flags, flags, tail;
	} a = { ptr(in), ptr(out), ptr(keys), ptr(values), count, fd, elem_flags, flags, tail };

	if (bpf(cmd, &a, sizeof(a)) < 0)
		add(" = %u", a.count);
	else
		sprintf(answer, "= %u", a.count);
	return a.count;
}

//# readbatch batch pairs
/* Pairs of an outer map from a cursor on, which is left where the batch ended. */
static void read_batch(int cmd, int fd, void *from, void *cursor, unsigned int count, unsigned int size,
		       uint64_t elem_flags, uint64_t flags, uint64_t tail)
{
	static THREAD unsigned char keys[1025 * 512], values[1025 * 8], out[512];
	unsigned int i, n;

	memset(out, 0xa5, sizeof(out));
	n = batch(cmd, fd, from, out, keys, values, count, elem_flags, flags, tail);
	if (memcmp(out, "\xa5\xa5\xa5\xa5", 4))
		memcpy(cursor, out, sizeof(out));
	if ((answer[0] != '=' && strncmp(answer, "ENOENT", 6)) || !size)
		return;
	for (i = 0; i < n && i < count && i < 1024; i++) {
		uint32_t id;

		memcpy(&id, values + 4 * i, 4);
		strcpy(pairs[i].key, number(keys + size * i, size));
		pairs[i].name = name_of(id);
	}
	add_pairs(": ", i);
}

//# dump elem pairs
/* Every pair of an outer map: its keys one after the other, each looked up. */
static void dump(int fd, unsigned int size)
{
	static unsigned char key[512], after[512];
	unsigned char *k = NULL;
	unsigned int n = 0;
	uint32_t id;

	while (n < 4096 && elem(4 /* BPF_MAP_GET_NEXT_KEY */, fd, k, after, 0, 0) >= 0) {
		if (elem(1 /* BPF_MAP_LOOKUP_ELEM */, fd, after, &id, 0, 0) >= 0) {
			strcpy(pairs[n].key, number(after, size));
			pairs[n++].name = name_of(id);
		} else if (errno != ENOENT) {
			return;
		}
		k = memcpy(key, after, size);
	}
	if (errno != ENOENT)
		return;
	strcpy(answer, "= {");
	add_pairs("", n);
	strcat(answer, "}");
}

//# freeze bpf
static void freeze(int fd, uint32_t tail)
{
	uint32_t a[3] = { fd, tail };

	bpf(22 /* BPF_MAP_FREEZE */, a, sizeof(a));
}

//# info ptr bpf
/* What the kernel says of a map, in the numbers of its interface. */
static void info(int fd, uint32_t id, uint32_t btf)
{
	struct {
		uint32_t type, id, key, value, max, flags;
		char name[16];
		uint32_t ifindex, btf_vmlinux;
		uint64_t netns_dev, netns_ino;
		uint32_t btf_id, btf_key, btf_value, pad;
	} i = { 0 };
	struct {
		uint32_t fd, len;
		uint64_t info;
	} a = { .fd = fd, .len = sizeof(i), .info = ptr(&i) };

	if (bpf(15 /* BPF_OBJ_GET_INFO_BY_FD */, &a, sizeof(a)) < 0 || !id)
		return;
	if (i.id != id)
		strcpy(answer, "= another id");
	else
		sprintf(answer, "= type=%u key=%u value=%u max=%u flags=%#x name=%.16s btf=%s", i.type, i.key, i.value,
			i.max, i.flags, i.name, !i.btf_id && !i.btf_key && !i.btf_value ? "" : i.btf_id == btf ? "its" : "another");
}

//# bind bpf
/* A program uses another map, too. */
static void bind_map(int prog, int map)
{
	uint32_t a[3] = { prog, map, 0 };

	answers(bpf(35 /* BPF_PROG_BIND_MAP */, a, sizeof(a)));
}

//# closefd
static void close_fd(int *fd)
{
	answers(close(*fd));
	*fd = -1;
}

//# reopen bpf
static int reopen(uint32_t id, uint32_t flags)
{
	uint32_t a[3] = { id, 0, flags };

	return bpf(14 /* BPF_MAP_GET_FD_BY_ID */, a, sizeof(a));
}

//# tozero
static int *zero; /* who has descriptor 0 */

/* Moves a descriptor to number 0, if none has it. */
static void to_zero(int *fd)
{
	if (*fd < 0 || (zero && !*zero))
		return;
	dup3(*fd, 0, O_CLOEXEC);
	close(*fd);
	*fd = 0;
	zero = fd;
}

/* Number 0 is for who asks for it. */
static void fill_zero(void)
{
	if (fcntl(0, F_GETFD) < 0)
		dup2(2, 0);
}

//# tohigh
/* Moves a descriptor to a number that takes more than 16 bits. */
static void to_high(int *fd)
{
	struct rlimit many = { 1 << 17, 1 << 17 };
	int high;

	setrlimit(RLIMIT_NOFILE, &many);
	high = fcntl(*fd, F_DUPFD_CLOEXEC, 1 << 16);
	if (high < 0)
		return;
	close(*fd);
	*fd = high;
}

//# noneleft ids
static uint32_t newest; /* map before what none is left for */

static uint32_t map_after(uint32_t id)
{
	uint32_t a[3] = { id };

	return syscall(__NR_bpf, 12 /* BPF_MAP_GET_NEXT_ID */, a, sizeof(a)) ? 0 : a[1];
}

/* A map that was refused has no descriptor: if there is one more now, it was kept. */
static void kept(const char *name)
{
	uint32_t id = map_after(newest);
	unsigned int n = __atomic_fetch_add(&many, id != 0, __ATOMIC_SEQ_CST);

	if (id && n < MANY_OBJECTS)
		known[n] = (struct object){ name, id, 0 };
}

/* Whether this process can open nothing more. */
static void none_left(int none)
{
	static struct rlimit usual;
	struct rlimit few;

	if (none) {
		getrlimit(RLIMIT_NOFILE, &usual);
		for (uint32_t id = map_after(0); id; id = map_after(id))
			newest = id;
	}
	few = usual;
	if (none)
		few.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &few);
}

//# isknown
/* Whether the kernel knows an id: nothing is opened for that. */
static int is_known(uint32_t id, int btf)
{
	uint32_t a[3] = { id - 1 };

	return id && !syscall(__NR_bpf, btf ? 23 /* BPF_BTF_GET_NEXT_ID */ : 12 /* BPF_MAP_GET_NEXT_ID */, a, sizeof(a)) && a[1] == id;
}

//# alive isknown
static void alive(uint32_t id, int btf)
{
	strcpy(answer, is_known(id, btf) ? "= alive" : "= gone");
}

//# gone alive
/* The kernel has some time to forget. */
static void gone(uint32_t id, int btf)
{
	int ms;

	for (ms = 0; ms < PATIENCE_MS && is_known(id, btf); ms++)
		usleep(1000);
	alive(id, btf);
}

//# left isknown ids add
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

//# forget left
/* Nothing refers to the objects any more: the kernel has some time to forget them. */
static void forgotten(void)
{
	int ms;

	for (ms = 0; left() && ms < PATIENCE_MS; ms += 5)
		usleep(5000);
}

//# btf ptr bpf
/* Types that describe values, as BPF_BTF_LOAD takes them. */
static int load_btf(const void *types, uint32_t size)
{
	struct {
		uint64_t btf, log;
		uint32_t size, log_size, log_level;
	} a = { .btf = ptr(types), .size = size };

	return bpf(18 /* BPF_BTF_LOAD */, &a, 28);
}

//# kernelbtf
/* The id of a type of the kernel's own, by kind (12: FUNC, 4: STRUCT) and name; 0: none. */
static uint32_t kernel_type(unsigned int kind, const char *name, uint32_t *size)
{
	static const unsigned char once[32] = { [1] = 4, [3] = 12, [14] = 4, [17] = 4 };
	static const unsigned char each[32] = { [4] = 12, [5] = 12, [6] = 8, [13] = 8, [15] = 12, [19] = 12 };
	static char btf[32 << 20];
	uint32_t h[6], id, t[3];
	char *at, *end;
	ssize_t n, len = 0;
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY);

	while ((n = read(fd, btf + len, sizeof(btf) - 1 - len)) > 0)
		len += n;
	close(fd);
	memcpy(h, btf, sizeof(h));
	if (len < 24)
		return 0;
	at = btf + h[1] + h[2];
	end = at + h[3];
	for (id = 1; at < end; id++) {
		memcpy(t, at, sizeof(t));
		if ((t[1] >> 24 & 31) == kind && !strcmp(btf + h[1] + h[4] + t[0], name)) {
			*size = t[2];
			return id;
		}
		at += 12 + once[t[1] >> 24 & 31] + each[t[1] >> 24 & 31] * (t[1] & 0xffff);
	}
	return 0;
}

//# prog ptr bpf
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

//# mailbox map
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

//# testrun ptr bpf
/* BPF_PROG_TEST_RUN: once, with a packet, with a context, or with neither. */
static THREAD uint32_t retval;

static int test_run(int fd, int packet, int context)
{
	static unsigned char bytes[96];
	struct {
		uint32_t fd, retval, size_in, size_out;
		uint64_t in, out;
		uint32_t repeat, ns, ctx_size_in, ctx_size_out;
		uint64_t ctx_in, ctx_out;
		uint32_t flags, cpu;
	} a = { .fd = fd };

	if (packet) {
		a.size_in = packet;
		a.in = ptr(bytes);
	}
	if (context) {
		a.ctx_size_in = context;
		a.ctx_in = ptr(bytes);
	}
	if (bpf(10 /* BPF_PROG_TEST_RUN */, &a, sizeof(a)) < 0)
		return -1;
	retval = a.retval;
	return 0;
}

//# uses ptr bpf prog
struct known {
	const char *name;
	uint32_t id;
};

static int times(uint32_t id, const uint32_t *ids, int n)
{
	int i, found = 0;

	for (i = 0; i < n; i++)
		found += ids[i] == id;
	return found;
}

/* Those of the maps that are among some ids, as often as they are, but at most so often. */
static void list_known(const struct known *maps, const uint32_t *ids, int n, int most)
{
	int i, k;

	for (i = 0; maps[i].name; i++)
		for (k = 0; k < times(maps[i].id, ids, n) && k < most; k++)
			sprintf(answer + strlen(answer), " %s", maps[i].name);
}

/* Which of the maps, in the order of their names, the kernel says that a program uses, and which its instructions load. */
static void uses(int fd, const struct known *maps)
{
	static struct insn insns[4096];
	static uint32_t ids[64], loads[4096];
	struct {
		uint32_t type, id;
		unsigned char tag[8];
		uint32_t jited_len, xlated_len;
		uint64_t jited, xlated, load_time;
		uint32_t uid, nr_ids;
		uint64_t ids;
	} i = { .xlated_len = sizeof(insns), .xlated = ptr(insns), .nr_ids = 64, .ids = ptr(ids) };
	struct {
		uint32_t fd, len;
		uint64_t info;
	} a = { .fd = fd, .len = sizeof(i), .info = ptr(&i) };
	uint32_t at;
	int n = 0;

	if (bpf(15 /* BPF_OBJ_GET_INFO_BY_FD */, &a, sizeof(a)) < 0)
		return;
	for (at = 0; at < i.xlated_len / sizeof(*insns) && at < 4096; at++)
		if (insns[at].code == 0x18 && (insns[at].regs >> 4 == 1 || insns[at].regs >> 4 == 2))
			loads[n++] = insns[at].imm;
	strcpy(answer, "= uses");
	list_known(maps, ids, i.nr_ids, 64);
	strcat(answer, ", loads");
	list_known(maps, loads, n, 1);
	if (times(0, loads, n))
		strcat(answer, " id0");
}

//# attach bpf
/* A program for a function of the kernel is attached to it. */
static int attach(int fd)
{
	struct {
		uint64_t name;
		uint32_t fd, pad;
	} a = { .fd = fd };

	return bpf(17 /* BPF_RAW_TRACEPOINT_OPEN */, &a, sizeof(a));
}

//# fentry testrun attach
/* A test run of it calls the function that it is for. */
static int run_fentry(int fd)
{
	int r, link = attach(fd);

	if (link < 0 && errno != EBUSY)
		return -1;
	r = test_run(fd, 0, 0);
	if (link >= 0)
		close(link);
	return r;
}

//# program mailbox
struct program {
	const char *steps; /* a letter each: r: it reads, c: it calls, R: it calls and gets room; '.': nothing */
	unsigned int value; /* size */
	struct mailbox mail;
};

//# run program number add
static void put(struct mailbox *m, unsigned int at, const void *bytes, unsigned int size)
{
	memcpy(m->memory + at, bytes, size);
}

/* The keys and the branches of a run; what the last run left is cleared. */
static void prepare(struct program *p, uint64_t branches)
{
	memset(p->mail.memory, 0, MAILBOX_SIZE);
	put(&p->mail, 1024, &branches, 8);
	put(&p->mail, 1040, &(uint64_t){ 1 }, 8);
}

/* What the steps answered, and null@n if step n ended the program. */
static void collect(struct program *p)
{
	uint64_t ended, got;
	unsigned int i, rooms = 0;

	memcpy(&ended, p->mail.memory + 1032, 8);
	memset(p->mail.memory + 1040, 0, 8);
	strcpy(answer, ended ? "=" : "= not ended");
	for (i = 0; ended && p->steps[i]; i++) {
		if (i + 1 == ended) {
			add(" null@%u", i + 1);
			break;
		}
		memcpy(&got, p->mail.memory + 1088 + 8 * i, 8);
		if (p->steps[i] == 'r')
			add(" %llu", (unsigned long long)got);
		else if (p->steps[i] != '.')
			add(" %lld", got >> 32 ? (long long)got : (long long)(int32_t)got);
		if (p->steps[i] == 'R' && !got)
			add(" %s", number(p->mail.memory + 20480 + 4096 * rooms, p->value));
		rooms += p->steps[i] == 'R';
	}
	if (!answer[1])
		strcpy(answer, "= end");
}

//# pins ptr bpf
/* A bpf file system that is mounted nowhere is the working directory. */
static void enter_bpffs(void)
{
	static int root = -1;
	int fs;

	if (root >= 0)
		return;
	fs = syscall(430 /* fsopen */, "bpf", 1);
	if (syscall(431 /* fsconfig */, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) < 0 ||
	    (root = syscall(432 /* fsmount */, fs, 1, 0)) < 0 || fchdir(root) < 0) {
		printf("CANNOT TELL: no bpf file system: %s\n", errno_name(errno));
		exit(2);
	}
	close(fs);
}

static int on_path(int cmd, const char *path, int fd, uint32_t flags)
{
	struct {
		uint64_t path;
		uint32_t fd, flags, path_fd, pad;
	} a = { .path = ptr(path), .fd = fd, .flags = flags };

	enter_bpffs();
	return bpf(cmd, &a, sizeof(a));
}

//# caps
/* What steps are done with: no capabilities but these, and kernel.unprivileged_bpf_disabled at that value. */
static struct {
	uint32_t bits[2];
	int disabled, was;
	struct {
		uint32_t effective, permitted, inheritable;
	} all[2];
} caps;

static void caps_failed(const char *what)
{
	printf("CANNOT TELL: %s: %s\n", what, errno_name(errno));
	exit(2);
}

/* The value is one digit. It answers what there was before. */
static int set_disabled(int value)
{
	int fd = open("/proc/sys/kernel/unprivileged_bpf_disabled", O_RDWR);
	char was, now = '0' + value;

	if (fd < 0 || read(fd, &was, 1) != 1 || (was != now && pwrite(fd, &now, 1, 0) != 1))
		caps_failed("kernel.unprivileged_bpf_disabled");
	close(fd);
	return was - '0';
}

static void set_caps(uint32_t low, uint32_t high)
{
	uint32_t head[2] = { 0x20080522, 0 };

	if (syscall(__NR_capget, head, caps.all) < 0)
		caps_failed("capget");
	caps.all[0].effective = low & caps.all[0].permitted;
	caps.all[1].effective = high & caps.all[1].permitted;
	if (syscall(__NR_capset, head, caps.all) < 0)
		caps_failed("capset");
}

static void lower(void)
{
	caps.was = set_disabled(caps.disabled);
	set_caps(caps.bits[0], caps.bits[1]);
}

static void raise_again(void)
{
	set_caps(-1, -1);
	set_disabled(caps.was);
}

//# still elem
/* A value is looked at for some time. */
static void still(int fd, const void *key)
{
	static THREAD unsigned char first[4096], now[4096];
	struct timespec begin, t;

	if (elem(1 /* BPF_MAP_LOOKUP_ELEM */, fd, key, first, 0, 0) < 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		sched_yield();
		if (elem(1 /* BPF_MAP_LOOKUP_ELEM */, fd, key, now, 0, 0) < 0)
			return;
		if (memcmp(first, now, sizeof(now))) {
			strcpy(answer, "= moving");
			return;
		}
		clock_gettime(CLOCK_MONOTONIC, &t);
	} while ((t.tv_sec - begin.tv_sec) * 1000000000LL + t.tv_nsec - begin.tv_nsec < 300000);
	strcpy(answer, "= still");
}

//# renew map elem ids
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

//# fdinfo
static void fdinfo(int fd)
{
	static const char *const names[] = { "map_type", "key_size", "value_size", "max_entries", "map_flags", "frozen", "memlock", "flags" };
	long value[8] = { -1, -1, -1, -1, -1, -1, -1, -1 }, n;
	char line[128], word[64];
	FILE *f;
	int i;

	sprintf(line, "/proc/self/fdinfo/%d", fd);
	f = fopen(line, "r");
	while (f && fgets(line, sizeof(line), f))
		for (i = 0; i < 8; i++)
			if (sscanf(line, "%63[^:]: %li", word, &n) == 2 && !strcmp(word, names[i]))
				value[i] = n;
	if (f)
		fclose(f);
	sprintf(answer, "= type %ld key %ld value %ld max %ld flags %lx frozen %ld", value[0], value[1], value[2], value[3], value[4], value[5]);
	if (value[0] == 12 /* ARRAY_OF_MAPS */ && value[6] < (long)sizeof(void *) * value[3])
		strcat(answer, " memlock too small");
	if (!(value[7] & O_CLOEXEC))
		strcat(answer, " inherited");
}

//# iterate prog kernelbtf ptr bpf
/* An iterator over the elements of a map keeps the map. */
static int iterate(int fd)
{
	static int prog = -1;
	uint32_t size, target = fd;
	struct insn nothing[] = { { 0xb7, 0, 0, 0 }, { 0x95, 0, 0, 0 } };
	struct {
		uint32_t prog, target, attach_type, flags;
		uint64_t info;
		uint32_t info_size, pad;
	} a = { .attach_type = 28 /* BPF_TRACE_ITER */, .info = ptr(&target), .info_size = 4 };

	if (prog < 0)
		prog = load(&(struct prog_attr){ .prog_type = 26 /* TRACING */, .insn_cnt = 2, .insns = ptr(nothing),
			.expected_attach_type = 28, .attach_btf_id = kernel_type(12, "bpf_iter_bpf_map_elem", &size) });
	if (prog < 0)
		return -1;
	a.prog = prog;
	return bpf(28 /* BPF_LINK_CREATE */, &a, sizeof(a));
}

//# process
/* A process that holds a descriptor, and no other. */
static int hold_in_process(int fd)
{
	int i, ready[2];
	pid_t pid;
	char c;

	if (answers(fcntl(fd, F_GETFD)) < 0 || answers(pipe(ready)) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (i = 0; i < 4096; i++)
			if (i != fd)
				close(i);
		for (;;)
			pause();
	}
	close(ready[1]);
	while (read(ready[0], &c, 1) > 0) /* until the child has closed everything */
		;
	close(ready[0]);
	return answers(pid);
}

//# kill
static void kill_process(int *pid)
{
	if (*pid < 0) {
		strcpy(answer, "= no process");
		return;
	}
	answers(kill(*pid, SIGKILL));
	waitpid(*pid, NULL, 0);
	*pid = -1;
}

//# threads
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

//# found threads
static int bugs;
static char bug[256];

static void found(const char *op)
{
	if (!__atomic_fetch_add(&bugs, 1, __ATOMIC_SEQ_CST))
		snprintf(bug, sizeof(bug), "%s answers %.100s", op, answer);
}

//# again
/* How many bytes the kernel has for objects that it cannot give back; areas that it unmaps when it likes do not count. */
static long used(void)
{
	char line[512], name[64];
	long all = 0, kib, pages, slabs;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmallocUsed: %ld", &kib) == 1 || sscanf(line, "Percpu: %ld", &kib) == 1)
			all += kib << 10;
	if (f)
		fclose(f);
	f = fopen("/proc/slabinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %*d %*d %*d %*d %ld : tunables %*d %*d %*d : slabdata %*d %ld", name, &pages, &slabs) == 3 && strcmp(name, "vmap_area"))
			all += pages * slabs * sysconf(_SC_PAGESIZE);
	if (f)
		fclose(f);
	else
		printf("no /proc/slabinfo: are you root, and has the kernel CONFIG_SLUB_DEBUG?\n"), exit(2);
	return all;
}

/* What follows is done by so many processes a round, one after the other, which get -1 here. The kernel leaks if it uses more
   memory after each round, however long one waits. A machine that does other things does not tell. */
static int again(int times)
{
	long before = 0, now, later, look;
	int round, n, status;
	pid_t pid;

	if (times < 200) /* memory comes in pages: a few objects do not show */
		times = 200;
	for (round = 0; round <= 15; round++) {
		for (n = 0; n < times; n++) {
			fflush(stdout);
			pid = fork();
			if (!pid) {
				if (round || n)
					dup2(open("/dev/null", O_WRONLY), 1);
				return -1;
			}
			if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
				printf("CANNOT TELL: process %d of round %d did not do it\n", n, round);
				return 2;
			}
		}
		now = used();
		for (look = 0; look < 50 && now > before; look++) {
			usleep(8000);
			later = used();
			if (later < now)
				now = later;
		}
		if (round)
			printf("round %d: %ld KiB more\n", round, (now - before) >> 10);
		if (round && now <= before) {
			printf("NOT THERE: after round %d the kernel uses no more memory than before\n", round);
			return 0;
		}
		before = now;
	}
	printf("BUG: the kernel uses more memory after each round\n");
	return 1;
}
