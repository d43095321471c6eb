/* SPDX-License-Identifier: MIT */
/*
 * utf8.h: which bytes are well-formed UTF-8 (Unicode 15, table 3-7: no overlong forms, no
 * surrogates).
 */
#ifndef TPD_UTF8_H
#define TPD_UTF8_H

#include "base/util.h"

/* Bytes of the well-formed character at s, of which n are readable; 0: s[0] begins none. */
static inline size_t utf8_length(const unsigned char *s, size_t n)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len, i;

	if (!n || (s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
		return 0;
	if (s[0] < 0x80)
		return 1;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	if (s[0] == 0xe0)
		lo = 0xa0;
	else if (s[0] == 0xed)
		hi = 0x9f;
	else if (s[0] == 0xf0)
		lo = 0x90;
	else if (s[0] == 0xf4)
		hi = 0x8f;
	if (s[1] < lo || s[1] > hi)
		return 0;
	for (i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

#endif
