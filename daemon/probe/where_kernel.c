/* SPDX-License-Identifier: MIT */
/*
 * where_kernel.c: tests as the kernel makes them (include/fetch.h): a plain integer of 1, 2, 4 or 8 bytes against a number.
 * Numbers that the integer cannot have are folded here: `unsigned > -1` is true, though no machine compares them.
 */
#include "probe/where_priv.h"

static bool is_signed(const struct value *x)
{
	return x->kind == VALUE_INT || ((x->kind == VALUE_CHAR || x->kind == VALUE_ENUM) && x->flags & VALUE_F_SIGNED);
}

static bool is_plain(const struct bound *b, const struct value *x)
{
	return !b->loose && x->item != VALUE_NO_ITEM && !x->bit_size &&
	       (x->size == 1 || x->size == 2 || x->size == 4 || x->size == 8) &&
	       (x->kind == VALUE_INT || x->kind == VALUE_UINT || x->kind == VALUE_BOOL || x->kind == VALUE_CHAR ||
		x->kind == VALUE_ENUM || x->kind == VALUE_POINTER);
}

static struct fetch_test test_of(const struct bound *b, const struct value *x, enum test_op op, int64_t imm, bool sign)
{
	return (struct fetch_test){
		.at = (uint16_t)(x->at + x->off), .size = (uint8_t)x->size, .op = (uint8_t)op, .item = x->item, .imm = imm,
		.flags = (uint8_t)((sign ? TEST_F_SIGNED : 0) | (b->is_return ? TEST_F_RETURN : 0)),
	};
}

/* True or false for every value, as long as there is one. */
static struct fetch_test always(const struct bound *b, const struct value *x, bool holds)
{
	return test_of(b, x, holds ? TEST_GE : TEST_LT, 0, false);
}

static struct fetch_test compare(const struct bound *b, const struct value *x, enum where_op op, __int128 n)
{
	unsigned bits = x->size * 8;
	bool sign = is_signed(x), above, below;
	__int128 one = 1, lo = sign ? -(one << (bits - 1)) : 0, hi = (one << (bits - sign)) - 1;
	static const uint8_t ops[] = { [WHERE_EQ] = TEST_EQ, [WHERE_NE] = TEST_NE, [WHERE_LT] = TEST_LT,
				       [WHERE_LE] = TEST_LE, [WHERE_GT] = TEST_GT, [WHERE_GE] = TEST_GE };

	above = n > hi;
	below = n < lo;
	if (above || below)
		return always(b, x, op == WHERE_NE || (above && (op == WHERE_LT || op == WHERE_LE)) ||
					    (below && (op == WHERE_GT || op == WHERE_GE)));
	return test_of(b, x, ops[op], (int64_t)n, sign);
}

static struct fetch_test bits(const struct bound *b, const struct value *x, __int128 mask)
{
	uint64_t all = x->size == 8 ? UINT64_MAX : (UINT64_C(1) << x->size * 8) - 1;

	/* Above its own bits there are only copies of the sign. */
	return test_of(b, x, TEST_AND, (int64_t)((uint64_t)mask & all), false);
}

static unsigned from_number(const struct bound *b, struct fetch_test *out)
{
	const struct where_test *t = &b->test;

	if (!is_plain(b, b->v) || (t->literal != WHERE_NUMBER && t->literal != WHERE_NULL) || t->flags & WHERE_F_LENGTH)
		return 0;
	switch ((enum where_op)t->op) {
	case WHERE_EQ: case WHERE_NE: case WHERE_LT: case WHERE_LE: case WHERE_GT: case WHERE_GE:
		*out = compare(b, b->v, t->op, t->number);
		return 1;
	case WHERE_TRUE: case WHERE_FALSE:
		*out = compare(b, b->v, t->op == WHERE_TRUE ? WHERE_NE : WHERE_EQ, 0);
		return 1;
	case WHERE_BITS:
		*out = bits(b, b->v, t->number);
		return 1;
	default:
		return 0;
	}
}

/* Is this alternative the one? By its discriminant: the others' when it has none of its own. */
static unsigned is_case(const struct values *v, const struct bound *b, const struct value *x, const struct value *which,
			bool holds, struct fetch_test *out)
{
	const struct value *child = &where_values(v)[x->child], *told = which;
	unsigned others = 0;
	uint64_t number;

	if (!x->nchildren || !is_plain(b, child))
		return 0;
	for (uint32_t i = 1; which->flags & VALUE_F_DEFAULT && i < x->nchildren; i++)
		if (!(child[i].flags & VALUE_F_DEFAULT)) {
			told = &child[i];
			others++;
		}
	if (told != which && others != 1)
		return 0;
	number = (uint64_t)told->number & (child->size == 8 ? UINT64_MAX : (UINT64_C(1) << child->size * 8) - 1);
	*out = test_of(b, child, (told == which) == holds ? TEST_EQ : TEST_NE, (int64_t)number, false);
	return told->flags & VALUE_F_DEFAULT ? 0 : 1;
}

static unsigned from_variant(const struct values *v, const struct bound *b, struct fetch_test *out)
{
	for (uint32_t i = 1; i < b->v->nchildren; i++) {
		const struct value *one = &where_values(v)[b->v->child + i];

		if (!strcmp(where_string(v, one->name), b->test.text))
			return is_case(v, b, b->v, one, b->test.op == WHERE_EQ, out);
	}
	return 0;
}

/* The errno of a call that failed is only captured if it did. */
static unsigned from_errno(const struct values *v, const struct bound *b, struct fetch_test *out)
{
	for (uint32_t i = 0; i < v->nroots; i++) {
		const struct value *root = &where_values(v)[i];

		if (root->flags & VALUE_F_ERRNO && is_plain(b, root)) {
			*out = always(b, root, true);
			return 1;
		}
	}
	return 0;
}

/* --errors: exception or panic, or what the result says. */
static unsigned from_failed(const struct values *v, const struct bound *b, struct fetch_test *out, bool *exact)
{
	const struct value *x = b->v;
	unsigned n = 1, flags = b->test.flags & ~WHERE_F_UNSIGNED;

	out[0] = (struct fetch_test){ .size = 8, .flags = TEST_F_EXIT };
	if (!x)
		return n;
	n += from_errno(v, b, &out[n]);
	if (!flags && x->kind != VALUE_VARIANT)
		return n;
	if (x->kind == VALUE_VARIANT) {
		for (uint32_t i = 1; i < x->nchildren; i++) {
			const struct value *one = &where_values(v)[x->child + i];

			if (!(one->flags & VALUE_F_ERROR))
				continue;
			if (n == WHERE_KERNEL_MAX || !is_case(v, b, x, one, true, &out[n]))
				return 0;
			n++;
		}
		return n;
	}
	if (!is_plain(b, x))
		return 0;
	if (flags & WHERE_F_BELOW)
		out[n++] = compare(b, x, WHERE_LT, 0);
	if (flags & WHERE_F_NONZERO)
		out[n++] = compare(b, x, WHERE_NE, 0);
	if (flags & WHERE_F_ZERO)
		out[n++] = compare(b, x, WHERE_EQ, 0);
	if (flags & WHERE_F_ONES)
		out[n++] = compare(b, x, WHERE_EQ, b->test.number);
	return n;
}

unsigned where_kernel(const struct values *v, const struct bound *b, struct fetch_test out[WHERE_KERNEL_MAX], bool *exact)
{
	const struct where_test *t = &b->test;

	*exact = true;
	if (t->what == WHERE_FAILED)
		return from_failed(v, b, out, exact);
	if (t->what == WHERE_FIELD) {
		/* The kernel's test is for both. */
		*exact = false;
		out[0] = (struct fetch_test){ .size = 8, .flags = TEST_F_EXIT };
		return t->key == K_EXIT && t->op == WHERE_EQ && (!strcmp(t->text, "exception") || !strcmp(t->text, "panic"));
	}
	if (b->v->kind == VALUE_VARIANT)
		return from_variant(v, b, out);
	return from_number(b, out);
}
