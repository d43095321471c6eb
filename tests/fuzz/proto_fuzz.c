/* SPDX-License-Identifier: MIT */
/*
 * proto_fuzz.c: arbitrary bytes as a prototype block. What proto_check() lets through must be safe to read: every
 * string ends, every index is inside, and types that hold each other by value come to an end.
 */
#include "base/util.h"
#include "proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
	const struct proto_view *v;
	size_t steps;
	volatile size_t sum;
};

static void read_type(struct reader *r, uint32_t index)
{
	const struct type *t;

	/* Many paths may lead to one type. */
	if (index == PROTO_NO_TYPE || ++r->steps > 100000)
		return;
	t = &r->v->types[index];
	r->sum += strlen(r->v->strings + t->name);
	if (t->kind == TYPE_ARRAY)
		read_type(r, t->inner);
	if (t->inner != PROTO_NO_TYPE)
		r->sum += r->v->types[t->inner].size;
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct member *m = &r->v->members[t->member + i];

		r->sum += strlen(r->v->strings + m->name);
		if (t->kind == TYPE_ENUM)
			continue;
		if (!(m->flags & (MEMBER_F_BASE | MEMBER_F_VIRTUAL)) && m->offset > t->size)
			abort();
		read_type(r, m->type);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE uint8_t *copy = malloc(size + 1);
	struct proto_view v;
	struct reader r = { .v = &v };

	if (!copy || size < sizeof(struct proto))
		return 0;
	memcpy(copy, data, size);
	/* The length that it claims is seldom guessed right. */
	memcpy(copy + offsetof(struct proto, bytes), &(uint32_t){ (uint32_t)size },
	       sizeof(uint32_t));
	if (proto_check(copy, size, &v))
		return 0;
	read_type(&r, v.p->result);
	r.sum += strlen(v.strings + v.p->name);
	for (uint32_t i = 0; i < v.p->nparams; i++) {
		const struct param *p = &v.params[i];

		r.sum += strlen(v.strings + p->name);
		read_type(&r, p->type);
		for (uint32_t k = 0; k < p->npieces; k++)
			r.sum += v.pieces[p->piece + k].kind;
	}
	return 0;
}
