/* SPDX-License-Identifier: MIT */
/* proto_text_type.c: the types of a prototype's text, as wide as they are on x86-64 Linux (psABI 3.1.2). */
#include <ctype.h>

#include "probe/proto_text_priv.h"

#define MAX_POINTERS 8

struct known_type {
	const char *name;
	uint8_t kind; /* enum type_kind; TYPE_STRUCT: known only behind a pointer */
	uint8_t size;
	bool is_signed; /* TYPE_CHAR */
};

#define SIGNED(name)   { #name, TYPE_INT, sizeof(name), true }
#define UNSIGNED(name) { #name, TYPE_UINT, sizeof(name), false }

/* clang-format off */
static const struct known_type known_types[] = {
	UNSIGNED(size_t), SIGNED(ssize_t), SIGNED(off_t), { "off64_t", TYPE_INT, 8, true },
	{ "loff_t", TYPE_INT, 8, true }, SIGNED(pid_t), { "uid_t", TYPE_UINT, 4, false },
	{ "gid_t", TYPE_UINT, 4, false }, { "mode_t", TYPE_UINT, 4, false }, { "dev_t", TYPE_UINT, 8, false },
	{ "ino_t", TYPE_UINT, 8, false }, { "ino64_t", TYPE_UINT, 8, false }, { "nlink_t", TYPE_UINT, 8, false },
	{ "blksize_t", TYPE_INT, 8, true }, { "blkcnt_t", TYPE_INT, 8, true }, { "time_t", TYPE_INT, 8, true },
	{ "clock_t", TYPE_INT, 8, true }, { "useconds_t", TYPE_UINT, 4, false }, { "suseconds_t", TYPE_INT, 8, true },
	{ "clockid_t", TYPE_INT, 4, true }, { "id_t", TYPE_UINT, 4, false }, { "key_t", TYPE_INT, 4, true },
	{ "socklen_t", TYPE_UINT, 4, false }, { "sa_family_t", TYPE_UINT, 2, false },
	{ "in_addr_t", TYPE_UINT, 4, false }, { "in_port_t", TYPE_UINT, 2, false }, { "nfds_t", TYPE_UINT, 8, false },
	{ "rlim_t", TYPE_UINT, 8, false }, { "pthread_t", TYPE_UINT, 8, false }, { "pthread_key_t", TYPE_UINT, 4, false },
	{ "pthread_once_t", TYPE_INT, 4, true }, { "sig_atomic_t", TYPE_INT, 4, true },
	SIGNED(int8_t), SIGNED(int16_t), SIGNED(int32_t), SIGNED(int64_t), SIGNED(intptr_t), SIGNED(intmax_t),
	SIGNED(ptrdiff_t), UNSIGNED(uint8_t), UNSIGNED(uint16_t), UNSIGNED(uint32_t), UNSIGNED(uint64_t),
	UNSIGNED(uintptr_t), UNSIGNED(uintmax_t),
	{ "uchar", TYPE_CHAR, 1, false }, { "u_char", TYPE_CHAR, 1, false }, { "ushort", TYPE_UINT, 2, false },
	{ "u_short", TYPE_UINT, 2, false }, { "uint", TYPE_UINT, 4, false }, { "u_int", TYPE_UINT, 4, false },
	{ "ulong", TYPE_UINT, 8, false }, { "u_long", TYPE_UINT, 8, false },
	{ "byte", TYPE_UINT, 1, false }, { "u8", TYPE_UINT, 1, false }, { "u16", TYPE_UINT, 2, false },
	{ "u32", TYPE_UINT, 4, false }, { "u64", TYPE_UINT, 8, false }, { "usize", TYPE_UINT, 8, false },
	{ "s8", TYPE_INT, 1, true }, { "s16", TYPE_INT, 2, true }, { "s32", TYPE_INT, 4, true },
	{ "s64", TYPE_INT, 8, true }, { "i8", TYPE_INT, 1, true }, { "i16", TYPE_INT, 2, true },
	{ "i32", TYPE_INT, 4, true }, { "i64", TYPE_INT, 8, true }, { "isize", TYPE_INT, 8, true },
	{ "f32", TYPE_FLOAT, 4, false }, { "f64", TYPE_FLOAT, 8, false },
	{ "wchar_t", TYPE_CHAR, 4, true }, { "wint_t", TYPE_UINT, 4, false }, { "char8_t", TYPE_CHAR, 1, false },
	{ "char16_t", TYPE_CHAR, 2, false }, { "char32_t", TYPE_CHAR, 4, false },
	{ "FILE", TYPE_STRUCT, 0, false }, { "DIR", TYPE_STRUCT, 0, false },
	/* zlib, SQLite, CPython */
	{ "Byte", TYPE_CHAR, 1, false }, { "Bytef", TYPE_CHAR, 1, false }, { "uInt", TYPE_UINT, 4, false },
	{ "uLong", TYPE_UINT, 8, false }, { "uLongf", TYPE_UINT, 8, false }, { "sqlite3_int64", TYPE_INT, 8, true },
	{ "sqlite3_uint64", TYPE_UINT, 8, false }, { "Py_ssize_t", TYPE_INT, 8, true },
	{ "Py_hash_t", TYPE_INT, 8, true }, { "PyObject", TYPE_STRUCT, 0, false },
};
/* clang-format on */

/* The words of C's own types, in the order that names are spelled in. */
enum { UNSIGNED_W, SIGNED_W, SHORT_W, LONG_W, CHAR_W, INT_W, FLOAT_W, DOUBLE_W, BOOL_W, VOID_W, COMPLEX_W, WORDS };

static const char *const c_words[WORDS] = {
	"unsigned", "signed", "short", "long", "char", "int", "float", "double", "bool", "void", "complex",
};

static int c_word(const char *s, size_t n)
{
	static const struct {
		const char *name;
		int word;
	} others[] = { { "_Bool", BOOL_W }, { "_Complex", COMPLEX_W }, { "__signed__", SIGNED_W } };

	for (int i = 0; i < WORDS; i++)
		if (n == strlen(c_words[i]) && !memcmp(s, c_words[i], n))
			return i;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (n == strlen(others[i].name) && !memcmp(s, others[i].name, n))
			return others[i].word;
	return -1;
}

static const struct known_type *known_type(const char *s, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_types); i++)
		if (n == strlen(known_types[i].name) && !memcmp(s, known_types[i].name, n))
			return &known_types[i];
	return NULL;
}

bool proto_text_qualifier(const char *s, size_t n)
{
	static const char *const words[] = { "const",	   "volatile",	   "restrict", "__restrict",
					     "__const",	   "__restrict__", "extern",   "static",
					     "inline",	   "register",	   "noexcept", "_Noreturn",
					     "__inline__", "__volatile__" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (n == strlen(words[i]) && !memcmp(s, words[i], n))
			return true;
	return false;
}

static bool is_tag(const char *s, size_t n)
{
	return (n == 6 && !memcmp(s, "struct", 6)) ||
	       (n == 5 && (!memcmp(s, "union", 5) || !memcmp(s, "class", 5)));
}

bool proto_text_type_word(const char *s, size_t n)
{
	return c_word(s, n) >= 0 || known_type(s, n) || proto_text_qualifier(s, n) || is_tag(s, n) ||
	       (n == 4 && !memcmp(s, "enum", 4)) || (n == 5 && !memcmp(s, "flags", 5)) ||
	       (n == 5 && !memcmp(s, "errno", 5));
}

int proto_text_pointer(struct reader *r, enum type_kind kind, uint32_t inner, uint32_t *ret)
{
	struct type t = { .kind = (uint8_t)kind, .size = 8, .inner = inner };

	*ret = proto_build_type(r->b, &t);
	return 0;
}

/* What these words of C mean together; kind TYPE_UNKNOWN: nothing. */
static struct type words_type(const unsigned n[WORDS])
{
	struct type t = { .kind = TYPE_UNKNOWN, .inner = PROTO_NO_TYPE };
	unsigned bases = n[CHAR_W] + n[INT_W] + n[FLOAT_W] + n[DOUBLE_W] + n[BOOL_W] + n[VOID_W];
	unsigned sizes = n[SHORT_W] + n[LONG_W], signs = n[UNSIGNED_W] + n[SIGNED_W];

	if (bases > 1 || signs > 1 || n[SHORT_W] > 1 || n[LONG_W] > 2 || (n[SHORT_W] && n[LONG_W]) ||
	    n[COMPLEX_W] > 1 || (n[COMPLEX_W] && !n[FLOAT_W] && !n[DOUBLE_W]))
		return t;
	if (n[FLOAT_W] || n[DOUBLE_W]) {
		if (signs || n[SHORT_W] || n[LONG_W] > n[DOUBLE_W])
			return t;
		t.kind = n[COMPLEX_W] ? TYPE_COMPLEX : TYPE_FLOAT;
		t.size = (n[FLOAT_W] ? 4 : n[LONG_W] ? 16 : 8) << n[COMPLEX_W];
	} else if (n[CHAR_W]) {
		t.kind = sizes ? TYPE_UNKNOWN : TYPE_CHAR;
		t.flags = n[UNSIGNED_W] ? 0 : TYPE_F_SIGNED;
		t.size = 1;
	} else if (n[BOOL_W] || n[VOID_W]) {
		if (sizes || signs)
			return t;
		t.kind = n[BOOL_W] ? TYPE_BOOL : TYPE_VOID;
		t.size = n[BOOL_W];
	} else {
		t.kind = n[UNSIGNED_W] ? TYPE_UINT : TYPE_INT;
		t.size = n[SHORT_W] ? 2 : n[LONG_W] ? 8 : 4;
	}
	return t;
}

static void words_name(const unsigned n[WORDS], char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (int i = 0; i < WORDS; i++)
		for (unsigned k = 0; k < n[i] && len < size; k++)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? " " : "", c_words[i]);
}

static void skip_qualifiers(struct reader *r)
{
	size_t n;

	while ((n = reader_word(r)) && proto_text_qualifier(r->s, n)) {
		r->s += n;
		reader_space(r);
	}
}

/* "unsigned long int", with const anywhere among them. */
static int read_c_words(struct reader *r, uint32_t *ret)
{
	unsigned n[WORDS] = { 0 };
	const char *at = r->s;
	struct type t;
	char name[64];
	size_t len;
	int word;

	while ((len = reader_word(r)) && (word = c_word(r->s, len)) >= 0 && n[word] < 3) {
		n[word]++;
		r->s += len;
		reader_space(r);
		skip_qualifiers(r);
	}
	t = words_type(n);
	if (t.kind == TYPE_UNKNOWN)
		return reader_fail(r, at, "these words do not make a type: '%.*s'", (int)MIN(r->s - at, 60), at);
	*ret = PROTO_NO_TYPE;
	if (t.kind == TYPE_VOID)
		return 0;
	words_name(n, name, sizeof(name));
	t.name = proto_build_string(r->b, name, strlen(name));
	*ret = proto_build_type(r->b, &t);
	return 0;
}

int proto_text_integer(struct reader *r, uint32_t *ret)
{
	const struct known_type *k = known_type(r->s, reader_word(r));
	const char *at = r->s;
	struct type t = { .inner = PROTO_NO_TYPE };
	int err = 0;

	if (k) {
		t.kind = k->kind;
		t.size = k->size;
		t.name = proto_build_string(r->b, k->name, strlen(k->name));
		*ret = proto_build_type(r->b, &t);
		r->s += strlen(k->name);
		reader_space(r);
	} else {
		if (c_word(r->s, reader_word(r)) < 0)
			return reader_fail(r, at, "an integer type was expected");
		err = read_c_words(r, ret);
		if (!err && *ret != PROTO_NO_TYPE)
			t = proto_build_get_type(r->b, *ret);
	}
	if (!err && t.kind != TYPE_INT && t.kind != TYPE_UINT && !proto_build_error(r->b))
		err = reader_fail(r, at, "an integer type was expected");
	return err;
}

/* A type of which nothing is known but its name; it ends where a pointer to it begins. */
static int read_opaque(struct reader *r, const char *at, bool tag, uint32_t *ret)
{
	struct type t = { .kind = TYPE_STRUCT, .flags = TYPE_F_DECLARATION, .inner = PROTO_NO_TYPE };
	const char *name = r->s, *end;
	size_t n = reader_word(r), depth = 0;
	char quote[QUOTE_MAX];

	if (!n)
		return reader_fail(r, at, tag ? "a name was expected behind it, not %s" : "a type was expected, not %s",
				   reader_quote(r, r->s, quote));
	r->s += n;
	/* std::vector<int> * */
	if (r->s < r->end && *r->s == '<') {
		do {
			depth += *r->s == '<';
			depth -= *r->s++ == '>';
		} while (r->s < r->end && depth);
		if (depth)
			return reader_fail(r, name, "'<' without its '>'");
	}
	end = r->s;
	reader_space(r);
	skip_qualifiers(r);
	if (r->s >= r->end || !strchr("*&", *r->s)) {
		if (tag)
			return reader_fail(r, at, "a struct or union is only known behind a pointer");
		return reader_fail(r, at, "a type was expected, %s is none; structs by name are only known behind a pointer",
				   reader_quote(r, at, quote));
	}
	t.name = proto_build_string(r->b, name, (size_t)(end - name));
	*ret = proto_build_type(r->b, &t);
	return 0;
}

/* Does "enum" or "flags" begin a type here? "flags" alone is the name of something. */
static bool begins_set(const struct reader *r, size_t n)
{
	struct reader next = *r;

	if (!reader_is(r, n, "enum") && !reader_is(r, n, "flags"))
		return false;
	next.s += n;
	reader_space(&next);
	return next.s < next.end && (strchr("{:", *next.s) || reader_word(&next));
}

static int read_base(struct reader *r, uint32_t *ret)
{
	const char *at = r->s;
	size_t n = reader_word(r);
	const struct known_type *k = n ? known_type(r->s, n) : NULL;
	struct type t = { .inner = PROTO_NO_TYPE };

	if (n && c_word(r->s, n) >= 0)
		return read_c_words(r, ret);
	if (begins_set(r, n)) {
		bool flags = reader_is(r, n, "flags");

		r->s += n;
		reader_space(r);
		return proto_text_enum(r, at, flags, ret);
	}
	if (is_tag(r->s, n)) {
		r->s += n;
		reader_space(r);
		return read_opaque(r, at, true, ret);
	}
	if (reader_is(r, n, "va_list")) {
		r->s += n;
		reader_space(r);
		return proto_text_pointer(r, TYPE_POINTER, PROTO_NO_TYPE, ret);
	}
	if (!k || k->kind == TYPE_STRUCT)
		return read_opaque(r, at, false, ret);
	r->s += n;
	reader_space(r);
	t.kind = k->kind;
	t.size = k->size;
	t.flags = k->kind == TYPE_CHAR && k->is_signed ? TYPE_F_SIGNED : 0;
	t.name = proto_build_string(r->b, k->name, n);
	*ret = proto_build_type(r->b, &t);
	return 0;
}

int proto_text_type(struct reader *r, uint32_t *ret)
{
	unsigned pointers = 0;
	int err;

	skip_qualifiers(r);
	err = read_base(r, ret);
	skip_qualifiers(r);
	while (!err && r->s < r->end && strchr("*&", *r->s)) {
		const char *at = r->s;
		enum type_kind kind = *r->s == '*' ? TYPE_POINTER : TYPE_REFERENCE;

		if (++pointers > MAX_POINTERS)
			return reader_fail(r, at, "at most %d pointers to pointers", MAX_POINTERS);
		if (!reader_take(r, "&&"))
			reader_take(r, kind == TYPE_POINTER ? "*" : "&");
		if (kind == TYPE_REFERENCE && (*ret == PROTO_NO_TYPE || (r->s < r->end && strchr("*&", *r->s))))
			return reader_fail(r, at, "there is no reference to void, nor a pointer to a reference");
		skip_qualifiers(r);
		err = proto_text_pointer(r, kind, *ret, ret);
	}
	return err;
}
