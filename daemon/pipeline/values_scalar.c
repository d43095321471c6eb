/* SPDX-License-Identifier: MIT */
/* values_scalar.c: single values: numbers, characters, names, texts. */
#include <math.h>
#include "base/utf8.h"
#include "pipeline/values_priv.h"

typedef unsigned __int128 wide;

static unsigned bits_of(const struct value *v)
{
	return v->bit_size ? v->bit_size : v->size * 8;
}

static bool read_wide(struct reading *x, const struct value *v, struct element in, wide *ret, struct field *f)
{
	const uint8_t *p;

	if (!v->size || v->size > sizeof(wide) || bits_of(v) + v->bit_off > v->size * 8) {
		x->bad = true;
		return false;
	}
	p = value_bytes(x, v, in, v->size, f);
	if (!p)
		return false;
	*ret = 0;
	memcpy(ret, p, v->size);
	*ret >>= v->bit_off;
	if (bits_of(v) < 128)
		*ret &= ((wide)1 << bits_of(v)) - 1;
	return true;
}

bool scalar_bits(struct reading *x, const struct value *v, struct element in, uint64_t *bits, struct field *f)
{
	wide w;

	if (!read_wide(x, v, in, &w, f))
		return false;
	*bits = (uint64_t)w;
	return true;
}

static __int128 extend(const struct value *v, wide w)
{
	unsigned up = 128 - bits_of(v);

	return (__int128)(w << up) >> up;
}

static void put_u64(struct field *f, uint64_t u)
{
	f->type = VAL_U64;
	f->u = u;
}

static void put_s64(struct field *f, int64_t s)
{
	f->type = VAL_S64;
	f->s = s;
}

/* What 64 bits do not hold is a string, as all numbers above 2^53 are. */
static void put_wide(struct reading *x, wide w, bool negative, struct field *f)
{
	char text[48], *end = text + sizeof(text), *p = end, *kept;

	for (; w || p == end; w /= 10)
		*--p = (char)('0' + (unsigned)(w % 10));
	if (negative)
		*--p = '-';
	kept = reading_alloc(x, (size_t)(end - p));
	if (kept)
		put_string(f, memcpy(kept, p, (size_t)(end - p)), (size_t)(end - p));
}

static void put_int(struct reading *x, const struct value *v, wide w, struct field *f)
{
	__int128 s = extend(v, w);

	if (s >= INT64_MIN && s <= INT64_MAX)
		put_s64(f, (int64_t)s);
	else
		put_wide(x, s < 0 ? -(wide)s : (wide)s, s < 0, f);
}

static void put_uint(struct reading *x, const struct value *v, wide w, struct field *f)
{
	if (w > UINT64_MAX)
		put_wide(x, w, false, f);
	else if (v->flags & VALUE_F_FLAGS)
		put_address(x, (uint64_t)w, f);
	else
		put_u64(f, (uint64_t)w);
}

/* Code points of Unicode (table 3-6). */
static size_t encode(uint32_t cp, char *p)
{
	if (cp < 0x80) {
		p[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		p[0] = (char)(0xc0 | cp >> 6);
		p[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		p[0] = (char)(0xe0 | cp >> 12);
		p[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		p[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	p[0] = (char)(0xf0 | cp >> 18);
	p[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	p[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	p[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

static void put_char(struct reading *x, const struct value *v, wide w, struct field *f)
{
	bool text = v->size == 1 ? w < 0x80 : w < 0xd800 || (w >= 0xe000 && w < 0x110000);
	char *p;

	if (!text && v->flags & VALUE_F_SIGNED) {
		put_int(x, v, w, f);
	} else if (!text) {
		put_uint(x, v, w, f);
	} else {
		p = reading_alloc(x, 4);
		if (p)
			put_string(f, p, encode((uint32_t)w, p));
	}
}

/* ---- enumerations ---- */

static uint64_t masked(const struct value *v, uint64_t u)
{
	return bits_of(v) < 64 ? u & ((UINT64_C(1) << bits_of(v)) - 1) : u;
}

/* "A|B|0x8": the names of all bits, and what is left. Returns its length; p may be NULL. */
static size_t flag_names(struct reading *x, const struct value *v, uint64_t rest, char *p, bool *named)
{
	size_t n = 0;

	for (uint32_t i = 0; i < v->nchildren; i++) {
		const struct value *e = &x->v[v->child + i];
		uint64_t bits = masked(v, (uint64_t)e->number);
		size_t len = strlen(x->strings + e->name);

		if (!bits || (rest & bits) != bits)
			continue;
		rest &= ~bits;
		*named = true;
		if (p)
			p = mempcpy(p, x->strings + e->name, len);
		if (p && rest)
			*p++ = '|';
		n += len + (rest ? 1 : 0);
	}
	if (rest)
		n += (size_t)snprintf(p, p ? 19 : 0, "0x%llx", (unsigned long long)rest);
	return n;
}

static void put_enum(struct reading *x, const struct value *v, wide w, struct field *f)
{
	bool named = false;
	size_t n;
	char *p;

	for (uint32_t i = 0; i < v->nchildren; i++) {
		const struct value *e = &x->v[v->child + i];

		if (masked(v, (uint64_t)e->number) == w) {
			put_string(f, x->strings + e->name, strlen(x->strings + e->name));
			return;
		}
	}
	n = v->flags & VALUE_F_FLAGS && w <= UINT64_MAX ? flag_names(x, v, (uint64_t)w, NULL, &named) : 0;
	if (named) {
		p = reading_alloc(x, n + 20);
		if (p) {
			flag_names(x, v, (uint64_t)w, p, &named);
			put_string(f, p, n);
		}
	} else if (v->flags & VALUE_F_SIGNED) {
		put_int(x, v, w, f);
	} else {
		put_uint(x, &(struct value){ .size = v->size }, w, f);
	}
}

/* ---- floating point ---- */

/* The shortest decimal that is this float, as a double: 0.1 rather than 0.10000000149011612. */
static double short_float(float v)
{
	char text[32];

	for (int digits = 6; digits < 9 && isfinite(v); digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtof(text, NULL) == v)
			return strtod(text, NULL);
	}
	return v;
}

/* x87's format: what a double does not hold exactly is a string. */
static void put_extended(struct reading *x, const uint8_t *p, struct field *f)
{
	long double v = 0;
	uint64_t fraction;
	uint16_t exponent;
	char text[64], *kept;
	int n;

	memcpy(&fraction, p, 8);
	memcpy(&exponent, p + 8, 2);
	/* Numbers without their leading 1 are invalid operands (Intel SDM 1, 8.2.2). */
	if (exponent & 0x7fff && !(fraction >> 63)) {
		put_unavailable(f, "invalid");
		return;
	}
	memcpy(&v, p, 10);
	f->type = VAL_FLOAT;
	f->d = (double)v;
	if ((long double)f->d == v || isnan(v))
		return;
	n = snprintf(text, sizeof(text), "%.21Lg", v);
	kept = reading_alloc(x, (size_t)n);
	if (kept)
		put_string(f, memcpy(kept, text, (size_t)n), (size_t)n);
}

static void put_float(struct reading *x, const struct value *v, struct element in, struct field *f)
{
	const uint8_t *p = value_bytes(x, v, in, v->size, f);
	float small;

	if (!p)
		return;
	f->type = VAL_FLOAT;
	if (v->size == 4) {
		memcpy(&small, p, 4);
		f->d = short_float(small);
	} else if (v->size == 8) {
		memcpy(&f->d, p, 8);
	} else if (v->size == 16) {
		put_extended(x, p, f);
	} else {
		put_unavailable(f, "type");
	}
}

void put_scalar(struct reading *x, const struct value *v, struct element in, struct field *f)
{
	wide w;

	if (v->kind == VALUE_FLOAT) {
		put_float(x, v, in, f);
		return;
	}
	if (!read_wide(x, v, in, &w, f))
		return;
	switch ((enum value_kind)v->kind) {
	case VALUE_INT:
		put_int(x, v, w, f);
		break;
	case VALUE_BOOL:
		f->type = VAL_BOOL;
		f->u = w != 0;
		break;
	case VALUE_CHAR:
		put_char(x, v, w, f);
		break;
	case VALUE_ENUM:
		put_enum(x, v, w, f);
		break;
	default:
		put_uint(x, v, w, f);
	}
}

void put_address(struct reading *x, uint64_t address, struct field *f)
{
	char text[20];
	size_t n = (size_t)snprintf(text, sizeof(text), "0x%llx", (unsigned long long)address);
	char *p = reading_alloc(x, n);

	if (p)
		put_string(f, memcpy(p, text, n), n);
}

/* ---- texts ---- */

void put_truncated(struct reading *x, uint64_t length, struct field *f)
{
	struct field *list = reading_alloc(x, 3 * sizeof(*list));

	if (!list)
		return;
	list[0] = *f;
	list[0].name = NULL;
	list[0].key = K_VALUE;
	list[1] = (struct field){ .key = K_TRUNCATED, .type = VAL_BOOL, .u = 1 };
	list[2] = (struct field){ .key = K_LENGTH, .type = VAL_U64, .u = length };
	f->type = VAL_OBJECT;
	f->list = list;
	f->len = length == UINT64_MAX ? 2 : 3;
}

/* Without the character that the cut went through: it was valid in the target. */
static size_t whole_characters(const uint8_t *p, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		uint8_t c = p[n - back];

		if ((c & 0xc0) == 0x80)
			continue;
		if (c >= 0xc2 && c <= 0xf4 && back < (c < 0xe0 ? 2u : c < 0xf0 ? 3u : 4u))
			return n - back;
		break;
	}
	return n;
}

void put_chars(const uint8_t *p, size_t n, struct field *f)
{
	put_string(f, (const char *)p, strnlen((const char *)p, n));
}

/*
 * A string whose page was not in memory when it was to be read, such as a literal that nobody has looked at yet: what the mapped file
 * says is what the program would see. False: not so.
 */
static bool put_mapped(struct reading *x, const struct value *v, struct field *f)
{
	const struct resolver *names = x->from->names;
	struct fetched s;
	size_t n, len;
	char *text;

	if (v->item >= 32 || x->got >> v->item & 1 || !(x->missed >> v->item & 1) || !names || !names->bytes ||
	    v->at > x->len || x->len - v->at < sizeof(s))
		return false;
	memcpy(&s, x->bytes + v->at, sizeof(s));
	text = reading_alloc(x, v->size + 1);
	n = text ? names->bytes(names->arg, x->from->pid, s.all, text, v->size + 1) : 0;
	len = strnlen(text ? text : "", n);
	if (!n || (len == n && n <= v->size))
		return false;
	put_string(f, text, MIN(len, (size_t)v->size));
	if (len > v->size)
		put_truncated(x, UINT64_MAX, f);
	return true;
}

void put_text(struct reading *x, const struct value *v, struct field *f)
{
	struct fetched copy;
	const struct fetched *s;
	uint64_t all;

	if (put_mapped(x, v, f))
		return;
	s = value_fetched(x, v, &copy, f);
	if (!s)
		return;
	all = s->all;
	if (v->number > 0) {
		/* An array: its NUL ends it, and its size. */
		put_chars(x->bytes + s->off, s->len, f);
		if (f->len < s->len || s->len >= (uint64_t)v->number)
			return;
		all = UINT64_MAX;
	} else {
		put_string(f, (const char *)x->bytes + s->off, s->len);
	}
	if (all > s->len) {
		f->len = (uint32_t)whole_characters(x->bytes + s->off, s->len);
		put_truncated(x, all, f);
	}
}

void put_hex(struct reading *x, const struct value *v, struct field *f)
{
	static const char digits[] = "0123456789abcdef";
	struct fetched copy;
	const struct fetched *s = value_fetched(x, v, &copy, f);
	char *p = s ? reading_alloc(x, (size_t)s->len * 2) : NULL;

	if (!p)
		return;
	for (uint32_t i = 0; i < s->len; i++) {
		p[2 * i] = digits[x->bytes[s->off + i] >> 4];
		p[2 * i + 1] = digits[x->bytes[s->off + i] & 15];
	}
	put_string(f, p, (size_t)s->len * 2);
	if (s->all > s->len)
		put_truncated(x, s->all, f);
}
