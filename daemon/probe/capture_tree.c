/* SPDX-License-Identifier: MIT */
/* capture_tree.c: the tree of values while it grows, and the flat block (include/value.h) that it becomes. */
#include "probe/capture_build_priv.h"

uint32_t text_add(struct comp *c, const char *s)
{
	size_t n = strlen(s) + 1, at = c->ntext;

	while (!c->err && at + n > c->text_cap) {
		char *p = realloc(c->text, c->text_cap * 2);

		if (!p) {
			c->err = -ENOMEM;
			break;
		}
		c->text = p;
		c->text_cap *= 2;
	}
	if (c->err)
		return 0;
	memcpy(c->text + at, s, n);
	c->ntext += n;
	return (uint32_t)at;
}

uint32_t node_new(struct comp *c, uint32_t parent, enum value_kind kind, uint32_t type)
{
	uint32_t i = (uint32_t)c->nnodes;

	if (c->nnodes >= VALUES_MAX / 2 || (parent != NONE && c->node[parent].depth + 1 >= VALUES_DEPTH))
		c->full = true;
	else if (!c->err)
		c->err = util_grow(&c->node, c->nnodes, &c->node_cap, sizeof(*c->node));
	if (c->err || c->full)
		return 0; /* the first root: whatever is done to it, the mark undoes, or all fails */
	c->node[i] = (struct node){
		.v = { .kind = kind, .item = VALUE_NO_ITEM, .type = type == PROTO_NO_TYPE ? 0 : c->p->types[type].name },
		.first = NONE, .last = NONE, .next = NONE, .parent = parent, .enumerators = NONE,
	};
	c->nnodes++;
	if (parent == NONE)
		return i;
	c->node[i].depth = (uint8_t)(c->node[parent].depth + 1);
	if (c->node[parent].first == NONE)
		c->node[parent].first = i;
	else
		c->node[c->node[parent].last].next = i;
	c->node[parent].last = i;
	return i;
}

void node_missing(struct comp *c, uint32_t node, const char *why)
{
	struct node *n = &c->node[node];
	uint32_t text = text_add(c, why), keep = n->v.name;

	/* The reason takes the place of the type's name: its own name it keeps. */
	n->v = (struct value){ .kind = VALUE_MISSING, .flags = n->v.flags & VALUE_F_RETURN, .item = VALUE_NO_ITEM,
			       .name = keep, .type = text };
	n->first = n->last = NONE;
	n->enumerators = NONE;
}

void node_drop(struct comp *c, uint32_t node)
{
	uint32_t parent = c->node[node].parent;

	if (parent != NONE && c->node[parent].v.kind == VALUE_STRUCT && !(c->node[parent].v.flags & VALUE_F_INLINE)) {
		c->node[node].gone = true;
		c->node[parent].v.flags |= VALUE_F_CUT;
	} else {
		node_missing(c, node, "too_large");
	}
}

static int by_name(const void *a, const void *b, void *text)
{
	const struct node *const *x = a, *const *y = b;

	int order = strcmp((const char *)text + (*x)->v.name, (const char *)text + (*y)->v.name);

	return order ? order : *x < *y ? -1 : *x > *y;
}

/* The children that end up as members of one object: those of base classes among them. */
static size_t members(struct comp *c, uint32_t node, struct node **list, size_t n, size_t max)
{
	for (uint32_t i = c->node[node].first; i != NONE; i = c->node[i].next)
		if (c->node[i].v.kind == VALUE_STRUCT && c->node[i].v.flags & VALUE_F_INLINE)
			n = members(c, i, list, n, max);
		else if (n < max)
			list[n++] = &c->node[i];
	return n;
}

/* Of one name: the first keeps it, the next become NAME#2, NAME#3. The list is sorted by name. */
static void tell_apart(struct comp *c, struct node **list, size_t n)
{
	unsigned same = 1;

	for (size_t i = 1, first = 0; i < n && !c->err; i++) {
		char *name = NULL;

		if (strcmp(c->text + list[i]->v.name, c->text + list[first]->v.name)) {
			first = i;
			same = 1;
		} else if (asprintf(&name, "%s#%u", c->text + list[first]->v.name, ++same) < 0) {
			c->err = -ENOMEM;
		} else {
			list[i]->v.name = text_add(c, name);
			free(name);
		}
	}
}

void names_unique(struct comp *c, uint32_t node)
{
	AUTO_FREE struct node **list = calloc(c->nnodes + 1, sizeof(struct node *));
	size_t n;

	if (!list || c->err) {
		c->err = -ENOMEM;
		return;
	}
	n = members(c, node, list, 0, c->nnodes);
	qsort_r(list, n, sizeof(*list), by_name, c->text);
	tell_apart(c, list, n);
}

void roots_unique(struct comp *c, const uint32_t *root, size_t n)
{
	struct node *list[PROTO_MAX_PARAMS];

	for (size_t i = 0; i < n; i++)
		list[i] = &c->node[root[i]];
	qsort_r(list, n, sizeof(*list), by_name, c->text);
	tell_apart(c, list, n);
}

/* ---- the flat block ---- */

struct flat {
	struct comp *c;
	struct value *v;
	uint32_t *from; /* value -> node */
	size_t n, names; /* names: behind the values, the enumerators */
	uint32_t *where; /* text offset -> offset in the block's strings, 0: not there yet */
	char *text;
	size_t ntext;
};

static uint32_t flat_text(struct flat *f, uint32_t at)
{
	size_t n = strlen(f->c->text + at) + 1;

	if (n == 1)
		return 0;
	/* Only a hostile block, whose names lie within each other, needs more than there was. */
	if (!f->where[at] && n > f->c->ntext + 1 - f->ntext)
		return 0;
	if (!f->where[at]) {
		f->where[at] = (uint32_t)f->ntext;
		memcpy(f->text + f->ntext, f->c->text + at, n);
		f->ntext += n;
	}
	return f->where[at];
}

static void flat_value(struct flat *f, uint32_t node)
{
	const struct value *from = &f->c->node[node].v;
	struct value *v = &f->v[f->n];

	*v = *from;
	v->name = flat_text(f, from->name);
	v->type = flat_text(f, from->type);
	v->child = v->nchildren = 0;
	f->from[f->n++] = node;
}

static void flat_children(struct flat *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct node *n = &f->c->node[f->from[i]];

		f->v[i].child = (uint32_t)f->n;
		for (uint32_t k = n->first; k != NONE; k = f->c->node[k].next)
			if (!f->c->node[k].gone)
				flat_value(f, k);
		f->v[i].nchildren = (uint32_t)f->n - f->v[i].child;
		if (!f->v[i].nchildren)
			f->v[i].child = 0;
	}
}

/* The enumerators of a type, once for all values of it; a type that has too many keeps to numbers. */
static void flat_enumerators(struct flat *f, size_t i)
{
	uint32_t type = f->c->node[f->from[i]].enumerators;
	const struct type *t = &f->c->p->types[type];
	size_t values = f->n;

	for (size_t k = 0; k < i; k++)
		if (f->c->node[f->from[k]].enumerators == type) {
			f->v[i].child = f->v[k].child;
			f->v[i].nchildren = f->v[k].nchildren;
			return;
		}
	if (values + f->names + t->nmembers > VALUES_MAX || !t->nmembers)
		return;
	f->v[i].child = (uint32_t)(values + f->names);
	f->v[i].nchildren = t->nmembers;
	for (uint32_t k = 0; k < t->nmembers; k++) {
		const struct member *m = &f->c->p->members[t->member + k];

		f->v[values + f->names++] = (struct value){ .kind = VALUE_NAME, .item = VALUE_NO_ITEM,
							    .name = flat_text(f, m->name), .number = m->value };
	}
}

static int flat_finish(struct flat *f, size_t nroots, struct values **ret)
{
	size_t n = f->n + f->names, bytes = sizeof(struct values) + n * sizeof(struct value) + f->ntext;
	struct values *v = malloc(bytes);

	if (!v)
		return -ENOMEM;
	*v = (struct values){ .bytes = (uint32_t)bytes, .n = (uint32_t)n, .nroots = (uint32_t)nroots,
			      .nstrings = (uint32_t)f->ntext };
	memcpy(v + 1, f->v, n * sizeof(struct value));
	memcpy((char *)(v + 1) + n * sizeof(struct value), f->text, f->ntext);
	*ret = v;
	return 0;
}

int tree_finish(struct comp *c, const uint32_t *root, size_t n, struct values **ret)
{
	AUTO_FREE struct value *v = calloc(VALUES_MAX, sizeof(*v));
	AUTO_FREE uint32_t *from = calloc(VALUES_MAX, sizeof(*from));
	AUTO_FREE uint32_t *where = calloc(c->ntext, sizeof(*where));
	AUTO_FREE char *text = calloc(1, c->ntext + 1);
	struct flat f = { .c = c, .v = v, .from = from, .where = where, .text = text, .ntext = 1 };
	size_t values;

	if (!v || !from || !where || !text || c->err)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		flat_value(&f, root[i]);
	flat_children(&f);
	values = f.n;
	for (size_t i = 0; i < values; i++)
		if (c->node[from[i]].enumerators != NONE)
			flat_enumerators(&f, i);
	return flat_finish(&f, n, ret);
}
