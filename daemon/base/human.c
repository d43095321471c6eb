/* SPDX-License-Identifier: MIT */
/* human.c: see human.h. */
#include <inttypes.h>
#include "base/human.h"
#include "base/utf8.h"

const char *human_ns(char buf[HUMAN_MAX], uint64_t ns)
{
	static const char *const units[] = { "us", "ms", "s" };
	double v = (double)ns / 1000;
	size_t unit = 0;

	if (ns < 1000) {
		snprintf(buf, HUMAN_MAX, "%" PRIu64 " ns", ns);
		return buf;
	}
	/* 999.95 would print as 1000.0 */
	for (; v >= 999.95 && unit + 1 < ARRAY_SIZE(units); unit++)
		v /= 1000;
	snprintf(buf, HUMAN_MAX, "%.*f %s", v < 9.9995 ? 3 : v < 99.995 ? 2 : v < 999.95 ? 1 : 0, v,
		 units[unit]);
	return buf;
}

const char *human_count(char buf[HUMAN_MAX], uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *p = buf;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*p++ = ',';
		*p++ = digits[i];
	}
	*p = '\0';
	return buf;
}

/* Code point of a well-formed character of n bytes. */
static uint32_t code_point(const unsigned char *s, size_t n)
{
	uint32_t cp = n == 1 ? s[0] : s[0] & (0x7fu >> n);

	for (size_t i = 1; i < n; i++)
		cp = cp << 6 | (s[i] & 0x3f);
	return cp;
}

/* Characters that act instead of being seen: controls, separators, UAX #9 direction marks, BOM. */
static bool acts(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb) ||
	       (cp >= 0xe0000 && cp <= 0xe007f);
}

size_t human_text(FILE *out, const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + len;
	size_t columns = 0;

	while (p < end) {
		size_t n = utf8_length(p, (size_t)(end - p));
		bool plain = n && !acts(code_point(p, n));

		if (plain && *p != '\\') {
			if (out)
				fwrite(p, 1, n, out);
			columns++;
			p += n;
			continue;
		}
		if (plain && out)
			fputs("\\\\", out);
		columns += plain ? 2 : 4 * MAX(n, 1);
		for (const unsigned char *stop = p + MAX(n, 1); p < stop; p++)
			if (!plain && out)
				fprintf(out, "\\x%02x", *p);
	}
	return columns;
}
