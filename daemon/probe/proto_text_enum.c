/* SPDX-License-Identifier: MIT */
/* proto_text_enum.c: names for numbers in a prototype's text: enum {A, B = 4} x, flags NAME x. */
#include <ctype.h>

#include "probe/proto_text_priv.h"

#define MAX_NAMES 256

struct names {
	struct member v[MAX_NAMES];
	size_t n;
};

static int read_digits(struct reader *r, uint64_t *v)
{
	const char *at = r->s;
	char text[40], *end;
	size_t n = 0;

	while (r->s + n < r->end && n < sizeof(text) - 1 && isalnum((unsigned char)r->s[n])) {
		text[n] = r->s[n];
		n++;
	}
	text[n] = '\0';
	if (!n || !isdigit((unsigned char)text[0]))
		return reader_fail(r, at, "a number was expected");
	errno = 0;
	*v = strtoull(text, &end, 0);
	end += strspn(end, "uUlL");
	if (errno || *end)
		return reader_fail(r, at, "'%s' is no number of 64 bits", text);
	r->s += n;
	reader_space(r);
	return 0;
}

/* 4, -1, 0x10, 1 << 3 */
static int read_value(struct reader *r, int64_t *ret)
{
	const char *at = r->s;
	bool minus = reader_take(r, "-");
	uint64_t v, by = 0;
	int err = read_digits(r, &v);

	if (!err && reader_take(r, "<<")) {
		err = read_digits(r, &by);
		if (!err && (by > 63 || v > UINT64_MAX >> by))
			err = reader_fail(r, at, "this number has more than 64 bits");
	}
	if (err)
		return err;
	v <<= by;
	if (minus && v > (uint64_t)INT64_MAX + 1)
		return reader_fail(r, at, "this number has more than 64 bits");
	*ret = (int64_t)(minus ? -v : v);
	return 0;
}

/* Behind "{": "A, B = 4 }". */
static int read_list(struct reader *r, bool flags, struct names *names)
{
	int64_t next = flags ? 1 : 0;
	int err;

	while (!reader_take(r, "}")) {
		struct member *m = &names->v[names->n];
		size_t n = reader_word(r);
		char quote[QUOTE_MAX];

		if (!n)
			return reader_fail(r, r->s, "a name or '}' was expected, not %s",
					   reader_quote(r, r->s, quote));
		if (names->n == MAX_NAMES)
			return reader_fail(r, r->s, "at most %d names", MAX_NAMES);
		*m = (struct member){ .name = proto_build_string(r->b, r->s, n), .type = 0 };
		r->s += n;
		reader_space(r);
		if (reader_take(r, "=")) {
			err = read_value(r, &next);
			if (err)
				return err;
		}
		m->value = next;
		names->n++;
		next = (int64_t)(flags ? (uint64_t)next << 1 : (uint64_t)next + 1);
		if (!reader_take(r, ",") && (r->s >= r->end || *r->s != '}'))
			return reader_fail(r, r->s, "',' or '}' was expected, not %s",
					   reader_quote(r, r->s, quote));
	}
	return 0;
}

/* The known set of this name; false: there is none. */
static bool known_set(struct reader *r, const char *s, size_t n, bool flags, struct names *names)
{
	for (size_t i = 0; i < proto_text_nsets; i++) {
		const struct set *set = &proto_text_sets[i];

		if (set->flags != flags || n != strlen(set->name) || memcmp(set->name, s, n))
			continue;
		for (size_t k = 0; k < set->n && k < MAX_NAMES; k++) {
			const char *name = set->v[k].name;

			names->v[names->n++] = (struct member){
				.name = proto_build_string(r->b, name, strlen(name)),
				.value = set->v[k].value,
			};
		}
		return true;
	}
	return false;
}

/* A value that the type cannot have is a slip of the pen, and would never be seen. */
static int check_values(struct reader *r, const char *at, const struct type *t, const struct names *names)
{
	unsigned bits = (unsigned)t->size * 8;

	for (size_t i = 0; i < names->n && bits < 64 && bits; i++) {
		int64_t v = names->v[i].value;
		int64_t lo = t->kind == TYPE_INT ? -(1ll << (bits - 1)) : 0;
		int64_t hi = t->kind == TYPE_INT ? (1ll << (bits - 1)) - 1 : (1ll << bits) - 1;

		if (v < lo || v > hi)
			return reader_fail(r, at, "%lld does not fit into %u bits; write 'enum : long {...}'",
					   (long long)v, bits);
	}
	return 0;
}

/* "flags NAME" must be known; "enum NAME" without a list is an int whose names nobody told. */
static int read_names(struct reader *r, bool flags, struct names *names, uint32_t *name)
{
	size_t n = reader_word(r);
	const char *at = r->s;
	bool known;

	if (n) {
		*name = proto_build_string(r->b, r->s, n);
		r->s += n;
		reader_space(r);
	}
	if (reader_take(r, "{")) {
		if (r->s < r->end && *r->s == '}')
			return reader_fail(r, r->s, "at least one name was expected");
		return read_list(r, flags, names);
	}
	known = known_set(r, at, n, flags, names);
	if (!known && (flags || !n))
		return reader_fail(r, at, n ? "no set of flags has this name; tell them: flags {A = 1, B = 2}" :
					      "'{' or a name was expected");
	return 0;
}

int proto_text_enum(struct reader *r, const char *at, bool flags, uint32_t *ret)
{
	struct type t = { .kind = TYPE_ENUM, .flags = flags ? TYPE_F_FLAGS : 0 };
	struct type base = { .kind = flags ? TYPE_UINT : TYPE_INT, .size = 4, .inner = PROTO_NO_TYPE };
	struct names *names = calloc(1, sizeof(*names));
	bool sized = reader_take(r, ":");
	int err = names ? 0 : -ENOMEM;

	if (!err && sized)
		err = proto_text_integer(r, &t.inner);
	if (!err && sized)
		base = proto_build_get_type(r->b, t.inner);
	if (!err)
		err = read_names(r, flags, names, &t.name);
	if (!err)
		err = check_values(r, at, &base, names);
	if (!err) {
		if (!sized)
			t.inner = proto_build_type(r->b, &base);
		t.flags |= base.kind == TYPE_INT ? TYPE_F_SIGNED : 0;
		t.size = base.size;
		for (size_t i = 0; i < names->n; i++)
			names->v[i].type = t.inner;
		t.member = proto_build_members(r->b, names->v, names->n);
		t.nmembers = (uint32_t)names->n;
		*ret = proto_build_type(r->b, &t);
	}
	free(names);
	return err;
}
