/* SPDX-License-Identifier: MIT */
/* human_test.c: figures for people, and text that must not steer their terminal. */
#include <criterion/criterion.h>
#include "base/human.h"

Test(human, durations)
{
	static const struct { uint64_t ns; const char *text; } cases[] = {
		{ 0, "0 ns" }, { 999, "999 ns" }, { 1000, "1.000 us" }, { 9999, "9.999 us" }, { 10000, "10.00 us" },
		{ 99999, "100.0 us" }, { 999949, "999.9 us" }, { 999950, "1.000 ms" }, { 1234567, "1.235 ms" },
		{ 999999999, "1.000 s" }, { 61000000000u, "61.00 s" }, { 3600000000000u, "3600 s" },
		{ UINT64_MAX, "18446744074 s" },
	};
	char buf[HUMAN_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_str_eq(human_ns(buf, cases[i].ns), cases[i].text);
	cr_expect_str_eq(human_count(buf, 0), "0");
	cr_expect_str_eq(human_count(buf, 999), "999");
	cr_expect_str_eq(human_count(buf, 1000), "1,000");
	cr_expect_str_eq(human_count(buf, UINT64_MAX), "18,446,744,073,709,551,615");
}

static void check_text(const char *in, size_t len, const char *want, size_t columns)
{
	AUTO_FREE char *text = NULL;
	size_t size, got;
	FILE *f = open_memstream(&text, &size);

	got = human_text(f, in, len);
	fclose(f);
	cr_expect_str_eq(text, want);
	cr_expect_eq(got, columns, "%zu columns for %s", got, want);
	cr_expect_eq(human_text(NULL, in, len), columns);
}

Test(human, text_cannot_steer_a_terminal)
{
	static const struct { const char *in; size_t len; const char *want; size_t columns; } cases[] = {
		{ "std::vector<int>", 16, "std::vector<int>", 16 },
		{ "", 0, "", 0 },
		{ "a\0b", 3, "a\\x00b", 6 },
		{ "\033]0;x\a\r\n\t", 9, "\\x1b]0;x\\x07\\x0d\\x0a\\x09", 24 },
		{ "\177", 1, "\\x7f", 4 },
		{ "\\x1b", 4, "\\\\x1b", 5 },
		{ "\xc3\xa9t\xc3\xa9", 5, "\xc3\xa9t\xc3\xa9", 3 },
		{ "\xc2\x9b""2J", 4, "\\xc2\\x9b2J", 10 },          /* C1: CSI */
		{ "\x9b""2J", 3, "\\x9b2J", 6 },
		{ "\xe2\x80\xae", 3, "\\xe2\\x80\\xae", 12 },       /* right-to-left override */
		{ "\xe2\x80\xa8", 3, "\\xe2\\x80\\xa8", 12 },       /* line separator */
		{ "\xe2\x82\xac", 3, "\xe2\x82\xac", 1 },
		{ "\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80", 1 },
		{ "\xf3\xa0\x81\x81", 4, "\\xf3\\xa0\\x81\\x81", 16 }, /* tag character */
		{ "\xe2\x82", 2, "\\xe2\\x82", 8 },
		{ "\xc0\x80", 2, "\\xc0\\x80", 8 },
		{ "\xed\xa0\x80", 3, "\\xed\\xa0\\x80", 12 },
		{ "\xff", 1, "\\xff", 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_text(cases[i].in, cases[i].len, cases[i].want, cases[i].columns);
}

Test(human, no_byte_pair_lets_a_control_through)
{
	for (unsigned i = 0; i < 65536; i++) {
		char in[2] = { (char)(i >> 8), (char)i }, *text = NULL;
		size_t size;
		FILE *f = open_memstream(&text, &size);

		human_text(f, in, 2);
		fclose(f);
		for (size_t k = 0; k < size; k++)
			cr_assert((unsigned char)text[k] >= 0x20 && text[k] != 0x7f, "pair %04x", i);
		free(text);
	}
}
