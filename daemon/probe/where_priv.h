/* SPDX-License-Identifier: MIT */
/* where_priv.h: a condition after parsing, shared by the files where*.c. */
#ifndef TPD_WHERE_PRIV_H
#define TPD_WHERE_PRIV_H

#include "probe/where.h"

#define WHERE_LEAVES  64 /* tests in a condition: bits of a uint64_t */
#define WHERE_CLAUSES 64
#define WHERE_DEPTH   32 /* brackets inside each other */
#define WHERE_STEPS   16
#define WHERE_NAMES   400 /* bytes of parameters' names in a message */

enum leaf_literal {
	LEAF_NONE, LEAF_NUMBER, LEAF_REAL, LEAF_TEXT, LEAF_NULL,
	LEAF_TIME, /* ns */
	LEAF_WORD, /* enumerators: "A|B|4" */
};

/* A test as it was written; what it means depends on the function. */
struct leaf {
	bool failed;    /* --errors */
	bool is_return; /* the path is one into the result */
	bool is_args;   /* args.NAME */
	bool len;
	uint8_t op;      /* enum where_op */
	uint8_t literal; /* enum leaf_literal */
	uint16_t nsteps;
	struct where_step step[WHERE_STEPS];
	__int128 number;
	double real;
	const char *text;
	size_t text_len;
	/* Learned while resolving: it made sense for a function; or why it did not, with the name of what is wrong. */
	bool applied;
	bool spoiled; /* it cannot be told as it stands, whatever the function */
	char wrong[160];
};

struct where {
	struct leaf leaf[WHERE_LEAVES];
	size_t nleaves;
	uint64_t clause[WHERE_CLAUSES]; /* leaves as bits */
	size_t nclauses;
	char *pool;                     /* names and texts */
	size_t npool;
	char names[WHERE_NAMES];        /* of the parameters that there are */
	bool resolved;
};

/* A leaf for one function. */
struct bound {
	const struct leaf *leaf;
	const struct value *v; /* what the path leads to; NULL: a field of the record, or nothing captured */
	bool loose;            /* below an element or alternative: the kernel cannot tell whether it is there */
	bool is_return;
	bool address; /* of something that the record has instead of it: only the kernel can tell */
	struct where_test test;
};

const struct value *where_values(const struct values *v);
const char *where_string(const struct values *v, uint32_t offset);

/*
 * What this leaf means where v is captured. True: *b is filled in, its names are still the values' own. False: it makes no
 * sense there, leaf->wrong says why.
 */
bool where_bind(const struct values *v, struct leaf *l, struct bound *b);
/* --errors: fills in what of the result means failure. */
void where_failed(const struct values *v, struct bound *b);
/* The result, for --errors; NULL: none. */
const struct value *where_result(const struct values *v);

#define WHERE_KERNEL_MAX 5
/* The kernel's tests for a leaf, ORed. Their number, 0: the kernel cannot tell. exact: they say just what the leaf says; else
 * they let more calls through. */
unsigned where_kernel(const struct values *v, const struct bound *b, struct fetch_test out[WHERE_KERNEL_MAX], bool *exact);

#endif
