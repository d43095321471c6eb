/* SPDX-License-Identifier: MIT */
/* values_test.c: captures made by hand, right and broken, as fields of records; blocks of values that are refused. */
#include <float.h>
#include "pipeline/values.h"
#include "record_json.h"

/* A block in the making: values, strings, and the capture that goes with it. */
struct block {
	_Alignas(8) uint8_t mem[65536];
	struct values *head;
	struct value *v;
	char strings[4096];
	_Alignas(8) uint8_t capture[CAPTURE_MAX];
	struct capture_head *got;
	struct arena *arena;
};

static struct block b;

static void init(void)
{
	memset(&b, 0, sizeof(b));
	b.head = (struct values *)b.mem;
	b.v = (struct value *)(b.head + 1);
	b.head->nstrings = 1;
	b.got = (struct capture_head *)b.capture;
	*b.got = (struct capture_head){ .got = UINT64_MAX, .bytes = sizeof(b.capture) };
	memset(b.capture + sizeof(*b.got), 0xa5, sizeof(b.capture) - sizeof(*b.got));
	cr_assert_eq(arena_new(&b.arena, 1 << 18), 0);
}

static void fini(void)
{
	arena_free(b.arena);
}

TestSuite(values, .init = init, .fini = fini);

static uint32_t string(const char *s)
{
	uint32_t at = b.head->nstrings;

	strcpy(b.strings + at, s);
	b.head->nstrings += (uint32_t)strlen(s) + 1;
	return at;
}

/* The next value; those below it are added behind, all of one parent at once. */
static struct value *add(enum value_kind kind, const char *name)
{
	struct value *v = &b.v[b.head->n++];

	*v = (struct value){ .kind = kind, .item = VALUE_NO_ITEM, .name = string(name) };
	return v;
}

static struct value *below(struct value *parent, enum value_kind kind, const char *name)
{
	struct value *v = add(kind, name);

	if (!parent->nchildren++)
		parent->child = (uint32_t)(v - b.v);
	return v;
}

static struct value *root(enum value_kind kind, const char *name)
{
	b.head->nroots++;
	return add(kind, name);
}

static struct value *in_item(struct value *v, uint8_t item, uint16_t at, uint32_t size)
{
	v->item = item;
	v->at = at;
	v->size = size;
	return v;
}

static void seal(void)
{
	size_t n = b.head->n * sizeof(struct value);

	memcpy((uint8_t *)b.v + n, b.strings, b.head->nstrings);
	b.head->bytes = (uint32_t)(sizeof(*b.head) + n + b.head->nstrings);
}

static int read_it(struct record *r, bool returned)
{
	seal();
	cr_assert_eq(values_check(b.head, b.head->bytes), 0);
	*r = (struct record){ .type = "call" };
	arena_reset(b.arena);
	return values_put(b.head, b.capture, b.got->bytes, returned, NULL, b.arena, r);
}

static void expect(const char *want)
{
	AUTO_FREE char *line = NULL;
	struct record r;

	cr_assert_eq(read_it(&r, true), 0);
	line = record_line(&r);
	line[strlen(line) - 2] = '\0';
	cr_expect_str_eq(line + strlen("{\"type\":\"call\",\"args\":{"), want, "got  %s\nwant %s", line, want);
}

static void fetched(uint16_t at, uint32_t off, const void *p, uint32_t len, uint64_t all)
{
	struct fetched f = { off, len, all };

	memcpy(b.capture + at, &f, sizeof(f));
	memcpy(b.capture + off, p, len);
}

Test(values, integers_of_every_width)
{
	static const struct {
		enum value_kind kind;
		uint32_t size;
		uint8_t flags;
		__int128 v;
		const char *want;
	} cases[] = {
		{ VALUE_INT, 1, 0, -128, "-128" }, { VALUE_INT, 2, 0, -2, "-2" }, { VALUE_INT, 4, 0, INT32_MIN, "-2147483648" },
		{ VALUE_INT, 8, 0, INT64_MIN, "\"-9223372036854775808\"" }, { VALUE_INT, 16, 0, -5, "-5" },
		{ VALUE_INT, 16, 0, (__int128)1 << 100, "\"1267650600228229401496703205376\"" },
		{ VALUE_INT, 16, 0, -((__int128)1 << 100), "\"-1267650600228229401496703205376\"" },
		{ VALUE_UINT, 1, 0, 255, "255" }, { VALUE_UINT, 8, 0, UINT64_MAX, "\"18446744073709551615\"" },
		{ VALUE_UINT, 16, 0, -1, "\"340282366920938463463374607431768211455\"" },
		{ VALUE_UINT, 8, VALUE_F_FLAGS, 0, "\"0x0\"" }, { VALUE_UINT, 3, 0, 0x030201, "197121" },
		{ VALUE_BOOL, 1, 0, 0, "false" }, { VALUE_BOOL, 1, 0, 2, "true" },
		{ VALUE_CHAR, 1, 0, 'x', "\"x\"" }, { VALUE_CHAR, 1, 0, 0, "\"\\u0000\"" }, { VALUE_CHAR, 1, 0, 0xe9, "233" },
		{ VALUE_CHAR, 1, VALUE_F_SIGNED, 0xe9, "-23" }, { VALUE_CHAR, 2, 0, 0x20ac, "\"\xe2\x82\xac\"" },
		{ VALUE_CHAR, 2, 0, 0xd800, "55296" }, { VALUE_CHAR, 4, 0, 0x1f41b, "\"\xf0\x9f\x90\x9b\"" },
		{ VALUE_CHAR, 4, 0, 0x110000, "1114112" }, { VALUE_CHAR, 4, VALUE_F_SIGNED, 0xe9, "\"\xc3\xa9\"" },
		{ VALUE_POINTER, 8, 0, 0xdeadbeef, "\"0xdeadbeef\"" }, { VALUE_POINTER, 8, 0, 0, "null" },
	};
	char want[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fini();
		init();
		in_item(root(cases[i].kind, "v"), 1, 16, cases[i].size)->flags = cases[i].flags;
		memcpy(b.capture + 16, &cases[i].v, cases[i].size);
		snprintf(want, sizeof(want), "\"v\":%s}", cases[i].want);
		expect(want);
	}
}

Test(values, floats_as_short_as_can_be)
{
	static const struct {
		long double v;
		uint32_t size;
		const char *want;
	} cases[] = {
		{ 0.1f, 4, "0.1" }, { 0.1, 8, "0.1" }, { 1, 8, "1.0" }, { -0.0, 8, "-0.0" }, { FLT_MAX, 4, "3.40282e+38" },
		{ 5e-324, 8, "4.94065645841247e-324" }, { 1.0L / 3, 16, "\"0.333333333333333333342\"" }, { 2.5L, 16, "2.5" },
		{ __builtin_nan(""), 8, "\"nan\"" }, { -__builtin_inf(), 8, "\"-inf\"" }, { __builtin_inf(), 4, "\"inf\"" },
	};
	char want[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		float f = (float)cases[i].v;
		double d = (double)cases[i].v;

		fini();
		init();
		in_item(root(VALUE_FLOAT, "v"), 1, 16, cases[i].size);
		memcpy(b.capture + 16, cases[i].size == 4 ? (void *)&f : cases[i].size == 8 ? (void *)&d : (void *)&cases[i].v,
		       cases[i].size);
		snprintf(want, sizeof(want), "\"v\":%s}", cases[i].want);
		if (i == 4)
			strcpy(want, "\"v\":3.4028235e+38}");
		expect(want);
	}
	/* An x87 number without its leading 1. */
	fini();
	init();
	in_item(root(VALUE_FLOAT, "v"), 1, 16, 16);
	memset(b.capture + 16, 0x11, 16);
	expect("\"v\":{\"unavailable\":\"invalid\"}}");
}

Test(values, bits_of_an_integer)
{
	struct value *v = in_item(root(VALUE_STRUCT, "s"), VALUE_NO_ITEM, 0, 0), *c;
	uint64_t word = 0x0123456789abcdef;

	memcpy(b.capture + 16, &word, 8);
	c = in_item(below(v, VALUE_UINT, "low"), 1, 16, 1);
	c->bit_size = 4;
	c = in_item(below(v, VALUE_INT, "signed"), 1, 16, 2);
	c->bit_off = 4, c->bit_size = 8;
	c = in_item(below(v, VALUE_UINT, "wide"), 1, 16, 8);
	c->bit_off = 1, c->bit_size = 60;
	expect("\"s\":{\"low\":15,\"signed\":-34,\"wide\":\"40992764608243447\"}}"); /* 0x0123456789abcdef >> 1 */
}

Test(values, enumerators)
{
	static const struct {
		uint8_t flags;
		int32_t v;
		const char *want;
	} cases[] = {
		{ 0, 1, "\"A\"" }, { 0, 3, "3" }, { VALUE_F_SIGNED, -1, "\"NEG\"" }, { VALUE_F_SIGNED, -7, "-7" },
		{ VALUE_F_FLAGS, 3, "\"A|B\"" }, { VALUE_F_FLAGS, 11, "\"A|B|0x8\"" }, { VALUE_F_FLAGS, 8, "8" }, { VALUE_F_FLAGS, 0, "0" },
	};
	char want[64];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct value *v;

		fini();
		init();
		v = in_item(root(VALUE_ENUM, "v"), 1, 16, 4);
		v->flags = cases[i].flags;
		below(v, VALUE_NAME, "A")->number = 1;
		below(v, VALUE_NAME, "B")->number = 2;
		if (!(cases[i].flags & VALUE_F_FLAGS))
			below(v, VALUE_NAME, "NEG")->number = -1;
		memcpy(b.capture + 16, &cases[i].v, 4);
		snprintf(want, sizeof(want), "\"v\":%s}", cases[i].want);
		expect(want);
	}
}

Test(values, texts_tell_what_is_missing)
{
	static const struct {
		const char *bytes;
		uint32_t len;
		uint64_t all;
		int64_t bound;
		const char *want;
	} cases[] = {
		{ "hello", 5, 5, 0, "\"hello\"" }, { "", 0, 0, 0, "\"\"" }, { "a\0b", 3, 3, 0, "\"a\\u0000b\"" },
		{ "hel", 3, 5, 0, "{\"value\":\"hel\",\"truncated\":true,\"length\":5}" },
		{ "hel", 3, UINT64_MAX, 0, "{\"value\":\"hel\",\"truncated\":true}" },
		/* The cut went through a character; that is not the target's fault. */
		{ "x\xe2\x82", 3, 9, 0, "{\"value\":\"x\",\"truncated\":true,\"length\":9}" },
		{ "x\xe2\x82\xac", 4, 9, 0, "{\"value\":\"x\xe2\x82\xac\",\"truncated\":true,\"length\":9}" },
		/* An array: ends at NUL or is full. */
		{ "ab\0d", 4, 8, 8, "\"ab\"" }, { "abcd", 4, 4, 4, "\"abcd\"" }, { "abcd", 4, 8, 8, "{\"value\":\"abcd\",\"truncated\":true}" },
	};
	char want[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fini();
		init();
		in_item(root(VALUE_TEXT, "v"), 1, 16, 1)->number = cases[i].bound;
		fetched(16, 64, cases[i].bytes, cases[i].len, cases[i].all);
		snprintf(want, sizeof(want), "\"v\":%s}", cases[i].want);
		expect(want);
	}
	fini();
	init();
	in_item(root(VALUE_TEXT, "v"), 1, 16, 1);
	fetched(16, 64, "x\xff", 2, 2);
	expect("\"v\":\"x\\ufffd\"},\"invalid_utf8\":true");
	fini();
	init();
	in_item(root(VALUE_BYTES, "v"), 1, 16, 1);
	fetched(16, 64, "\x01\xff", 2, 3);
	expect("\"v\":{\"value\":\"01ff\",\"truncated\":true,\"length\":3}}");
}

Test(values, what_was_not_got_is_a_fault)
{
	struct value *s, *p;

	b.got->got = ~(1ull << 1);
	in_item(root(VALUE_INT, "i"), 1, 16, 4);
	s = root(VALUE_STRUCT, "gone");
	p = root(VALUE_STRUCT, "half");
	in_item(below(s, VALUE_INT, "a"), 1, 16, 4);
	in_item(below(s, VALUE_INT, "b"), 1, 20, 4);
	in_item(below(p, VALUE_INT, "a"), 1, 16, 4);
	in_item(below(p, VALUE_UINT, "b"), 2, 20, 4);
	expect("\"i\":{\"unavailable\":\"read_fault\"},\"gone\":{\"unavailable\":\"read_fault\"},"
	       "\"half\":{\"a\":{\"unavailable\":\"read_fault\"},\"b\":2779096485}}");
}

Test(values, structures_bases_and_tuples)
{
	struct value *s = root(VALUE_STRUCT, "s"), *t = root(VALUE_STRUCT, "t"), *cut = root(VALUE_STRUCT, "cut"), *base;

	cut->flags = VALUE_F_CUT;
	base = below(s, VALUE_STRUCT, "Base");
	base->flags = VALUE_F_INLINE;
	in_item(below(s, VALUE_UINT, "own"), 1, 16, 1);
	s->flags = VALUE_F_CUT;
	in_item(below(t, VALUE_UINT, "__0"), 1, 16, 1);
	in_item(below(t, VALUE_UINT, "__1"), 1, 17, 1);
	in_item(below(base, VALUE_UINT, "inherited"), 1, 17, 1);
	b.capture[16] = 1;
	b.capture[17] = 2;
	expect("\"s\":{\"inherited\":2,\"own\":1,\"...\":true},\"t\":[1,2],\"cut\":\"...\"}");
}

Test(values, arrays_in_their_forms)
{
	struct value *fixed = in_item(root(VALUE_ARRAY, "fixed"), 1, 16, 2), *heap = in_item(root(VALUE_ARRAY, "heap"), 2, 32, 4);
	struct value *chars = in_item(root(VALUE_ARRAY, "chars"), 1, 16, 1), *each = in_item(root(VALUE_ARRAY, "each"), 3, 48, 4);
	struct value *none = root(VALUE_ARRAY, "none"), *pair;
	uint16_t words[] = { 0x4241, 0x43, 7 };
	uint32_t points[] = { 1, 2, 3, 4 };
	uint64_t bytes = 12;

	fixed->number = 3;
	chars->number = 6;
	heap->number = -1;
	heap->size = 8;
	each->flags = VALUE_F_INLINE;
	memcpy(b.capture + 16, words, sizeof(words));
	memcpy(b.capture + 48, &bytes, 8);
	fetched(32, 100, points, 16, 24);
	below(fixed, VALUE_UINT, "")->size = 2;
	pair = below(heap, VALUE_STRUCT, "");
	below(chars, VALUE_CHAR, "")->size = 1;
	in_item(below(each, VALUE_UINT, ""), 1, 16, 1);
	in_item(below(each, VALUE_UINT, ""), 1, 17, 1);
	below(pair, VALUE_UINT, "x")->size = 4;
	b.v[b.head->n - 1].off = 0;
	below(pair, VALUE_UINT, "y")->size = 4;
	b.v[b.head->n - 1].off = 4;
	none->size = 4;
	expect("\"fixed\":[16961,67,7],\"heap\":{\"value\":[{\"x\":1,\"y\":2},{\"x\":3,\"y\":4}],\"truncated\":true,\"length\":3},"
	       "\"chars\":\"ABC\",\"each\":{\"value\":[65,66],\"truncated\":true,\"length\":3},\"none\":[]}");
}

static void variant(uint8_t tag, const char *want)
{
	struct value *v, *some, *other;

	fini();
	init();
	v = root(VALUE_VARIANT, "v");
	in_item(below(v, VALUE_UINT, ""), 1, 16, 1);
	below(v, VALUE_CASE, "None")->number = 0;
	some = below(v, VALUE_CASE, "Some");
	some->number = 1;
	other = below(v, VALUE_CASE, "");
	other->number = 2;
	below(v, VALUE_CASE, "")->number = 3;
	in_item(below(some, VALUE_UINT, "__0"), 1, 17, 1);
	in_item(below(other, VALUE_UINT, "__0"), 1, 17, 1);
	b.capture[16] = tag;
	b.capture[17] = 42;
	expect(want);
}

Test(values, alternatives)
{
	variant(0, "\"v\":\"None\"}");
	variant(1, "\"v\":{\"Some\":42}}");
	variant(2, "\"v\":42}");
	variant(3, "\"v\":null}");
	variant(4, "\"v\":{\"unavailable\":\"invalid\"}}");
}

static const char *go_name(void *arg, uint32_t pid, uint64_t type)
{
	return pid == 7 && type == 0x1000 ? "*main.Failure" : NULL;
}

Test(values, go_types_have_names_if_someone_knows_them)
{
	static const struct resolver names = { .go_type = go_name };
	struct values_from from = { .bytes = b.capture, .len = sizeof(b.capture), .pid = 7, .names = &names };
	uint64_t types[] = { 0x1000, 0x2000 };
	struct record r = { .type = "call" };

	in_item(root(VALUE_GO_TYPE, "a"), 1, 16, 8);
	in_item(root(VALUE_GO_TYPE, "b"), 1, 24, 8);
	memcpy(b.capture + 16, types, sizeof(types));
	seal();
	cr_assert_eq(values_put_from(b.head, &from, b.arena, &r), 0);
	cr_expect(r.f[0].list[0].type == VAL_STR && !strncmp(r.f[0].list[0].str, "*main.Failure", r.f[0].list[0].len));
	cr_expect_eq(r.f[0].list[1].type, VAL_UNAVAIL);
}

Test(values, results_only_of_calls_that_returned)
{
	struct record r;

	in_item(root(VALUE_INT, "n"), 1, 16, 4);
	in_item(root(VALUE_INT, ""), 2, 20, 4)->flags = VALUE_F_RETURN;
	in_item(root(VALUE_INT, ""), 3, 24, 4)->flags = VALUE_F_ERRNO;
	memcpy(b.capture + 16, (int32_t[]){ 5, -1, EACCES }, 12);
	expect("\"n\":5},\"return\":-1,\"error\":\"EACCES\"");
	b.got->got = 3 << 1;
	expect("\"n\":5},\"return\":-1");
	cr_assert_eq(read_it(&r, false), 0);
	cr_expect_eq(r.n, 1);
	r = (struct record){ .type = "call" };
	cr_assert_eq(values_put(b.head, NULL, 0, true, "map_full", b.arena, &r), 0);
	cr_assert_eq(r.n, 2);
	cr_expect(r.f[0].key == K_ARGS && r.f[0].type == VAL_UNAVAIL && r.f[1].key == K_EXIT_RETURN);
}

/* ---- what no program makes ---- */

Test(values, captures_that_lie_are_refused)
{
	static const struct fetched lies[] = {
		{ CAPTURE_MAX, 1, 1 }, { 16, CAPTURE_MAX, CAPTURE_MAX }, { UINT32_MAX, 1, 1 }, { 64, 8, 7 }, { 64, UINT32_MAX, UINT64_MAX },
	};
	struct record r;

	in_item(root(VALUE_TEXT, "v"), 1, 16, 1);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		memcpy(b.capture + 16, &lies[i], sizeof(lies[i]));
		cr_expect_eq(read_it(&r, true), -EBADMSG, "lie %zu", i);
		cr_expect_eq(r.n, 0);
	}
	fetched(16, 64, "fine", 4, 4);
	cr_expect_eq(read_it(&r, true), 0);
	for (uint32_t n = 0; n < 68; n++) {
		b.got->bytes = n;
		cr_expect_eq(values_put(b.head, b.capture, n, true, NULL, b.arena, &r), -EBADMSG, "length %u", n);
	}
	b.got->bytes = 68;
	cr_expect_eq(values_put(b.head, b.capture, 67, true, NULL, b.arena, &r), -EBADMSG);
	b.v[0].at = CAPTURE_MAX - 8;
	b.got->bytes = CAPTURE_MAX;
	cr_expect_eq(values_put(b.head, b.capture, CAPTURE_MAX, true, NULL, b.arena, &r), -EBADMSG);
}

Test(values, a_full_arena_is_said)
{
	struct value *v = in_item(root(VALUE_ARRAY, "v"), 1, 16, 1);
	struct record r = { .type = "call" };
	struct arena *small;

	v->number = 1000;
	below(v, VALUE_UINT, "")->size = 1;
	seal();
	cr_assert_eq(arena_new(&small, 1000), 0);
	cr_expect_eq(values_put(b.head, b.capture, sizeof(b.capture), true, NULL, small, &r), 0);
	cr_expect(r.n == 1 && r.f[0].type == VAL_UNAVAIL && !strncmp(r.f[0].str, "too_large", 9));
	arena_free(small);
}

Test(values, nested_arrays_end)
{
	struct value *v = in_item(root(VALUE_ARRAY, "v"), 1, 16, 1);
	struct record r;

	/* Each within the other, all of the same bytes: 4000^20 elements. */
	for (int i = 0; i < 20; i++) {
		v->number = 4000;
		v->size = 1;
		v = below(v, VALUE_ARRAY, "");
	}
	v->number = 1;
	v->size = 1;
	below(v, VALUE_UINT, "")->size = 1;
	cr_expect_eq(read_it(&r, true), -EBADMSG);
}

static bool refused(void)
{
	seal();
	return values_check(b.head, b.head->bytes) == -EBADMSG;
}

Test(values, blocks_that_are_refused)
{
	struct value *v = root(VALUE_STRUCT, "s"), *c = below(v, VALUE_INT, "c"), *other = below(v, VALUE_ENUM, "e"), keep;
	struct values head;

	below(other, VALUE_NAME, "A");
	seal();
	cr_assert_eq(values_check(b.head, b.head->bytes), 0);
	for (size_t n = 0; n < b.head->bytes; n++)
		cr_expect_eq(values_check(b.head, n), -EBADMSG, "length %zu", n);
	cr_expect_eq(values_check(b.mem + 1, b.head->bytes), -EBADMSG);
#define REFUSED(what, member, value)            \
	do {                                    \
		keep = *(what);                 \
		(what)->member = value;         \
		cr_expect(refused(), #member); \
		*(what) = keep;                 \
	} while (0)
	REFUSED(v, child, 0);
	REFUSED(v, child, 3);
	REFUSED(v, child, UINT32_MAX);
	REFUSED(v, nchildren, 3);
	REFUSED(v, nchildren, UINT32_MAX);
	REFUSED(v, kind, 200);
	REFUSED(v, name, 4000);
	REFUSED(v, type, 4000);
	REFUSED(other, kind, VALUE_STRUCT);
	/* A second parent. */
	keep = *c;
	c->child = 2;
	c->nchildren = 1;
	c->kind = VALUE_STRUCT;
	cr_expect(refused());
	*c = keep;
	head = *b.head;
	b.head->nroots = 5;
	cr_expect(refused());
	*b.head = head;
	b.head->nroots = 2; /* a root that is somebody's child */
	cr_expect(refused());
	*b.head = head;
	seal();
	b.mem[b.head->bytes - 1] = 'x';
	cr_expect_eq(values_check(b.head, b.head->bytes), -EBADMSG);
}

Test(values, depth_has_a_bound)
{
	struct value *v = root(VALUE_STRUCT, "s");

	for (int i = 0; i < VALUES_DEPTH - 1; i++)
		v = below(v, VALUE_STRUCT, "s");
	seal();
	cr_expect_eq(values_check(b.head, b.head->bytes), 0);
	below(v, VALUE_STRUCT, "s");
	cr_expect(refused());
}
