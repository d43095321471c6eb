/* SPDX-License-Identifier: MIT */
/*
 * said.h: for targets whose truth is what calls carried, not how many there were. Like target.h, but the truth is
 *
 *   {"target":NAME,"varies":true,"said":[{...},{...}]}
 *
 * where each object is what a record of the stream must hold: written next to the call that it is about, with ' in
 * place of " to be readable in C. The suites in tests/e2e say how it is compared (carried.h).
 */
#ifndef SAID_H
#define SAID_H

#include <stdarg.h>
#include "target.h"

/* clang has no noipa; what it could know of a function is hidden by KEEP and WATCH in its body instead. */
#ifdef __clang__
#undef TRACED
#define TRACED __attribute__((noinline))
#endif
/* The compiler must take it that x is used, and may have changed. */
#define WATCH(x) __asm__ volatile("" : "+m"(x) : : "memory")
/* ... that it is used. */
#define SEEN(x) __asm__ volatile("" : : "m"(x) : "memory")

static int said_entries;

static inline void said_begin(const char *name)
{
	printf("{\"target\":\"%s\",\"varies\":true,\"said\":[", name);
}

static inline __attribute__((format(printf, 1, 2))) void said(const char *fmt, ...)
{
	char text[16384];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	printf("%s{%s}", said_entries++ ? ",\n" : "", text);
}

/* The truth is out; the caller may go on, die, or wait for the harness. */
static inline void said_end(void)
{
	printf("]}\n");
	fflush(stdout);
}

#endif
