/* SPDX-License-Identifier: MIT */
/* proto_build.c: growing arrays that become one prototype block, see proto_build.h. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(e) ((e)->offset = 0)
#include <uthash.h>

#include "target/proto_build.h"

/* One growing array of the block. */
struct column {
	char *v;
	size_t n, cap;
	size_t size; /* bytes of an element */
};

struct interned {
	UT_hash_handle hh;
	uint32_t offset;
	char text[];
};

struct proto_build {
	struct column params, types, members, pieces, strings;
	struct interned *known;
	int err;
};

static void fail(struct proto_build *b, int err)
{
	if (!b->err)
		b->err = err;
}

static size_t block_bytes(const struct proto_build *b)
{
	const struct column *c[] = { &b->params, &b->types, &b->members, &b->pieces, &b->strings };
	size_t sum = sizeof(struct proto);

	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		sum += c[i]->n * c[i]->size;
	return sum;
}

/* Appends n elements; the index of the first, 0 after a failure. */
static uint32_t append(struct proto_build *b, struct column *c, const void *v, size_t n)
{
	size_t first = c->n;

	/* 8 bytes are kept for the padding of the strings. */
	if (n > PROTO_MAX_BYTES || block_bytes(b) + n * c->size > PROTO_MAX_BYTES - 8)
		fail(b, -E2BIG);
	if (b->err || !n)
		return b->err ? 0 : (uint32_t)first;
	if (util_grow(&c->v, c->n + n - 1, &c->cap, c->size)) {
		fail(b, -ENOMEM);
		return 0;
	}
	memcpy(c->v + first * c->size, v, n * c->size);
	c->n += n;
	return (uint32_t)first;
}

struct proto_build *proto_build_new(void)
{
	struct proto_build *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->params.size = sizeof(struct param);
	b->types.size = sizeof(struct type);
	b->members.size = sizeof(struct member);
	b->pieces.size = sizeof(struct piece);
	b->strings.size = 1;
	append(b, &b->strings, "", 1);
	return b;
}

void proto_build_free(struct proto_build *b)
{
	struct interned *e, *next;

	if (!b)
		return;
	HASH_ITER(hh, b->known, e, next) {
		HASH_DEL(b->known, e);
		free(e);
	}
	free(b->params.v);
	free(b->types.v);
	free(b->members.v);
	free(b->pieces.v);
	free(b->strings.v);
	free(b);
}

uint32_t proto_build_string(struct proto_build *b, const char *s, size_t len)
{
	struct interned *e;
	uint32_t offset;

	len = len ? strnlen(s, len) : 0;
	if (b->err || !len)
		return 0;
	HASH_FIND(hh, b->known, s, len, e);
	if (e)
		return e->offset;
	if (len >= PROTO_MAX_BYTES) {
		fail(b, -E2BIG);
		return 0;
	}
	e = calloc(1, sizeof(*e) + len + 1);
	if (!e) {
		fail(b, -ENOMEM);
		return 0;
	}
	memcpy(e->text, s, len);
	offset = append(b, &b->strings, e->text, len + 1);
	if (offset) {
		e->offset = offset;
		HASH_ADD_KEYPTR(hh, b->known, e->text, len, e);
	}
	if (!offset || !e->offset) {
		fail(b, -ENOMEM);
		free(e);
		return 0;
	}
	return offset;
}

uint32_t proto_build_type(struct proto_build *b, const struct type *t)
{
	return append(b, &b->types, t, 1);
}

void proto_build_set_type(struct proto_build *b, uint32_t index, const struct type *t)
{
	if (index >= b->types.n)
		fail(b, -EINVAL);
	else
		memcpy(b->types.v + index * sizeof(*t), t, sizeof(*t));
}

struct type proto_build_get_type(const struct proto_build *b, uint32_t index)
{
	struct type t = { .inner = PROTO_NO_TYPE };

	if (b->err || index >= b->types.n)
		memset(&t, 0, sizeof(t));
	else
		memcpy(&t, b->types.v + index * sizeof(t), sizeof(t));
	return t;
}

uint32_t proto_build_members(struct proto_build *b, const struct member *m, size_t n)
{
	return append(b, &b->members, m, n);
}

uint32_t proto_build_pieces(struct proto_build *b, const struct piece *p, size_t n)
{
	return append(b, &b->pieces, p, n);
}

void proto_build_param(struct proto_build *b, const struct param *p)
{
	if (b->params.n >= PROTO_MAX_PARAMS)
		fail(b, -E2BIG);
	else
		append(b, &b->params, p, 1);
}

int proto_build_error(const struct proto_build *b)
{
	return b->err;
}

int proto_build_finish(struct proto_build *b, const struct proto *head, struct proto **ret)
{
	const struct column *c[] = { &b->params, &b->types, &b->members, &b->pieces, &b->strings };
	size_t bytes = (block_bytes(b) + 7) & ~(size_t)7;
	struct proto *p;
	char *to;

	if (b->err)
		return b->err;
	p = calloc(1, bytes);
	if (!p)
		return -ENOMEM;
	*p = *head;
	p->bytes = (uint32_t)bytes;
	p->nparams = (uint32_t)b->params.n;
	p->ntypes = (uint32_t)b->types.n;
	p->nmembers = (uint32_t)b->members.n;
	p->npieces = (uint32_t)b->pieces.n;
	to = (char *)(p + 1);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		if (c[i]->n)
			memcpy(to, c[i]->v, c[i]->n * c[i]->size);
		to += c[i]->n * c[i]->size;
	}
	/* The NULs that fill the last 8 bytes belong to the strings, so the parts make up the whole. */
	p->nstrings = (uint32_t)((char *)p + bytes - (to - b->strings.n));
	*ret = p;
	return 0;
}
