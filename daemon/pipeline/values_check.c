/* SPDX-License-Identifier: MIT */
/* values_check.c: blocks of values out of recorded streams: whoever passes may be walked without a second look. */
#include "pipeline/values_priv.h"

#define ROOTS_MAX 128

struct check {
	const struct value *v;
	uint32_t n, nstrings;
	uint8_t depth[VALUES_MAX]; /* 0: nobody's child yet */
};

/* Enumerators may be shared by all values of a type, other children have one parent: so the walk ends. */
static bool check_children(struct check *c, uint32_t i)
{
	const struct value *v = &c->v[i];

	if (!v->nchildren)
		return true;
	if (v->child <= i || v->child > c->n || v->nchildren > c->n - v->child)
		return false;
	for (uint32_t k = v->child; k < v->child + v->nchildren; k++) {
		bool name = c->v[k].kind == VALUE_NAME;

		if (name != (v->kind == VALUE_ENUM) || (!name && c->depth[k]) || c->depth[i] >= VALUES_DEPTH)
			return false;
		c->depth[k] = (uint8_t)(c->depth[i] + 1);
	}
	return true;
}

static bool check_value(struct check *c, uint32_t i)
{
	const struct value *v = &c->v[i];

	return v->kind <= VALUE_GO_TYPE && v->name < c->nstrings && v->type < c->nstrings && check_children(c, i);
}

int values_check(const void *block, size_t len)
{
	const struct values *head = block;
	struct check c;
	uint64_t bytes;

	if (len < sizeof(*head) || (uintptr_t)block % _Alignof(struct value))
		return -EBADMSG;
	bytes = sizeof(*head) + (uint64_t)head->n * sizeof(struct value) + head->nstrings;
	if (head->bytes != len || bytes != len || head->n > VALUES_MAX || head->nroots > MIN(head->n, (uint32_t)ROOTS_MAX) ||
	    !head->nstrings)
		return -EBADMSG;
	c = (struct check){ .v = (const struct value *)(head + 1), .n = head->n, .nstrings = head->nstrings };
	if (((const char *)(c.v + c.n))[0] || ((const char *)(c.v + c.n))[c.nstrings - 1])
		return -EBADMSG;
	memset(c.depth, 1, head->nroots);
	for (uint32_t i = 0; i < c.n; i++)
		if (!check_value(&c, i))
			return -EBADMSG;
	return 0;
}
