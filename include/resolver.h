/* SPDX-License-Identifier: MIT */
/*
 * resolver.h: what the pipeline asks about addresses in a target. It knows no processes and no files: the session hands
 * it these functions. Strings live until the next call of any of them.
 */
#ifndef TPD_RESOLVER_H
#define TPD_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "event.h"

#define RESOLVE_FRAMES 64

struct resolved {
	const char *function; /* demangled; NULL: not known */
	const char *symbol;   /* as the linker sees it, NULL: not known; only from address() */
	const char *module;   /* path, NULL: no file is mapped there */
	const char *file;     /* source, NULL: not known */
	uint64_t offset;      /* in the module's own addresses */
	uint32_t line;
	bool inlined;
};

struct resolver {
	void *arg;
	/* Frames of a place, innermost first, with those inlined; how many. *whole: it reached the stack's beginning. */
	size_t (*stack)(void *arg, uint32_t pid, const struct ev_place *at, const void *bytes,
			const struct resolved **ret, bool *whole);
	/* What is at an address? exact: the address itself, else the call that returns there. */
	bool (*address)(void *arg, uint32_t pid, uint64_t addr, bool exact, struct resolved *ret);
	/* A mangled type name as people write it; NULL: it is none. */
	const char *(*type_name)(void *arg, const char *mangled);
	/* Name of a Go type, given the address of its runtime._type; NULL: not known. */
	const char *(*go_type)(void *arg, uint32_t pid, uint64_t type);
	/* Memory that cannot have been written to, from the file that is mapped there: how much of it, at most n. */
	size_t (*bytes)(void *arg, uint32_t pid, uint64_t addr, void *buf, size_t n);
};

#endif
