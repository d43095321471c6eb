/* SPDX-License-Identifier: MIT */
/*
 * proto_check.c: is a prototype block what include/proto.h says? One pass over each of its arrays, and one over the graph of
 * types that hold each other by value, so that whoever reads it may follow indices without looking, and will come to an end.
 */
#include "base/util.h"
#include "proto.h"

#define MAX_SIZE   (1ull << 56) /* of a type; eight times as many bits fit into 64 */
#define MAX_NEST   128		/* types that hold each other by value */
#define MAX_PIECES 64		/* of one parameter */

enum colour { NEW, OPEN, DONE };

/* A type that is being walked through, and its next part. */
struct frame {
	uint32_t type, next;
};

static bool parts_fit(const struct proto *p, size_t len)
{
	uint64_t sum = sizeof(*p);

	if (p->bytes != len || len > PROTO_MAX_BYTES || p->nparams > PROTO_MAX_PARAMS)
		return false;
	sum += (uint64_t)p->nparams * sizeof(struct param) +
	       (uint64_t)p->ntypes * sizeof(struct type);
	sum += (uint64_t)p->nmembers * sizeof(struct member) +
	       (uint64_t)p->npieces * sizeof(struct piece);
	return p->nstrings && sum + p->nstrings == len;
}

static bool is_head(const struct proto_view *v)
{
	const struct proto *p = v->p;
	const uint8_t flags =
		PROTO_F_VARIADIC | PROTO_F_METHOD | PROTO_F_OWN_ABI | PROTO_F_USER | PROTO_F_ERRNO;

	return p->lang <= LANG_GO && !(p->flags & ~flags) && p->name < p->nstrings &&
	       !v->strings[0] && !v->strings[p->nstrings - 1] &&
	       (p->result == PROTO_NO_TYPE || p->result < p->ntypes);
}

static bool is_range(uint32_t first, uint32_t n, uint32_t all)
{
	return first <= all && n <= all - first;
}

static bool is_param(const struct proto_view *v, const struct param *a)
{
	if (a->name >= v->p->nstrings || a->type >= v->p->ntypes || a->npieces > MAX_PIECES ||
	    !is_range(a->piece, a->npieces, v->p->npieces))
		return false;
	for (uint32_t i = a->piece; i < a->piece + a->npieces; i++) {
		const struct piece *e = &v->pieces[i];

		if (e->kind > PIECE_GONE || (e->kind == PIECE_REG && e->reg > 15) ||
		    (e->kind == PIECE_CFA && (e->value < INT32_MIN || e->value > INT32_MAX)))
			return false;
	}
	return true;
}

static bool is_scalar(unsigned kind)
{
	return kind == TYPE_BOOL || kind == TYPE_CHAR || kind == TYPE_INT || kind == TYPE_UINT;
}

static bool is_number(const struct type *t)
{
	return t->size == 1 || t->size == 2 || t->size == 4 || t->size == 8 || t->size == 16;
}

static bool is_array(const struct proto_view *v, const struct type *t)
{
	uint64_t size;

	if (t->inner >= v->p->ntypes)
		return false;
	if (t->flags & TYPE_F_COUNTED)
		return t->count < v->p->nparams;
	if (t->count == UINT64_MAX)
		return true;
	return !__builtin_mul_overflow(v->types[t->inner].size, t->count, &size) && size == t->size;
}

static bool is_enum(const struct proto_view *v, const struct type *t)
{
	const struct type *inner = t->inner < v->p->ntypes ? &v->types[t->inner] : NULL;

	return inner && is_scalar(inner->kind) && inner->size == t->size && is_number(t);
}

static bool is_type(const struct proto_view *v, const struct type *t)
{
	const uint8_t flags = TYPE_F_BY_REFERENCE | TYPE_F_DECLARATION | TYPE_F_SIGNED |
			      TYPE_F_CUT | TYPE_F_COUNTED | TYPE_F_FLAGS;
	bool members = t->kind == TYPE_ENUM || t->kind == TYPE_STRUCT || t->kind == TYPE_UNION ||
		       t->kind == TYPE_VARIANT;

	if (t->kind > TYPE_UNKNOWN || t->flags & ~flags || t->name >= v->p->nstrings ||
	    t->size > MAX_SIZE || (t->inner != PROTO_NO_TYPE && t->inner >= v->p->ntypes) ||
	    !is_range(t->member, t->nmembers, v->p->nmembers) || (t->nmembers && !members) ||
	    (t->align & (t->align - 1)))
		return false;
	switch (t->kind) {
	case TYPE_BOOL:
	case TYPE_CHAR:
	case TYPE_INT:
	case TYPE_UINT:
		return is_number(t);
	case TYPE_FLOAT:
		return is_number(t) && t->size > 1;
	case TYPE_COMPLEX:
		return t->size == 4 || t->size == 8 || t->size == 16 || t->size == 32;
	case TYPE_POINTER:
	case TYPE_REFERENCE:
		return t->size == 8;
	case TYPE_ENUM:
		return is_enum(v, t);
	case TYPE_ARRAY:
		return is_array(v, t);
	case TYPE_VARIANT:
		return t->nmembers > 0;
	}
	return true;
}

/* Does the member lie inside of what it is a member of? */
static bool is_member(const struct proto_view *v, const struct type *t, const struct member *m)
{
	const struct type *type = m->type < v->p->ntypes ? &v->types[m->type] : NULL;
	const uint32_t flags = MEMBER_F_BASE | MEMBER_F_DEFAULT | MEMBER_F_VIRTUAL;

	if (m->name >= v->p->nstrings || m->flags & ~flags)
		return false;
	if (t->kind == TYPE_ENUM)
		return m->type == PROTO_NO_TYPE || type;
	if (!type)
		return false;
	if (m->flags & MEMBER_F_VIRTUAL)
		return true;
	if (m->offset > t->size)
		return false;
	if (m->bit_size)
		return m->bit_size <= 128 &&
		       is_scalar(type->kind == TYPE_ENUM ? TYPE_INT : type->kind) &&
		       m->offset * 8 + m->bit_offset + m->bit_size <= t->size * 8;
	/* A base class is shorter than the same class by itself where its own virtual bases are elsewhere. */
	return m->flags & MEMBER_F_BASE || type->size <= t->size - m->offset;
}

/* Runs of members do not overlap, so all of them together are not more than there are. */
static bool are_members(const struct proto_view *v, uint8_t *claimed)
{
	for (uint32_t i = 0; i < v->p->ntypes; i++) {
		const struct type *t = &v->types[i];

		for (uint32_t k = t->member; k < t->member + t->nmembers; k++) {
			if (claimed[k] || !is_member(v, t, &v->members[k]))
				return false;
			claimed[k] = 1;
		}
	}
	return true;
}

/* The n-th type that t holds by value, or PROTO_NO_TYPE behind the last. */
static uint32_t part(const struct proto_view *v, const struct type *t, uint32_t n)
{
	if (t->kind == TYPE_ARRAY)
		return n ? PROTO_NO_TYPE : t->inner;
	if (t->kind != TYPE_STRUCT && t->kind != TYPE_UNION && t->kind != TYPE_VARIANT)
		return PROTO_NO_TYPE;
	return n < t->nmembers ? v->members[t->member + n].type : PROTO_NO_TYPE;
}

/* Depth first; level[] is how deep a finished type goes, so that nesting is bounded on every path to it. */
static bool ends(const struct proto_view *v, uint8_t *colour, uint8_t *level, uint32_t root)
{
	struct frame stack[MAX_NEST] = { { root, 0 } };
	size_t n = 1;

	if (colour[root] == DONE)
		return true;
	colour[root] = OPEN;
	while (n) {
		struct frame *f = &stack[n - 1];
		uint32_t next = part(v, &v->types[f->type], f->next);

		if (next != PROTO_NO_TYPE && colour[next] == NEW) {
			if (n == MAX_NEST)
				return false;
			colour[next] = OPEN;
			stack[n++] = (struct frame){ next, 0 };
			continue;
		}
		if (next != PROTO_NO_TYPE) {
			if (colour[next] == OPEN || level[next] + 1 >= MAX_NEST)
				return false;
			level[f->type] = MAX(level[f->type], (uint8_t)(level[next] + 1));
			f->next++;
			continue;
		}
		colour[f->type] = DONE;
		n--;
	}
	return true;
}

static bool are_types(const struct proto_view *v)
{
	size_t n = (size_t)v->p->ntypes * 2 + v->p->nmembers;
	AUTO_FREE uint8_t *marks = calloc(n + 1, 1);
	uint8_t *colour = marks, *level = marks ? marks + v->p->ntypes : NULL;
	uint32_t i;

	if (!marks)
		return false;
	for (i = 0; i < v->p->ntypes; i++)
		if (!is_type(v, &v->types[i]))
			return false;
	if (!are_members(v, marks + 2 * (size_t)v->p->ntypes))
		return false;
	for (i = 0; i < v->p->ntypes; i++)
		if (!ends(v, colour, level, i))
			return false;
	return true;
}

int proto_check(const void *block, size_t len, struct proto_view *v)
{
	struct proto_view it = { .p = block };

	if (len < sizeof(*it.p) || (uintptr_t)block % 8 || !parts_fit(it.p, len))
		return -EBADMSG;
	it.params = (const struct param *)(it.p + 1);
	it.types = (const struct type *)(it.params + it.p->nparams);
	it.members = (const struct member *)(it.types + it.p->ntypes);
	it.pieces = (const struct piece *)(it.members + it.p->nmembers);
	it.strings = (const char *)(it.pieces + it.p->npieces);
	if (!is_head(&it))
		return -EBADMSG;
	for (uint32_t i = 0; i < it.p->nparams; i++)
		if (!is_param(&it, &it.params[i]))
			return -EBADMSG;
	if (!are_types(&it))
		return -EBADMSG;
	*v = it;
	return 0;
}
