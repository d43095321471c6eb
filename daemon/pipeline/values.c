/* SPDX-License-Identifier: MIT */
/*
 * values.c: walks the tree of values along a capture and makes fields of it. Where the capture lacks an item, the target's
 * memory was not there: read_fault.
 */
#include <string.h>
#include "pipeline/values_priv.h"

#define STEPS_MAX 65536

void *reading_alloc(struct reading *x, size_t bytes)
{
	void *p = x->full ? NULL : arena_alloc(x->arena, bytes);

	x->full = x->full || !p;
	return p;
}

void put_string(struct field *f, const char *s, size_t len)
{
	f->type = VAL_STR;
	f->str = s;
	f->len = (uint32_t)len;
}

void put_unavailable(struct field *f, const char *why)
{
	put_string(f, why, strlen(why));
	f->type = VAL_UNAVAIL;
}

static const char read_fault[] = "read_fault";

const uint8_t *value_bytes(struct reading *x, const struct value *v, struct element in, size_t size, struct field *f)
{
	uint64_t off = (uint64_t)v->at + v->off;

	if (v->item != VALUE_NO_ITEM) {
		if (v->item >= FETCH_ITEMS || off > x->len || size > x->len - off) {
			x->bad = true;
			return NULL;
		}
		if (x->got >> v->item & 1)
			return x->bytes + off;
		put_unavailable(f, read_fault);
		return NULL;
	}
	if (!in.p || v->off > in.n || size > in.n - v->off) {
		x->bad = true;
		return NULL;
	}
	return in.p + v->off;
}

const struct fetched *value_fetched(struct reading *x, const struct value *v, struct fetched *copy, struct field *f)
{
	const uint8_t *p = value_bytes(x, v, (struct element){ 0 }, sizeof(*copy), f);

	if (!p)
		return NULL;
	memcpy(copy, p, sizeof(*copy));
	if (copy->off > x->len || copy->len > x->len - copy->off || copy->all < copy->len) {
		x->bad = true;
		return NULL;
	}
	return copy;
}

static void put(struct reading *x, const struct value *v, struct element in, struct field *f);

/* ---- structures ---- */

static bool is_inline(const struct value *v)
{
	return v->kind == VALUE_STRUCT && v->flags & VALUE_F_INLINE;
}

static size_t count_members(struct reading *x, const struct value *v)
{
	size_t n = v->flags & VALUE_F_CUT ? 1 : 0;

	for (uint32_t i = 0; i < v->nchildren; i++)
		n += is_inline(&x->v[v->child + i]) ? count_members(x, &x->v[v->child + i]) : 1;
	return n;
}

static struct field *put_members(struct reading *x, const struct value *v, struct element in, struct field *f)
{
	for (uint32_t i = 0; i < v->nchildren; i++) {
		const struct value *child = &x->v[v->child + i];

		if (is_inline(child)) {
			f = put_members(x, child, in, f);
		} else {
			put(x, child, in, f);
			f++->name = x->strings + child->name;
		}
	}
	if (v->flags & VALUE_F_CUT)
		*f++ = (struct field){ .name = "...", .type = VAL_BOOL, .u = 1 };
	return f;
}

static bool is_tuple(struct reading *x, const struct value *v)
{
	char name[16];

	for (uint32_t i = 0; i < v->nchildren; i++) {
		snprintf(name, sizeof(name), "__%u", i);
		if (strcmp(x->strings + x->v[v->child + i].name, name))
			return false;
	}
	return v->nchildren && !(v->flags & VALUE_F_CUT);
}

static bool all_faulted(const struct field *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (f[i].type != VAL_UNAVAIL || f[i].str != read_fault)
			return false;
	return n > 0;
}

static void put_struct(struct reading *x, const struct value *v, struct element in, struct field *f)
{
	size_t n = count_members(x, v);
	struct field *list;

	if (v->flags & VALUE_F_CUT && !v->nchildren) {
		put_string(f, "...", 3);
		return;
	}
	list = reading_alloc(x, n * sizeof(*list));
	if (!list)
		return;
	memset(list, 0, n * sizeof(*list));
	put_members(x, v, in, list);
	if (all_faulted(list, n)) {
		put_unavailable(f, read_fault);
		return;
	}
	f->type = is_tuple(x, v) ? VAL_ARRAY : VAL_OBJECT;
	f->list = list;
	f->len = (uint32_t)n;
}

/* ---- arrays ---- */

static struct field *put_list(struct reading *x, size_t n, struct field *f)
{
	struct field *list = reading_alloc(x, n * sizeof(*list));

	if (!list)
		return NULL;
	memset(list, 0, n * sizeof(*list));
	f->type = VAL_ARRAY;
	f->list = list;
	f->len = (uint32_t)n;
	return list;
}

/* n elements from p on, of `all` that there are. */
static void put_elements(struct reading *x, const struct value *v, const uint8_t *p, uint64_t n, uint64_t all, struct field *f)
{
	const struct value *child = &x->v[v->child];
	struct field *list;

	if (v->nchildren != 1) {
		x->bad = true;
		return;
	}
	if (child->kind == VALUE_CHAR && child->size == 1 && v->number >= 0) {
		put_chars(p, n, f);
		return;
	}
	list = put_list(x, n, f);
	for (uint64_t i = 0; list && i < n && !x->full && !x->bad; i++)
		put(x, child, (struct element){ p + i * v->size, v->size }, &list[i]);
	if (list && all > n)
		put_truncated(x, all, f);
}

/* Each element has a child of its own. */
static void put_children(struct reading *x, const struct value *v, struct element in, struct field *f)
{
	uint64_t all = (uint64_t)v->number, n;
	struct field *list;
	const uint8_t *p;

	if (v->item != VALUE_NO_ITEM) {
		p = value_bytes(x, v, in, 8, f);
		if (!p)
			return;
		memcpy(&all, p, 8);
		/* As FETCH_BYTES has it: no length at all. */
		if (all >> 40) {
			put_unavailable(f, read_fault);
			return;
		}
		all /= v->size;
	}
	n = MIN(all, (uint64_t)v->nchildren);
	list = put_list(x, n, f);
	for (uint64_t i = 0; list && i < n && !x->full && !x->bad; i++)
		put(x, &x->v[v->child + i], in, &list[i]);
	if (list && all > n)
		put_truncated(x, all, f);
}

static void put_array(struct reading *x, const struct value *v, struct element in, struct field *f)
{
	struct fetched copy;
	const struct fetched *s;
	const uint8_t *p;

	if (v->flags & VALUE_F_CUT) {
		put_string(f, "...", 3);
	} else if (!v->size && (v->nchildren || v->number)) {
		x->bad = true;
	} else if (v->flags & VALUE_F_INLINE) {
		put_children(x, v, in, f);
	} else if (v->number < 0) {
		s = value_fetched(x, v, &copy, f);
		if (s)
			put_elements(x, v, x->bytes + s->off, s->len / v->size, s->all / v->size, f);
	} else if (!v->number) {
		put_list(x, 0, f);
	} else {
		p = (uint64_t)v->number > CAPTURE_MAX ? NULL : value_bytes(x, v, in, (size_t)v->number * v->size, f);
		x->bad = x->bad || (uint64_t)v->number > CAPTURE_MAX;
		if (p)
			put_elements(x, v, p, (uint64_t)v->number, (uint64_t)v->number, f);
	}
}

/* ---- pointers and alternatives ---- */

static void put_pointer(struct reading *x, const struct value *v, struct element in, struct field *f)
{
	const struct value *child = v->nchildren ? &x->v[v->child] : NULL;
	uint64_t address;

	/* A reference: only what it leads to was captured. */
	if (v->item == VALUE_NO_ITEM && !in.p && child) {
		put(x, child, in, f);
		return;
	}
	if (!scalar_bits(x, v, in, &address, f))
		return;
	if (!address)
		f->type = VAL_NULL;
	else if (child)
		put(x, child, in, f);
	else
		put_address(x, address, f);
}

static const struct value *find_case(struct reading *x, const struct value *v, uint64_t tag)
{
	uint32_t bits = x->v[v->child].size * 8;
	uint64_t mask = bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX;
	const struct value *other = NULL;

	for (uint32_t i = 1; i < v->nchildren; i++) {
		const struct value *one = &x->v[v->child + i];

		if (one->flags & VALUE_F_DEFAULT)
			other = one;
		else if (one->kind == VALUE_CASE && ((uint64_t)one->number & mask) == tag)
			return one;
	}
	return other;
}

static void put_variant(struct reading *x, const struct value *v, struct element in, struct field *f)
{
	const struct value *one, *payload;
	struct field *list;
	const char *name;
	uint64_t tag;

	if (!v->nchildren) {
		x->bad = true;
		return;
	}
	if (x->v[v->child].kind == VALUE_MISSING) {
		put(x, &x->v[v->child], in, f);
		return;
	}
	if (!scalar_bits(x, &x->v[v->child], in, &tag, f))
		return;
	one = find_case(x, v, tag);
	if (!one) {
		put_unavailable(f, "invalid");
		return;
	}
	payload = one->nchildren ? &x->v[one->child] : NULL;
	name = x->strings + one->name;
	if (!payload && *name) {
		put_string(f, name, strlen(name));
	} else if (!payload) {
		f->type = VAL_NULL;
	} else if (!*name) {
		put(x, payload, in, f);
	} else {
		list = reading_alloc(x, sizeof(*list));
		if (!list)
			return;
		*list = (struct field){ 0 };
		put(x, payload, in, list);
		list->name = name;
		f->type = VAL_OBJECT;
		f->list = list;
		f->len = 1;
	}
}

static void put_go_type(struct reading *x, const struct value *v, struct element in, struct field *f)
{
	const struct resolver *names = x->from->names;
	const char *name = NULL;
	uint64_t address;
	size_t n;
	char *p;

	if (!scalar_bits(x, v, in, &address, f))
		return;
	if (names)
		name = names->go_type(names->arg, x->from->pid, address);
	if (!name) {
		put_unavailable(f, "type");
		return;
	}
	/* It lives until the next question. */
	n = strlen(name);
	p = reading_alloc(x, n);
	if (p)
		put_string(f, memcpy(p, name, n), n);
}

static void put(struct reading *x, const struct value *v, struct element in, struct field *f)
{
	*f = (struct field){ .type = VAL_NULL };
	if (x->full || x->bad)
		return;
	if (!x->steps--) {
		x->full = true;
		return;
	}
	switch ((enum value_kind)v->kind) {
	case VALUE_POINTER:
		put_pointer(x, v, in, f);
		break;
	case VALUE_TEXT:
		put_text(x, v, f);
		break;
	case VALUE_BYTES:
		put_hex(x, v, f);
		break;
	case VALUE_STRUCT:
		put_struct(x, v, in, f);
		break;
	case VALUE_ARRAY:
		put_array(x, v, in, f);
		break;
	case VALUE_VARIANT:
		put_variant(x, v, in, f);
		break;
	case VALUE_MISSING:
		put_unavailable(f, x->strings + v->type);
		break;
	case VALUE_GO_TYPE:
		put_go_type(x, v, in, f);
		break;
	case VALUE_NAME:
	case VALUE_CASE:
		x->bad = true;
		break;
	default:
		put_scalar(x, v, in, f);
	}
}

/* ---- roots ---- */

static const struct element nowhere;

static void put_args(struct reading *x, const struct values *v, struct record *r)
{
	struct field f = { .key = K_ARGS, .type = VAL_OBJECT }, *list = NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; i < v->nroots; i++)
		n += !(x->v[i].flags & (VALUE_F_RETURN | VALUE_F_ERRNO));
	list = reading_alloc(x, n * sizeof(*list));
	f.list = list;
	f.len = n;
	for (uint32_t i = 0; i < v->nroots && list; i++) {
		if (x->v[i].flags & (VALUE_F_RETURN | VALUE_F_ERRNO))
			continue;
		put(x, &x->v[i], nowhere, list);
		list++->name = x->strings + x->v[i].name;
	}
	if (x->full)
		put_unavailable(&f, "too_large");
	if (!x->bad)
		record_add(r, &f);
}

static void put_return(struct reading *x, const struct value *v, struct record *r)
{
	struct field f;

	put(x, v, nowhere, &f);
	f.name = NULL;
	f.key = K_EXIT_RETURN;
	if (x->full)
		put_unavailable(&f, "too_large");
	if (!x->bad)
		record_add(r, &f);
}

/* The name of the error number: only there if the call failed. */
static void put_error(struct reading *x, const struct value *v, struct record *r)
{
	struct field f;
	const char *name;

	if (v->item < FETCH_ITEMS && !(x->got >> v->item & 1))
		return;
	put(x, v, nowhere, &f);
	if (x->bad || x->full || f.type != VAL_S64)
		return;
	/* -1 was a value like any other. */
	if (!f.s)
		return;
	name = f.s > 0 && f.s < INT32_MAX ? strerrorname_np((int)f.s) : NULL;
	if (name)
		put_string(&f, name, strlen(name));
	f.key = K_ERROR;
	record_add(r, &f);
}

static void put_lost(const struct value *v, const struct values *head, bool returned, const char *why, struct record *r)
{
	struct field f = { .key = K_ARGS };

	put_unavailable(&f, why);
	record_add(r, &f);
	f.key = K_EXIT_RETURN;
	for (uint32_t i = 0; i < head->nroots && returned; i++)
		if (v[i].flags & VALUE_F_RETURN)
			record_add(r, &f);
}

int values_put_from(const struct values *v, const struct values_from *from, struct arena *a, struct record *r)
{
	const struct value *list = (const struct value *)(v + 1);
	struct reading x = { .v = list, .strings = (const char *)(list + v->n), .bytes = from->bytes, .arena = a, .from = from,
			     .steps = STEPS_MAX };
	struct capture_head head;

	if (!from->bytes) {
		put_lost(list, v, from->returned, from->why, r);
		return 0;
	}
	if (from->len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, from->bytes, sizeof(head));
	if (head.bytes > from->len || head.bytes < sizeof(head))
		return -EBADMSG;
	x.len = head.bytes;
	x.got = head.got;
	x.missed = head.missed;
	put_args(&x, v, r);
	for (uint32_t i = 0; i < v->nroots && from->returned && !x.bad; i++)
		if (list[i].flags & VALUE_F_ERRNO)
			put_error(&x, &list[i], r);
		else if (list[i].flags & VALUE_F_RETURN)
			put_return(&x, &list[i], r);
	return x.bad ? -EBADMSG : 0;
}

int values_put(const struct values *v, const void *bytes, size_t len, bool returned, const char *why, struct arena *a,
	       struct record *r)
{
	const struct values_from from = { .bytes = bytes, .len = len, .why = why, .returned = returned };

	return values_put_from(v, &from, a, r);
}
