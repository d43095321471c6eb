/* SPDX-License-Identifier: MIT */
/*
 * cfi_expr.c: DWARF expressions as call frame information has them: PLT entries, signal frames, realigned stacks. No loops: jumps
 * do not occur there, so whoever has one is not followed. DWARF 5, section 2.5.
 */
#include <dwarf.h>

#include "debug/cfi.h"

#define DEPTH 32

struct stack {
	struct cfi_value v[DEPTH];
	size_t n;
};

static bool push(struct stack *s, uint64_t v, bool rel)
{
	if (s->n == DEPTH)
		return false;
	s->v[s->n++] = (struct cfi_value){ v, rel };
	return true;
}

static bool pop(struct stack *s, struct cfi_value *ret)
{
	if (!s->n)
		return false;
	*ret = s->v[--s->n];
	return true;
}

static bool compute(unsigned op, uint64_t a, uint64_t b, uint64_t *ret)
{
	int64_t x = (int64_t)a, y = (int64_t)b;

	switch (op) {
	case DW_OP_plus:
		*ret = a + b;
		return true;
	case DW_OP_minus:
		*ret = a - b;
		return true;
	case DW_OP_and:
		*ret = a & b;
		return true;
	case DW_OP_or:
		*ret = a | b;
		return true;
	case DW_OP_xor:
		*ret = a ^ b;
		return true;
	case DW_OP_mul:
		*ret = a * b;
		return true;
	case DW_OP_shl:
		*ret = b < 64 ? a << b : 0;
		return true;
	case DW_OP_shr:
		*ret = b < 64 ? a >> b : 0;
		return true;
	case DW_OP_shra:
		*ret = (uint64_t)(x >> MIN(b, 63));
		return true;
	case DW_OP_eq:
		*ret = x == y;
		return true;
	case DW_OP_ne:
		*ret = x != y;
		return true;
	case DW_OP_lt:
		*ret = x < y;
		return true;
	case DW_OP_le:
		*ret = x <= y;
		return true;
	case DW_OP_gt:
		*ret = x > y;
		return true;
	case DW_OP_ge:
		*ret = x >= y;
		return true;
	}
	return false;
}

static bool binary(struct cfi_context *c, struct stack *s, unsigned op)
{
	struct cfi_value a, b;
	bool rel = false;
	uint64_t v;

	if (!pop(s, &b) || !pop(s, &a) || !compute(op, a.v, b.v, &v))
		return false;
	if (op == DW_OP_plus && !(a.rel && b.rel))
		rel = a.rel || b.rel;
	else if (op == DW_OP_minus && !b.rel)
		rel = a.rel;
	else if ((a.rel || b.rel) && !(op == DW_OP_minus && a.rel))
		c->fixed = true;
	return push(s, v, rel);
}

static bool from_register(struct cfi_context *c, struct stack *s, unsigned n, uint64_t offset)
{
	struct cfi_value v;

	return c->reg(c->arg, n, &v) && push(s, v.v + offset, v.rel);
}

static bool from_memory(struct cfi_context *c, struct stack *s)
{
	struct cfi_value at, v;

	return pop(s, &at) && c->word(c->arg, at, &v) && push(s, v.v, v.rel);
}

static bool step(struct cfi_context *c, struct stack *s, const Dwarf_Op *op, struct cfi_value cfa)
{
	struct cfi_value v;

	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		return push(s, op->atom - DW_OP_lit0, false);
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return from_register(c, s, op->atom - DW_OP_breg0, op->number);
	switch (op->atom) {
	case DW_OP_bregx:
		return op->number < DEBUG_REGS && from_register(c, s, (unsigned)op->number, op->number2);
	case DW_OP_call_frame_cfa:
		return push(s, cfa.v, cfa.rel);
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return push(s, op->number, false);
	case DW_OP_plus_uconst:
		return pop(s, &v) && push(s, v.v + op->number, v.rel);
	case DW_OP_dup:
		return pop(s, &v) && push(s, v.v, v.rel) && push(s, v.v, v.rel);
	case DW_OP_drop:
		return pop(s, &v);
	case DW_OP_deref:
		return from_memory(c, s);
	case DW_OP_nop:
		return true;
	}
	return binary(c, s, op->atom);
}

bool cfi_evaluate(struct cfi_context *c, const Dwarf_Op *ops, size_t nops, struct cfi_value cfa, struct cfi_value *ret,
		  bool *address)
{
	struct stack s = { .n = 0 };
	bool value = nops && ops[nops - 1].atom == DW_OP_stack_value;

	nops -= value;
	for (size_t i = 0; i < nops; i++)
		if (!step(c, &s, &ops[i], cfa))
			return false;
	*address = !value;
	return pop(&s, ret);
}
