/* SPDX-License-Identifier: MIT */
/*
 * capture_rust.c: how Rust passes values. The convention is rustc's own and may change; this is what rustc has done since 1.2x
 * (rustc_target/src/callconv/mod.rs, adjust_for_rust_abi): scalars and pairs of scalars in registers, what else fits into
 * 8 bytes as an integer, what is larger by pointer. Where versions or attributes of a type, which debug information does not
 * tell, make a difference, the answer is that it is not known.
 */
#include "probe/capture_abi_priv.h"

#define NEST_MAX 32

enum shape_kind { SHAPE_NOTHING, SHAPE_SCALAR, SHAPE_PAIR, SHAPE_MEMORY, SHAPE_UNSURE };

struct scalar {
	uint64_t off, size;
	bool is_float;
};

/* rustc's BackendRepr, rebuilt from the fields. */
struct shape {
	enum shape_kind kind;
	struct scalar s[2];
	bool wrapped_float; /* repr(C) would make it an integer */
};

static const uint8_t param_regs[] = { 7, 6, 2, 1, 8, 9 }, result_regs[] = { 0, 2 };

static struct shape shape_of(struct abi *a, uint32_t type, unsigned depth);

static struct shape unsure(void)
{
	return (struct shape){ .kind = SHAPE_UNSURE };
}

/* A field more in a structure that looks like *s so far; MEMORY is the end of it. */
static void shape_add(struct shape *s, struct shape f, uint64_t off)
{
	for (int i = 0; i < 2; i++)
		f.s[i].off += off;
	if (f.kind == SHAPE_NOTHING || s->kind == SHAPE_UNSURE)
		return;
	if (f.kind == SHAPE_UNSURE || s->kind == SHAPE_NOTHING) {
		*s = f;
	} else if (s->kind == SHAPE_SCALAR && f.kind == SHAPE_SCALAR) {
		int first = f.s[0].off < s->s[0].off;

		s->s[1] = first ? s->s[0] : f.s[0];
		s->s[0] = first ? f.s[0] : s->s[0];
		s->kind = SHAPE_PAIR;
	} else {
		s->kind = SHAPE_MEMORY;
	}
}

/* The fields alone: what a variant of an enum has beside its tag. */
static struct shape shape_fields(struct abi *a, const struct type *t, unsigned depth)
{
	struct shape s = { .kind = SHAPE_NOTHING };

	if (t->flags & (TYPE_F_DECLARATION | TYPE_F_CUT))
		return unsure();
	for (uint32_t i = 0; i < t->nmembers && s.kind != SHAPE_MEMORY; i++) {
		const struct member *m = &a->p->members[t->member + i];

		shape_add(&s, shape_of(a, m->type, depth - 1), m->offset);
	}
	return s;
}

/* Of two scalars the second follows the first where its own alignment puts it. */
static bool is_pair(const struct shape *s)
{
	return !s->s[0].off && s->s[1].off == (s->s[0].size + s->s[1].size - 1) / s->s[1].size * s->s[1].size;
}

static struct shape shape_struct(struct abi *a, const struct type *t, unsigned depth)
{
	struct shape s = shape_fields(a, t, depth);

	if (s.kind == SHAPE_SCALAR && s.s[0].is_float)
		s.wrapped_float = true;
	/* Larger than its field: an alignment of its own keeps it in memory. */
	if (s.kind == SHAPE_SCALAR && s.s[0].size != t->size)
		s.kind = SHAPE_MEMORY;
	if (s.kind == SHAPE_PAIR && !is_pair(&s))
		s.kind = SHAPE_MEMORY;
	return s;
}

static bool same_scalar(const struct scalar *a, const struct scalar *b)
{
	return a->off == b->off && a->size == b->size && a->is_float == b->is_float;
}

/* An enum with data: a tag and at most one scalar, which is the same in each variant, make a pair. */
static struct shape shape_variant(struct abi *a, const struct type *t, unsigned depth)
{
	struct shape tag, all = { .kind = SHAPE_NOTHING };
	const struct proto_view *p = a->p;
	unsigned full = 0;

	if (!t->nmembers || t->flags & TYPE_F_CUT)
		return unsure();
	/* One variant needs no tag. */
	if (p->types[p->members[t->member].type].kind == TYPE_VOID)
		return t->nmembers == 2 ? shape_of(a, p->members[t->member + 1].type, depth - 1) : unsure();
	tag = shape_of(a, p->members[t->member].type, depth - 1);
	if (tag.kind != SHAPE_SCALAR || tag.s[0].is_float)
		return unsure();
	tag.s[0].off = p->members[t->member].offset;
	for (uint32_t i = 1; i < t->nmembers; i++) {
		const struct member *m = &p->members[t->member + i];
		bool fields = p->types[m->type].kind == TYPE_STRUCT;
		struct shape v = fields ? shape_fields(a, &p->types[m->type], depth - 1) : shape_of(a, m->type, depth - 1);
		struct shape moved = { .kind = SHAPE_NOTHING };

		shape_add(&moved, v, m->offset);
		if (moved.kind == SHAPE_NOTHING)
			continue;
		full++;
		if (moved.kind == SHAPE_UNSURE || moved.kind == SHAPE_MEMORY)
			all.kind = all.kind == SHAPE_UNSURE ? SHAPE_UNSURE : moved.kind;
		else if (all.kind == SHAPE_NOTHING)
			all = moved;
		else if (all.kind != moved.kind || moved.kind != SHAPE_SCALAR || !same_scalar(&all.s[0], &moved.s[0]))
			/* An integer beside a pointer or a float: versions differ. */
			all.kind = all.kind == SHAPE_SCALAR && moved.kind == SHAPE_SCALAR &&
				   all.s[0].off == moved.s[0].off && all.s[0].size == moved.s[0].size ?
				   SHAPE_UNSURE : SHAPE_MEMORY;
	}
	if (all.kind == SHAPE_NOTHING)
		return tag;
	if (all.kind != SHAPE_SCALAR && all.kind != SHAPE_PAIR)
		return all;
	/* The tag lies within the payload, as a value that this never takes: the payload's own shape. */
	for (int i = 0; i < (all.kind == SHAPE_PAIR ? 2 : 1); i++)
		if (tag.s[0].off >= all.s[i].off && tag.s[0].off + tag.s[0].size <= all.s[i].off + all.s[i].size)
			return full == 1 ? all : unsure();
	if (all.kind == SHAPE_PAIR)
		return (struct shape){ .kind = SHAPE_MEMORY };
	shape_add(&tag, all, 0);
	if (tag.kind == SHAPE_PAIR && !is_pair(&tag))
		tag.kind = SHAPE_MEMORY;
	return tag;
}

static struct shape scalar_shape(uint64_t size, bool is_float)
{
	return (struct shape){ .kind = size > 16 ? SHAPE_UNSURE : SHAPE_SCALAR, .s = { { .size = size, .is_float = is_float } } };
}

static struct shape shape_of(struct abi *a, uint32_t type, unsigned depth)
{
	const struct type *t = &a->p->types[type];

	if (!depth || !abi_step(a))
		return unsure();
	if (!t->size && !(t->flags & TYPE_F_DECLARATION))
		return (struct shape){ .kind = SHAPE_NOTHING };
	switch ((enum type_kind)t->kind) {
	case TYPE_BOOL:
	case TYPE_CHAR:
	case TYPE_INT:
	case TYPE_UINT:
	case TYPE_ENUM:
	case TYPE_POINTER:
	case TYPE_REFERENCE:
		return scalar_shape(t->size, false);
	case TYPE_FLOAT:
		return scalar_shape(t->size, true);
	case TYPE_ARRAY:
		return (struct shape){ .kind = SHAPE_MEMORY };
	case TYPE_STRUCT:
		return shape_struct(a, t, depth);
	case TYPE_VARIANT:
		return shape_variant(a, t, depth);
	case TYPE_UNION: /* its fields alone do not tell */
	default:
		return t->size > 16 ? (struct shape){ .kind = SHAPE_MEMORY } : unsure();
	}
}

/* By pointer in any version: results of 9 to 16 bytes that are no pair have gone both ways. */
static bool indirect(const struct proto_view *p, uint32_t type, const struct shape *s)
{
	return s->kind == SHAPE_MEMORY && p->types[type].size > 8;
}

static void rust_start(struct abi *a)
{
	uint32_t type = a->p->p->result;
	struct shape s;

	if (type == PROTO_NO_TYPE || a->p->types[type].kind == TYPE_VOID)
		return;
	s = shape_of(a, type, NEST_MAX);
	a->ints = indirect(a->p, type, &s);
	a->lost = a->lost || s.kind == SHAPE_UNSURE || (a->ints && a->p->types[type].size <= 16);
}

static void put_scalar(struct abi *a, const struct scalar *s, const uint8_t *regs, size_t nregs, struct loc *l)
{
	if (s->is_float) {
		loc_part(l, (uint32_t)s->off, (uint32_t)s->size, PIECE_XMM, 0);
		a->lost = a->lost || ++a->floats > 8;
		return;
	}
	/* 128-bit integers that half fit have been split and not been split. */
	a->lost = a->lost || (s->size > 8 && nregs == ARRAY_SIZE(param_regs) && a->ints + 1 >= nregs);
	for (uint64_t off = 0; off < s->size; off += 8) {
		uint32_t n = (uint32_t)MIN(s->size - off, (uint64_t)8);

		if (a->ints < nregs) {
			loc_part(l, (uint32_t)(s->off + off), n, PIECE_REG, regs[a->ints++]);
		} else {
			loc_part(l, (uint32_t)(s->off + off), n, PIECE_CFA, (int64_t)a->stack);
			a->stack += 8;
		}
	}
}

static void put_shape(struct abi *a, uint32_t type, const struct shape *s, const uint8_t *regs, size_t nregs, struct loc *l)
{
	const struct scalar whole = { .size = a->p->types[type].size };

	switch (s->kind) {
	case SHAPE_NOTHING:
		break;
	case SHAPE_PAIR:
	case SHAPE_SCALAR:
		for (int i = 0; i < (s->kind == SHAPE_PAIR ? 2 : 1); i++)
			put_scalar(a, &s->s[i], regs, nregs, l);
		break;
	case SHAPE_MEMORY:
		put_scalar(a, &whole, regs, nregs, l);
		break;
	case SHAPE_UNSURE:
		a->lost = true;
	}
	if (a->lost || s->wrapped_float)
		loc_none(l, "abi");
	/* As a float it takes no integer register, as repr(C) it takes one. */
	a->lost = a->lost || s->wrapped_float;
}

static void rust_param(struct abi *a, uint32_t type, struct loc *l)
{
	static const struct scalar pointer = { .size = 8 };
	struct shape s = shape_of(a, type, NEST_MAX);

	*l = (struct loc){ 0 };
	if (a->lost) {
		loc_none(l, "abi");
	} else if (indirect(a->p, type, &s)) {
		put_scalar(a, &pointer, param_regs, ARRAY_SIZE(param_regs), l);
		l->indirect = true;
	} else {
		put_shape(a, type, &s, param_regs, ARRAY_SIZE(param_regs), l);
	}
}

static void rust_result(struct abi *a, uint32_t type, struct loc *l)
{
	struct shape s = shape_of(a, type, NEST_MAX);
	struct abi fresh = { .p = a->p };

	*l = (struct loc){ 0 };
	if (!indirect(a->p, type, &s))
		put_shape(&fresh, type, &s, result_regs, ARRAY_SIZE(result_regs), l);
	else if (a->p->types[type].size > 16)
		loc_memory(l, BASE_REG, result_regs[0], 0);
	else
		loc_none(l, "abi");
}

const struct abi_ops abi_rust = { .start = rust_start, .param = rust_param, .result = rust_result };
