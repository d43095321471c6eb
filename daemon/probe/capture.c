/* SPDX-License-Identifier: MIT */
/* capture.c: a prototype's parameters and result, one after the other, into two programs and a tree of values. */
#include "probe/capture_build_priv.h"

/* Kept for each value that is still to come, so that a large one does not take all. */
static const struct budget fair = { .ops = 8, .items = 2, .bytes = 160 };
/* Of very many: what a plain one needs. */
static const struct budget least = { .ops = 3, .items = 1, .bytes = 16 };
#define MANY	      12
#define RESULT_SHARES 3

/* Parameters, result and errno. */
#define ROOTS_MAX (PROTO_MAX_PARAMS + 2)

struct roots {
	uint32_t node[ROOTS_MAX];
	size_t n;
};

void capture_free(struct capture *c)
{
	if (!c)
		return;
	free(c->ops);
	free(c->values);
	free(c);
}

static void comp_free(struct comp *c)
{
	free(c->node);
	free(c->text);
	free(c->want);
	free(c->todo);
	free(c->secret);
}

static int comp_init(struct comp *c, const struct proto_view *p, const struct capture_conf *conf)
{
	size_t n = p ? p->p->nstrings : 0;

	*c = (struct comp){ .p = p, .conf = conf, .now = &c->prog[0], .fixed = sizeof(struct capture_head) };
	c->most = (struct budget){ FETCH_MAX_OPS, FETCH_ITEMS, CAPTURE_MAX };
	c->text_cap = n + 4096;
	c->text = malloc(c->text_cap);
	if (!c->text)
		return -ENOMEM;
	if (n)
		memcpy(c->text, p->strings, n);
	else
		c->text[n++] = '\0';
	c->ntext = n;
	/* Node 0 takes what is written to a node for which there was no room. */
	node_new(c, NONE, VALUE_MISSING, PROTO_NO_TYPE);
	return c->err;
}

/* What may be used now, if so many values are still to come. */
static void share(struct comp *c, size_t later, size_t here)
{
	const struct budget *one = c->p->p->nparams > MANY ? &least : &fair;

	c->most.ops = FETCH_MAX_OPS - (unsigned)MIN(here * one->ops, (size_t)FETCH_MAX_OPS);
	c->most.items = FETCH_ITEMS - (unsigned)MIN(later * one->items, (size_t)FETCH_ITEMS);
	c->most.bytes = CAPTURE_MAX - (uint32_t)(later * one->bytes);
}

/* A pointer to the object is at l: makes l the object. */
static void follow(struct comp *c, struct loc *l)
{
	uint8_t var;

	if (l->why || !l->indirect)
		return;
	if (!l->memory && l->n == 1 && l->part[0].kind == PIECE_REG) {
		loc_memory(l, BASE_REG, l->part[0].reg, 0);
		return;
	}
	emit_load(c, l, 0, 8);
	var = (uint8_t)emit_save(c);
	loc_memory(l, BASE_VAR, var, 0);
}

static uint32_t build_root(struct comp *c, const struct loc *where, uint32_t type, uint32_t name)
{
	struct mark m = comp_mark(c);
	struct loc l = *where;
	uint32_t node = 0;

	c->acc = BASE_NONE;
	if (!has_secret(c, name) && !l.why) {
		follow(c, &l);
		build_object(c, &l, NONE, type, c->conf->depth, &node);
	}
	if (c->full || !node) {
		const char *why = c->full ? "too_large" : has_secret(c, name) ? "masked" : l.why;

		comp_undo(c, &m);
		node = node_new(c, NONE, VALUE_MISSING, type);
		node_missing(c, node, why);
	}
	c->vars = m.vars;
	c->node[node].v.name = name;
	c->node[node].v.flags &= (uint8_t)~VALUE_F_INLINE | (c->node[node].v.kind == VALUE_ARRAY ? VALUE_F_INLINE : 0);
	return node;
}

static uint32_t param_name(struct comp *c, uint32_t i)
{
	char name[16];

	if (c->p->strings[c->p->params[i].name])
		return c->p->params[i].name;
	snprintf(name, sizeof(name), "arg%u", i + 1);
	return text_add(c, name);
}

static bool has_result(const struct comp *c)
{
	return c->conf->at_return && c->p->p->result != PROTO_NO_TYPE && c->p->types[c->p->p->result].kind != TYPE_VOID;
}

static void build_params(struct comp *c, struct abi *a, struct roots *r)
{
	struct loc where[PROTO_MAX_PARAMS];
	uint32_t n = MIN(c->p->p->nparams, (uint32_t)PROTO_MAX_PARAMS);
	size_t after = has_result(c) ? RESULT_SHARES : 0;

	for (uint32_t i = 0; i < n; i++)
		loc_param(a, i, &where[i]);
	c->params = where;
	for (uint32_t i = 0; i < n && !c->err; i++) {
		share(c, n - 1 - i + after, n - 1 - i);
		r->node[r->n++] = build_root(c, &where[i], c->p->params[i].type, param_name(c, i));
	}
	c->params = NULL;
	if (!c->err)
		roots_unique(c, r->node, r->n);
}

/* -1 as this type has it: C's way to say that errno tells more; PROTO_F_ERRNO: also a null pointer. */
static bool may_set_errno(const struct comp *c, const struct type *t)
{
	return c->p->p->lang <= LANG_CXX && (c->conf->errors || c->p->p->flags & PROTO_F_ERRNO) &&
	       ((t->kind == TYPE_INT && (t->size == 4 || t->size == 8)) || t->kind == TYPE_POINTER);
}

/* Two ways to fail share one item. */
static void errno_if(struct comp *c, int64_t mask, int64_t value, struct value *v)
{
	static const struct loc rax = { .memory = true, .base = BASE_REG };
	bool first = v->item == VALUE_NO_ITEM;
	unsigned skip;
	uint16_t at;

	emit_address(c, &rax, 0);
	if (mask != -1)
		emit(c, FETCH_AND, 0, mask);
	skip = c->now->n;
	emit(c, FETCH_EQ, 0, value & mask);
	emit(c, FETCH_ERRNO, 0, 0);
	if (first) {
		v->item = emit_item(c, FETCH_PUT, 4, 4, &at);
		v->at = at;
	} else {
		emit(c, FETCH_PUT, 4, 0);
		if (!c->full) {
			c->now->op[c->now->n - 1].at = v->at;
			c->now->op[c->now->n - 1].item = v->item;
		}
	}
	emit_landing(c, skip);
}

static void build_errno(struct comp *c, const struct type *t, struct roots *r)
{
	struct mark m = comp_mark(c);
	uint32_t node = node_new(c, NONE, VALUE_INT, PROTO_NO_TYPE);
	struct value v = c->node[node].v;

	v.flags = VALUE_F_ERRNO | VALUE_F_SIGNED;
	v.size = 4;
	errno_if(c, t->size == 4 ? INT64_C(0xffffffff) : -1, -1, &v);
	if (t->kind == TYPE_POINTER && c->p->p->flags & PROTO_F_ERRNO)
		errno_if(c, -1, 0, &v);
	if (c->full || c->err) {
		comp_undo(c, &m);
		return;
	}
	c->node[node].v = v;
	r->node[r->n++] = node;
}

/*
 * Rust's convention does not give the address of a result in memory back in rax: for functions that nobody else calls, rustc leaves
 * anything there. What came in with the call is kept.
 */
static void keep_address(struct comp *c, struct loc *l)
{
	struct fetch *item;
	uint16_t at = 0;
	uint8_t n;

	c->now = &c->prog[0];
	c->acc = BASE_NONE;
	emit(c, FETCH_REG, 7, 0);
	n = emit_item(c, FETCH_PUT, 8, 8, &at);
	c->now = &c->prog[1];
	emit(c, FETCH_ITEM, 0, 0);
	if (c->full) {
		loc_none(l, "too_large");
		c->full = false;
		return;
	}
	item = &c->now->op[c->now->n - 1];
	item->at = at;
	item->item = n;
	l->base = BASE_VAR;
	l->reg = (uint8_t)emit_save(c);
}

static void build_result(struct comp *c, struct abi *a, struct roots *r)
{
	uint32_t type = c->p->p->result, node;
	const struct type *t = &c->p->types[type];
	struct loc l;

	c->now = &c->prog[1];
	abi_find(c->p->p->lang)->result(a, type, &l);
	if (c->p->p->flags & PROTO_F_OWN_ABI)
		loc_none(&l, "abi");
	if (c->p->p->lang == LANG_RUST && l.memory && l.base == BASE_REG)
		keep_address(c, &l);
	share(c, 1, 1);
	/* Go: the one result of a list of one. */
	if (c->p->p->lang == LANG_GO && t->kind == TYPE_STRUCT && !t->name && t->nmembers == 1)
		node = build_root(c, &l, c->p->members[t->member].type, 0);
	else
		node = build_root(c, &l, type, 0);
	c->node[node].v.flags |= VALUE_F_RETURN | (t->kind == TYPE_INT ? VALUE_F_ERROR : 0);
	r->node[r->n++] = node;
	share(c, 0, 0);
	if (may_set_errno(c, t))
		build_errno(c, t, r);
}

static void build_typed(struct comp *c, struct roots *r)
{
	struct abi a = { .p = c->p };

	abi_find(c->p->p->lang)->start(&a);
	build_params(c, &a, r);
	if (has_result(c) && !c->err)
		build_result(c, &a, r);
}

/* --raw-args: registers, whatever they mean. */
static void build_raw(struct comp *c, struct roots *r)
{
	static const struct {
		const char *name;
		uint8_t reg;
	} raw[] = { { "rdi", 7 }, { "rsi", 6 }, { "rdx", 2 }, { "rcx", 1 }, { "r8", 8 }, { "r9", 9 }, { "", 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(raw) - !c->conf->at_return && !c->err; i++) {
		uint32_t node = node_new(c, NONE, VALUE_UINT, PROTO_NO_TYPE);
		bool result = !*raw[i].name;
		uint16_t at;

		c->now = &c->prog[result];
		emit(c, FETCH_REG, raw[i].reg, 0);
		c->node[node].v.item = emit_item(c, FETCH_PUT, 8, 8, &at);
		c->node[node].v.at = at;
		c->node[node].v.size = 8;
		c->node[node].v.name = text_add(c, raw[i].name);
		c->node[node].v.flags = VALUE_F_FLAGS | (result ? VALUE_F_RETURN : 0);
		r->node[r->n++] = node;
	}
}

static int finish(struct comp *c, const struct roots *r, struct capture **ret)
{
	struct capture *out = calloc(1, sizeof(*out));
	size_t n = c->prog[0].n + c->prog[1].n;
	int err = -ENOMEM;

	if (out)
		out->ops = calloc(MAX(n, (size_t)1), sizeof(*out->ops));
	if (out && out->ops)
		err = tree_finish(c, r->node, r->n, &out->values);
	if (err) {
		capture_free(out);
		return err;
	}
	memcpy(out->ops, c->prog[0].op, c->prog[0].n * sizeof(*out->ops));
	memcpy(out->ops + c->prog[0].n, c->prog[1].op, c->prog[1].n * sizeof(*out->ops));
	out->nentry = (uint16_t)c->prog[0].n;
	out->nret = (uint16_t)c->prog[1].n;
	out->fixed = (uint16_t)((c->fixed + 7) & ~7u);
	out->most = MIN(out->fixed + c->heap, (uint32_t)CAPTURE_MAX);
	*ret = out;
	return 0;
}

int capture_compile(struct capture **ret, const struct proto_view *p, const struct capture_conf *conf)
{
	struct comp *c = calloc(1, sizeof(*c));
	struct roots roots = { .n = 0 };
	int err = c ? comp_init(c, p, conf) : -ENOMEM;

	if (!err && conf->raw)
		build_raw(c, &roots);
	else if (!err && p)
		build_typed(c, &roots);
	else if (!err)
		err = -EBADMSG;
	if (c && !err)
		err = c->err;
	if (!err)
		err = finish(c, &roots, ret);
	if (c)
		comp_free(c);
	free(c);
	return err;
}
