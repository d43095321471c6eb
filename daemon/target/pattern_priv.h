/* SPDX-License-Identifier: MIT */
/* pattern_priv.h: what pattern.c (parsing) and pattern_name.c (comparing) share. */
#ifndef TPD_PATTERN_PRIV_H
#define TPD_PATTERN_PRIV_H

#include "target/pattern.h"

/* A character of an identifier; bytes above 127 are letters of some language. */
static inline bool pattern_ident(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' ||
	       c & 0x80;
}

/* "operator" that ends before s[i] and is a word: length of the operator symbol at s[i], else 0. */
size_t pattern_operator(const char *s, size_t i);
/* malloc'ed copy of n bytes without needless spaces, NULL without memory. */
char *pattern_squeeze(const char *s, size_t n);

#endif
