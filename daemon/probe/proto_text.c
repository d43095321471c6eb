/* SPDX-License-Identifier: MIT */
/* proto_text.c: reads a prototype: the parameters, their names and declarators, and the result. See proto_text.h. */
#include <ctype.h>
#include <stdarg.h>

#include "probe/proto_text_priv.h"

/* A parameter as it is read; the builder gets all of them at the end. */
struct told {
	const char *name;
	size_t name_len;
	uint32_t type;
	const char *count; /* void *buf:len: at "len" */
	size_t count_len;
	bool out;
};

struct told_list {
	struct told v[PROTO_MAX_PARAMS];
	size_t n;
	bool variadic;
};

int reader_fail(struct reader *r, const char *at, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(r->why, PROTO_TEXT_WHY, "column %zu: ", (size_t)(at - r->text) + 1);

	va_start(ap, fmt);
	vsnprintf(r->why + n, PROTO_TEXT_WHY - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

void reader_space(struct reader *r)
{
	while (r->s < r->end && (*r->s == ' ' || *r->s == '\t'))
		r->s++;
}

static bool ident(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

size_t reader_word(const struct reader *r)
{
	const char *p = r->s;

	if (p >= r->end || isdigit((unsigned char)*p))
		return 0;
	while (p < r->end) {
		if (ident(*p))
			p++;
		else if (r->end - p > 2 && p[0] == ':' && p[1] == ':' && ident(p[2]))
			p += 2;
		else
			break;
	}
	return (size_t)(p - r->s);
}

bool reader_is(const struct reader *r, size_t n, const char *word)
{
	return n == strlen(word) && !memcmp(r->s, word, n);
}

bool reader_take(struct reader *r, const char *mark)
{
	size_t n = strlen(mark);

	if ((size_t)(r->end - r->s) < n || memcmp(r->s, mark, n))
		return false;
	r->s += n;
	reader_space(r);
	return true;
}

bool reader_take_word(struct reader *r, const char *word)
{
	size_t n = reader_word(r);

	if (!reader_is(r, n, word))
		return false;
	r->s += n;
	reader_space(r);
	return true;
}

const char *reader_quote(const struct reader *r, const char *at, char buf[QUOTE_MAX])
{
	struct reader here = { .s = at, .end = r->end };
	size_t n = MIN(reader_word(&here), 40);

	if (at >= r->end)
		return strcpy(buf, *r->end ? "')'" : "the end");
	if (!n && ((unsigned char)*at < ' ' || *at == 0x7f))
		return strcpy(buf, "a control character");
	snprintf(buf, QUOTE_MAX, "'%.*s'", (int)MAX(n, 1), at);
	return buf;
}

/* "[16]", "[]" or "[n]" behind a name: what type makes an array of it. */
static int read_array(struct reader *r, struct told *p, bool *seen)
{
	struct type t = { .kind = TYPE_ARRAY, .inner = p->type };
	const char *at = r->s;
	uint64_t count = 0;

	*seen = reader_take(r, "[");
	if (!*seen)
		return 0;
	reader_take_word(r, "static");
	while (proto_text_qualifier(r->s, reader_word(r))) {
		r->s += reader_word(r);
		reader_space(r);
	}
	if (r->s < r->end && isdigit((unsigned char)*r->s)) {
		at = r->s;
		while (r->s < r->end && isdigit((unsigned char)*r->s) && count < PROTO_MAX_BYTES)
			count = count * 10 + (uint64_t)(*r->s++ - '0');
		if (!count || count >= PROTO_MAX_BYTES)
			return reader_fail(r, at, "an array has 1 to %u elements", PROTO_MAX_BYTES - 1);
		reader_space(r);
	} else {
		r->s += reader_word(r); /* a parameter that tells how many, as C99 has it */
		reader_space(r);
	}
	if (!reader_take(r, "]"))
		return reader_fail(r, r->s, "']' was expected");
	if (r->s < r->end && *r->s == '[')
		return reader_fail(r, r->s, "an array has one dimension here");
	if (p->type == PROTO_NO_TYPE)
		return reader_fail(r, at, "there are no arrays of void");
	/* C passes the address of the first element. */
	if (count) {
		struct type element = proto_build_get_type(r->b, p->type);

		t.count = count;
		t.size = count * element.size;
		t.align = element.align;
		p->type = proto_build_type(r->b, &t);
	}
	return proto_text_pointer(r, TYPE_POINTER, p->type, &p->type);
}

/* ":len" behind a name. */
static int read_count(struct reader *r, struct told *p)
{
	struct type outer = proto_build_get_type(r->b, p->type), inner = { 0 };
	const char *at = r->s;

	if (!reader_take(r, ":"))
		return 0;
	p->count = r->s;
	p->count_len = reader_word(r);
	if (!p->count_len)
		return reader_fail(r, r->s, "behind ':' the name of the parameter that tells the length was expected");
	if (p->type != PROTO_NO_TYPE && outer.inner != PROTO_NO_TYPE)
		inner = proto_build_get_type(r->b, outer.inner);
	if (!proto_build_error(r->b) &&
	    (p->type == PROTO_NO_TYPE || outer.kind != TYPE_POINTER ||
	     (outer.inner != PROTO_NO_TYPE &&
	      (inner.size != 1 || (inner.kind != TYPE_CHAR && inner.kind != TYPE_UINT)))))
		return reader_fail(r, at, "only void *, char * and uint8_t * have a length behind ':'");
	r->s += p->count_len;
	reader_space(r);
	return 0;
}

/* Behind "(*": "name)(...)". Nothing is known of the function but that it is one. */
static int read_function(struct reader *r, struct told *p)
{
	struct type f = { .kind = TYPE_FUNCTION, .inner = PROTO_NO_TYPE };
	size_t depth = 1;

	p->name = r->s;
	p->name_len = reader_word(r);
	r->s += p->name_len;
	reader_space(r);
	if (!reader_take(r, ")") || !reader_take(r, "("))
		return reader_fail(r, r->s, "a pointer to a function is written 'int (*name)(int)'");
	while (r->s < r->end && depth) {
		depth += *r->s == '(';
		depth -= *r->s++ == ')';
	}
	if (depth)
		return reader_fail(r, r->s, "')' was expected");
	reader_space(r);
	p->type = proto_build_type(r->b, &f);
	return proto_text_pointer(r, TYPE_POINTER, p->type, &p->type);
}

static int read_declarator(struct reader *r, struct told *p)
{
	bool array = false;
	int err = 0;

	if (reader_take(r, "(")) {
		if (!reader_take(r, "*"))
			return reader_fail(r, r->s, "a pointer to a function is written 'int (*name)(int)'");
		return read_function(r, p);
	}
	p->name = r->s;
	p->name_len = reader_word(r);
	r->s += p->name_len;
	reader_space(r);
	err = read_array(r, p, &array);
	return err || array ? err : read_count(r, p);
}

static int read_param(struct reader *r, struct told *p)
{
	const char *at = r->s;
	char quote[QUOTE_MAX];
	int err;

	p->out = reader_take_word(r, "out");
	err = proto_text_type(r, &p->type);
	if (!err)
		err = read_declarator(r, p);
	if (err)
		return err;
	if (r->s < r->end && *r->s != ',')
		return reader_fail(r, r->s, "',' or ')' was expected, not %s", reader_quote(r, r->s, quote));
	if (p->type == PROTO_NO_TYPE)
		return reader_fail(r, at, "a parameter cannot be void");
	if (p->out && proto_build_get_type(r->b, p->type).kind != TYPE_POINTER && !proto_build_error(r->b))
		return reader_fail(r, at, "only a pointer can be 'out'");
	if (p->out && p->count)
		return reader_fail(r, at, "what is 'out' is not read, so it needs no length");
	/* Named, but nothing is read through it. */
	return p->out ? proto_text_pointer(r, TYPE_POINTER, PROTO_NO_TYPE, &p->type) : 0;
}

static int read_params(struct reader *r, struct told_list *list)
{
	struct reader only = *r;

	reader_space(r);
	only.s = r->s;
	if (r->s == r->end || (reader_take_word(&only, "void") && only.s == only.end))
		return 0;
	for (;;) {
		int err;

		if (reader_take(r, "...")) {
			list->variadic = true;
			return r->s == r->end ? 0 : reader_fail(r, r->s, "nothing can follow '...'");
		}
		if (list->n == PROTO_MAX_PARAMS)
			return reader_fail(r, r->s, "at most %d parameters", PROTO_MAX_PARAMS);
		err = read_param(r, &list->v[list->n]);
		if (err)
			return err;
		list->n++;
		if (r->s == r->end)
			return 0;
		reader_take(r, ",");
	}
}

static bool same(const char *a, size_t na, const char *b, size_t nb)
{
	return na == nb && !memcmp(a, b, na);
}

/* "void *buf:len": the type of the bytes, now that every parameter is known. */
static int bind_count(struct reader *r, struct told_list *list, struct told *p)
{
	struct type bytes = { .kind = TYPE_ARRAY, .flags = TYPE_F_COUNTED };
	struct type byte = { .kind = TYPE_UINT, .size = 1, .inner = PROTO_NO_TYPE };
	struct type outer = proto_build_get_type(r->b, p->type), by;
	char quote[QUOTE_MAX];
	size_t i;

	for (i = 0; i < list->n; i++)
		if (same(list->v[i].name, list->v[i].name_len, p->count, p->count_len))
			break;
	if (i == list->n)
		return reader_fail(r, p->count, "there is no parameter %s",
				   reader_quote(r, p->count, quote));
	by = proto_build_get_type(r->b, list->v[i].type);
	if (by.kind != TYPE_INT && by.kind != TYPE_UINT && !proto_build_error(r->b))
		return reader_fail(r, p->count, "%s is no integer", reader_quote(r, p->count, quote));
	bytes.count = i;
	bytes.inner = outer.inner;
	if (outer.inner == PROTO_NO_TYPE)
		bytes.inner = proto_build_type(r->b, &byte);
	outer.inner = proto_build_type(r->b, &bytes);
	p->type = proto_build_type(r->b, &outer);
	return 0;
}

static int add_params(struct reader *r, struct told_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct told *p = &list->v[i];
		struct param param = { 0 };
		char number[32];
		int err = p->count ? bind_count(r, list, p) : 0;

		for (size_t j = 0; j < i && !err && p->name_len; j++)
			if (same(p->name, p->name_len, list->v[j].name, list->v[j].name_len))
				err = reader_fail(r, p->name, "two parameters have this name");
		if (err)
			return err;
		snprintf(number, sizeof(number), "arg%zu", i + 1);
		param.type = p->type;
		param.name = p->name_len ? proto_build_string(r->b, p->name, p->name_len) :
					   proto_build_string(r->b, number, strlen(number));
		proto_build_param(r->b, &param);
	}
	return 0;
}

/* A result in [s, end): "errno int", "char *". */
static int read_result(struct reader *r, const char *s, const char *end, struct proto *head)
{
	struct reader part = *r;
	char quote[QUOTE_MAX];
	int err;

	part.s = s;
	part.end = end;
	reader_space(&part);
	if (reader_take_word(&part, "errno"))
		head->flags |= PROTO_F_ERRNO;
	err = proto_text_type(&part, &head->result);
	if (!err && part.s < part.end)
		err = reader_fail(r, part.s, "the end of the result was expected, not %s",
				  reader_quote(&part, part.s, quote));
	if (!err && head->result == PROTO_NO_TYPE && head->flags & PROTO_F_ERRNO)
		err = reader_fail(r, s, "no errno without a result");
	return err;
}

static int read_prototype(struct reader *r, const struct form *f, struct proto *head)
{
	struct told_list list = { .n = 0 };
	const char *behind;
	int err;

	if (!f->params)
		return reader_fail(r, f->head_end, "a parameter list was expected: NAME(int a, char *b)");
	if (f->name == f->name_end)
		return reader_fail(r, f->head, "the function's name was expected");
	if (f->typed && f->arrow)
		return reader_fail(r, f->head, "the result stands in front of the name or behind '->', not both");
	behind = f->params_end + 1 + strspn(f->params_end + 1, " \t");
	if (f->arrow ? behind != f->arrow : behind != r->end)
		return reader_fail(r, behind, "'->' and the result or the end was expected");
	head->name = proto_build_string(r->b, f->name, (size_t)(f->name_end - f->name));
	err = f->typed ? read_result(r, f->head, f->name, head) : 0;
	if (!err && f->arrow)
		err = read_result(r, f->arrow + 2, r->end, head);
	if (err)
		return err;
	r->s = f->params;
	r->end = f->params_end;
	err = read_params(r, &list);
	if (list.variadic)
		head->flags |= PROTO_F_VARIADIC;
	return err ? err : add_params(r, &list);
}

int proto_text_parse(const char *text, struct proto **ret, char why[PROTO_TEXT_WHY])
{
	struct proto head = { .lang = LANG_C, .flags = PROTO_F_USER, .result = PROTO_NO_TYPE };
	struct reader r = { .text = text, .s = text, .end = text + strlen(text), .why = why };
	struct form f;
	int err;

	if (r.end - text > PROTO_TEXT_MAX)
		return reader_fail(&r, text + PROTO_TEXT_MAX, "longer than %d bytes", PROTO_TEXT_MAX);
	while (r.end > text && strchr(" \t;", r.end[-1]))
		r.end--;
	r.b = proto_build_new();
	if (!r.b)
		return -ENOMEM;
	proto_text_form(text, &f);
	err = read_prototype(&r, &f, &head);
	if (!err)
		err = proto_build_finish(r.b, &head, ret);
	proto_build_free(r.b);
	/* A text of PROTO_TEXT_MAX bytes cannot make a block that is too large. */
	return err == -EINVAL ? -EINVAL : err ? -ENOMEM : 0;
}
