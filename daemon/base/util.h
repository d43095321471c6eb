/* SPDX-License-Identifier: MIT */
/* util.h: the three cleanup macros, array size, printf attribute, overflow-checked growth. */
#ifndef TPD_UTIL_H
#define TPD_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static inline void util_freep(void *p)
{
	free(*(void **)p);
}

static inline void util_closep(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		close(*fd);
		errno = saved;
	}
}

static inline void util_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* What stands behind the last slash. */
static inline const char *util_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

#define AUTO_FREE   __attribute__((cleanup(util_freep)))
#define AUTO_CLOSE  __attribute__((cleanup(util_closep)))
#define AUTO_FCLOSE __attribute__((cleanup(util_fclosep)))

/* Take an fd or a pointer out of an AUTO_ variable, so that it survives the scope. */
static inline int util_steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

#define util_steal(p)                     \
	({                                \
		__typeof__(*(p)) v_ = *(p); \
		*(p) = NULL;              \
		v_;                       \
	})

/*
 * Make room for one more element in a growing array: v points to n elements of size bytes, *cap allocated.
 * Returns 0, -ENOMEM (also when the size would overflow); v stays valid.
 */
static inline int util_grow(void *vp, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap : 16, bytes;
	void *p;

	if (n < *cap)
		return 0;
	while (want <= n)
		if (__builtin_mul_overflow(want, (size_t)2, &want))
			return -ENOMEM;
	if (__builtin_mul_overflow(want, size, &bytes))
		return -ENOMEM;
	p = realloc(*(void **)vp, bytes);
	if (!p)
		return -ENOMEM;
	*(void **)vp = p;
	*cap = want;
	return 0;
}

#endif
