/* SPDX-License-Identifier: MIT */
/* capture_priv.h: the programs under construction and the tree of values, shared by the files capture*.c. */
#ifndef TPD_CAPTURE_PRIV_H
#define TPD_CAPTURE_PRIV_H

#include "probe/capture.h"
#include "probe/capture_abi_priv.h"

#define NONE      0xffffffffu
#define SEEK_MAX  10 /* structures inside each other that a member is looked for in */

/* ---- the tree: nodes become struct value when all is there ---- */

struct node {
	struct value v;
	uint32_t first, last, next, parent;
	uint32_t enumerators; /* type whose names it takes, NONE */
	uint8_t depth;
	bool gone;            /* did not fit */
};

/* A leaf of the object at hand: bytes that are to be copied. */
struct want {
	uint32_t node, size;
	uint64_t off;
};

/* Something that takes operations of its own once the object is copied. */
enum todo_kind { TODO_TEXT, TODO_TEXT_AT, TODO_ARRAY_AT, TODO_OBJECT, TODO_LENGTH, TODO_LIBCXX, TODO_RANGE, TODO_ELEMENTS,
		 TODO_GO_TYPE };

/* Only if the size bytes at off are value (nonzero: only if they are not 0). */
struct guard {
	uint64_t off;
	int64_t value;
	uint8_t size; /* 0: none */
	bool nonzero;
};

struct todo {
	enum todo_kind kind;
	uint32_t node, type;
	unsigned depth;
	uint64_t off, off2;     /* off2: of the length or the end */
	uint64_t count, stride; /* off2 counts in stride bytes */
	bool never_null;
	struct guard guard;
};

struct range {
	uint64_t off, end;
};

/* An object under construction; its wants, todos and secrets are the tops of the stacks from these marks on. */
struct object {
	const struct loc *loc;
	size_t want, todo, secret;
	bool in_template, in_union;
	bool in_array; /* directly: an element */
	bool follow; /* the next pointer is that of a smart pointer */
	struct guard guard;
};

struct program {
	struct fetch op[FETCH_MAX_OPS];
	unsigned n;
};

struct budget {
	unsigned ops, items;
	uint32_t bytes;
};

struct comp {
	const struct proto_view *p;
	const struct capture_conf *conf;
	struct program prog[2], *now;
	unsigned items, vars;
	unsigned looks; /* at members, to know a type */
	uint32_t fixed, heap;
	struct budget most; /* for what is at hand */
	/* What acc holds, BASE_NONE: something else. */
	enum base acc;
	uint8_t acc_reg;
	int64_t acc_off;
	bool full; /* the budget was exceeded: whoever set a mark undoes it */
	int err;   /* -ENOMEM sticks */
	struct node *node;
	size_t nnodes, node_cap;
	char *text; /* the prototype's strings, then those made here */
	size_t ntext, text_cap;
	struct want *want;
	size_t nwant, want_cap;
	struct todo *todo;
	size_t ntodo, todo_cap;
	struct range *secret;
	size_t nsecret, secret_cap;
	const struct loc *params; /* where the parameters are */
};

struct mark {
	size_t nodes, wants, todos, secrets;
	unsigned ops, items, vars;
	uint32_t fixed, heap;
};

#endif
