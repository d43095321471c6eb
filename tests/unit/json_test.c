/* SPDX-License-Identifier: MIT */
/* json_test.c: what the writer writes, read back by another library. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <time.h>
#include "format/json.h"

#define FFFD "\\ufffd"

static void expect_text(struct jbuf *j, const char *want, const char *what)
{
	size_t n = strlen(want);

	cr_expect(!j->err && j->len == n && !memcmp(j->p, want, n), "%s: %.*s is not %s", what,
		  (int)j->len, j->p ? j->p : "", want);
}

Test(json, commas_stand_between_and_nowhere_else)
{
	struct jbuf j = { 0 };

	json_obj_open(&j);
	json_key(&j, "a");
	json_arr_open(&j);
	json_arr_close(&j);
	json_key(&j, "b");
	json_obj_open(&j);
	json_obj_close(&j);
	json_key(&j, "c");
	json_arr_open(&j);
	json_u64(&j, 1);
	json_obj_open(&j);
	json_key(&j, "d");
	json_nil(&j);
	json_obj_close(&j);
	json_str(&j, "x", 1);
	json_bool(&j, true);
	json_bool(&j, false);
	json_hex64(&j, 0xdeadbeef);
	json_arr_close(&j);
	json_obj_close(&j);
	json_newline(&j);
	json_obj_open(&j);
	json_obj_close(&j);
	json_newline(&j);
	expect_text(&j,
		    "{\"a\":[],\"b\":{},\"c\":[1,{\"d\":null},\"x\",true,false,"
		    "\"00000000deadbeef\"]}\n{}\n",
		    "nesting");
	json_reset(&j);
	cr_expect_eq(j.len, 0);
	json_nil(&j);
	expect_text(&j, "null", "after a reset");
	json_free(&j);
	cr_expect_null(j.p);
	json_free(&j);
}

Test(json, unsigned_numbers)
{
	struct jbuf j = { 0 };
	char want[32];

	for (int shift = 0; shift < 64; shift++) {
		for (int d = -1; d <= 1; d++) {
			uint64_t v = (UINT64_C(1) << shift) + d;

			snprintf(want, sizeof(want), v > 1ull << 53 ? "\"%llu\"" : "%llu",
				 (unsigned long long)v);
			json_free(&j);
			json_u64(&j, v);
			expect_text(&j, want, "power of two");
		}
	}
	for (uint64_t v = 1, i = 0; i < 20; i++, v *= 10) {
		for (int d = -1; d <= 1; d++) {
			snprintf(want, sizeof(want), v + d > 1ull << 53 ? "\"%llu\"" : "%llu",
				 (unsigned long long)(v + d));
			json_free(&j);
			json_u64(&j, v + d);
			expect_text(&j, want, "power of ten");
		}
	}
	json_free(&j);
}

Test(json, signed_numbers)
{
	static const struct {
		int64_t v;
		const char *want;
	} rows[] = {
		{ 0, "0" },
		{ -1, "-1" },
		{ -10, "-10" },
		{ 9007199254740992, "9007199254740992" },
		{ 9007199254740993, "\"9007199254740993\"" },
		{ -9007199254740992, "-9007199254740992" },
		{ -9007199254740993, "\"-9007199254740993\"" },
		{ INT64_MAX, "\"9223372036854775807\"" },
		{ INT64_MIN, "\"-9223372036854775808\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct jbuf j = { 0 };

		json_s64(&j, rows[i].v);
		expect_text(&j, rows[i].want, "signed");
		json_free(&j);
	}
}

Test(json, strings_escape_and_mark_invalid_utf8)
{
	static const struct {
		const char *in;
		size_t n;
		const char *want;
		bool bad;
	} rows[] = {
#define S(s) s, sizeof(s) - 1
		{ S(""), "\"\"", false },
		{ S("plain text of more than eight bytes"),
		  "\"plain text of more than eight bytes\"", false },
		{ S("\"\\/\b\f\n\r\t"), "\"\\\"\\\\/\\b\\f\\n\\r\\t\"", false },
		{ S("\0\1\x1f\x20\x7f"), "\"\\u0000\\u0001\\u001f \x7f\"", false },
		{ S("\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80"
		    "\x80\xf4\x8f\xbf\xbf"),
		  "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80"
		  "\x80\xf4\x8f\xbf\xbf\"",
		  false },
		{ S("\x80"), "\"" FFFD "\"", true },
		{ S("\xff\xfe"), "\"" FFFD FFFD "\"", true },
		{ S("\xc0\xaf"), "\"" FFFD FFFD "\"", true }, /* "/", overlong */
		{ S("\xc1\xbf"), "\"" FFFD FFFD "\"", true },
		{ S("\xe0\x9f\xbf"), "\"" FFFD FFFD FFFD "\"", true },
		{ S("\xf0\x8f\xbf\xbf"), "\"" FFFD FFFD FFFD FFFD "\"", true },
		{ S("\xed\xa0\x80"), "\"" FFFD FFFD FFFD "\"", true }, /* a surrogate */
		{ S("\xed\xbf\xbf"), "\"" FFFD FFFD FFFD "\"", true },
		{ S("\xf4\x90\x80\x80"), "\"" FFFD FFFD FFFD FFFD "\"", true }, /* U+110000 */
		{ S("\xf5\x80\x80\x80"), "\"" FFFD FFFD FFFD FFFD "\"", true },
		{ S("\xe2\x82"), "\"" FFFD FFFD "\"", true }, /* cut */
		{ S("\xe2\x82"
		    "a"),
		  "\"" FFFD FFFD "a\"", true },
		{ S("\xe2\xe2\x82\xac"), "\"" FFFD "\xe2\x82\xac\"", true },
		{ S("abcdefg\xf0\x9f\x98\x80hijklmnop"), "\"abcdefg\xf0\x9f\x98\x80hijklmnop\"",
		  false },
#undef S
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct jbuf j = { 0 };
		char *exact =
			malloc(rows[i].n + 1); /* so that a sanitizer sees one byte too many */

		memcpy(exact, rows[i].in, rows[i].n);
		exact = realloc(exact, MAX(rows[i].n, 1));
		cr_expect_eq(json_str(&j, exact, rows[i].n), rows[i].bad, "row %zu", i);
		expect_text(&j, rows[i].want, "string");
		free(exact);
		json_free(&j);
	}
}

/* The value as json_str wrote it, seen by the other library. */
static json_t *read_back(const char *s, size_t n)
{
	struct jbuf j = { 0 };
	json_error_t error;
	json_t *v;

	json_str(&j, s, n);
	v = json_loadb(j.p, j.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	cr_assert_not_null(v, "%s: %.*s", error.text, (int)j.len, j.p);
	json_free(&j);
	return v;
}

Test(json, every_byte_at_every_place_in_a_word)
{
	for (int c = 0; c < 0x80; c++) {
		for (size_t at = 0; at < 17; at++) {
			char text[17];
			json_t *v;

			memset(text, 'z', sizeof(text));
			text[at] = c;
			v = read_back(text, sizeof(text));
			cr_expect(json_string_length(v) == sizeof(text) &&
					  !memcmp(json_string_value(v), text, sizeof(text)),
				  "byte %02x at %zu", c, at);
			json_decref(v);
		}
	}
}

/* Pairs matter since one wrong borrow between neighbours would hide the second byte. */
Test(json, every_pair_of_neighbours)
{
	for (int a = 0; a < 0x80; a++) {
		for (int b = 0; b < 0x80; b++) {
			char text[9] = { 'q', 'q', a, b, 'q', 'q', 'q', 'q', 'q' };
			json_t *v = read_back(text, sizeof(text));

			cr_expect(json_string_length(v) == sizeof(text) &&
					  !memcmp(json_string_value(v), text, sizeof(text)),
				  "bytes %02x %02x", a, b);
			json_decref(v);
		}
	}
}

Test(json, every_character_of_unicode)
{
	for (uint32_t u = 0x80; u <= 0x10ffff; u++) {
		unsigned char s[4];
		struct jbuf j = { 0 };
		size_t n = u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
		bool bad;

		for (size_t i = n - 1, v = u; i; i--, v >>= 6)
			s[i] = 0x80 | (v & 0x3f);
		s[0] = (n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | (u >> 6 * (n - 1));
		bad = json_str(&j, (char *)s, n);
		cr_assert_eq(bad, u >= 0xd800 && u < 0xe000, "U+%04X", u);
		cr_assert_eq(j.len, 2 + (bad ? 6 * n : n), "U+%04X", u);
		json_free(&j);
	}
}

Test(json, long_strings_over_every_chunk_boundary)
{
	for (size_t n = 4080; n < 4112; n++) {
		size_t len = n + 4 + 5000;
		char *text = malloc(len);
		json_t *v;

		memset(text, 'x', len);
		memcpy(text + n, "\xf0\x9f\x98\x80", 4);
		text[len - 1] = '"';
		v = read_back(text, len);
		cr_expect(json_string_length(v) == len && !memcmp(json_string_value(v), text, len),
			  "%zu", n);
		json_decref(v);
		free(text);
	}
}

Test(json, worst_case_growth)
{
	size_t n = 100000;
	char *text = malloc(n);
	struct jbuf j = { 0 };

	memset(text, 0xff, n);
	cr_expect(json_str(&j, text, n));
	cr_expect_eq(j.len, 6 * n + 2);
	json_arr_open(&j);
	for (int i = 0; i < 100000; i++)
		json_hex64(&j, i);
	cr_expect_eq(j.err, 0);
	free(text);
	json_free(&j);
}

Test(json, no_memory_is_remembered_and_harmless)
{
	struct jbuf j = { 0 };

	json_str(&j, "abc", 3);
	/* As after a failed growth: nothing may be written from here on. */
	j.err = -ENOMEM;
	json_obj_open(&j);
	json_key(&j, "k");
	json_u64(&j, 1);
	json_s64(&j, -1);
	json_hex64(&j, 1);
	json_time(&j, 1);
	json_bool(&j, true);
	json_nil(&j);
	cr_expect_not(json_str(&j, "\xff", 1));
	json_obj_close(&j);
	json_newline(&j);
	cr_expect_eq(j.len, 5);
	cr_expect_eq(j.err, -ENOMEM);
	json_free(&j);
}

Test(json, times)
{
	static const struct {
		uint64_t ns;
		const char *want;
	} rows[] = {
		{ 0, "\"1970-01-01T00:00:00.000000000Z\"" },
		{ 1, "\"1970-01-01T00:00:00.000000001Z\"" },
		{ 999999999, "\"1970-01-01T00:00:00.999999999Z\"" },
		{ 1000000000, "\"1970-01-01T00:00:01.000000000Z\"" },
		{ 951782400000000000, "\"2000-02-29T00:00:00.000000000Z\"" },
		{ 1767323045123456789, "\"2026-01-02T03:04:05.123456789Z\"" },
		{ 1767323044999999999, "\"2026-01-02T03:04:04.999999999Z\"" },
		{ UINT64_MAX, "\"2554-07-21T23:34:33.709551615Z\"" },
		{ 0, "\"1970-01-01T00:00:00.000000000Z\"" },
	};
	struct jbuf j = { 0 };

	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_reset(&j); /* keeps the cached second */
		json_time(&j, rows[i].ns);
		expect_text(&j, rows[i].want, "time");
	}
	json_free(&j);
}

Test(json, floats_come_back_as_they_were)
{
	static const struct {
		double v;
		const char *want;
	} cases[] = {
		{ 0, "0.0" }, { -0.0, "-0.0" }, { 1, "1.0" }, { 0.1, "0.1" }, { 0.1f, "0.10000000149011612" }, { 1e300, "1e+300" },
		{ 1.0 / 3, "0.3333333333333333" }, { -2.5, "-2.5" }, { 5e-324, "4.94065645841247e-324" }, { 123456789012345678.0, "1.2345678901234568e+17" },
		{ __builtin_nan(""), "\"nan\"" }, { __builtin_inf(), "\"inf\"" }, { -__builtin_inf(), "\"-inf\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct jbuf j = { 0 };
		json_t *v;

		json_float(&j, cases[i].v);
		expect_text(&j, cases[i].want, "float");
		v = json_loadb(j.p, j.len, JSON_DECODE_ANY, NULL);
		cr_expect(json_is_string(v) || (json_is_real(v) && json_real_value(v) == cases[i].v), "%s", cases[i].want);
		json_decref(v);
		json_free(&j);
	}
}

Test(json, names_from_elsewhere_are_escaped)
{
	struct jbuf j = { 0 };

	json_obj_open(&j);
	cr_expect(!json_name(&j, "a\"b\n"));
	json_u64(&j, 1);
	cr_expect(json_name(&j, "\xff"));
	json_obj_open(&j);
	cr_expect(!json_name(&j, ""));
	json_nil(&j);
	json_obj_close(&j);
	json_obj_close(&j);
	expect_text(&j, "{\"a\\\"b\\n\":1,\"" FFFD "\":{\"\":null}}", "names");
	json_free(&j);
}
