/* SPDX-License-Identifier: MIT */
/* capture_abi_priv.h: where parameters and results are when a function is entered and left; a row for each language. */
#ifndef TPD_CAPTURE_ABI_PRIV_H
#define TPD_CAPTURE_ABI_PRIV_H

#include "base/util.h"
#include "proto.h"

#define PARTS_MAX 32 /* Go's 9 integer and 15 floating-point registers, and some padding told by pieces */

#define ABI_STEPS 100000

/* A piece of a value: bytes off .. off + size of it; kind, reg and value as in struct piece. */
struct part {
	uint32_t off, size;
	uint8_t kind, reg;
	int64_t value;
};

enum base { BASE_NONE, BASE_REG, BASE_VAR, BASE_CFA };

/* Where an object is: in memory at a base, or in parts; or nobody knows, and why tells the reason. */
struct loc {
	const char *why;
	bool memory;
	bool indirect; /* what is there is a pointer to the object */
	enum base base;
	uint8_t reg;   /* BASE_REG: the register, BASE_VAR: the variable */
	int64_t off;
	unsigned n;
	struct part part[PARTS_MAX];
};

/* Registers and stack that parameters have taken so far. */
struct abi {
	const struct proto_view *p;
	unsigned ints, floats;
	uint64_t stack;
	unsigned steps; /* looks at a type: structures can hold each other in more ways than can be gone */
	bool lost; /* one was not understood, so that nothing behind it is sure */
	bool stack_lost; /* the same for those on the stack */
};

struct abi_ops {
	/* Looks at the result: a hidden pointer takes the first register. */
	void (*start)(struct abi *a);
	void (*param)(struct abi *a, uint32_t type, struct loc *l);
	void (*result)(struct abi *a, uint32_t type, struct loc *l);
};

extern const struct abi_ops abi_sysv, abi_rust, abi_go;
const struct abi_ops *abi_find(unsigned lang);

void loc_part(struct loc *l, uint32_t off, uint32_t size, enum piece_kind kind, int64_t value);
void loc_memory(struct loc *l, enum base base, uint8_t reg, int64_t off);
void loc_none(struct loc *l, const char *why);
/* Where parameter i is: told by its pieces, else by the convention, whose registers are counted in any case. */
void loc_param(struct abi *a, uint32_t i, struct loc *l);

/* Alignment of a type; members may lower it, as packed structures do. */
uint64_t type_align(struct abi *a, uint32_t type, unsigned depth);
/* Counts a look; false: no more, and nothing is sure. */
bool abi_step(struct abi *a);

#endif
