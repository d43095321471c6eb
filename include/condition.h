/* SPDX-License-Identifier: MIT */
/*
 * condition.h: the part of a condition on calls (--where, --errors) that the kernel could not tell for one function. Made by
 * probe/where.h, asked for each finished call record of that function in the pipeline.
 *
 * A test on something that the call does not have, or that could not be read, fails, and so does its negation: nothing is
 * known of it. All clauses must hold; of a clause one test.
 */
#ifndef TPD_CONDITION_H
#define TPD_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "record.h"

enum where_what {
	WHERE_ARGUMENT, /* a path into K_ARGS */
	WHERE_RETURN,   /* a path into K_EXIT_RETURN */
	WHERE_FIELD,    /* the field with this key */
	WHERE_FAILED,   /* --errors: the call failed */
};

enum where_op {
	WHERE_EQ, WHERE_NE, WHERE_LT, WHERE_LE, WHERE_GT, WHERE_GE,
	WHERE_BITS, WHERE_NO_BITS, /* value & number is not 0, is 0 */
	WHERE_GLOB, WHERE_NO_GLOB,
	WHERE_TRUE, WHERE_FALSE,   /* not 0, null or false */
};

enum where_literal { WHERE_NUMBER, WHERE_REAL, WHERE_TEXT, WHERE_NULL };

/* One member on the way: p.x, v[3]. */
struct where_step {
	const char *name; /* NULL: an element */
	uint32_t index;
};

/* How the record spells a number: an enumerator. WHERE_FAILED: an alternative of the result that is a failure. */
struct where_name {
	const char *name;
	int64_t number;
};

#define WHERE_F_LENGTH  1u  /* compare the length (bytes of text, elements), not the value */
#define WHERE_F_CHAR    2u  /* the value is a character: its number is its code point */
#define WHERE_F_BELOW   4u  /* WHERE_FAILED: a result below 0 means failure, */
#define WHERE_F_ZERO    8u  /* 0 or null does, */
#define WHERE_F_ONES    16u /* all ones, `number`, do, */
#define WHERE_F_NONZERO 32u /* anything but 0 and null does */
#define WHERE_F_HEX     64u /* WHERE_F_LENGTH: the record has two digits a byte */
#define WHERE_F_UNSIGNED 128u /* enumerators are not negative */

struct where_test {
	uint8_t what;    /* enum where_what */
	uint8_t op;      /* enum where_op */
	uint8_t literal; /* enum where_literal */
	uint8_t flags;   /* WHERE_F_* */
	uint16_t key;    /* WHERE_FIELD: enum record_key */
	uint16_t nsteps;
	uint32_t nnames;
	uint32_t pad;
	const struct where_step *steps;
	const struct where_name *names;
	__int128 number;
	double real;
	const char *text; /* WHERE_FAILED: the result to look at, of several */
	size_t text_len;
};

/* One block; paths and texts belong to the condition and the values that it was made from. */
struct where_fn {
	uint32_t nclauses, ntests;
	const uint64_t *clauses; /* tests of each as bits; 0: never holds */
	const struct where_test *tests;
};

/* Does this call's record satisfy it? NULL: there is no condition, every record does. Pure. */
bool where_match(const struct where_fn *w, const struct record *r);

#endif
