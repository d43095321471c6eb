/* SPDX-License-Identifier: MIT */
/* where_failed.c: --errors: what of a function's result means that it failed, by the habits of its language. */
#include "probe/where_priv.h"

/* An interface of Go's type error: nil, or what went wrong. */
static bool is_go_error(const struct values *v, const struct value *x)
{
	const struct value *in = &where_values(v)[x->child];

	return x->kind == VALUE_POINTER && x->flags & VALUE_F_ERROR && x->nchildren && in->kind == VALUE_STRUCT && in->nchildren &&
	       where_values(v)[in->child].kind == VALUE_GO_TYPE;
}

/* Of several results Go has the error last. */
static const struct value *go_error(const struct values *v, const struct value *x)
{
	const struct value *last = x;

	if (x->kind == VALUE_STRUCT && !*where_string(v, x->type) && x->nchildren)
		last = &where_values(v)[x->child + x->nchildren - 1];
	return is_go_error(v, last) ? last : NULL;
}

/* What of the result means failure; every call also fails that an exception or panic leaves. */
void where_failed(const struct values *v, struct bound *b)
{
	const struct value *x = where_result(v), *error = x ? go_error(v, x) : NULL;
	struct where_test *t = &b->test;

	t->what = WHERE_FAILED;
	b->v = x;
	b->is_return = true;
	if (!x)
		return;
	if (error) {
		b->v = error;
		t->flags = WHERE_F_NONZERO;
		t->text = error == x ? NULL : where_string(v, error->name);
		return;
	}
	t->flags |= x->flags & VALUE_F_SIGNED ? 0 : WHERE_F_UNSIGNED;
	if (x->kind == VALUE_INT || (x->kind == VALUE_ENUM && x->flags & VALUE_F_SIGNED))
		t->flags |= WHERE_F_BELOW;
	/* pthread_mutex_lock gives the error itself. */
	if (x->kind == VALUE_ENUM && !strcmp(where_string(v, x->type), "errno"))
		t->flags = (uint8_t)((t->flags & WHERE_F_UNSIGNED) | WHERE_F_NONZERO);
	if (x->flags & VALUE_F_ERROR && (x->kind == VALUE_POINTER || x->kind == VALUE_UINT)) {
		t->flags |= WHERE_F_ONES | (x->kind == VALUE_POINTER ? WHERE_F_ZERO : 0);
		t->number = x->size >= 8 ? UINT64_MAX : (UINT64_C(1) << x->size * 8) - 1;
	}
}
