/* SPDX-License-Identifier: MIT */
/*
 * proto_text.h: a prototype that a person wrote, for functions without debug information:
 *
 *	lib:open(const char *path, int flags, ...) -> errno int      result behind "->"
 *	int open(const char *path, int flags, ...)                   or in front of the name, as in C
 *	open(const char *path, int flags)                            or not told
 *
 * A parameter is a type and a name; a missing name is arg1, arg2 ... by its place. Types are those of x86-64 Linux:
 *
 *	int, unsigned long long, size_t, uint32_t, off_t, bool, double ...   as C spells them; also u32, i64, usize, f64
 *	char *s              text that ends in a NUL          char s[16]     text of 16 bytes
 *	T *p, T **p          a pointer, and what it points to  T v[4]        4 of them in a row
 *	struct x *p, Foo *p  a pointer to something unknown: any name will do, but only behind a pointer
 *	void *buf:len        as many raw bytes as parameter len tells; char *s:len is text, uint8_t *p:len bytes too
 *	out T *p             the function writes there: what lay there before the call is not read
 *	enum {A, B = 4} x    names for numbers; enum : long {...} another size; enum NAME x: a known set
 *	flags {R = 1, W = 1 << 1} f   names for bits; flags : unsigned {...}; flags NAME x: a known set
 *	void (*f)(int)       a pointer to a function
 *	...                  at the end: more arguments, which nobody knows
 *
 * "errno" in front of a result: -1 or a null pointer means failure, and errno tells why. Known sets of names, such as
 * `flags open` and `enum signal`, are in proto_text_sets.c.
 */
#ifndef TPD_PROTO_TEXT_H
#define TPD_PROTO_TEXT_H

#include "base/util.h"
#include "proto.h"

#define PROTO_TEXT_MAX 4096 /* bytes of a prototype */
#define PROTO_TEXT_WHY 256

/*
 * Is this argument of -f a prototype, or a pattern alone (target/pattern.h)? C++ patterns have parameter lists as well:
 * ns::f(int). It is a prototype if and only if, behind [MODULE:],
 *
 *  1. it has a "->" outside of all brackets that is no operator's name (operator->), or
 *  2. it ends in a parameter list, and there
 *     a) some parameter has a name (is more than a type: "int fd", "char *s", "void (*f)(int)", "x y", but neither
 *        "unsigned long" nor "char const*" nor "struct x") or the list is "(void)", or
 *     b) in front of the name, a plain identifier, stands a result ("int", "char *", "Foo *"). Of C++ functions only
 *        templates are demangled with their result, and their names end in "<...>".
 *
 * What begins with '!' never is one. Then *pattern is "MODULE:NAME", malloc'ed, and *proto is arg; else *pattern
 * is a copy of arg and *proto is NULL. 0 or -ENOMEM.
 */
int proto_text_split(const char *arg, char **pattern, const char **proto);

/*
 * Reads a prototype, with or without its MODULE:, into a block that proto_check() accepts. Its language is C, which the
 * caller changes where the function is of another, and PROTO_F_USER is set. 0, -ENOMEM, or -EINVAL with why:
 * "column 12: a type was expected, 'foo' is none; ...". Columns are bytes, the first is 1.
 */
int proto_text_parse(const char *text, struct proto **ret, char why[PROTO_TEXT_WHY]);

/*
 * The prototype of a well-known function of this module (path or base name), as a text for proto_text_parse(): of the C
 * library (also its libpthread, libdl and librt, and musl's), zlib, SQLite, OpenSSL, CPython's C API. The C library's other
 * names for a function (__open64, __libc_malloc) are known too. NULL: none.
 */
const char *libc_prototype(const char *module_path, const char *function);

#endif
