/* SPDX-License-Identifier: MIT */
/*
 * capture_go.c: Go's ABIInternal on amd64 since Go 1.17 (go.dev/s/regabi, "Function call argument and result passing"): each
 * parameter goes field by field into registers, or as a whole onto the stack; results do the same.
 */
#include "probe/capture_abi_priv.h"

#define NEST_MAX 32

static const uint8_t go_ints[] = { 0, 3, 1, 7, 6, 8, 9, 10, 11 }; /* rax rbx rcx rdi rsi r8 r9 r10 r11 */
#define GO_FLOATS 15

/* Zero where the convention wants what this type cannot be: then it is on the stack. */
static bool go_registers(struct abi *a, uint32_t type, uint64_t off, unsigned depth, struct loc *l)
{
	const struct type *t = &a->p->types[type];

	if (off > UINT32_MAX / 2 || !depth || !abi_step(a))
		return false;
	switch ((enum type_kind)t->kind) {
	case TYPE_BOOL:
	case TYPE_CHAR:
	case TYPE_INT:
	case TYPE_UINT:
	case TYPE_ENUM:
	case TYPE_POINTER:
	case TYPE_REFERENCE:
	case TYPE_FUNCTION:
		if (a->ints == ARRAY_SIZE(go_ints) || t->size > 8)
			return false;
		loc_part(l, (uint32_t)off, (uint32_t)t->size, PIECE_REG, go_ints[a->ints++]);
		return true;
	case TYPE_FLOAT:
		if (a->floats == GO_FLOATS)
			return false;
		loc_part(l, (uint32_t)off, (uint32_t)MIN(t->size, (uint64_t)8), PIECE_XMM, 0);
		a->floats++;
		return true;
	case TYPE_COMPLEX:
		if (a->floats + 2 > GO_FLOATS)
			return false;
		loc_part(l, (uint32_t)off, (uint32_t)MIN(t->size, (uint64_t)16), PIECE_XMM, 0);
		a->floats += 2;
		return true;
	case TYPE_ARRAY:
		if (!t->count || t->inner == PROTO_NO_TYPE)
			return !t->count;
		return t->count == 1 && go_registers(a, t->inner, off, depth - 1, l);
	case TYPE_STRUCT:
		for (uint32_t i = 0; i < t->nmembers; i++)
			if (!go_registers(a, a->p->members[t->member + i].type, off + a->p->members[t->member + i].offset,
					  depth - 1, l))
				return false;
		return true;
	default:
		return false;
	}
}

/* What debug information does not show whole, nobody can lay out. */
static bool go_known(struct abi *a, uint32_t type, unsigned depth)
{
	const struct proto_view *p = a->p;
	const struct type *t = &p->types[type];

	if (!depth || !abi_step(a) || t->kind == TYPE_UNKNOWN || t->kind == TYPE_VOID || t->flags & (TYPE_F_DECLARATION | TYPE_F_CUT))
		return false;
	if (t->kind == TYPE_ARRAY && t->inner != PROTO_NO_TYPE)
		return go_known(a, t->inner, depth - 1);
	for (uint32_t i = 0; i < t->nmembers && t->kind == TYPE_STRUCT; i++)
		if (!go_known(a, p->members[t->member + i].type, depth - 1))
			return false;
	return true;
}

/* A value of type at off of its object: appends its parts. */
static void go_assign(struct abi *a, uint32_t type, uint64_t off, struct loc *l)
{
	const struct type *t = &a->p->types[type];
	unsigned ints = a->ints, floats = a->floats, n = l->n;
	uint64_t align = type_align(a, type, NEST_MAX);

	a->lost = a->lost || !go_known(a, type, NEST_MAX) || t->size > INT32_MAX || align > 4096 || a->stack > INT32_MAX;
	if (a->lost || off > UINT32_MAX / 2) {
		loc_none(l, "abi");
		return;
	}
	if (t->size && go_registers(a, type, off, NEST_MAX, l))
		return;
	if (l->why)
		return;
	a->ints = ints;
	a->floats = floats;
	l->n = n;
	a->stack = (a->stack + align - 1) / align * align;
	if (t->size)
		loc_part(l, (uint32_t)off, (uint32_t)t->size, PIECE_CFA, (int64_t)a->stack);
	a->stack += t->size;
}

static void go_start(struct abi *a)
{
}

static void go_param(struct abi *a, uint32_t type, struct loc *l)
{
	*l = (struct loc){ 0 };
	go_assign(a, type, 0, l);
}

/* The result lies behind the parameters, as far as it is on the stack; several are members of a nameless structure. */
static void go_result(struct abi *a, uint32_t type, struct loc *l)
{
	const struct type *t = &a->p->types[type];

	*l = (struct loc){ 0 };
	a->stack = (a->stack + 7) / 8 * 8;
	a->ints = a->floats = 0;
	if (t->kind != TYPE_STRUCT || t->name)
		go_assign(a, type, 0, l);
	else
		for (uint32_t i = 0; i < t->nmembers && !l->why; i++)
			go_assign(a, a->p->members[t->member + i].type, a->p->members[t->member + i].offset, l);
}

const struct abi_ops abi_go = { .start = go_start, .param = go_param, .result = go_result };
