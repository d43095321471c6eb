/* SPDX-License-Identifier: MIT */
/*
 * stream_test.c: recorded streams, written, read back, broken; and the golden one, byte for byte. After a wanted
 * change TPD_GOLDEN_UPDATE=1 writes tests/golden anew.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include "pipeline/stream.h"
#include "sink.h"

#define OFFSET 1700000000000000000u
#define SALT   0x1122334455667788u

static const struct fn_name fns[] = {
	{ "ns::outer(int)", "/usr/bin/demo", NULL },
	{ "inner", "/usr/lib/lib\"quoted\".so", NULL },
	{ "esc\033[2Jape\xff", "/tmp/\xc3\xa9t\xc3\xa9", NULL },
};

static int put_call(struct stream_writer *w, uint64_t seq, uint32_t fn, uint16_t depth, uint8_t exit)
{
	struct ev_call e = {
		.h = { EV_CALL, sizeof(e), seq % 2, seq / 2, 5000001000u + 1000 * seq, 4711, 4712 },
		.start_ns = 5000000000u + seq, .id = seq + 1, .parent = depth ? seq : 0, .fn = fn,
		.depth = depth, .exit = exit, .comm = "worker",
	};

	return stream_write_event(w, &e, sizeof(e));
}

static int put_process(struct stream_writer *w, uint64_t seq, uint32_t event, int32_t status)
{
	struct ev_process e = {
		.h = { EV_PROCESS, sizeof(e), 3, seq, 6000000000u + seq, 4711, 4711 },
		.event = event, .child = event == PROC_FORK ? 4800 : 0, .status = status,
		.comm = "sixteen bytes !!",
	};

	return stream_write_event(w, &e, sizeof(e));
}

/* One of everything. */
static void golden_write(const char *path)
{
	const struct clock_map clock = { OFFSET };
	struct ev_hdr future = { .kind = 0x7000, .len = sizeof(future) };
	struct stream_writer *w;
	int err;

	err = stream_writer_open(&w, path, &clock, SALT);
	cr_assert_eq(err, 0, "%s: %s", path, strerror(-err));
	err |= stream_write_meta(w, "host", "golden");
	err |= stream_write_meta(w, "kernel", "6.18.0");
	err |= stream_write_fn(w, &fns[0]);
	err |= stream_write_fn(w, &fns[1]);
	err |= put_process(w, 0, PROC_EXEC, 0);
	for (uint8_t exit = 0; exit < CALL_EXIT_MAX; exit++)
		err |= put_call(w, exit, exit % 2, exit, exit);
	err |= stream_write_event(w, &future, sizeof(future));
	err |= stream_write_fn(w, &fns[2]); /* found while tracing */
	err |= put_call(w, 60000, 2, 255, EXIT_RETURN);
	err |= put_process(w, 1, PROC_FORK, 0);
	err |= put_process(w, 2, PROC_LIBRARY, 0);
	err |= put_process(w, 3, PROC_FOREIGN_STACK, 0);
	err |= put_process(w, 4, PROC_EXIT, 3 << 8);
	err |= put_process(w, 5, PROC_EXIT, 11);
	cr_assert_eq(err, 0);
	cr_assert_eq(stream_writer_close(w), 0);
}

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	size_t cap = 1 << 20;
	char *p = malloc(cap);

	cr_assert(f && p, "%s: %m", path);
	*len = fread(p, 1, cap, f);
	cr_assert_lt(*len, cap);
	fclose(f);
	return p;
}

static void expect_same(const char *path, const char *want_path)
{
	size_t n, want_n;
	AUTO_FREE char *got = slurp(path, &n), *want = slurp(want_path, &want_n);

	cr_expect(n == want_n && !memcmp(got, want, n), "%s and %s differ", path, want_path);
}

/* Replays in into an NDJSON file; the last value of stream_next(). */
static int replay(const char *in, const char *out)
{
	struct stream_reader *r;
	struct sink_conf conf = { .path = out, .truncate = true };
	struct sink *s;
	const void *bytes;
	size_t len;
	int ret;

	cr_assert_eq(stream_reader_open(&r, in), 0);
	cr_assert_eq(sink_ndjson.open(&s, &conf), 0);
	while ((ret = stream_next(r, &bytes, &len)) == 1) {
		struct record rec;
		int err = decode_event(stream_decoder(r), bytes, len, &rec);

		cr_assert(!err || err == -ENOTSUP, "%s", strerror(-err));
		if (!err)
			cr_assert_eq(sink_ndjson.write(s, &rec), 0);
	}
	cr_assert_eq(sink_ndjson.flush(s), 0);
	cr_expect_str_eq(stream_meta(r, "host"), "golden");
	cr_expect_null(stream_meta(r, "nothing"));
	sink_ndjson.close(s);
	stream_reader_close(r);
	return ret;
}

static char scratch[64], rec[96], nd[96];

static void make_scratch(void)
{
	strcpy(scratch, "/tmp/stream_test.XXXXXX");
	cr_assert_not_null(mkdtemp(scratch));
	snprintf(rec, sizeof(rec), "%s/rec", scratch);
	snprintf(nd, sizeof(nd), "%s/ndjson", scratch);
}

static void drop_scratch(void)
{
	unlink(rec);
	unlink(nd);
	rmdir(scratch);
}

TestSuite(stream, .init = make_scratch, .fini = drop_scratch);

Test(stream, golden)
{
	const char *want_rec = "tests/golden/all.tpdrec", *want_nd = "tests/golden/all.ndjson";

	if (getenv("TPD_GOLDEN_UPDATE")) {
		golden_write(want_rec);
		cr_assert_eq(replay(want_rec, want_nd), 0);
	}
	golden_write(rec);
	expect_same(rec, want_rec);
	cr_expect_eq(replay(want_rec, nd), 0);
	expect_same(nd, want_nd);
}

/* What a stream of these bytes gives: events read, and how it ended. */
static int read_bytes(const void *p, size_t n, unsigned *events)
{
	struct stream_reader *r;
	const void *bytes;
	size_t len;
	/* fmemopen() takes no empty buffer in older C libraries, and must not see more than n bytes. */
	FILE *f = n ? fmemopen((void *)p, n, "r") : fopen("/dev/null", "r");
	int ret;

	*events = 0;
	cr_assert_not_null(f);
	ret = stream_reader_new(&r, f);
	if (ret)
		return ret;
	while ((ret = stream_next(r, &bytes, &len)) == 1) {
		struct record record;

		decode_event(stream_decoder(r), bytes, len, &record);
		++*events;
	}
	stream_reader_close(r);
	return ret;
}

Test(stream, every_cut_is_noticed)
{
	unsigned events, all, most = 0;
	AUTO_FREE char *p = NULL;
	size_t n, whole = 0;

	golden_write(rec);
	p = slurp(rec, &n);
	cr_assert_eq(read_bytes(p, n, &all), 0);
	cr_expect_eq(all, 15);
	for (size_t cut = 0; cut < n; cut++) {
		int ret = read_bytes(p, cut, &events);

		if (cut < sizeof(struct stream_head))
			cr_expect_eq(ret, -EBADMSG);
		else
			cr_expect(ret == -ENODATA || ret == 0, "cut at %zu: %d", cut, ret);
		whole += ret == 0;
		cr_expect(events >= most && events < all);
		most = events;
	}
	cr_expect_eq(whole, 2 + 3 + 15, "a cut between two frames");
}

Test(stream, flipped_bytes_do_no_harm)
{
	AUTO_FREE char *p = NULL;
	unsigned events;
	size_t n;

	golden_write(rec);
	p = slurp(rec, &n);
	for (size_t i = 0; i < n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			int ret;

			p[i] ^= (char)(1 << bit);
			ret = read_bytes(p, n, &events);
			cr_expect(ret == 0 || ret == -ENODATA || ret == -EBADMSG || ret == -EPROTO, "%d", ret);
			if (i < 16)
				cr_expect(ret == -EBADMSG || ret == -EPROTO, "byte %zu of the head", i);
			p[i] ^= (char)(1 << bit);
		}
	}
}

Test(stream, hostile_frames_are_refused)
{
	struct stream_head head = { .magic = STREAM_MAGIC, .abi = EV_ABI };
	static const struct { struct ev_hdr h; int want; } cases[] = {
		{ { .kind = EV_CALL, .len = 0 }, -EBADMSG },
		{ { .kind = EV_CALL, .len = 31 }, -EBADMSG },
		{ { .kind = EV_CALL, .len = 33 }, -EBADMSG },
		{ { .kind = EV_CALL, .len = 65528 }, -ENODATA },
		{ { .kind = EV_CALL, .len = 65535 }, -EBADMSG },
		{ { .kind = STREAM_FN, .len = 32 }, -EBADMSG },
		{ { .kind = STREAM_FN, .len = 40 }, 0 },   /* two empty strings */
		{ { .kind = STREAM_META, .len = 32 }, -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char bytes[sizeof(head) + 40] = { 0 };
		unsigned events;

		memcpy(bytes, &head, sizeof(head));
		memcpy(bytes + sizeof(head), &cases[i].h, sizeof(cases[i].h));
		cr_expect_eq(read_bytes(bytes, sizeof(head) + MIN(MAX(cases[i].h.len, 32), 40), &events),
			     cases[i].want, "case %zu", i);
	}
}

Test(stream, strings_without_end_are_refused)
{
	struct { struct stream_head head; struct ev_hdr h; char text[8]; } s = {
		.head = { .magic = STREAM_MAGIC, .abi = EV_ABI },
		.h = { .kind = STREAM_FN, .len = 40 },
	};
	static const struct { const char *text; int want; } cases[] = {
		{ "a\0b\0\0\0\0", 0 }, { "\0\0\0\0\0\0\0", 0 }, { "abcdef\0", 0 },
		{ "abcdefgh", -EBADMSG }, { "abc\0defg", -EBADMSG },
	};
	unsigned events;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memcpy(s.text, cases[i].text, 8);
		cr_expect_eq(read_bytes(&s, sizeof(s), &events), cases[i].want, "case %zu", i);
	}
}

/* Before the event that needs them; told once for each process. */
Test(stream, names_of_types_and_unwanted_calls_come_back)
{
	const struct clock_map clock = { OFFSET };
	struct ev_call e = { .h = { .kind = EV_CALL, .len = sizeof(e) + 8, .pid = 7 }, .flags = CALL_F_CAPTURE }, got;
	char bytes[sizeof(e) + 8] = { 0 };
	struct stream_writer *w;
	struct stream_reader *r;
	const void *p;
	size_t len;

	memcpy(bytes, &e, sizeof(e));
	strcpy(bytes + sizeof(e), "carried");
	cr_assert_eq(stream_writer_open(&w, rec, &clock, SALT), 0);
	cr_expect_eq(stream_write_go_type(w, 7, 0x1000, "*main.T"), 0);
	cr_expect_eq(stream_write_unwanted(w, bytes, sizeof(bytes)), 0);
	cr_expect_eq(stream_write_go_type(w, 7, 0x1000, "another"), 0);
	cr_expect_eq(stream_write_go_type(w, 8, 0x1000, ""), 0);
	cr_expect_eq(stream_write_event(w, bytes, sizeof(bytes)), 0);
	cr_expect_eq(stream_write_unwanted(w, bytes, sizeof(e) - 1), -EBADMSG);
	cr_assert_eq(stream_writer_close(w), 0);
	cr_assert_eq(stream_reader_open(&r, rec), 0);
	cr_expect_null(stream_go_type(r, 7, 0x1000));
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(stream_next(r, &p, &len), 1);
		cr_assert_eq(len, sizeof(bytes));
		memcpy(&got, p, sizeof(got));
		cr_expect_eq(got.flags, i ? CALL_F_CAPTURE : CALL_F_CAPTURE | CALL_F_UNWANTED);
		cr_expect_str_eq((const char *)p + sizeof(got), "carried");
		cr_expect_str_eq(stream_go_type(r, 7, 0x1000), "*main.T");
	}
	cr_expect_str_eq(stream_go_type(r, 8, 0x1000), "");
	cr_expect_null(stream_go_type(r, 9, 0x1000));
	cr_expect_eq(stream_next(r, &p, &len), 0);
	stream_reader_close(r);
}

Test(stream, long_names_are_cut_and_survive)
{
	const struct clock_map clock = { 0 };
	AUTO_FREE char *name = malloc(100001);
	struct stream_writer *w;
	struct stream_reader *r;
	struct fn_name fn = { name, name, NULL };
	const void *bytes;
	size_t len;

	memset(name, 'x', 100000);
	name[100000] = '\0';
	cr_assert_eq(stream_writer_open(&w, rec, &clock, 0), 0);
	cr_assert_eq(stream_write_fn(w, &fn), 0);
	cr_assert_eq(stream_writer_close(w), 0);
	cr_assert_eq(stream_reader_open(&r, rec), 0);
	cr_assert_eq(stream_next(r, &bytes, &len), 0);
	cr_assert_eq(stream_decoder(r)->nfns, 1);
	cr_expect_eq(strlen(stream_decoder(r)->fns[0].function), 32000);
	cr_expect_eq(strlen(stream_decoder(r)->fns[0].module), 32000);
	stream_reader_close(r);
}

Test(stream, a_full_disk_is_said)
{
	const struct clock_map clock = { 0 };
	struct stream_writer *w;
	int err;

	cr_assert_eq(stream_writer_open(&w, "/dev/full", &clock, 0), 0);
	err = put_call(w, 0, 0, 0, 0);
	if (!err)
		err = stream_writer_flush(w);
	cr_expect_eq(err, -ENOSPC);
	cr_expect_eq(put_call(w, 1, 0, 0, 0), -ENOSPC, "the recording has ended");
	cr_expect_eq(stream_writer_close(w), -ENOSPC);
	cr_expect_eq(stream_writer_close(NULL), 0);
	cr_expect_eq(stream_reader_open(&(struct stream_reader *){ NULL }, "/nonexistent"), -ENOENT);
	cr_expect_eq(stream_write_event(w = NULL, &(struct ev_hdr){ .len = 8 }, 8), -EBADMSG);
}
