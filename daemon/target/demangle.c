/* SPDX-License-Identifier: MIT */
/*
 * demangle.c: C++ and Rust names by libiberty. A short name can stand for gigabytes (substitutions
 * that double), so the text is taken through the callback interface and the demangler is left by
 * longjmp once it is too long.
 */
#include <libiberty/demangle.h>
#include <setjmp.h>

#undef ARRAY_SIZE /* libiberty.h and base/util.h both have one */
#include "target/symbols.h"

#define MAX_MANGLED 4096
#define MAX_PRETTY  (64u << 10)

/* No return types: they are printed for templates only and would stand before the name. */
#define FLAGS (DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP)

struct text {
	char *buf;
	size_t len, cap;
	bool full;
	jmp_buf out;
};

static void text_add(const char *s, size_t n, void *arg)
{
	struct text *t = arg;
	size_t i;

	if (!n)
		return; /* an empty Rust identifier: s may be NULL */
	while (!t->full && t->len + n + 1 > t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 256;
		char *p = cap > MAX_PRETTY ? NULL : realloc(t->buf, cap);

		t->full = !p;
		if (p) {
			t->buf = p;
			t->cap = cap;
		}
	}
	if (!t->full) {
		memcpy(t->buf + t->len, s, n);
		t->len += n;
		return;
	}
	/*
	 * While libiberty hands over a Rust identifier with other letters than ASCII it owns a
	 * buffer, which would be lost: leave at the next piece.
	 */
	for (i = 0; i < n; i++)
		if (s[i] & 0x80)
			return;
	longjmp(t->out, 1);
}

/* A type's own name has all of it: what is returned is part of a function's type. */
static bool demangle(const char *name, bool type, struct text *t)
{
	if (setjmp(t->out))
		return false;
	if (type)
		return cplus_demangle_v3_callback(name, (FLAGS & ~DMGL_RET_DROP) | DMGL_TYPES, text_add, t);
	/* Old Rust names look like C++ names as well. */
	if (rust_demangle_callback(name, FLAGS, text_add, t))
		return true;
	t->len = 0;
	return cplus_demangle_v3_callback(name, FLAGS, text_add, t);
}

static char *pretty(const char *name, bool type)
{
	struct text t = { 0 };

	if (strnlen(name, MAX_MANGLED + 1) > MAX_MANGLED)
		return NULL;
	if (!demangle(name, type, &t) || t.full || !t.len) {
		free(t.buf);
		return NULL;
	}
	t.buf[t.len] = 0;
	return t.buf;
}

/* How much of a name is the function's, of which compilers make copies and pieces; .part pieces are called like functions. */
static size_t base_name(const char *name)
{
	static const char *const clones[] = { ".constprop.", ".isra.", ".lto_priv.", ".llvm.", ".cold" };
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(clones); i++) {
		const char *at = strstr(name, clones[i]), *end = at ? at + strlen(clones[i]) : NULL;

		if (at && at != name && (end[-1] == '.' || !*end || *end == '.'))
			len = MIN(len, (size_t)(at - name));
	}
	return len;
}

char *symbol_demangle(const char *name)
{
	AUTO_FREE char *base = NULL;

	if (!symbol_is_mangled(name) || strnlen(name, MAX_MANGLED + 1) > MAX_MANGLED)
		return NULL;
	base = strndup(name, base_name(name));
	return base ? pretty(base, false) : NULL;
}

char *symbol_pretty(const char *name)
{
	char *s = symbol_demangle(name);

	return s ? s : strndup(name, base_name(name));
}

char *symbol_demangle_type(const char *name)
{
	return pretty(name, true);
}

bool symbol_is_mangled(const char *name)
{
	/* "___Z" and "____Z" are clang's blocks. */
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R' || !strncmp(name, "___Z", 4) ||
				  !strncmp(name, "____Z", 5));
}
