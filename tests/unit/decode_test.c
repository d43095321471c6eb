/* SPDX-License-Identifier: MIT */
/* decode_test.c: events into records; every malformation is refused. */
#include <criterion/criterion.h>
#include "pipeline/decode.h"

#define WALL_OFFSET 1700000000000000000u
#define SALT        0x1122334455667788u

static const struct fn_name fns[] = {
	{ "ns::outer(int)", "/usr/bin/demo", NULL },
	{ "inner", "/usr/lib/lib\"quoted\".so", NULL },
	{ "esc\033[2Jape\xff", "/tmp/\xc3\xa9t\xc3\xa9", NULL },
};
static const struct decoder decoder = { { WALL_OFFSET }, SALT, fns, ARRAY_SIZE(fns) };

static struct ev_call a_call(void)
{
	return (struct ev_call){
		.h = { EV_CALL, sizeof(struct ev_call), 1, 0, 5000001234u, 4711, 4712 },
		.start_ns = 5000000000u, .id = 3, .parent = 2, .fn = 1, .depth = 1,
		.exit = EXIT_EXCEPTION, .comm = "worker",
	};
}

static struct ev_process a_process(uint32_t event, int32_t status)
{
	return (struct ev_process){
		.h = { EV_PROCESS, sizeof(struct ev_process), 0, 0, 6000000000u, 10, 11 },
		.event = event, .child = 12, .status = status, .comm = "sixteen bytes !!",
	};
}

static uint64_t number(const struct record *r, enum record_key key)
{
	const struct field *f = record_find(r, key);

	cr_assert_not_null(f, "no field %s", record_key_name(key));
	return f->u;
}

static bool has_text(const struct record *r, enum record_key key, const char *want)
{
	const struct field *f = record_find(r, key);

	return f && f->type == VAL_STR && f->len == strlen(want) && !memcmp(f->str, want, f->len);
}

Test(decode, a_call_in_full)
{
	static const enum record_key order[] = { K_TS, K_DURATION, K_PID, K_TID, K_COMM, K_FUNCTION,
						 K_MODULE, K_EXIT, K_ID, K_PARENT, K_DEPTH };
	struct ev_call e = a_call();
	struct record r;

	cr_assert_eq(decode_event(&decoder, &e, sizeof(e), &r), 0);
	cr_expect_str_eq(r.type, "call");
	cr_expect_eq(r.rank, RANK_EVENT);
	cr_assert_eq(r.n, ARRAY_SIZE(order));
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		cr_expect_eq(r.f[i].key, order[i], "field %zu is %s", i, record_key_name(r.f[i].key));
	cr_expect_eq(number(&r, K_TS), WALL_OFFSET + 5000000000u);
	cr_expect_eq(number(&r, K_DURATION), 1234);
	cr_expect_eq(number(&r, K_PID), 4711);
	cr_expect_eq(number(&r, K_TID), 4712);
	cr_expect_eq(number(&r, K_ID), 3 ^ SALT);
	cr_expect_eq(number(&r, K_PARENT), 2 ^ SALT);
	cr_expect_eq(number(&r, K_DEPTH), 1);
	cr_expect(has_text(&r, K_COMM, "worker"));
	cr_expect(has_text(&r, K_FUNCTION, "inner"));
	cr_expect(has_text(&r, K_MODULE, fns[1].module));
	cr_expect(has_text(&r, K_EXIT, "exception"));
}

Test(decode, exits_have_the_names_of_the_schema)
{
	static const char *const names[] = { "return", "tail_call", "exception", "panic", "unwound",
					     "thread_exit", "open" };
	struct ev_call e = a_call();
	struct record r;

	for (unsigned i = 0; i < 256; i++) {
		e.exit = (uint8_t)i;
		cr_expect_eq(decode_event(&decoder, &e, sizeof(e), &r), i < ARRAY_SIZE(names) ? 0 : -EBADMSG);
		if (i < ARRAY_SIZE(names))
			cr_expect(has_text(&r, K_EXIT, names[i]));
	}
}

Test(decode, an_outermost_call_has_no_parent)
{
	struct ev_call e = a_call();
	struct record r;

	e.parent = 0;
	cr_assert_eq(decode_event(&decoder, &e, sizeof(e), &r), 0);
	cr_expect_null(record_find(&r, K_PARENT));
	cr_expect_eq(r.n, 10);
}

Test(decode, a_call_never_lasts_less_than_nothing)
{
	struct ev_call e = a_call();
	struct record r;

	e.start_ns = e.h.ts_ns + 1;
	cr_assert_eq(decode_event(&decoder, &e, sizeof(e), &r), 0);
	cr_expect_eq(number(&r, K_DURATION), 0);
}

Test(decode, a_function_that_is_not_known_is_refused)
{
	struct ev_call e = a_call();
	struct record r;

	e.fn = ARRAY_SIZE(fns);
	cr_expect_eq(decode_event(&decoder, &e, sizeof(e), &r), -EBADMSG);
	e.fn = UINT32_MAX;
	cr_expect_eq(decode_event(&decoder, &e, sizeof(e), &r), -EBADMSG);
	e.fn = 0;
	cr_expect_eq(decode_event(&(struct decoder){ 0 }, &e, sizeof(e), &r), -EBADMSG);
}

Test(decode, every_truncation_is_refused)
{
	struct ev_call call = a_call();
	struct ev_process process = a_process(PROC_EXEC, 0);
	const struct { const void *p; size_t len; } events[] = {
		{ &call, sizeof(call) }, { &process, sizeof(process) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		for (size_t n = 0; n < events[i].len; n++) {
			/* A block of its own, so that a sanitizer sees a byte read too many. */
			AUTO_FREE char *copy = malloc(MAX(n, (size_t)1));
			struct record r;

			memcpy(copy, events[i].p, n);
			cr_expect_eq(decode_event(&decoder, copy, n, &r), -EBADMSG, "length %zu", n);
			if (n >= sizeof(struct ev_hdr)) {
				((struct ev_hdr *)(void *)copy)->len = (uint16_t)n;
				cr_expect_eq(decode_event(&decoder, copy, n, &r), -EBADMSG);
			}
		}
	}
}

Test(decode, a_length_that_is_not_that_of_the_kind_is_refused)
{
	char bytes[256] = { 0 };
	struct ev_call e = a_call();
	struct record r;

	for (unsigned len = 0; len <= sizeof(bytes); len++) {
		e.h.len = (uint16_t)len;
		memcpy(bytes, &e, sizeof(e));
		cr_expect_eq(decode_event(&decoder, bytes, len, &r), len == sizeof(e) ? 0 : -EBADMSG);
		cr_expect_eq(decode_event(&decoder, bytes, sizeof(e), &r), len == sizeof(e) ? 0 : -EBADMSG);
	}
}

Test(decode, unknown_kinds_are_told_apart)
{
	struct ev_call e = a_call();
	struct record r;

	for (unsigned kind = 0; kind <= UINT16_MAX; kind++) {
		e.h.kind = (uint16_t)kind;
		cr_expect_eq(decode_event(&decoder, &e, sizeof(e), &r),
			     kind == EV_CALL ? 0 : kind == EV_PROCESS ? -EBADMSG : -ENOTSUP);
	}
}

Test(decode, bytes_need_no_alignment)
{
	char bytes[sizeof(struct ev_call) + 8];
	struct ev_call e = a_call();
	struct record r;

	for (size_t shift = 0; shift < 8; shift++) {
		memcpy(bytes + shift, &e, sizeof(e));
		cr_assert_eq(decode_event(&decoder, bytes + shift, sizeof(e), &r), 0);
		cr_expect_eq(number(&r, K_DURATION), 1234);
	}
}

Test(decode, process_events_have_the_fields_that_apply)
{
	static const struct {
		uint32_t event;
		int32_t status;
		const char *name;
		int child, code, signal; /* -1: absent */
	} cases[] = {
		{ PROC_FORK, 0, "fork", 12, -1, -1 },      { PROC_EXEC, 0, "exec", -1, -1, -1 },
		{ PROC_EXIT, 3 << 8, "exit", -1, 3, -1 },  { PROC_EXIT, 0, "exit", -1, 0, -1 },
		{ PROC_EXIT, 9, "exit", -1, -1, 9 },       { PROC_EXIT, 0x80 | 11, "exit", -1, -1, 11 },
		{ PROC_LIBRARY, 0, "library", -1, -1, -1 },
		{ PROC_FOREIGN_STACK, 0, "foreign_stack", -1, -1, -1 },
	};
	struct record r;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ev_process e = a_process(cases[i].event, cases[i].status);
		const struct field *f;

		cr_assert_eq(decode_event(&decoder, &e, sizeof(e), &r), 0, "case %zu", i);
		cr_expect_str_eq(r.type, "process");
		cr_expect_eq(r.rank, RANK_STREAM);
		cr_expect(has_text(&r, K_EVENT, cases[i].name));
		cr_expect(has_text(&r, K_COMM, "sixteen bytes !!"), "a comm without NUL");
		cr_expect_eq(number(&r, K_TS), WALL_OFFSET + 6000000000u);
		f = record_find(&r, K_CHILD);
		cr_expect_eq(f ? (int)f->u : -1, cases[i].child);
		f = record_find(&r, K_STATUS);
		cr_expect_eq(f ? (int)f->s : -1, cases[i].code);
		f = record_find(&r, K_SIGNAL);
		cr_expect_eq(f ? (int)f->s : -1, cases[i].signal);
	}
}

Test(decode, process_events_of_no_sense_are_refused)
{
	static const struct { uint32_t event; int32_t status; } cases[] = {
		{ 5, 0 }, { 8, 0 }, { 32, 0 }, { UINT32_MAX, 0 }, { PROC_EXIT, 0x7f }, { PROC_EXIT, 0x137f },
	};
	struct record r;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ev_process e = a_process(cases[i].event, cases[i].status);

		cr_expect_eq(decode_event(&decoder, &e, sizeof(e), &r), -EBADMSG, "case %zu", i);
	}
}
