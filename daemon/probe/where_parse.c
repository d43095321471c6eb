/* SPDX-License-Identifier: MIT */
/* where_parse.c: the text of a condition becomes a tree, the tree clauses. Negations end up in the tests. See where.h. */
#include <ctype.h>
#include <stdarg.h>

#include "probe/where_parse_priv.h"

#define NODES (2 * WHERE_LEAVES)

enum node_kind { NODE_LEAF, NODE_AND, NODE_OR };

struct node {
	uint8_t kind;
	uint8_t leaf;
	uint8_t left, right;
};

struct parser {
	struct lexer in;
	struct node node[NODES];
	size_t nnodes;
	unsigned depth;
};

struct clauses {
	uint64_t v[WHERE_CLAUSES];
	size_t n;
};

static int parse_or(struct parser *p, uint8_t *ret);

static int add_node(struct parser *p, enum node_kind kind, uint8_t left, uint8_t right, uint8_t *ret)
{
	/* As many as leaves make room for. */
	p->node[p->nnodes] = (struct node){ .kind = (uint8_t)kind, .left = left, .right = right };
	*ret = (uint8_t)p->nnodes++;
	return 0;
}

static int add_leaf(struct parser *p, const struct leaf *l, uint8_t *ret)
{
	struct where *w = p->in.w;

	if (w->nleaves == WHERE_LEAVES - 1) /* one is kept for --errors */
		return lexer_fail(&p->in, p->in.s, "at most %d tests", WHERE_LEAVES - 1);
	p->node[p->nnodes] = (struct node){ .kind = NODE_LEAF, .leaf = (uint8_t)w->nleaves };
	*ret = (uint8_t)p->nnodes++;
	w->leaf[w->nleaves++] = *l;
	return 0;
}

/* De Morgan, down to the tests. A tree is as deep as it has leaves at most. */
static void negate(struct parser *p, uint8_t at)
{
	static const uint8_t opposite[] = {
		[WHERE_EQ] = WHERE_NE,	     [WHERE_NE] = WHERE_EQ,	   [WHERE_LT] = WHERE_GE,
		[WHERE_GE] = WHERE_LT,	     [WHERE_GT] = WHERE_LE,	   [WHERE_LE] = WHERE_GT,
		[WHERE_BITS] = WHERE_NO_BITS, [WHERE_NO_BITS] = WHERE_BITS, [WHERE_GLOB] = WHERE_NO_GLOB,
		[WHERE_NO_GLOB] = WHERE_GLOB, [WHERE_TRUE] = WHERE_FALSE,   [WHERE_FALSE] = WHERE_TRUE,
	};
	struct node *n = &p->node[at];

	if (n->kind == NODE_LEAF) {
		uint8_t *op = &p->in.w->leaf[n->leaf].op;

		*op = opposite[*op];
		return;
	}
	n->kind = n->kind == NODE_AND ? NODE_OR : NODE_AND;
	negate(p, n->left);
	negate(p, n->right);
}

/* "== 0", "!= true" behind a condition in brackets: *flip says whether it turns that around. */
static int parse_truth(struct parser *p, bool *flip)
{
	const char *at = p->in.s;
	bool equal = lexer_take(&p->in, "==");
	struct leaf l = { .op = WHERE_EQ };
	int err;

	*flip = false;
	if (!equal && !lexer_take(&p->in, "!="))
		return 0;
	err = lexer_literal(&p->in, &l);
	if (!err && (l.literal != LEAF_NUMBER || (l.number != 0 && l.number != 1)))
		err = lexer_fail(&p->in, at, "a condition can only be compared with 0, 1, true and false");
	*flip = equal == (l.number == 0);
	return err;
}

/* A comparison's right side; the left is in *l already. */
static int parse_right(struct parser *p, struct leaf *l)
{
	const char *at = p->in.s;
	int err;

	if (!lexer_operator(&p->in, &l->op)) {
		l->op = WHERE_TRUE;
		l->literal = LEAF_NONE;
		return l->len ? lexer_fail(&p->in, at, "what len() is compared with was expected") : 0;
	}
	err = l->op == WHERE_BITS ? lexer_mask(&p->in, l) : lexer_literal(&p->in, l);
	if (err)
		return err;
	if (l->op == WHERE_BITS && (lexer_take(&p->in, "==") || lexer_take(&p->in, "!="))) {
		bool equal = p->in.before[0] == '=';
		struct leaf zero = { 0 };

		err = lexer_literal(&p->in, &zero);
		if (!err && (zero.literal != LEAF_NUMBER || zero.number))
			err = lexer_fail(&p->in, at, "what is left of '&' can only be compared with 0");
		l->op = equal ? WHERE_NO_BITS : WHERE_BITS;
	}
	return err ? err : lexer_check(&p->in, at, l);
}

/* "0 > return" */
static int parse_swapped(struct parser *p, struct leaf *l)
{
	static const uint8_t mirror[] = { [WHERE_EQ] = WHERE_EQ, [WHERE_NE] = WHERE_NE, [WHERE_LT] = WHERE_GT,
					  [WHERE_LE] = WHERE_GE, [WHERE_GT] = WHERE_LT, [WHERE_GE] = WHERE_LE,
					  [WHERE_BITS] = WHERE_BITS };
	const char *at = p->in.s;
	int err = lexer_literal(&p->in, l);

	if (err)
		return err;
	if (!lexer_operator(&p->in, &l->op))
		return lexer_fail(&p->in, p->in.s, "a comparison was expected: == != < <= > >= & ~");
	if (l->op >= ARRAY_SIZE(mirror))
		return lexer_fail(&p->in, at, "'~' has its pattern on the right");
	l->op = mirror[l->op];
	err = lexer_path(&p->in, l);
	return err ? err : lexer_check(&p->in, at, l);
}

static int parse_test(struct parser *p, uint8_t *ret)
{
	struct leaf l = { .literal = LEAF_NONE };
	int err;

	if (lexer_at_path(&p->in)) {
		err = lexer_path(&p->in, &l);
		if (!err)
			err = parse_right(p, &l);
	} else {
		err = parse_swapped(p, &l);
	}
	return err ? err : add_leaf(p, &l, ret);
}

static int parse_unary(struct parser *p, uint8_t *ret)
{
	bool flip = false;
	int err;

	if (++p->depth > WHERE_DEPTH)
		return lexer_fail(&p->in, p->in.s, "at most %d brackets inside each other", WHERE_DEPTH);
	if (lexer_take_not(&p->in)) {
		err = parse_unary(p, ret);
		flip = true;
	} else if (lexer_take(&p->in, "(")) {
		err = parse_or(p, ret);
		if (!err && !lexer_take(&p->in, ")"))
			err = lexer_fail(&p->in, p->in.s, "')' or '&&' or '||' was expected");
		if (!err)
			err = parse_truth(p, &flip);
	} else {
		err = parse_test(p, ret);
	}
	if (!err && flip)
		negate(p, *ret);
	p->depth--;
	return err;
}

static int parse_and(struct parser *p, uint8_t *ret)
{
	int err = parse_unary(p, ret);

	while (!err && (lexer_take(&p->in, "&&") || lexer_take_word(&p->in, "and"))) {
		uint8_t right = 0;

		err = parse_unary(p, &right);
		if (!err)
			err = add_node(p, NODE_AND, *ret, right, ret);
	}
	return err;
}

static int parse_or(struct parser *p, uint8_t *ret)
{
	int err = parse_and(p, ret);

	while (!err && (lexer_take(&p->in, "||") || lexer_take_word(&p->in, "or"))) {
		uint8_t right = 0;

		err = parse_and(p, &right);
		if (!err)
			err = add_node(p, NODE_OR, *ret, right, ret);
	}
	return err;
}

/* A clause that another one implies is not worth its place. */
static int add_clause(struct clauses *c, uint64_t leaves)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if ((c->v[i] & leaves) == c->v[i])
			return 0;
	for (size_t i = 0; i < c->n; i++)
		if ((c->v[i] & leaves) != leaves)
			c->v[n++] = c->v[i];
	c->n = n;
	if (n == WHERE_CLAUSES)
		return -E2BIG;
	c->v[c->n++] = leaves;
	return 0;
}

/* (a && b) || c is (a || c) && (b || c). */
static int make_clauses(const struct parser *p, uint8_t at, struct clauses *ret)
{
	const struct node *n = &p->node[at];
	struct clauses left = { .n = 0 }, right = { .n = 0 };
	int err;

	if (n->kind == NODE_LEAF)
		return add_clause(ret, 1ull << n->leaf);
	err = make_clauses(p, n->left, &left);
	if (!err)
		err = make_clauses(p, n->right, &right);
	if (n->kind == NODE_AND) {
		for (size_t i = 0; i < left.n && !err; i++)
			err = add_clause(ret, left.v[i]);
		for (size_t i = 0; i < right.n && !err; i++)
			err = add_clause(ret, right.v[i]);
		return err;
	}
	for (size_t i = 0; i < left.n && !err; i++)
		for (size_t k = 0; k < right.n && !err; k++)
			err = add_clause(ret, left.v[i] | right.v[k]);
	return err;
}

static int parse(struct parser *p)
{
	struct where *w = p->in.w;
	struct clauses c = { .n = 0 };
	uint8_t root = 0;
	int err;

	lexer_space(&p->in);
	err = parse_or(p, &root);
	if (!err && *p->in.s)
		err = lexer_fail(&p->in, p->in.s, "'&&', '||' or the end was expected");
	if (!err && make_clauses(p, root, &c))
		err = lexer_fail(&p->in, p->in.text, "the condition has more than %d clauses when its brackets are "
				 "multiplied out", WHERE_CLAUSES);
	if (err)
		return err;
	memcpy(w->clause, c.v, c.n * sizeof(*c.v));
	w->nclauses = c.n;
	return 0;
}

/* One clause: the call failed. There is always a place left, or the text was refused. */
static int add_errors(struct where *w, char *why)
{
	if (w->nclauses == WHERE_CLAUSES) {
		snprintf(why, WHERE_WHY, "the condition is too long for --errors to be added");
		return -EINVAL;
	}
	w->leaf[w->nleaves] = (struct leaf){ .failed = true, .op = WHERE_TRUE };
	w->clause[w->nclauses++] = 1ull << w->nleaves++;
	return 0;
}

int where_parse(const char *text, bool errors, struct where **ret, char why[WHERE_WHY])
{
	struct parser p = { .in = { .text = text, .s = text, .why = why } };
	struct where *w = calloc(1, sizeof(*w));
	int err = 0;

	if (!w)
		return -ENOMEM;
	p.in.w = w;
	if (text && strlen(text) > WHERE_MAX)
		err = lexer_fail(&p.in, text + WHERE_MAX, "longer than %d bytes", WHERE_MAX);
	if (!err && text) {
		/* Each name and text once, with its NUL. */
		w->pool = malloc(4 * strlen(text) + 64);
		err = w->pool ? parse(&p) : -ENOMEM;
	}
	if (!err && errors)
		err = add_errors(w, why);
	if (err)
		where_free(w);
	else
		*ret = w;
	return err;
}

void where_free(struct where *w)
{
	if (!w)
		return;
	free(w->pool);
	free(w);
}
