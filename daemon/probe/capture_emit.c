/* SPDX-License-Identifier: MIT */
/*
 * capture_emit.c: operations of a fetch program. What acc holds is kept in mind, so that none is written that changes
 * nothing. Whoever may run out of room sets a mark, and goes back to it if c->full.
 */
#include "probe/capture_build_priv.h"

#define GAP_MAX   16  /* bytes copied for nothing rather than by one more operation */
#define COPY_MAX  256 /* of one FETCH_COPY */

struct mark comp_mark(const struct comp *c)
{
	return (struct mark){ .nodes = c->nnodes, .wants = c->nwant, .todos = c->ntodo, .secrets = c->nsecret,
			      .ops = c->now->n, .items = c->items, .vars = c->vars, .fixed = c->fixed, .heap = c->heap };
}

/* The stacks are not undone: what stands on them is always above the marks of its object. */
void comp_undo(struct comp *c, const struct mark *m)
{
	c->nnodes = m->nodes;
	c->nwant = m->wants;
	c->ntodo = m->todos;
	c->nsecret = m->secrets;
	c->now->n = m->ops;
	c->items = m->items;
	c->vars = m->vars;
	c->fixed = m->fixed;
	c->heap = m->heap;
	c->acc = BASE_NONE;
	c->full = false;
}

void emit(struct comp *c, enum fetch_op op, unsigned arg, int64_t imm)
{
	if (c->now->n >= c->most.ops) {
		c->full = true;
		return;
	}
	c->now->op[c->now->n++] = (struct fetch){ .op = op, .arg = (uint8_t)arg, .imm = imm };
	if (op != FETCH_SAVE && op != FETCH_ZERO)
		c->acc = BASE_NONE;
}

void emit_address(struct comp *c, const struct loc *l, uint64_t off)
{
	int64_t want = l->off + (int64_t)off;

	if (c->acc == l->base && c->acc_reg == l->reg && l->base != BASE_NONE) {
		if (want != c->acc_off)
			emit(c, FETCH_ADD, 0, want - c->acc_off);
	} else if (l->base == BASE_CFA) {
		emit(c, FETCH_CFA, 0, want);
	} else {
		emit(c, l->base == BASE_VAR ? FETCH_VAR : FETCH_REG, l->reg, 0);
		if (want)
			emit(c, FETCH_ADD, 0, want);
	}
	c->acc = l->base;
	c->acc_reg = l->reg;
	c->acc_off = want;
}

static const char *const reasons[] = {
	[PIECE_XMM] = "register",
	[PIECE_GONE] = "optimized_out",
};

static void emit_register(struct comp *c, uint8_t reg, unsigned shift)
{
	static struct loc whole = { .memory = true, .base = BASE_REG };
	struct loc l = whole;

	l.reg = reg;
	emit_address(c, &l, 0);
	if (shift)
		emit(c, FETCH_SHR, 0, shift);
}

/* acc = size bytes of a part from `in` on; the bytes above are anything. */
static const char *emit_part(struct comp *c, const struct part *part, uint32_t in, unsigned size)
{
	struct loc l;

	switch ((enum piece_kind)part->kind) {
	case PIECE_REG:
		emit_register(c, part->reg, in * 8);
		return NULL;
	case PIECE_CONST:
		emit(c, FETCH_IMM, 0, (int64_t)((uint64_t)part->value >> in * 8));
		return NULL;
	case PIECE_CFA:
		loc_memory(&l, BASE_CFA, 0, part->value + in);
		emit_address(c, &l, 0);
		emit(c, FETCH_LOAD, size, 0);
		return NULL;
	default:
		return part->kind < ARRAY_SIZE(reasons) && reasons[part->kind] ? reasons[part->kind] : "abi";
	}
}

static const struct part *part_at(const struct loc *l, uint64_t off, uint64_t size)
{
	for (unsigned i = 0; i < l->n; i++)
		if (off >= l->part[i].off && off + size <= (uint64_t)l->part[i].off + l->part[i].size)
			return &l->part[i];
	return NULL;
}

bool in_memory(const struct loc *l, uint64_t off, uint64_t size)
{
	const struct part *part = l->memory ? NULL : part_at(l, off, size);

	return l->memory || (part && part->kind == PIECE_CFA);
}

void emit_place(struct comp *c, const struct loc *l, uint64_t off)
{
	const struct part *part = l->memory ? NULL : part_at(l, off, 1);
	struct loc stack;

	if (part)
		loc_memory(&stack, BASE_CFA, 0, part->value - part->off);
	emit_address(c, part ? &stack : l, off);
}

const char *emit_load(struct comp *c, const struct loc *l, uint64_t off, unsigned size)
{
	const struct part *part;
	const char *why;

	if (l->why)
		return l->why;
	if (l->memory) {
		emit_address(c, l, off);
		emit(c, FETCH_LOAD, size, 0);
		return NULL;
	}
	part = part_at(l, off, size);
	if (!part)
		return "abi";
	why = emit_part(c, part, (uint32_t)(off - part->off), size);
	if (!why && size < 8 && part->kind != PIECE_CFA)
		emit(c, FETCH_AND, 0, (INT64_C(1) << size * 8) - 1);
	return why;
}

unsigned emit_save(struct comp *c)
{
	if (c->vars == FETCH_VARS) {
		c->full = true;
		return 0;
	}
	emit(c, FETCH_SAVE, c->vars, 0);
	return c->vars++;
}

/* Room for that many bytes in the fixed part; its offset. */
static uint16_t reserve(struct comp *c, uint32_t bytes, uint32_t align)
{
	uint32_t at = (c->fixed + align - 1) & ~(align - 1);

	if (at + bytes + c->heap > c->most.bytes) {
		c->full = true;
		return 0;
	}
	c->fixed = at + bytes;
	return (uint16_t)at;
}

static uint8_t item_new(struct comp *c)
{
	if (c->items >= c->most.items) {
		c->full = true;
		return 0;
	}
	return (uint8_t)c->items++;
}

/* Adds an operation that fills item; at and item are there already. acc stays, except that a read may have failed. */
static void emit_put(struct comp *c, enum fetch_op op, unsigned arg, int64_t imm, uint16_t at, uint8_t item)
{
	enum base acc = op == FETCH_PUT ? c->acc : BASE_NONE;

	emit(c, op, arg, imm);
	c->acc = acc;
	if (!c->full) {
		c->now->op[c->now->n - 1].at = at;
		c->now->op[c->now->n - 1].item = item;
	}
}

uint8_t emit_item(struct comp *c, enum fetch_op op, unsigned arg, uint32_t bytes, uint16_t *at)
{
	bool heap = op == FETCH_STR || op == FETCH_BYTES;
	uint8_t item = item_new(c);

	if (heap) {
		*at = reserve(c, sizeof(struct fetched), 8);
		/* A string's NUL may be copied behind it, and each begins at a multiple of 8. */
		c->heap += (bytes + 8) & ~7u;
		c->full = c->full || c->fixed + c->heap > c->most.bytes;
		emit_put(c, op, arg, bytes, *at, item);
	} else {
		*at = reserve(c, bytes, op == FETCH_PUT ? arg : 8);
		emit_put(c, op, op == FETCH_PUT ? arg : 0, op == FETCH_PUT ? 0 : bytes, *at, item);
	}
	return item;
}

void emit_landing(struct comp *c, unsigned at)
{
	unsigned n = c->now->n - at - 1;

	if (c->full)
		return;
	if (c->now->op[at].op == FETCH_EQ)
		c->now->op[at].arg = (uint8_t)n;
	else
		c->now->op[at].imm = n;
	c->acc = BASE_NONE;
}

/* ---- the leaves of an object ---- */

static bool is_secret(const struct comp *c, const struct object *o, uint64_t off, uint64_t end)
{
	for (size_t i = o->secret; i < c->nsecret; i++)
		if (off < c->secret[i].end && c->secret[i].off < end)
			return true;
	return false;
}

static int by_offset(const void *a, const void *b)
{
	const struct want *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off ? 1 : x->node < y->node ? -1 : x->node > y->node;
}

static void take(struct comp *c, const struct want *w, uint8_t item, uint16_t at, uint64_t from)
{
	struct value *v = &c->node[w->node].v;

	v->item = item;
	v->at = at;
	v->off = (uint32_t)(w->off - from);
}

static void copy_run(struct comp *c, const struct object *o, const struct want *w, size_t n, uint64_t end)
{
	struct mark m = comp_mark(c);
	uint16_t at;
	uint8_t item;

	emit_address(c, o->loc, w->off);
	item = emit_item(c, FETCH_COPY, 0, (uint32_t)(end - w->off), &at);
	if (c->full)
		comp_undo(c, &m);
	else
		for (size_t i = 0; i < n; i++)
			take(c, &w[i], item, at, w->off);
}

/* Bytes of a part: a power of two at a time, each at a multiple of itself. */
static void put_register(struct comp *c, const struct part *part, uint32_t in, uint32_t size, uint16_t at, uint8_t item)
{
	emit_part(c, part, in, 8);
	while (size) {
		uint32_t n = size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1;

		while (at % n)
			n /= 2;
		emit_put(c, FETCH_PUT, n, 0, at, item);
		at += n;
		size -= n;
		if (size)
			emit(c, FETCH_SHR, 0, n * 8);
	}
}

/* One leaf of an object in parts, which may lie in several: those in registers share an item, for they cannot fail. */
static void put_leaf(struct comp *c, const struct object *o, const struct want *w)
{
	const struct part *whole = part_at(o->loc, w->off, w->size);
	struct mark m = comp_mark(c);
	const char *why = NULL;
	struct loc l;
	uint16_t at;
	uint8_t item;

	if (whole && whole->kind == PIECE_CFA) {
		loc_memory(&l, BASE_CFA, 0, whole->value);
		emit_address(c, &l, w->off - whole->off);
		item = emit_item(c, FETCH_COPY, 0, w->size, &at);
	} else {
		item = item_new(c);
		at = reserve(c, w->size, w->size >= 8 ? 8 : w->size > 2 ? 4 : w->size ? w->size : 1);
		for (uint32_t done = 0; done < w->size && !why && !c->full;) {
			const struct part *part = part_at(o->loc, w->off + done, 1);
			uint32_t in = part ? (uint32_t)(w->off + done - part->off) : 0;
			uint32_t n = part ? MIN(w->size - done, part->size - in) : 0;

			why = !part ? "abi" : part->kind == PIECE_XMM || part->kind == PIECE_GONE ? reasons[part->kind] :
			      part->kind == PIECE_CFA ? "abi" : NULL;
			if (!why)
				put_register(c, part, in, n, (uint16_t)(at + done), item);
			done += n;
		}
	}
	if (why || c->full)
		comp_undo(c, &m);
	else
		take(c, w, item, at, w->off);
	if (why)
		node_missing(c, w->node, why);
}

/* Registers that hold more than one leaf are put whole when nothing in them is secret: fewer operations. */
static size_t put_part(struct comp *c, const struct object *o, const struct want *w, size_t n)
{
	const struct part *part = part_at(o->loc, w->off, w->size);
	struct mark m = comp_mark(c);
	size_t k = 1;
	uint64_t end;
	uint16_t at;
	uint8_t item;

	if (!part || (part->kind != PIECE_REG && part->kind != PIECE_CONST))
		return 0;
	end = w->off + w->size;
	while (k < n && part_at(o->loc, w[k].off, w[k].size) == part && !is_secret(c, o, w->off, w[k].off + w[k].size)) {
		end = MAX(end, w[k].off + w[k].size);
		k++;
	}
	if (k == 1)
		return 0;
	item = item_new(c);
	at = reserve(c, (uint32_t)(end - w->off), 8);
	put_register(c, part, (uint32_t)(w->off - part->off), (uint32_t)(end - w->off), at, item);
	if (c->full) {
		comp_undo(c, &m);
		return 0;
	}
	for (size_t i = 0; i < k; i++)
		take(c, &w[i], item, at, w->off);
	return k;
}

static size_t emit_run(struct comp *c, const struct object *o, const struct want *w, size_t n)
{
	uint64_t end = w->off + w->size;
	size_t k = 1;

	if (!o->loc->memory) {
		k = put_part(c, o, w, n);
		if (!k)
			put_leaf(c, o, w);
		return MAX(k, (size_t)1);
	}
	while (k < n && w[k].off <= end + GAP_MAX && w[k].off + w[k].size - w->off <= COPY_MAX &&
	       !is_secret(c, o, w->off, w[k].off + w[k].size)) {
		end = MAX(end, w[k].off + w[k].size);
		k++;
	}
	copy_run(c, o, w, k, end);
	return k;
}

void emit_wants(struct comp *c, const struct object *o)
{
	size_t n = 0, all = c->nwant - o->want;
	struct want *w;

	if (!all)
		return;
	w = c->want + o->want;
	qsort(w, all, sizeof(*w), by_offset);
	/* What shares bytes with a secret is one: members of a union. */
	for (size_t i = 0; i < all; i++)
		if (is_secret(c, o, w[i].off, w[i].off + w[i].size))
			node_missing(c, w[i].node, "masked");
		else if (o->loc->why)
			node_missing(c, w[i].node, o->loc->why);
		else
			w[n++] = w[i];
	for (size_t i = 0; i < n;)
		i += emit_run(c, o, &w[i], n - i);
	for (size_t i = 0; i < n; i++)
		if (c->node[w[i].node].v.kind != VALUE_MISSING && c->node[w[i].node].v.item == VALUE_NO_ITEM)
			node_drop(c, w[i].node);
	c->nwant = o->want;
}
