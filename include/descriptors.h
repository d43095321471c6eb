/* SPDX-License-Identifier: MIT */
/*
 * descriptors.h: what the pipeline asks about descriptors of a target that it has not seen being opened. The session answers from
 * /proc; the answer is of now, not of the time of an event that is still in the ring. Strings live until the next call of any of them.
 */
#ifndef TPD_DESCRIPTORS_H
#define TPD_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct descriptor {
	int fd;
	const char *path; /* inside the target's root, or "socket:[1234]", "pipe:[1]", "anon_inode:[...]", "memfd:NAME" */
	uint64_t pos;     /* from fdinfo */
	uint32_t flags;   /* O_* from fdinfo, O_CLOEXEC included */
	bool deleted;     /* the path is what it was called */
	bool regular;     /* a regular file: it has a position */
};

/* All of them may be NULL: nothing can be asked (a recorded stream). */
struct descriptors {
	void *arg;
	/* All that a process has open now: calls cb for each. 0, -ESRCH, other negative errno. */
	int (*all)(void *arg, uint32_t pid, void (*cb)(void *cb_arg, const struct descriptor *d), void *cb_arg);
	/* One of them; false: there is none. */
	bool (*one)(void *arg, uint32_t pid, int fd, struct descriptor *ret);
	/* Are two of them one description (dup, fork, SCM_RIGHTS)? Also where that cannot be known. */
	bool (*same)(void *arg, uint32_t pid, int fd, uint32_t pid2, int fd2);
	/* The working directory, NULL: not known. */
	const char *(*cwd)(void *arg, uint32_t pid);
	/* Processes with the same number mean the same files by the same paths. */
	uint64_t (*space)(void *arg, uint32_t pid);
	/* The same path without symbolic links, and what it is; NULL: there is nothing of this name now. */
	const char *(*real)(void *arg, uint64_t space, const char *path, bool *regular);
};

#endif
