/* SPDX-License-Identifier: MIT */
/* arena.c: memory for the records of one batch: taken piece by piece, given back all at once (values.h). */
#include "pipeline/values.h"

#define ALIGN 16

struct arena {
	size_t used, bytes;
	_Alignas(ALIGN) char mem[];
};

int arena_new(struct arena **ret, size_t bytes)
{
	struct arena *a = bytes <= SIZE_MAX / 2 ? malloc(sizeof(*a) + bytes) : NULL;

	if (!a)
		return -ENOMEM;
	a->used = 0;
	a->bytes = bytes;
	*ret = a;
	return 0;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	size_t at = a->used;

	if (bytes > a->bytes - at)
		return NULL;
	a->used = MIN((at + bytes + ALIGN - 1) / ALIGN * ALIGN, a->bytes);
	return a->mem + at;
}

void arena_reset(struct arena *a)
{
	a->used = 0;
}

void arena_free(struct arena *a)
{
	free(a);
}
