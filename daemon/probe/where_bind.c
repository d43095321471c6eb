/* SPDX-License-Identifier: MIT */
/* where_bind.c: what a test means for one function: which value its name leads to, and what its right side is there. */
#include <stdarg.h>

#include "base/utf8.h"
#include "event.h"
#include "probe/proto_text_priv.h"
#include "probe/where_priv.h"

#define NEST 16 /* base classes inside each other, pointers to pointers */

static const struct {
	const char *name;
	enum record_key key;
	bool text;
} fields[] = {
	{ "duration", K_DURATION, false }, { "exit", K_EXIT, true }, { "error", K_ERROR, true },
	{ "errno", K_ERROR, true },	   { "tid", K_TID, false },  { "comm", K_COMM, true },
};

static int PRINTF(2, 3) wrong(struct leaf *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->wrong, sizeof(l->wrong), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

const struct value *where_values(const struct values *v)
{
	return (const struct value *)(v + 1);
}

const char *where_string(const struct values *v, uint32_t offset)
{
	return (const char *)(where_values(v) + v->n) + offset;
}

const struct value *where_result(const struct values *v)
{
	for (uint32_t i = 0; v && i < v->nroots; i++) {
		const struct value *root = &where_values(v)[i];

		if (root->flags & VALUE_F_RETURN && !(root->flags & VALUE_F_ERRNO))
			return root;
	}
	return NULL;
}

static const struct value *parameter(const struct values *v, const char *name)
{
	for (uint32_t i = 0; v && i < v->nroots; i++) {
		const struct value *root = &where_values(v)[i];

		if (!(root->flags & (VALUE_F_RETURN | VALUE_F_ERRNO)) && !strcmp(where_string(v, root->name), name))
			return root;
	}
	return NULL;
}

/* ---- the path ---- */

/* What a pointer points to, if that is captured. */
static const struct value *behind(const struct values *v, const struct value *x)
{
	for (int i = 0; i < NEST && x->kind == VALUE_POINTER && x->nchildren; i++)
		x = &where_values(v)[x->child];
	return x;
}

static const struct value *member(const struct values *v, const struct value *x, const char *name, int nest)
{
	const struct value *child = &where_values(v)[x->child], *found;

	for (uint32_t i = 0; i < x->nchildren && nest; i++) {
		if (child[i].flags & VALUE_F_INLINE && child[i].kind == VALUE_STRUCT) {
			found = member(v, &child[i], name, nest - 1);
			if (found)
				return found;
		} else if (!strcmp(where_string(v, child[i].name), name)) {
			return &child[i];
		}
	}
	return NULL;
}

static void list_members(const struct values *v, const struct value *x, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; i < x->nchildren; i++) {
		const char *name = where_string(v, where_values(v)[x->child + i].name);

		if (!*name)
			continue;
		if (n + strlen(name) + 8 > size) {
			snprintf(buf + n, size - n, "%s", n ? ", ..." : "...");
			return;
		}
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", name);
	}
}

/* C++'s optional: a value or null, neither with a name. */
static const struct value *optional(const struct values *v, const struct value *x)
{
	for (uint32_t i = 1; x->kind == VALUE_VARIANT && i < x->nchildren; i++) {
		const struct value *one = &where_values(v)[x->child + i];

		if (one->nchildren && !one->name)
			return &where_values(v)[one->child];
	}
	return NULL;
}

static const struct value *step_into(const struct values *v, const struct value *x, const struct where_step *s,
				     struct bound *b)
{
	const struct value *child, *inner;

	x = behind(v, x);
	inner = optional(v, x);
	b->loose = b->loose || inner;
	x = inner ? behind(v, inner) : x;
	child = &where_values(v)[x->child];
	switch (x->kind) {
	case VALUE_STRUCT:
		return s->name ? member(v, x, s->name, NEST) : NULL;
	case VALUE_ARRAY:
		b->loose = true;
		if (s->name || !x->nchildren)
			return NULL;
		return x->flags & VALUE_F_INLINE ? s->index < x->nchildren ? &child[s->index] : NULL : child;
	case VALUE_VARIANT:
		b->loose = true;
		for (uint32_t i = 1; i < x->nchildren && s->name; i++)
			if (!strcmp(where_string(v, child[i].name), s->name))
				return child[i].nchildren ? &where_values(v)[child[i].child] : NULL;
		return NULL;
	}
	return NULL;
}

static int find(const struct values *v, struct leaf *l, struct bound *b)
{
	const struct value *x = l->is_return ? where_result(v) : parameter(v, l->step[0].name);
	size_t first = !l->is_return;

	b->is_return = l->is_return;
	if (!x)
		return l->is_return ? wrong(l, "the result is not known") : -ENOENT;
	for (size_t i = first; i < l->nsteps; i++) {
		const struct value *next = step_into(v, x, &l->step[i], b);
		char list[80];

		if (!next) {
			list_members(v, behind(v, x), list, sizeof(list));
			if (!l->step[i].name)
				return wrong(l, "there is no element %u", l->step[i].index);
			return wrong(l, "there is no member '%.30s' (or it lies deeper than --depth)%s%s", l->step[i].name,
				     *list ? "; it has " : "", list);
		}
		x = next;
	}
	b->v = x;
	b->test.what = l->is_return ? WHERE_RETURN : WHERE_ARGUMENT;
	b->test.steps = l->step;
	b->test.nsteps = l->nsteps;
	return 0;
}

/* ---- the right side ---- */

/* The number of an enumerator, of this value or in a set that everyone knows (O_CREAT). */
static bool enumerator(const struct values *v, const struct value *x, const char *s, size_t n, uint64_t *ret)
{
	char name[64];
	char *end;

	if (n >= sizeof(name))
		return false;
	memcpy(name, s, n);
	name[n] = '\0';
	*ret = strtoull(name, &end, 0);
	if (n && !*end && *name >= '0' && *name <= '9')
		return true;
	for (uint32_t i = 0; x->kind == VALUE_ENUM && i < x->nchildren; i++) {
		const struct value *e = &where_values(v)[x->child + i];

		if (!strcmp(where_string(v, e->name), name)) {
			*ret = (uint64_t)e->number;
			return true;
		}
	}
	for (size_t i = 0; i < proto_text_nsets; i++)
		for (size_t k = 0; k < proto_text_sets[i].n; k++)
			if (!strcmp(proto_text_sets[i].v[k].name, name)) {
				*ret = (uint64_t)proto_text_sets[i].v[k].value;
				return true;
			}
	return false;
}

/* "O_RDWR|O_CREAT" as a number, with the sign that the value has. */
static int bind_words(const struct values *v, const struct value *x, struct leaf *l, struct where_test *t)
{
	const char *s = l->text, *end;
	uint64_t sum = 0, one = 0;
	char list[80];

	do {
		end = strchrnul(s, '|');
		if (!enumerator(v, x, s, (size_t)(end - s), &one)) {
			*list = '\0';
			if (x->kind == VALUE_ENUM)
				list_members(v, x, list, sizeof(list));
			return wrong(l, "'%.*s' is no value of it%s%s (text is put into quotes)", (int)MIN(end - s, 30), s,
				     *list ? "; it has " : "", list);
		}
		sum |= one;
		s = end + 1;
	} while (*end);
	t->literal = WHERE_NUMBER;
	t->number = (int64_t)sum;
	if (x->kind != VALUE_INT && !(x->kind == VALUE_ENUM && x->flags & VALUE_F_SIGNED))
		t->number = sum;
	return 0;
}

/* 'a' for a char: its code point. */
static int bind_char(const struct value *x, struct leaf *l, struct where_test *t)
{
	const unsigned char *s = (const unsigned char *)l->text;
	size_t n = utf8_length(s, l->text_len);
	uint32_t cp;

	if (!n || n != l->text_len || (x->size == 1 && n > 1))
		return wrong(l, "it is one character");
	cp = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		cp = cp << 6 | (s[i] & 0x3f);
	t->literal = WHERE_NUMBER;
	t->number = cp;
	return 0;
}

static int bind_number(const struct values *v, const struct value *x, struct leaf *l, struct where_test *t)
{
	t->flags |= x->kind == VALUE_CHAR ? WHERE_F_CHAR : 0;
	t->flags |= x->flags & VALUE_F_SIGNED ? 0 : WHERE_F_UNSIGNED;
	switch ((enum leaf_literal)l->literal) {
	case LEAF_NONE:
	case LEAF_NUMBER:
		t->literal = WHERE_NUMBER;
		t->number = l->number;
		return 0;
	case LEAF_REAL:
		t->literal = WHERE_REAL;
		t->real = l->real;
		return 0;
	case LEAF_WORD:
		return bind_words(v, x, l, t);
	case LEAF_TEXT:
		if (x->kind == VALUE_CHAR && (l->op == WHERE_EQ || l->op == WHERE_NE))
			return bind_char(x, l, t);
		if (x->kind == VALUE_ENUM && (l->op == WHERE_EQ || l->op == WHERE_NE))
			return bind_words(v, x, l, t);
		return wrong(l, "it is a number, not text");
	case LEAF_NULL:
		return wrong(l, "it is no pointer");
	case LEAF_TIME:
		return wrong(l, "it is no time; only the duration is");
	}
	return -EINVAL;
}

static bool is_text(const struct values *v, const struct value *x)
{
	const struct value *child = &where_values(v)[x->child];

	return x->kind == VALUE_TEXT ||
	       (x->kind == VALUE_ARRAY && x->nchildren && child->kind == VALUE_CHAR && child->size == 1);
}

static int bind_text(struct leaf *l, struct where_test *t)
{
	if (l->literal != LEAF_TEXT)
		return wrong(l, "it is text: compare it with \"...\", or its len() with a number");
	t->literal = WHERE_TEXT;
	t->text = l->text;
	t->text_len = l->text_len;
	return 0;
}

static int bind_pointer(const struct values *v, struct leaf *l, struct bound *b)
{
	const struct value *to = behind(v, b->v);

	if (is_text(v, to) && l->literal == LEAF_TEXT)
		return bind_text(l, &b->test);
	if (l->literal == LEAF_TEXT || l->literal == LEAF_WORD)
		return wrong(l, to->kind == VALUE_BYTES ? "it is raw bytes, not text" : "it is a pointer, not text");
	if (l->literal == LEAF_TIME || l->literal == LEAF_REAL)
		return wrong(l, "it is a pointer");
	/* What it leads to must not be taken for an address. */
	b->test.literal = l->number || (l->op > WHERE_NE && l->op < WHERE_TRUE) ? WHERE_NUMBER : WHERE_NULL;
	b->test.number = l->number;
	b->address = b->test.literal == WHERE_NUMBER && to != b->v;
	return 0;
}

/* return == Err: the record has the alternative's name. */
static int bind_variant(const struct values *v, struct leaf *l, struct bound *b)
{
	char list[80];

	if ((l->op == WHERE_EQ || l->op == WHERE_NE) && (l->literal == LEAF_WORD || l->literal == LEAF_TEXT))
		for (uint32_t i = 1; i < b->v->nchildren; i++)
			if (!strcmp(where_string(v, where_values(v)[b->v->child + i].name), l->text)) {
				b->test.literal = WHERE_TEXT;
				b->test.text = l->text;
				b->test.text_len = l->text_len;
				return 0;
			}
	list_members(v, b->v, list, sizeof(list));
	return wrong(l, "it is one of %s: compare it with == or !=, or look into one", list);
}

static int bind_length(const struct values *v, struct leaf *l, struct bound *b)
{
	const struct value *x = behind(v, b->v);

	if (x->kind != VALUE_TEXT && x->kind != VALUE_BYTES && x->kind != VALUE_ARRAY)
		return wrong(l, "only text, bytes and arrays have a length");
	b->test.flags |= WHERE_F_LENGTH | (x->kind == VALUE_BYTES ? WHERE_F_HEX : 0);
	b->test.literal = WHERE_NUMBER;
	b->test.number = l->number;
	return 0;
}

static int bind_value(const struct values *v, struct leaf *l, struct bound *b)
{
	const struct value *x = optional(v, b->v);

	if (x) {
		b->v = x;
		b->loose = true;
	}
	if (x && (l->literal == LEAF_NULL || l->literal == LEAF_NONE)) {
		b->test.literal = WHERE_NULL;
		return 0;
	}
	x = b->v;
	if (l->len)
		return bind_length(v, l, b);
	switch ((enum value_kind)x->kind) {
	case VALUE_INT:
	case VALUE_UINT:
	case VALUE_BOOL:
	case VALUE_CHAR:
	case VALUE_ENUM:
		return bind_number(v, x, l, &b->test);
	case VALUE_FLOAT:
		if (l->literal != LEAF_REAL && l->literal != LEAF_NUMBER && l->literal != LEAF_NONE)
			return wrong(l, "it is a number");
		if (l->op == WHERE_BITS || l->op == WHERE_NO_BITS)
			return wrong(l, "a floating point number has no bits");
		b->test.literal = WHERE_REAL;
		b->test.real = l->literal == LEAF_REAL ? l->real : (double)l->number;
		return 0;
	case VALUE_POINTER:
		return bind_pointer(v, l, b);
	case VALUE_TEXT:
		return bind_text(l, &b->test);
	case VALUE_ARRAY:
		return is_text(v, x) ? bind_text(l, &b->test) : wrong(l, "it is an array: ask for an element or its len()");
	case VALUE_VARIANT:
		return bind_variant(v, l, b);
	case VALUE_STRUCT:
		return wrong(l, "it is a structure: ask for a member");
	case VALUE_BYTES:
		return wrong(l, "of raw bytes only the len() can be asked for");
	case VALUE_MISSING:
		return wrong(l, "it cannot be read: %.60s", where_string(v, x->type));
	default:
		return wrong(l, "it has no value of its own");
	}
}

/* ---- fields of the record ---- */

static bool is_exit(const char *s)
{
	static const char *const exits[] = {
#define X(id, num, name) name,
		CALL_EXITS(X)
#undef X
	};

	for (size_t i = 0; i < ARRAY_SIZE(exits); i++)
		if (!strcmp(exits[i], s))
			return true;
	return false;
}

static int bind_field(struct leaf *l, size_t field, struct bound *b)
{
	enum record_key key = fields[field].key;

	b->test.what = WHERE_FIELD;
	b->test.key = (uint16_t)key;
	b->test.literal = WHERE_NUMBER;
	b->test.number = l->number;
	if (l->len)
		return wrong(l, "it has no len()");
	if (l->op == WHERE_TRUE || l->op == WHERE_FALSE)
		return key == K_ERROR ? 0 : wrong(l, "compare it with something");
	if (key == K_DURATION)
		return l->literal == LEAF_TIME || (l->literal == LEAF_NUMBER && !l->number) ?
			       0 : wrong(l, "a time needs its unit: duration > 10ms");
	if (!fields[field].text)
		return l->literal == LEAF_NUMBER ? 0 : wrong(l, "it is a number");
	if ((l->literal != LEAF_WORD && l->literal != LEAF_TEXT) || l->op == WHERE_BITS || l->op == WHERE_NO_BITS)
		return wrong(l, "it is text: compare it with \"...\"");
	if (key == K_EXIT && l->op <= WHERE_NE && !is_exit(l->text))
		return wrong(l, "it is one of return, tail_call, exception, panic, unwound, thread_exit, open");
	if (l->op > WHERE_NE && l->op != WHERE_GLOB && l->op != WHERE_NO_GLOB)
		return wrong(l, "only numbers have an order");
	b->test.literal = WHERE_TEXT;
	b->test.text = l->text;
	b->test.text_len = l->text_len;
	return 0;
}

static int field_of(const struct values *v, const struct leaf *l)
{
	if (l->is_return || l->is_args || l->nsteps != 1)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcmp(fields[i].name, l->step[0].name))
			return fields[i].key == K_DURATION || !parameter(v, l->step[0].name) ? (int)i : -1;
	return -1;
}

bool where_bind(const struct values *v, struct leaf *l, struct bound *b)
{
	int field = l->failed ? -1 : field_of(v, l), err;

	*b = (struct bound){ .leaf = l, .test = { .op = l->op } };
	if (l->failed) {
		where_failed(v, b);
		return true;
	}
	if (field >= 0)
		return !bind_field(l, (size_t)field, b);
	err = find(v, l, b);
	return !err && !bind_value(v, l, b);
}
