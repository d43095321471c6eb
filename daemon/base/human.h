/* SPDX-License-Identifier: MIT */
/* human.h: figures and foreign text for people's eyes. */
#ifndef TPD_HUMAN_H
#define TPD_HUMAN_H

#include "base/util.h"

#define HUMAN_MAX 32

/* "987 ns", "1.234 us", "12.34 ms", "5.000 s": at most 8 columns up to 10,000 s. Returns buf. */
const char *human_ns(char buf[HUMAN_MAX], uint64_t ns);
/* "1,234,567". Returns buf. */
const char *human_count(char buf[HUMAN_MAX], uint64_t n);

/*
 * Prints text that someone else chose, so that it cannot steer a terminal: control characters (C0,
 * C1, DEL), line separators, direction overrides and invalid UTF-8 come out as \xNN, a backslash
 * doubled. out may be NULL. Returns the columns taken, one a character.
 */
size_t human_text(FILE *out, const char *s, size_t len);

#endif
