/* SPDX-License-Identifier: MIT */
/* files_test.c: system calls of a process that is not there, and the file records that come of them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/syscall.h>

#include "pipeline/files.h"
#include "record_json.h"

/* What a call does not say is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define PID 100

static const struct descriptor opened[] = {
	{ .fd = 0, .path = "/dev/null", .flags = O_RDWR },
	{ .fd = 5, .path = "/d/before", .pos = 40, .flags = O_RDWR, .regular = true },
	{ .fd = 6, .path = "/d/closed by exec", .flags = O_CLOEXEC, .regular = true },
	{ .fd = 7, .path = "pipe:[9]", .flags = O_WRONLY },
	{ .fd = 8, .path = "/d", .flags = O_DIRECTORY },
};

static struct {
	const struct descriptor *one; /* what is asked for singly */
	size_t all;                   /* how many of `opened` there are */
	char told[16][1024];
	size_t n;
} fake;

static int fake_all(void *arg, uint32_t pid, void (*cb)(void *cb_arg, const struct descriptor *d), void *cb_arg)
{
	for (size_t i = 0; i < fake.all; i++)
		cb(cb_arg, &opened[i]);
	return 0;
}

static bool fake_one(void *arg, uint32_t pid, int fd, struct descriptor *ret)
{
	if (!fake.one || fake.one->fd != fd)
		return false;
	*ret = *fake.one;
	return true;
}

static const char *fake_cwd(void *arg, uint32_t pid)
{
	return "/home/me";
}

/* Where everything is as it is named, but for two links. */
static const char *fake_real(void *arg, uint64_t space, const char *path, bool *regular)
{
	*regular = true;
	if (!strncmp(path, "/link", 5))
		return "/elsewhere";
	return strstr(path, "gone") ? NULL : path;
}

static const struct descriptors nobody, somebody = { NULL, fake_all, fake_one, NULL, fake_cwd, NULL, fake_real };

static void remember(void *arg, const struct record *r)
{
	AUTO_FREE char *line = record_line(r);

	cr_assert_lt(fake.n, ARRAY_SIZE(fake.told));
	snprintf(fake.told[fake.n++], sizeof(fake.told[0]), "%s", line);
}

static struct decoder decoder = { .salt = 0 };

static struct files *begin(const struct files_conf *conf, const struct descriptors *of)
{
	struct files *f;

	memset(&fake, 0, sizeof(fake));
	fake.all = ARRAY_SIZE(opened);
	cr_assert_eq(files_new(&f, conf, of, &decoder, remember, NULL), 0);
	cr_assert_eq(files_process(f, PID), 0);
	return f;
}

/* Times are far behind those at which /proc was asked. */
static uint64_t now;

struct call {
	uint32_t nr;
	int64_t ret;
	uint64_t arg[6];
	const char *path, *path2;
	uint32_t tid, flags;
	uint64_t aux[2];
	uint64_t start; /* 0: right after the one before */
};

static int send(struct files *f, const struct call *c)
{
	struct {
		struct ev_file e;
		char text[2048];
	} ev = { .e.nr = c->nr, .e.ret = c->ret, .e.flags = c->flags };
	size_t n = c->path ? strlen(c->path) : 0, n2 = c->path2 ? strlen(c->path2) : 0;

	now = MAX(now, clock_mono() + 1000000000) + 10;
	ev.e.h.kind = EV_FILE;
	ev.e.h.pid = PID;
	ev.e.h.tid = c->tid ? c->tid : PID;
	ev.e.start_ns = c->start ? c->start : now;
	now += 10;
	ev.e.h.ts_ns = now;
	memcpy(ev.e.arg, c->arg, sizeof(ev.e.arg));
	memcpy(ev.e.aux, c->aux, sizeof(ev.e.aux));
	ev.e.path_len = n;
	ev.e.path2_len = n2;
	memcpy(ev.text, c->path ? c->path : "", n);
	memcpy(ev.text + n, c->path2 ? c->path2 : "", n2);
	ev.e.h.len = (sizeof(ev.e) + n + n2 + 7) & ~(size_t)7;
	return files_event(f, &ev, ev.e.h.len);
}

static void process(struct files *f, uint32_t event, uint32_t pid, uint32_t child)
{
	struct ev_process e = { .event = event, .child = child };

	now += 10;
	e.h = (struct ev_hdr){ .kind = EV_PROCESS, .len = sizeof(e), .pid = pid, .tid = pid, .ts_ns = now };
	cr_assert_eq(files_event(f, &e, sizeof(e)), 0);
}

#define CALL(f, ...) cr_assert_eq(send(f, &(struct call){ __VA_ARGS__ }), 0)
#define OPEN(f, name, fd, fl) CALL(f, SYS_open, fd, { 0, fl }, name)

/* Does the last record have this in it? */
#define TOLD(text) cr_expect(fake.n && strstr(fake.told[fake.n - 1], text), "%s: not in %s", text, fake.n ? fake.told[fake.n - 1] : "(none)")
#define NOT_TOLD(text) cr_expect(fake.n && !strstr(fake.told[fake.n - 1], text), "%s: in %s", text, fake.told[fake.n - 1])

static const struct files_conf usual;

Test(files, paths_are_whole)
{
	static const struct {
		const char *name, *path;
	} v[] = {
		{ "/a/b", "/a/b" }, { "x", "/home/me/x" }, { "./x//y/.", "/home/me/x/y" }, { "../x", "/home/x" },
		{ "../../../..", "/" }, { "sub/../x", "/home/me/x" }, { "/link/../x", "/link/../x" }, { "/gone/../x", "/gone/../x" },
		{ "//", "/" }, { "", "" },
	};
	struct files *f = begin(&usual, &somebody);
	char want[128];

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		fake.n = 0;
		CALL(f, SYS_unlink, 0, { 0 }, v[i].name);
		snprintf(want, sizeof(want), "\"path\":\"%s\"", v[i].path);
		TOLD(want);
	}
	CALL(f, SYS_unlinkat, 0, { 8, 0, AT_REMOVEDIR }, "x");
	TOLD("\"op\":\"unlink\",\"syscall\":\"unlinkat\",\"path\":\"/d/x\",\"flags\":\"AT_REMOVEDIR\"");
	files_free(f);
}

Test(files, what_was_open_before)
{
	struct files *f = begin(&usual, &somebody);

	CALL(f, SYS_read, 7, { 5 });
	TOLD("\"op\":\"read\",\"path\":\"/d/before\",\"fd\":5,\"bytes\":7,\"offset\":40");
	CALL(f, SYS_write, -ENOSPC, { 5 });
	TOLD("\"offset\":47,\"error\":\"ENOSPC\"");
	CALL(f, SYS_read, 0, { 5 });
	TOLD("\"offset\":47");
	/* another thread: whose call was first is not certain any more */
	CALL(f, SYS_read, 1, { 5 }, .tid = 7);
	NOT_TOLD("offset");
	files_free(f);
}

Test(files, a_number_is_used_again)
{
	struct files *f = begin(&usual, &somebody);
	uint64_t before;

	OPEN(f, "/a", 3, O_CREAT | O_EXCL | O_WRONLY);
	TOLD("\"path\":\"/a\",\"fd\":3,\"flags\":\"O_WRONLY|O_CREAT|O_EXCL\",\"mode\":\"0000\"");
	CALL(f, SYS_close, 0, { 3 });
	OPEN(f, "/b", 3, O_RDONLY);
	CALL(f, SYS_read, 1, { 3 });
	TOLD("\"path\":\"/b\"");
	/* its close comes after the next open of the number, and even after the next close */
	before = now;
	OPEN(f, "/c", 3, O_RDONLY);
	CALL(f, SYS_write, 1, { 3 });
	TOLD("\"path\":\"/c\"");
	CALL(f, SYS_close, 0, { 3 });
	TOLD("\"path\":\"/c\"");
	CALL(f, SYS_close, 0, { 3 }, .start = before);
	TOLD("\"path\":\"/b\"");
	CALL(f, SYS_read, -EBADF, { 3 });
	NOT_TOLD("path");
	files_free(f);
}

Test(files, dup_fork_and_exec)
{
	struct files *f = begin(&usual, &somebody);

	CALL(f, SYS_dup, 20, { 5 });
	CALL(f, SYS_lseek, 100, { 20, 100, SEEK_SET });
	TOLD("\"path\":\"/d/before\",\"fd\":20,\"offset\":100,\"flags\":\"SEEK_SET\"");
	CALL(f, SYS_read, 5, { 5 });
	TOLD("\"offset\":100");
	CALL(f, SYS_dup2, 0, { 20, 0 });
	CALL(f, SYS_fcntl, 21, { 20, F_DUPFD_CLOEXEC, 21 });
	TOLD("\"op\":\"dup\",\"syscall\":\"fcntl\",\"path\":\"/d/before\",\"fd\":20,\"fd2\":21,\"flags\":\"F_DUPFD_CLOEXEC\"");
	process(f, PROC_FORK, PID, 200);
	process(f, PROC_EXEC, PID, 0);
	CALL(f, SYS_read, 1, { 0 });
	TOLD("\"path\":\"/d/before\"");
	CALL(f, SYS_read, -EBADF, { 6 });
	NOT_TOLD("path");
	CALL(f, SYS_read, -EBADF, { 21 });
	NOT_TOLD("path");
	files_free(f);
}

Test(files, renamed_and_removed_while_open)
{
	struct files *f = begin(&usual, &somebody);

	CALL(f, SYS_rename, 0, { 0 }, "/d", "/e");
	TOLD("\"path\":\"/d\",\"path2\":\"/e\"");
	CALL(f, SYS_fsync, 0, { 5 });
	TOLD("\"path\":\"/e/before\"");
	CALL(f, SYS_mkdirat, 0, { 8, 0, 0750 }, "new");
	TOLD("\"path\":\"/e/new\",\"mode\":\"0750\"");
	CALL(f, SYS_unlink, 0, { 0 }, "/e/before");
	NOT_TOLD("deleted");
	CALL(f, SYS_fsync, 0, { 5 });
	TOLD("\"path\":\"/e/before\",\"deleted\":true");
	/* failed: nothing changes */
	CALL(f, SYS_rename, -EACCES, { 0 }, "/e", "/f");
	CALL(f, SYS_fsync, 0, { 6 });
	TOLD("\"path\":\"/e/closed by exec\"");
	OPEN(f, "/x", 30, O_RDONLY);
	OPEN(f, "/y", 31, O_RDONLY);
	CALL(f, SYS_renameat2, 0, { AT_FDCWD, 0, AT_FDCWD, 0, 2 }, "/x", "/y");
	TOLD("RENAME_EXCHANGE");
	CALL(f, SYS_fsync, 0, { 31 });
	TOLD("\"path\":\"/x\"");
	CALL(f, SYS_rename, 0, { 0 }, "/x", "/y");
	CALL(f, SYS_fsync, 0, { 30 });
	TOLD("\"path\":\"/y\",\"deleted\":true");
	files_free(f);
}

Test(files, links_that_are_gone_when_their_use_is_read)
{
	struct files *f = begin(&usual, &somebody);

	CALL(f, SYS_symlink, 0, { 0 }, "there", "/a/gone1");
	TOLD("\"path\":\"there\",\"path2\":\"/a/gone1\"");
	OPEN(f, "/a/gone1", 3, O_RDONLY);
	CALL(f, SYS_fsync, 0, { 3 });
	TOLD("\"path\":\"/a/there\"");
	OPEN(f, "/link1", 3, O_RDONLY);
	CALL(f, SYS_fsync, 0, { 3 });
	TOLD("\"path\":\"/elsewhere\"");
	files_free(f);
}

Test(files, what_nobody_has_seen)
{
	static const struct descriptor sent = { .fd = 40, .path = "/sent", .regular = true, .pos = 9 };
	struct files *f = begin(&usual, &somebody);

	/* by SCM_RIGHTS: what /proc tells holds for the calls that come */
	fake.one = &sent;
	CALL(f, SYS_read, 4, { 40 }, .start = 1);
	TOLD("\"path\":{\"unavailable\":\"unknown_fd\"}");
	now = clock_mono() + 2000000000;
	CALL(f, SYS_read, 4, { 40 });
	NOT_TOLD("offset");
	CALL(f, SYS_read, 4, { 40 });
	TOLD("\"path\":\"/sent\"");
	/* and in a recorded stream nobody can be asked */
	files_free(f);
	f = begin(&usual, &nobody);
	CALL(f, SYS_read, 4, { 5 });
	TOLD("\"path\":{\"unavailable\":\"unknown_fd\"}");
	OPEN(f, "rel", 5, O_RDONLY);
	TOLD("\"path\":{\"unavailable\":\"unknown_directory\"}");
	files_free(f);
}

Test(files, only_what_is_asked_for)
{
	static const char *const globs[] = { "/d/*" };
	struct files_conf conf = { .paths = globs, .npaths = 1 };
	struct files *f = begin(&conf, &somebody);

	CALL(f, SYS_read, 1, { 5 });
	CALL(f, SYS_read, 1, { 0 });
	CALL(f, SYS_read, 1, { 7 });
	CALL(f, SYS_rename, 0, { 0 }, "/q", "/d/q");
	CALL(f, SYS_read, 1, { 5 }, .flags = FILE_F_QUIET);
	CALL(f, SYS_fcntl, 1, { 5, F_GETFL });
	cr_expect_eq(fake.n, 2);
	files_free(f);
	conf = (struct files_conf){ .all_fds = true };
	f = begin(&conf, &somebody);
	CALL(f, SYS_write, 1, { 7 });
	TOLD("\"path\":\"pipe:[9]\"");
	NOT_TOLD("offset");
	files_free(f);
}

Test(files, added_up)
{
	static const struct files_conf conf = { .summary = true };
	struct file_stats s = { .ops = 10, .errors = 1, .bytes = 100, .total_ns = 1000, .max_ns = 200, .bucket[6] = 9, .bucket[7] = 1 };
	struct file_key key = { .tgid = PID, .fd = 3, .nr = SYS_read };
	struct files *f = begin(&conf, &somebody);

	OPEN(f, "/a", 3, O_RDONLY);
	key.since = now;
	cr_expect_eq(files_count(f, &key, &s, false), 0, "more may come");
	CALL(f, SYS_close, 0, { 3 });
	OPEN(f, "/b", 3, O_RDONLY);
	cr_expect_eq(files_count(f, &key, &s, false), 1);
	key.since = now;
	key.nr = SYS_write;
	cr_expect_eq(files_count(f, &key, &s, true), 1);
	cr_expect_eq(fake.n, 0);
	files_summary(f, false);
	for (size_t i = 0; i < fake.n; i++) {
		bool a = strstr(fake.told[i], "\"path\":\"/a\""), b = strstr(fake.told[i], "\"path\":\"/b\"");

		if (a)
			cr_expect(strstr(fake.told[i], "\"ops\":{\"open\":1,\"read\":10,\"close\":1},\"bytes_read\":100,\"bytes_written\":0,"
						       "\"errors\":1") ||
				  strstr(fake.told[i], "\"ops\":{\"open\":1,\"close\":1,\"read\":10},\"bytes_read\":100"), "%s", fake.told[i]);
		if (a)
			cr_expect(strstr(fake.told[i], "\"opened\":1,\"closed\":1,\"still_open\":0"), "%s", fake.told[i]);
		if (b)
			cr_expect(strstr(fake.told[i], "\"bytes_written\":100") && strstr(fake.told[i], "\"still_open\":1"), "%s",
				  fake.told[i]);
		fake.all -= a || b;
	}
	cr_expect_eq(fake.all, ARRAY_SIZE(opened) - 2, "both are told");
	files_free(f);
}

struct specs {
	unsigned n, count, show;
	struct sys_spec read;
};

static int on_spec(void *arg, uint32_t nr, const struct sys_spec *spec)
{
	struct specs *s = arg;

	cr_expect_lt(nr, SYS_MAX);
	cr_expect_leq(spec->aux_len, 16);
	s->n++;
	s->count += !!(spec->flags & SYS_F_COUNT);
	s->show += !!(spec->flags & SYS_F_SHOW);
	if (nr == SYS_read)
		s->read = *spec;
	return 0;
}

Test(files, what_the_kernel_is_told)
{
	static const char *const ops[] = { "read", "pwrite64" };
	struct files_conf conf = { .ops = ops, .nops = 2 };
	struct specs s = { 0 };

	cr_expect_eq(files_specs(&conf, on_spec, &s), 0);
	cr_expect_eq(s.show, 6, "five ways to read, one to write: %u", s.show);
	cr_expect_eq(s.read.flags, SYS_F_SHOW);
	memset(&s, 0, sizeof(s));
	conf = (struct files_conf){ .summary = true };
	cr_expect_eq(files_specs(&conf, on_spec, &s), 0);
	cr_expect_eq(s.read.flags, SYS_F_COUNT);
	cr_expect(files_known("read", 4) && files_known("pread64", 7) && !files_known("rea", 3) && !files_known("clone", 5));
}

Test(files, broken_events)
{
	struct files *f = begin(&usual, &somebody);
	struct ev_file e = { .nr = SYS_read, .h = { .kind = EV_FILE, .len = sizeof(e), .pid = PID } };

	cr_expect_eq(files_event(f, &e, sizeof(e)), 0);
	cr_expect_eq(files_event(f, &e, sizeof(e) - 8), -EBADMSG);
	e.path_len = 1;
	cr_expect_eq(files_event(f, &e, sizeof(e)), -EBADMSG);
	e.path_len = 0;
	e.nr = SYS_getpid;
	cr_expect_eq(files_event(f, &e, sizeof(e)), -EBADMSG);
	e.nr = UINT32_MAX;
	cr_expect_eq(files_event(f, &e, sizeof(e)), -EBADMSG);
	files_free(f);
}
