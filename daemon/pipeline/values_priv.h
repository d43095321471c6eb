/* SPDX-License-Identifier: MIT */
/* values_priv.h: what the files values*.c share: one capture while it is being read. */
#ifndef TPD_VALUES_PRIV_H
#define TPD_VALUES_PRIV_H

#include "pipeline/values.h"

struct reading {
	const struct value *v;
	const char *strings;
	const uint8_t *bytes;
	size_t len;
	uint64_t got, missed;
	struct arena *arena;
	const struct values_from *from;
	unsigned steps; /* values that may still be put: nested arrays multiply */
	bool full;      /* steps or arena ended */
	bool bad;       /* no program makes this */
};

/* Where a value's bytes are: in an item, or in an array's element. */
struct element {
	const uint8_t *p; /* NULL: not within an array */
	size_t n;
};

/* Alike arena_alloc. */
void *reading_alloc(struct reading *x, size_t bytes);
void put_unavailable(struct field *f, const char *why);
void put_string(struct field *f, const char *s, size_t len);
/* Size bytes of v; NULL: *f says why not. */
const uint8_t *value_bytes(struct reading *x, const struct value *v, struct element in, size_t size, struct field *f);
/* What an item with a struct fetched says; NULL: *f says why not. */
const struct fetched *value_fetched(struct reading *x, const struct value *v, struct fetched *copy, struct field *f);

/* values_scalar.c */
void put_scalar(struct reading *x, const struct value *v, struct element in, struct field *f);
/* The bits of an integer, not extended; false: *f says why not. */
bool scalar_bits(struct reading *x, const struct value *v, struct element in, uint64_t *bits, struct field *f);
void put_address(struct reading *x, uint64_t address, struct field *f);
void put_text(struct reading *x, const struct value *v, struct field *f);
void put_hex(struct reading *x, const struct value *v, struct field *f);
/* Text of at most n bytes up to a NUL, which points into the capture. */
void put_chars(const uint8_t *p, size_t n, struct field *f);
/* *f becomes {"value":*f,"truncated":true,"length":length}; the length is left out if it is ~0. */
void put_truncated(struct reading *x, uint64_t length, struct field *f);

#endif
