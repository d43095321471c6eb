/* SPDX-License-Identifier: MIT */
/*
 * where_match.c: does a call's record satisfy what the kernel could not tell of a condition? See include/condition.h.
 * Values can be cut short or missing, so there are three answers: yes, no, and unknown, of which only the first counts.
 */
#include <math.h>
#include "base/utf8.h"
#include "base/util.h"
#include "condition.h"

/* A value of the record, out of {"value":...,"truncated":true,"length":N}. */
struct got {
	const struct field *f;
	bool cut;        /* there was more */
	uint64_t length; /* of all of it, UINT64_MAX: not known */
};

static bool is_wrapped(const struct field *f)
{
	return f->type == VAL_OBJECT && f->len && !f->list[0].name && f->list[0].key == K_VALUE;
}

static struct got unwrap(const struct field *f)
{
	struct got g = { .f = f, .length = UINT64_MAX };

	if (!is_wrapped(f))
		return g;
	g.f = &f->list[0];
	g.cut = true;
	for (uint32_t i = 1; i < f->len; i++)
		if (!f->list[i].name && f->list[i].key == K_LENGTH)
			g.length = f->list[i].u;
	return g;
}

static const struct field *step_into(const struct field *f, const struct where_step *s)
{
	uint64_t index = s->index;

	f = unwrap(f).f;
	if (f->type == VAL_ARRAY) {
		/* The fields of a tuple have no names in the record. */
		if (s->name && (strncmp(s->name, "__", 2) || !s->name[2]))
			return NULL;
		if (s->name)
			index = strtoul(s->name + 2, NULL, 10);
		return index < f->len ? &f->list[index] : NULL;
	}
	for (uint32_t i = 0; f->type == VAL_OBJECT && s->name && i < f->len; i++)
		if (!strcmp(field_name(&f->list[i]), s->name))
			return &f->list[i];
	return NULL;
}

/* What the test is about; NULL: there is no such thing, or it is not known. */
static const struct field *find(const struct where_test *t, const struct record *r)
{
	const struct field *f = record_find(r, t->what == WHERE_ARGUMENT ? K_ARGS :
					       t->what == WHERE_FIELD	 ? (enum record_key)t->key :
									   K_EXIT_RETURN);

	for (uint16_t i = 0; i < t->nsteps && f; i++)
		f = step_into(f, &t->steps[i]);
	return f && f->type != VAL_UNAVAIL ? f : NULL;
}

/* ---- numbers ---- */

/* "-12", "0xff": what 64 bits do not hold, and addresses. */
static bool parse_number(const char *s, size_t len, __int128 *n)
{
	bool minus = len && *s == '-', hex = len > 2 && s[0] == '0' && s[1] == 'x';
	unsigned __int128 sum = 0, base = hex ? 16 : 10;
	size_t i = hex ? 2 : minus;

	if (i >= len || len > 40)
		return false;
	for (; i < len; i++) {
		unsigned digit = s[i] >= '0' && s[i] <= '9' ? (unsigned)(s[i] - '0') :
				 hex && s[i] >= 'a' && s[i] <= 'f' ? (unsigned)(s[i] - 'a' + 10) : 16;

		if (digit >= base || sum > ((unsigned __int128)-1 >> 1) / base - 1)
			return false;
		sum = sum * base + digit;
	}
	*n = minus ? -(__int128)sum : (__int128)sum;
	return true;
}

static bool is_name(const char *name, const char *s, size_t n)
{
	return strlen(name) == n && !memcmp(name, s, n);
}

/* "O_RDWR|O_CREAT|0x8" by the names of the type. */
static bool parse_names(const struct where_test *t, const char *s, size_t len, __int128 *n)
{
	const char *end = s + len, *stop;
	uint64_t sum = 0;
	__int128 one;

	for (; s < end; s = stop + 1) {
		uint32_t i = 0;

		stop = memchr(s, '|', (size_t)(end - s));
		stop = stop ? stop : end;
		while (i < t->nnames && !is_name(t->names[i].name, s, (size_t)(stop - s)))
			i++;
		if (i < t->nnames)
			sum |= (uint64_t)t->names[i].number;
		else if (parse_number(s, (size_t)(stop - s), &one))
			sum |= (uint64_t)one;
		else
			return false;
	}
	*n = t->flags & WHERE_F_UNSIGNED ? (__int128)sum : (__int128)(int64_t)sum;
	return len > 0;
}

static bool code_point(const char *text, size_t len, __int128 *n)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t cp = 0;

	if (!len || utf8_length(s, len) != len)
		return false;
	cp = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++)
		cp = cp << 6 | (s[i] & 0x3f);
	*n = cp;
	return true;
}

static bool number_of(const struct where_test *t, const struct field *f, __int128 *n)
{
	switch ((enum val_type)f->type) {
	case VAL_U64:
	case VAL_HEX64:
	case VAL_NS:
	case VAL_TIME:
	case VAL_BOOL:
		*n = f->u;
		return true;
	case VAL_S64:
		*n = f->s;
		return true;
	case VAL_NULL:
		*n = 0;
		return true;
	case VAL_STR:
		if (t->flags & WHERE_F_CHAR)
			return code_point(f->str, f->len, n);
		return t->nnames ? parse_names(t, f->str, f->len, n) : parse_number(f->str, f->len, n);
	default:
		return false;
	}
}

static bool real_of(const struct where_test *t, const struct field *f, double *d)
{
	char text[64], *end;
	__int128 n;

	if (f->type == VAL_FLOAT) {
		*d = f->d;
		return true;
	}
	if (number_of(t, f, &n)) {
		*d = (double)n;
		return true;
	}
	/* A long double that a double does not hold. */
	if (f->type != VAL_STR || !f->len || f->len >= sizeof(text))
		return false;
	memcpy(text, f->str, f->len);
	text[f->len] = '\0';
	*d = strtod(text, &end);
	return !*end;
}

static bool ordered(enum where_op op, bool less, bool equal, bool known)
{
	switch (op) {
	case WHERE_EQ:
		return equal;
	case WHERE_NE:
		return !equal;
	case WHERE_LT:
		return less;
	case WHERE_LE:
		return less || equal;
	case WHERE_GT:
		return known && !less && !equal;
	case WHERE_GE:
		return known && !less;
	default:
		return false;
	}
}

static bool test_number(const struct where_test *t, __int128 n)
{
	switch ((enum where_op)t->op) {
	case WHERE_BITS:
		return (n & t->number) != 0;
	case WHERE_NO_BITS:
		return (n & t->number) == 0;
	case WHERE_TRUE:
		return n != 0;
	case WHERE_FALSE:
		return n == 0;
	default:
		return ordered(t->op, n < t->number, n == t->number, true);
	}
}

static bool test_real(const struct where_test *t, double d)
{
	if (t->op == WHERE_TRUE || t->op == WHERE_FALSE)
		return (d != 0) == (t->op == WHERE_TRUE);
	return ordered(t->op, d < t->real, d == t->real, !isnan(d));
}

/* ---- lengths ---- */

static bool test_length(const struct where_test *t, const struct got *g)
{
	uint64_t n = g->f->len;

	if (g->f->type != VAL_STR && g->f->type != VAL_ARRAY)
		return false;
	if (t->flags & WHERE_F_HEX)
		n /= 2;
	if (g->cut && g->length != UINT64_MAX)
		n = g->length;
	else if (g->cut)
		/* Longer than n, and nothing else is known. */
		return t->number <= n && (t->op == WHERE_GT || t->op == WHERE_GE || t->op == WHERE_NE);
	return test_number(t, (__int128)n);
}

/* ---- text ---- */

enum answer { NO, YES, UNKNOWN };

/* One character against "[a-z]", "[!0-9]"; *p is behind "[". Bytes: globs about names are ASCII. */
static bool in_set(const char **p, const char *end, unsigned char c)
{
	bool not = *p < end && (**p == '!' || **p == '^'), in = false;
	const char *s = *p + not, *first = s;

	for (; s < end && (*s != ']' || s == first); s++) {
		unsigned char lo = (unsigned char)*s, hi = lo;

		if (end - s > 2 && s[1] == '-' && s[2] != ']') {
			hi = (unsigned char)s[2];
			s += 2;
		}
		in |= c >= lo && c <= hi;
	}
	*p = s < end ? s + 1 : s;
	return in != not;
}

/* One element of the pattern against one character; steps over both. */
static bool glob_one(const char **p, const char *end, const char **s, const char *stop)
{
	size_t n = utf8_length((const unsigned char *)*s, (size_t)(stop - *s));
	char c = **s;

	if (**p == '?') {
		++*p;
		*s += MAX(n, 1);
		return true;
	}
	++*s;
	if (**p == '[' && memchr(*p + 1, ']', (size_t)(end - *p - 1))) {
		++*p;
		return in_set(p, end, (unsigned char)c);
	}
	if (**p == '\\' && end - *p > 1)
		++*p;
	return *(*p)++ == c;
}

/*
 * Not fnmatch(), which takes exponential time for some texts and ends at a NUL: text is the target's. Only the last '*' is
 * ever gone back to, so the time is the product of both lengths at most.
 */
static enum answer glob(const struct where_test *t, const struct field *f, bool cut)
{
	const char *p = t->text, *end = p + t->text_len, *s = f->str, *stop = s + f->len;
	const char *star = NULL, *back = NULL;

	for (;;) {
		if (p < end && *p == '*') {
			star = ++p;
			back = s;
			if (p == end)
				return YES;
			continue;
		}
		if (s == stop && cut)
			return p == end && !star ? NO : UNKNOWN;
		if (p == end && s == stop)
			return YES;
		if (s < stop && p < end && glob_one(&p, end, &s, stop))
			continue;
		if (!star || back == stop)
			return NO;
		p = star;
		s = ++back;
	}
}

static enum answer equals(const struct where_test *t, const struct got *g)
{
	size_t n = MIN(t->text_len, (size_t)g->f->len);

	if (memcmp(t->text, g->f->str, n))
		return NO;
	if (!g->cut)
		return t->text_len == g->f->len ? YES : NO;
	if (t->text_len <= g->f->len || (g->length != UINT64_MAX && g->length != t->text_len))
		return NO;
	return UNKNOWN;
}

static bool test_text(const struct where_test *t, const struct got *g)
{
	bool not = t->op == WHERE_NE || t->op == WHERE_NO_GLOB;
	struct got name = *g;
	struct field f;
	enum answer a;

	if (g->f->type == VAL_NULL)
		return not;
	/* {"Err":...} */
	if (g->f->type == VAL_OBJECT && g->f->len == 1 && g->f->list[0].name) {
		f = (struct field){ .type = VAL_STR, .str = g->f->list[0].name, .len = (uint32_t)strlen(g->f->list[0].name) };
		name.f = &f;
	} else if (g->f->type != VAL_STR) {
		return false;
	}
	a = t->op == WHERE_EQ || t->op == WHERE_NE ? equals(t, &name) : glob(t, name.f, name.cut);
	return a == (not ? NO : YES);
}

/* ---- --errors ---- */

static bool is_one_of(const struct where_test *t, const char *s, size_t n)
{
	for (uint32_t i = 0; i < t->nnames; i++)
		if (is_name(t->names[i].name, s, n))
			return true;
	return false;
}

static bool test_failed(const struct where_test *t, const struct record *r)
{
	const struct field *exit = record_find(r, K_EXIT), *f = find(t, r);
	struct where_step member = { .name = t->text };
	__int128 n;

	if (exit && exit->type == VAL_STR &&
	    (is_name("exception", exit->str, exit->len) || is_name("panic", exit->str, exit->len)))
		return true;
	/* Only there if the result says so. */
	if (record_find(r, K_ERROR))
		return true;
	if (f && t->text)
		f = step_into(f, &member);
	if (!f || f->type == VAL_UNAVAIL)
		return false;
	/* Go's error: a type and a value. */
	if (t->flags & WHERE_F_NONZERO && f->type == VAL_OBJECT)
		return true;
	if (!(t->flags & (WHERE_F_BELOW | WHERE_F_ZERO | WHERE_F_ONES | WHERE_F_NONZERO))) {
		/* A Result, by its alternative's name. */
		if (f->type == VAL_OBJECT && f->len == 1 && f->list[0].name)
			return is_one_of(t, f->list[0].name, strlen(f->list[0].name));
		return f->type == VAL_STR && is_one_of(t, f->str, f->len);
	}
	if (!number_of(t, f, &n))
		return false;
	return (t->flags & WHERE_F_BELOW && n < 0) || (t->flags & WHERE_F_ZERO && n == 0) ||
	       (t->flags & WHERE_F_ONES && n == t->number) || (t->flags & WHERE_F_NONZERO && n != 0);
}

static bool holds(const struct where_test *t, const struct record *r)
{
	const struct field *f;
	struct got g;
	__int128 n;
	double d;

	if (t->what == WHERE_FAILED)
		return test_failed(t, r);
	f = find(t, r);
	/* Fields that are only there if there is something to tell. */
	if (t->what == WHERE_FIELD && (t->op == WHERE_TRUE || t->op == WHERE_FALSE))
		return (t->op == WHERE_TRUE) == !!f;
	if (!f)
		return false;
	g = unwrap(f);
	if (t->flags & WHERE_F_LENGTH)
		return test_length(t, &g);
	switch ((enum where_literal)t->literal) {
	case WHERE_NUMBER:
		return number_of(t, g.f, &n) && test_number(t, n);
	case WHERE_REAL:
		return real_of(t, g.f, &d) && test_real(t, d);
	case WHERE_TEXT:
		return test_text(t, &g);
	case WHERE_NULL:
		return (g.f->type == VAL_NULL) == (t->op == WHERE_EQ || t->op == WHERE_FALSE);
	}
	return false;
}

bool where_match(const struct where_fn *w, const struct record *r)
{
	bool all = true;

	for (uint32_t i = 0; w && i < w->nclauses && all; i++) {
		all = false;
		for (uint32_t k = 0; k < w->ntests && k < 64 && !all; k++)
			all = w->clauses[i] >> k & 1 && holds(&w->tests[k], r);
	}
	return all;
}
