/* SPDX-License-Identifier: MIT */
/* files_fuzz.c: any bytes as system calls and processes, told and added up, written by each sink. */
#include <sys/syscall.h>
#include "pipeline/files_priv.h"
#include "sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct descriptor known[] = {
	{ .fd = 0, .path = "/dev/null", .flags = 2 },
	{ .fd = 3, .path = "/d/a", .pos = 7, .regular = true },
	{ .fd = 4, .path = "/d/a", .pos = 7, .regular = true, .flags = 02000000 },
	{ .fd = 5, .path = "/d", .flags = 0200000 },
	{ .fd = 6, .path = "pipe:[7]" },
	{ .fd = 7, .path = "/d/#12", .deleted = true, .regular = true },
	{ .fd = 8, .path = "anon_inode:[io_uring]" },
};

static int fake_all(void *arg, uint32_t pid, void (*cb)(void *cb_arg, const struct descriptor *d), void *cb_arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		cb(cb_arg, &known[i]);
	return pid % 3 ? 0 : -ESRCH;
}

static bool fake_one(void *arg, uint32_t pid, int fd, struct descriptor *ret)
{
	*ret = known[(unsigned)fd % ARRAY_SIZE(known)];
	ret->fd = fd;
	return fd % 5;
}

static bool fake_same(void *arg, uint32_t pid, int fd, uint32_t pid2, int fd2)
{
	return (fd + fd2) % 2;
}

static const char *fake_cwd(void *arg, uint32_t pid)
{
	return pid % 2 ? "/d" : NULL;
}

static uint64_t fake_space(void *arg, uint32_t pid)
{
	return pid % 2;
}

static const char *fake_real(void *arg, uint64_t space, const char *path, bool *regular)
{
	*regular = strlen(path) % 2;
	return strlen(path) % 3 ? path : strlen(path) % 7 ? NULL : "/real";
}

static const struct descriptors descriptors = { NULL, fake_all, fake_one, fake_same, fake_cwd, fake_space, fake_real };

static struct sink *sinks[2];

static void emit(void *arg, const struct record *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(sinks); i++)
		sinks[i]->ops->write(sinks[i], r);
}

static void open_sinks(void)
{
	struct sink_conf conf = { .path = "/dev/null" };

	if (!sinks[0] && (sink_ndjson.open(&sinks[0], &conf) || sink_console.open(&sinks[1], &conf)))
		abort();
}

/* A few bytes make an event, so that calls come close to each other in numbers, descriptors and times. */
static size_t take(struct files *f, const uint8_t *p, size_t n, uint64_t *now)
{
	struct {
		struct ev_file e;
		char text[512];
	} ev = { 0 };
	size_t len;

	if (n < 20)
		return 0;
	ev.e.nr = files_calls[p[0] % files_ncalls].nr;
	ev.e.h.kind = p[1] % 16 ? EV_FILE : p[1];
	ev.e.h.pid = 1 + p[1] % 3;
	ev.e.h.tid = 1 + p[1] % 5;
	*now += p[2];
	ev.e.h.ts_ns = *now;
	ev.e.start_ns = *now - p[3];
	ev.e.ret = (int8_t)p[4];
	for (size_t i = 0; i < 6; i++)
		ev.e.arg[i] = p[5 + i] == 255 ? UINT64_MAX : p[5 + i] << (p[11] >> i & 1 ? 16 : 0);
	ev.e.aux[0] = p[12] | (uint64_t)p[13] << 32;
	ev.e.flags = p[14];
	ev.e.path_len = MIN(p[15], n - 20);
	ev.e.path2_len = MIN((size_t)p[16], n - 20 - ev.e.path_len);
	memcpy(ev.text, p + 20, ev.e.path_len + ev.e.path2_len);
	len = (sizeof(ev.e) + ev.e.path_len + ev.e.path2_len + 7) & ~(size_t)7;
	ev.e.h.len = len;
	files_event(f, &ev, len);
	if (p[17] == 7)
		files_lost(f);
	return 20 + ev.e.path_len + ev.e.path2_len;
}

static int count(struct files *f, const uint8_t *p, size_t n)
{
	struct file_key key = { .tgid = n > 1 ? p[0] % 4 : 0, .fd = n > 1 ? p[1] : 0, .nr = SYS_read };
	struct file_stats s = { .ops = 3, .bytes = 7, .bucket = { 3 } };

	return files_count(f, &key, &s, n % 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const globs[] = { "/d/*", "*[" };
	struct files_conf conf = { .all_fds = size % 2, .summary = size % 3 == 0, .paths = globs, .npaths = size % 5 ? 0 : 2 };
	struct decoder d = { .salt = 1 };
	uint64_t now = clock_mono();
	AUTO_FREE char *all = NULL;
	struct files *f;
	size_t len;

	open_sinks();
	if (files_new(&f, &conf, &descriptors, &d, emit, NULL))
		return 0;
	/* As they are, with a length that passes; then as calls. */
	all = malloc(size + 8);
	if (all && size >= sizeof(struct ev_hdr)) {
		uint16_t n = MIN(size & ~(size_t)7, (size_t)65528);

		memcpy(all, data, size);
		memcpy(all + offsetof(struct ev_hdr, len), &n, 2);
		files_event(f, all, n);
	}
	files_process(f, 1);
	while ((len = take(f, data, size, &now))) {
		data += len;
		size -= len;
	}
	count(f, data, size);
	files_counted(f);
	files_summary(f, true);
	files_free(f);
	return 0;
}
