/* SPDX-License-Identifier: MIT */
/*
 * pattern.h: what -f takes: [!][MODULE:]NAME, [MODULE:]GLOB, ns::Class::method with or without its parameter list,
 * MODULE:0xOFFSET (a virtual address as the module's symbol table counts).
 * "::" is never taken for the module separator.
 *
 * A name that is given in full always matches literally, whatever characters it has: main.(*Server).Handle. A '*' that
 * is a pointer (behind a type inside brackets, behind "(" of a Go receiver, behind "operator") is no wildcard, nor is the
 * "[" of "operator[]". Demangled names are compared whole ("ns::f", not "f"), without template arguments, ABI tags and
 * parameters where the pattern gives none. An exact name matches the compiler's copies of the function
 * too (f.constprop.0, f.isra.0); pieces that are no functions of their own (f.cold) match only if named in full.
 */
#ifndef TPD_PATTERN_H
#define TPD_PATTERN_H

#include "base/util.h"

enum pattern_kind { PAT_EXACT, PAT_GLOB, PAT_OFFSET };

struct pattern {
	bool exclude;     /* began with '!' */
	enum pattern_kind kind;
	char *module;     /* NULL: every module. Glob against path or base name; "libc" and "libc.so" match
	                   * libc.so.6 and libc-2.31.so too */
	char *name;       /* without module */
	uint64_t offset;  /* PAT_OFFSET */
	bool demangled;   /* has "::", "(", "<" or a space: compare with demangled names */
	bool params;      /* a parameter list is given: compare it too */
	char *text;       /* as the user wrote it, for messages */
	/* Worked out from name by pattern_parse(): */
	char *compare;    /* without needless spaces; for PAT_GLOB an fnmatch pattern */
	char *word;       /* occurs in every mangled name that can match; NULL: no such word */
};

/* 0; -EINVAL with *why a constant string naming what is wrong. Patterns are at most 4096 bytes. */
int pattern_parse(struct pattern *p, const char *text, const char **why);
void pattern_free(struct pattern *p);
bool pattern_module(const struct pattern *p, const char *path);
/* mangled: the symbol's name; pretty: demangled or NULL. */
bool pattern_name(const struct pattern *p, const char *mangled, const char *pretty);
/* Could a symbol of this mangled name match once demangled? Cheap, no false no. */
bool pattern_worth_demangling(const struct pattern *p, const char *mangled);
/* Text of a demangled name without its parameter list, templates kept: length of that prefix. */
size_t pattern_base_length(const char *pretty);

#endif
