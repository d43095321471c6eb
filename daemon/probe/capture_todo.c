/* SPDX-License-Identifier: MIT */
/* capture_todo.c: what takes operations of its own: texts, objects behind pointers, runs of elements. */
#include "probe/capture_build_priv.h"

#define TEXT_LEAST 32 /* bytes of a text for which it is worth beginning */

/* As many bytes as are wanted, if there is room. */
static uint32_t room(struct comp *c, uint32_t want, uint32_t least)
{
	/* struct fetched and alignment */
	uint32_t used = c->fixed + c->heap + 8 + 16 + 8, have = c->most.bytes > used ? c->most.bytes - used : 0;

	want = MIN(want, (uint32_t)FETCH_STR_MAX);
	if (have < MIN(want, least))
		c->full = true;
	return MIN(want, have);
}

static void take_heap(struct comp *c, uint32_t node, enum fetch_op op, unsigned var, uint32_t bytes)
{
	uint16_t at;
	uint8_t item = emit_item(c, op, var, bytes, &at);

	c->node[node].v.item = item;
	c->node[node].v.at = at;
}

static const char *run_text(struct comp *c, const struct loc *l, const struct todo *t)
{
	const char *why = emit_load(c, l, t->off, 8);
	uint32_t text = node_new(c, t->node, VALUE_TEXT, PROTO_NO_TYPE);

	c->node[text].v.size = room(c, c->conf->string_size, TEXT_LEAST);
	take_heap(c, text, FETCH_STR, 0, c->node[text].v.size);
	return why;
}

/* A long array within an object: bounded, so that nothing behind it is read. */
static const char *run_array(struct comp *c, const struct loc *l, const struct todo *t)
{
	uint64_t most = t->kind == TODO_TEXT_AT ? c->conf->string_size : c->conf->elements * t->stride, all = t->count * t->stride;
	uint32_t bytes = (uint32_t)MIN(MIN(most, all), (uint64_t)FETCH_STR_MAX);
	unsigned var;

	bytes = room(c, bytes, (uint32_t)MAX(t->stride, (uint64_t)MIN(bytes, (uint32_t)TEXT_LEAST)));
	bytes -= bytes % t->stride;
	emit(c, FETCH_IMM, 0, (int64_t)all);
	var = emit_save(c);
	emit_place(c, l, t->off);
	take_heap(c, t->node, FETCH_BYTES, var, bytes);
	return t->stride > FETCH_STR_MAX ? "too_large" : NULL;
}

/* acc = bytes of the run; *var: where it begins. */
static const char *load_run(struct comp *c, const struct loc *l, const struct todo *t, bool range, unsigned *start)
{
	const char *why;

	if (range) {
		why = emit_load(c, l, t->off, 8);
		*start = emit_save(c);
		why = why ? why : emit_load(c, l, t->off2, 8);
		emit(c, FETCH_SUB, *start, 0);
		return why;
	}
	why = emit_load(c, l, t->off2, 8);
	if (t->stride != 1)
		emit(c, FETCH_MUL, 0, (int64_t)t->stride);
	return why;
}

static uint32_t run_bytes(struct comp *c, const struct todo *t)
{
	bool array = c->node[t->node].v.kind == VALUE_ARRAY;
	uint64_t most = array ? c->conf->elements * t->stride : c->conf->string_size;
	uint32_t bytes = (uint32_t)MIN(most, (uint64_t)FETCH_STR_MAX);

	bytes = room(c, bytes, array ? (uint32_t)t->stride : TEXT_LEAST);
	return array ? bytes - bytes % (uint32_t)t->stride : bytes;
}

static const char *run_length(struct comp *c, const struct loc *l, const struct todo *t)
{
	unsigned start = 0, all;
	const char *why = load_run(c, l, t, t->kind == TODO_RANGE, &start);

	all = emit_save(c);
	if (t->kind == TODO_RANGE)
		emit(c, FETCH_VAR, start, 0);
	else
		why = why ? why : emit_load(c, l, t->off, 8);
	take_heap(c, t->node, FETCH_BYTES, all, run_bytes(c, t));
	return why;
}

/*
 * libc++'s string (abi v1, little endian): bit 0 of the first byte tells long strings { capacity, size, data } from
 * short ones, whose size is in its other bits and whose characters follow it.
 */
static const char *run_libcxx(struct comp *c, const struct loc *l, const struct todo *t)
{
	uint32_t bytes = room(c, c->conf->string_size, TEXT_LEAST);
	struct value *v = &c->node[t->node].v;
	unsigned skip, var;

	if (!l->memory)
		return "abi";
	emit_load(c, l, t->off, 1);
	emit(c, FETCH_AND, 0, 1);
	skip = c->now->n;
	emit(c, FETCH_EQ, 0, 1);
	emit_load(c, l, t->off + 8, 8);
	var = emit_save(c);
	emit_load(c, l, t->off + 16, 8);
	take_heap(c, t->node, FETCH_BYTES, var, bytes);
	emit_landing(c, skip);

	emit_load(c, l, t->off, 1);
	emit(c, FETCH_AND, 0, 1);
	skip = c->now->n;
	emit(c, FETCH_EQ, 0, 0);
	emit_load(c, l, t->off, 1);
	emit(c, FETCH_SHR, 0, 1);
	emit(c, FETCH_SAVE, var, 0);
	emit_address(c, l, t->off + 1);
	emit(c, FETCH_BYTES, var, bytes);
	if (!c->full) {
		c->now->op[c->now->n - 1].at = v->at;
		c->now->op[c->now->n - 1].item = v->item;
	}
	emit_landing(c, skip);
	return NULL;
}

/* What the parameter says that counts this array: a pointer to bytes or characters of that many. */
static const char *run_counted(struct comp *c, const struct loc *l, const struct todo *t)
{
	const struct type *array = &c->p->types[t->type];
	bool text = c->p->types[array->inner].kind == TYPE_CHAR;
	uint32_t node = node_new(c, t->node, text ? VALUE_TEXT : VALUE_BYTES, PROTO_NO_TYPE), type;
	const char *why;
	unsigned var;

	if (array->count >= c->p->p->nparams)
		return "type";
	type = c->p->params[array->count].type;
	if (c->p->types[type].size > 8)
		return "type";
	why = emit_load(c, &c->params[array->count], 0, (unsigned)c->p->types[type].size);
	var = emit_save(c);
	why = why ? why : emit_load(c, l, t->off, 8);
	take_heap(c, node, FETCH_BYTES, var, room(c, c->conf->string_size, TEXT_LEAST));
	return why;
}

/* What a pointer leads to. A null pointer costs nothing more. */
static const char *run_object(struct comp *c, const struct loc *l, const struct todo *t)
{
	const struct part *part = l->n && !l->memory ? &l->part[0] : NULL;
	unsigned skip = NONE;
	struct loc to;
	uint32_t node;
	const char *why;

	if (c->p->types[t->type].kind == TYPE_ARRAY && c->p->types[t->type].flags & TYPE_F_COUNTED)
		return run_counted(c, l, t);
	for (unsigned i = 1; part && i < l->n && part->off != t->off; i++)
		part = &l->part[i];
	if (part && part->off == t->off && part->kind == PIECE_REG && part->size == 8) {
		loc_memory(&to, BASE_REG, part->reg, 0);
		if (!t->never_null)
			emit_address(c, &to, 0);
	} else {
		why = emit_load(c, l, t->off, 8);
		if (why)
			return why;
		loc_memory(&to, BASE_VAR, (uint8_t)emit_save(c), 0);
		c->acc = BASE_VAR;
		c->acc_reg = to.reg;
		c->acc_off = 0;
	}
	if (!t->never_null) {
		skip = c->now->n;
		emit(c, FETCH_ZERO, 0, 0);
	}
	if (!c->full)
		build_object(c, &to, t->node, t->type, t->depth, &node);
	if (skip != NONE)
		emit_landing(c, skip);
	return NULL;
}

/* Elements one by one, up to the last one that there is: what is left of the run becomes 0 there. */
static const char *run_elements(struct comp *c, const struct loc *l, const struct todo *t)
{
	unsigned skips[FETCH_MAX_OPS], nskips = 0, start = 0, all;
	const char *why = load_run(c, l, t, t->count, &start);
	struct loc to;
	uint32_t node;
	uint16_t at;

	all = emit_save(c);
	c->node[t->node].v.item = emit_item(c, FETCH_PUT, 8, 8, &at);
	c->node[t->node].v.at = at;
	if (!t->count) {
		why = why ? why : emit_load(c, l, t->off, 8);
		start = emit_save(c);
	}
	for (uint64_t i = 0; i < c->conf->elements && !why && !c->full && !c->err && nskips < FETCH_MAX_OPS; i++) {
		struct mark m = comp_mark(c);
		struct node saved = c->node[t->node];
		uint32_t last = saved.last;

		emit(c, FETCH_VAR, all, 0);
		if (i)
			emit(c, FETCH_ADD, 0, -(int64_t)(i * t->stride));
		skips[nskips++] = c->now->n;
		emit(c, FETCH_ZERO, 0, 0);
		loc_memory(&to, BASE_VAR, (uint8_t)start, (int64_t)(i * t->stride));
		if (!c->full)
			build_object(c, &to, t->node, t->type, t->depth, &node);
		if (c->full && i) {
			comp_undo(c, &m);
			c->node[t->node] = saved;
			if (last != NONE)
				c->node[last].next = NONE;
			nskips--;
			break;
		}
	}
	for (unsigned i = 0; i < nskips; i++)
		emit_landing(c, skips[i]);
	return why;
}

#define GO_ITAB_TYPE 8 /* runtime.itab: inter, _type, ... */

static const char *run_go_type(struct comp *c, const struct loc *l, const struct todo *t)
{
	const char *why = emit_load(c, l, t->off, 8);
	unsigned skip = c->now->n;
	uint16_t at;

	emit(c, FETCH_ZERO, 0, 0);
	emit(c, FETCH_ADD, 0, GO_ITAB_TYPE);
	emit(c, FETCH_LOAD, 8, 0);
	c->node[t->node].v.item = emit_item(c, FETCH_PUT, 8, 8, &at);
	c->node[t->node].v.at = at;
	emit_landing(c, skip);
	return why;
}

typedef const char *run_fn(struct comp *c, const struct loc *l, const struct todo *t);

static run_fn *const runs[] = {
	[TODO_TEXT] = run_text,     [TODO_TEXT_AT] = run_array, [TODO_ARRAY_AT] = run_array,   [TODO_OBJECT] = run_object,
	[TODO_LENGTH] = run_length, [TODO_RANGE] = run_length,  [TODO_LIBCXX] = run_libcxx,    [TODO_ELEMENTS] = run_elements,
	[TODO_GO_TYPE] = run_go_type,
};

/* What does not fit is left out: a pointer is still told as such, of anything else that it was too large. */
static void give_up(struct comp *c, const struct todo *t, const struct node *before)
{
	c->node[t->node] = *before;
	if (before->v.kind != VALUE_POINTER || before->v.item == VALUE_NO_ITEM)
		node_missing(c, t->node, "too_large");
	else
		c->node[t->node].v.flags |= VALUE_F_CUT;
}

void todo_run(struct comp *c, const struct loc *l, const struct todo *t)
{
	const struct node before = c->node[t->node];
	struct mark m = comp_mark(c);
	const char *why = l->why;
	unsigned skip = NONE;

	if (before.v.kind == VALUE_MISSING)
		return;
	if (t->guard.size && !why) {
		why = emit_load(c, l, t->guard.off, t->guard.size);
		skip = c->now->n;
		emit(c, t->guard.nonzero ? FETCH_ZERO : FETCH_EQ, 0, t->guard.value);
	}
	if (!why && !c->full)
		why = runs[t->kind](c, l, t);
	if (c->err)
		return;
	if (c->full) {
		comp_undo(c, &m);
		give_up(c, t, &before);
	} else if (why) {
		comp_undo(c, &m);
		c->node[t->node] = before;
		node_missing(c, t->node, why);
	} else if (skip != NONE) {
		emit_landing(c, skip);
	}
	c->vars = m.vars;
}
