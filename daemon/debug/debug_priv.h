/* SPDX-License-Identifier: MIT */
/* debug_priv.h: what tpd's side keeps, shared by debug.c (the child, files, prototypes) and stacks.c. */
#ifndef TPD_DEBUG_PRIV_H
#define TPD_DEBUG_PRIV_H

#include <uthash.h>

#include "debug/wire.h"

struct note;
struct stacks;

struct known_file {
	uint64_t key;
	bool sent;    /* to the child that runs now */
	uint32_t bad; /* enum wire_phase that killed a child */
	UT_hash_handle hh;
};

struct known_map {
	pid_t pid; /* 0: the slot is free */
	uint64_t serial;
};

struct debug {
	pid_t child; /* 0: none runs */
	int sock;
	int refused; /* why the last one could not be started, 0: it could */
	bool never;  /* it is its sandbox that cannot be had here: no other is tried */
	struct note *note;
	struct known_file *files;
	size_t nsent;
	struct known_map slot[WIRE_SLOTS];
	unsigned next_slot;
	struct wire_msg msg;
	struct stacks *stacks;
	struct debug_frame frames[DEBUG_FRAMES];
	struct debug_inlined inlined[DEBUG_INLINED_MAX];
};

#define DEBUG_MAX_FILES 1024 /* that one child is given: each takes up to three descriptors */

/* Lets the child go, which forgets all, if it could not take n more files. */
void debug_make_room(struct debug *d, size_t n);
/* Starts a child if none runs. */
int debug_start(struct debug *d);
/* Hands a file over, unless the child has it; starts the child. 0, -EBADMSG: it was the death of one by phase. */
int debug_send_file(struct debug *d, const struct debug_file *f, uint32_t phases);
int debug_send(struct debug *d, uint32_t kind, const struct iovec *v, size_t n);
/* The answer, in d->msg. */
int debug_receive(struct debug *d, uint32_t kind);
/*
 * Whatever went wrong while err was found: if it was the child's fault it is ended and its file blamed. True: ask once
 * more, the child had gone before the question.
 */
bool debug_failed(struct debug *d, int *err);

/* The parts of an answer with frames, checked. */
struct frames_view {
	const struct wire_frames *head;
	const struct wire_frame *frames;
	const struct wire_dep *deps;
	const char *strings;
};
int frames_check(const struct wire_msg *m, struct frames_view *v);

/* stacks.c */
int stacks_open(struct stacks **ret);
void stacks_close(struct stacks *s);

#endif
