/* SPDX-License-Identifier: MIT */
/* ndjson_test.c: every record a line of valid JSON, and exact counts when the output is full, slow or gone. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "base/util.h"
#include "sink.h"

#define EVENTS 30000 /* of about 100 bytes: more than the disk and the buffer hold */

static char dir[64], path[96];

static void init(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	strcpy(dir, "/tmp/ndjson_test.XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/out", dir);
}

static void fini(void)
{
	unlink(path);
	rmdir(dir);
}

TestSuite(ndjson, .init = init, .fini = fini, .timeout = 60);

static struct sink *open_sink(const char *to)
{
	struct sink_conf conf = { .path = to };
	struct sink *s = NULL;
	int err = sink_ndjson.open(&s, &conf);

	cr_assert_eq(err, 0, "%s: %s", to, strerror(-err));
	return s;
}

static struct record event(uint64_t number)
{
	struct record r = { .type = "call", .rank = RANK_EVENT };

	record_u64(&r, K_COUNT, number);
	record_str(&r, K_FUNCTION, "some::function::of_the_target(int, char const*)", 47);
	record_val(&r, K_TS, VAL_TIME, 1700000000123456789u);
	return r;
}

static int put_event(struct sink *s, uint64_t number)
{
	struct record r = event(number);

	return s->ops->write(s, &r);
}

static int put_frame(struct sink *s, const char *type)
{
	struct record r = { .type = type, .rank = RANK_STREAM };

	return s->ops->write(s, &r);
}

/* What stands in a file or came out of a pipe. */
struct tally {
	size_t lines, events, lost_records;
	uint64_t lost, last; /* last: number of the last event */
	bool ordered, torn;  /* torn: does not end with a newline */
	char first_type[16], last_type[16];
};

static void tally_line(struct tally *t, const char *line, size_t len)
{
	json_error_t error;
	json_t *j = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	const char *type;

	cr_assert_not_null(j, "line %zu: %s: %.*s", t->lines, error.text, (int)MIN(len, 200), line);
	type = json_string_value(json_object_get(j, "type"));
	cr_assert_not_null(type);
	snprintf(t->lines++ ? t->last_type : t->first_type, sizeof(t->last_type), "%s", type);
	if (!strcmp(type, "lost")) {
		cr_expect_str_eq(json_string_value(json_object_get(j, "reason")), "output_full");
		t->lost += (uint64_t)json_integer_value(json_object_get(j, "count"));
		t->lost_records++;
	} else if (!strcmp(type, "call")) {
		uint64_t n = (uint64_t)json_integer_value(json_object_get(j, "count"));

		t->ordered = t->ordered && n >= t->last;
		t->last = n;
		t->events++;
	}
	json_decref(j);
}

static struct tally tally(const char *p, size_t len)
{
	struct tally t = { .ordered = true };
	const char *nl;

	for (; (nl = memchr(p, '\n', len)); len -= (size_t)(nl + 1 - p), p = nl + 1)
		tally_line(&t, p, (size_t)(nl - p));
	t.torn = len > 0;
	return t;
}

static char *slurp(const char *from, size_t *len)
{
	int fd = open(from, O_RDONLY);
	size_t cap = 16 << 20;
	char *p = malloc(cap);
	ssize_t n;

	cr_assert(fd >= 0 && p, "%s: %m", from);
	for (*len = 0; (n = read(fd, p + *len, cap - *len)) > 0; *len += (size_t)n)
		;
	close(fd);
	return p;
}

static struct tally tally_file(const char *from)
{
	size_t len;
	AUTO_FREE char *p = slurp(from, &len);

	return tally(p, len);
}

static void expect_file(const char *want)
{
	size_t len;
	AUTO_FREE char *p = slurp(path, &len);

	cr_expect(len == strlen(want) && !memcmp(p, want, len), "got %.*s", (int)len, p);
}

Test(ndjson, every_type_of_value)
{
	const struct field inner[] = {
		{ .key = K_EXIT_RETURN, .type = VAL_U64, .u = 1 },
		{ .key = K_OPEN, .type = VAL_UNAVAIL, .len = 10, .str = "read_fault" },
	};
	const struct field list[] = {
		{ .type = VAL_OBJECT, .len = 2, .list = inner }, { .type = VAL_BOOL, .u = 1 }, { .type = VAL_ARRAY },
	};
	struct sink *s = open_sink(path);
	struct record r = { .type = "call", .rank = RANK_EVENT };

	record_u64(&r, K_PID, 1ull << 53);
	record_u64(&r, K_TID, UINT64_MAX);
	record_s64(&r, K_STATUS, -3);
	record_val(&r, K_ID, VAL_HEX64, 0xdeadbeef);
	record_val(&r, K_DURATION, VAL_NS, 12);
	record_val(&r, K_TS, VAL_TIME, 1767323045123456789u);
	record_str(&r, K_COMM, "a\"b\\\n\0\xff", 7);
	record_val(&r, K_EMULATED, VAL_BOOL, 0);
	record_list(&r, K_PROBES, VAL_ARRAY, list, 3);
	cr_assert_eq(s->ops->write(s, &r), 0);
	r = (struct record){ .type = "end" };
	cr_assert_eq(s->ops->write(s, &r), 0);
	cr_assert_eq(s->ops->flush(s), 0);
	cr_expect_eq(s->ops->lost(s), 0);
	s->ops->close(s);
	expect_file("{\"type\":\"call\",\"pid\":9007199254740992,\"tid\":\"18446744073709551615\",\"status\":-3,"
		    "\"id\":\"00000000deadbeef\",\"duration_ns\":12,\"ts\":\"2026-01-02T03:04:05.123456789Z\","
		    "\"comm\":\"a\\\"b\\\\\\n\\u0000\\ufffd\",\"emulated\":false,"
		    "\"probes\":[{\"return\":1,\"open\":{\"unavailable\":\"read_fault\"}},true,[]],"
		    "\"invalid_utf8\":true}\n{\"type\":\"end\"}\n");
}

Test(ndjson, members_that_the_target_named)
{
	const struct field args[] = {
		{ .name = "n\"", .type = VAL_FLOAT, .d = 0.5 }, { .name = "p", .type = VAL_NULL },
		{ .name = "\xff", .type = VAL_FLOAT, .d = __builtin_inf() }, { .key = K_VALUE, .type = VAL_BOOL, .u = 1 },
	};
	struct sink *s = open_sink(path);
	struct record r = { .type = "call", .rank = RANK_EVENT };

	record_list(&r, K_ARGS, VAL_OBJECT, args, 3);
	record_list(&r, K_EXIT_RETURN, VAL_OBJECT, args + 3, 1);
	cr_assert_eq(s->ops->write(s, &r), 0);
	s->ops->close(s);
	expect_file("{\"type\":\"call\",\"args\":{\"n\\\"\":0.5,\"p\":null,\"\\ufffd\":\"inf\"},\"return\":{\"value\":true},"
		    "\"invalid_utf8\":true}\n");
}

Test(ndjson, appends_or_replaces)
{
	struct sink_conf conf = { .path = path, .truncate = true };
	struct sink *s = open_sink(path);

	put_frame(s, "trace");
	s->ops->close(s);
	s = open_sink(path);
	put_frame(s, "end");
	s->ops->close(s);
	expect_file("{\"type\":\"trace\"}\n{\"type\":\"end\"}\n");
	cr_assert_eq(sink_ndjson.open(&s, &conf), 0);
	put_frame(s, "lost");
	s->ops->close(s);
	expect_file("{\"type\":\"lost\"}\n");
	sink_ndjson.close(NULL);
}

Test(ndjson, half_a_line_of_an_earlier_crash_is_ended)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	struct sink *s;

	cr_assert_eq(write(fd, "{\"ty", 4), 4);
	close(fd);
	s = open_sink(path);
	put_frame(s, "trace");
	s->ops->close(s);
	expect_file("{\"ty\n{\"type\":\"trace\"}\n");
}

Test(ndjson, a_line_larger_than_all_buffers)
{
	size_t n = 5 << 20;
	AUTO_FREE char *text = malloc(n);
	struct sink *s = open_sink(path);
	struct record r = { .type = "trace", .rank = RANK_STREAM };
	struct tally t;

	memset(text, 'x', n);
	record_str(&r, K_EXE, text, n);
	cr_assert_eq(s->ops->write(s, &r), 0);
	cr_assert_eq(put_event(s, 1), 0);
	s->ops->close(s);
	t = tally_file(path);
	cr_expect(t.lines == 2 && t.events == 1 && !t.torn);
}

/* Events, now and then a flush as the loop does it; returns how many were taken. */
static size_t put_many(struct sink *s, uint64_t from, size_t n, int *err)
{
	size_t taken = 0;

	for (size_t i = 0; i < n; i++) {
		taken += put_event(s, from + i) == 0;
		if (i % 100 == 99)
			*err = s->ops->flush(s);
	}
	return taken;
}

static void expect_sums(const struct tally *t, uint64_t attempted, uint64_t lost)
{
	cr_expect_eq(t->events + t->lost, attempted, "%zu + %lu", t->events, (unsigned long)t->lost);
	cr_expect_eq(t->lost, lost, "told %lu, counted %lu", (unsigned long)t->lost, (unsigned long)lost);
	cr_expect_gt(lost, 0);
	cr_expect(t->ordered);
	cr_expect(!t->torn);
	cr_expect_str_eq(t->first_type, "trace");
	cr_expect_str_eq(t->last_type, "end");
}

/* A disk that is full for a while: make_space() ends that. */
static void fill_and_recover(int want, void (*make_space)(void))
{
	struct sink *s = open_sink(path);
	struct tally t;
	uint64_t lost;
	size_t taken;
	int err = 0;

	put_frame(s, "trace");
	taken = put_many(s, 1, EVENTS, &err);
	cr_expect_eq(err, want, "%s", strerror(-err));
	cr_expect_eq(taken + s->ops->lost(s), EVENTS);
	cr_expect_eq(put_frame(s, "process"), 0, "not shed");
	make_space();
	cr_expect_eq(s->ops->flush(s), 0);
	lost = s->ops->lost(s);
	t = tally_file(path);
	cr_expect_eq(t.lost_records, 1, "%zu", t.lost_records);
	cr_expect(!t.torn);
	taken += put_many(s, EVENTS + 1, 1000, &err);
	cr_expect_eq(err, 0);
	put_frame(s, "end");
	s->ops->close(s);
	t = tally_file(path);
	cr_expect_eq(t.events, taken);
	cr_expect_eq(t.last, EVENTS + 1000);
	expect_sums(&t, EVENTS + 1000, lost);
}

static bool small_disk(void)
{
	return !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", dir, "tmpfs", 0, "size=64k");
}

static void larger_disk(void)
{
	cr_assert_eq(mount("none", dir, "tmpfs", MS_REMOUNT, "size=64m"), 0);
}

Test(ndjson, a_full_disk_recovers)
{
	if (!small_disk())
		cr_skip_test("needs root, to mount a small disk");
	fill_and_recover(-ENOSPC, larger_disk);
	umount(dir);
}

Test(ndjson, a_disk_that_stays_full_keeps_whole_lines)
{
	struct tally t;
	struct sink *s;
	struct stat st;
	int err = 0;

	if (!small_disk())
		cr_skip_test("needs root, to mount a small disk");
	s = open_sink(path);
	put_many(s, 1, EVENTS, &err);
	cr_expect_eq(err, -ENOSPC);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_size, 65536, "filled to the last byte");
	s->ops->close(s);
	t = tally_file(path);
	cr_expect(!t.torn && t.events == t.last && t.events > 400);
	umount(dir);
}

static void file_limit(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void no_file_limit(void)
{
	file_limit(RLIM_INFINITY);
}

Test(ndjson, a_file_size_limit_recovers)
{
	file_limit(65000);
	fill_and_recover(-EFBIG, no_file_limit);
}

Test(ndjson, frames_are_kept_longer_than_events)
{
	struct sink *s = open_sink("/dev/full");
	size_t frames = 0;
	int err = 0;

	put_many(s, 1, EVENTS, &err);
	cr_expect_eq(err, -ENOSPC);
	cr_expect_eq(put_event(s, 1), -ENOBUFS);
	while (frames < 100000 && put_frame(s, "process") == 0)
		frames++;
	cr_expect(frames > 65536 / 19 - 10 && frames < 65536 / 19 + 10, "64 KiB of them, not %zu", frames);
	s->ops->close(s);
}

/* A pipe as stdout would be: blocking, opened by someone else. */
static struct sink *open_pipe(int *out)
{
	char name[32];
	struct sink *s;
	int fd[2];

	cr_assert_eq(pipe2(fd, O_CLOEXEC), 0);
	snprintf(name, sizeof(name), "/dev/fd/%d", fd[1]);
	s = open_sink(name);
	close(fd[1]);
	*out = fd[0];
	return s;
}

static struct sink *open_fifo(int *out)
{
	cr_assert_eq(mkfifo(path, 0600), 0);
	*out = open(path, O_RDONLY | O_NONBLOCK);
	cr_assert_geq(*out, 0);
	return open_sink(path);
}

static struct sink *(*const openers[])(int *out) = { open_pipe, open_fifo };

static void drain_pipe(int fd, char *p, size_t *len)
{
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = read(fd, p + *len, 65536)) > 0)
		*len += (size_t)n;
}

Test(ndjson, a_slow_reader_never_blocks)
{
	for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
		AUTO_FREE char *p = malloc(16 << 20);
		size_t len = 0, rounds = 0;
		struct tally t;
		struct sink *s;
		uint64_t lost;
		int fd, err = 0;

		s = openers[i](&fd);
		put_frame(s, "trace");
		put_many(s, 1, 2000, &err);
		cr_expect_eq(err, 0, "the buffer is there for this");
		put_many(s, 2001, EVENTS, &err);
		cr_expect_eq(err, -EAGAIN);
		do
			drain_pipe(fd, p, &len);
		while ((err = s->ops->flush(s)) && ++rounds < 1000);
		cr_assert_eq(err, 0);
		lost = s->ops->lost(s);
		put_frame(s, "end");
		for (rounds = 0; rounds < 20; rounds++) {
			drain_pipe(fd, p, &len);
			s->ops->flush(s);
		}
		s->ops->close(s);
		drain_pipe(fd, p, &len);
		t = tally(p, len);
		expect_sums(&t, 2000 + EVENTS, lost);
		close(fd);
		unlink(path);
	}
}

Test(ndjson, a_reader_that_goes_away)
{
	for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
		struct sink *s;
		int fd, err = 0;

		s = openers[i](&fd);
		put_event(s, 1);
		cr_expect_eq(s->ops->flush(s), 0);
		put_event(s, 2);
		put_event(s, 3);
		close(fd);
		cr_expect_eq(s->ops->flush(s), -EPIPE);
		cr_expect_eq(s->ops->lost(s), 2);
		cr_expect_eq(put_event(s, 4), -EPIPE);
		put_many(s, 5, 1000, &err);
		cr_expect_eq(err, -EPIPE);
		cr_expect_eq(s->ops->lost(s), 1003);
		s->ops->close(s);
		unlink(path);
	}
}

/* Reads all, a little at a time, and exits with 0 if it ended with the record `end`. */
static void slow_reader(int fd)
{
	AUTO_FREE char *p = malloc(4 << 20);
	struct tally t;
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, p + len, 10000)) > 0) {
		len += (size_t)n;
		usleep(500);
	}
	t = tally(p, len);
	_exit(t.torn || strcmp(t.last_type, "end") || t.events != 5000);
}

Test(ndjson, close_waits_for_a_reader_that_reads)
{
	struct sink *s;
	int fd, status;
	pid_t pid;

	s = open_pipe(&fd);
	for (uint64_t i = 1; i <= 5000; i++)
		cr_assert_eq(put_event(s, i), 0);
	put_frame(s, "end");
	pid = fork();
	if (!pid) {
		/* Its copy of the writing end would keep the pipe open. */
		for (int other = 3; other < 256; other++)
			if (other != fd)
				close(other);
		slow_reader(fd);
	}
	close(fd);
	s->ops->close(s);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0, "status %x", status);
}
