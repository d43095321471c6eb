/* SPDX-License-Identifier: MIT */
/*
 * runtime.h: language runtimes: which of them a process has, what that forbids, and which of their functions tell
 * how frames die. A new runtime is a row in the tables of runtime.c.
 */
#ifndef TPD_RUNTIME_H
#define TPD_RUNTIME_H

#include "probe/image.h"
#include "spec.h"

/* Is this file one of the C library's, or its loader? By name. */
bool runtime_is_libc(const char *path);

struct hook_site {
	enum hook hook;
	uint64_t addr;
	const char *name; /* of the function, constant */
	uint64_t state;   /* HOOK_LIBRARY: address of the loader's r_debug.r_state, 0: not found */
};

/* RUNTIME_* of an image. Looks at names, imports and symbols; symbols are loaded only where needed. */
int runtime_of(struct image *img, int rootfd, uint32_t *ret);

/* The hook functions that an image defines. *ret is malloc'ed, may be NULL for none. */
int runtime_hooks(struct image *img, int rootfd, struct hook_site **ret, size_t *n);

/*
 * May return addresses on the stacks of this process be diverted? NULL: yes, proven as far as DESIGN 5 asks;
 * else a constant sentence why not. runtimes: of all its images, ORed.
 */
const char *runtime_forbids_hijack(const struct process *p, uint32_t runtimes);

/* Must this function's own return address never be diverted (it returns twice, or reads it)? */
bool runtime_reads_return(const char *name);

#endif
