/* SPDX-License-Identifier: MIT */
/*
 * carried.h: for suites that compare what records hold, one by one, with what the target said they must hold
 * (tests/targets/said.h). The target runs to its end, however that looks; tpd has to end with it.
 */
#ifndef E2E_CARRIED_H
#define E2E_CARRIED_H

#include "harness.h"

struct carried {
	json_t *said;    /* array: the target's truth */
	json_t *records; /* array: the stream */
	char *err;       /* what tpd said */
	int status;      /* the target's, as wait(2) gives it */
	bool ok;         /* all came to their end */
	char label[256];
};

/* Says so in the log if this target was not built, for want of a compiler. */
bool carried_built(const char *target);
/* Runs it plain and traced with plan's arguments, functions and options of tpd, and checks that it was not harmed. */
void carried_run(const struct plan *p, struct carried *c);
void carried_free(struct carried *c);

/* The next record of this type from *at on, or NULL; borrowed. */
json_t *carried_next(const struct carried *c, const char *type, size_t *at);

/* How many plain values it holds, however deep: the arguments and the result of what the target said. */
size_t json_leaves(const json_t *v);
/* Text for people; each call gives it until the fourth one after it. */
const char *json_shown(const json_t *v);
/*
 * Equal as JSON, numbers by value; {"unavailable":"*"} wanted means any reason,
 * {"any":true} anything that is there. If not, why says where and what, such as
 * "p.x: 3 instead of 4".
 */
bool json_same(const json_t *want, const json_t *got, char *why, size_t size);
/*
 * Frames wanted, from the innermost out, against a "stack", which may go on: {"function":F,"line":N,"inlined":true} is one frame,
 * line and inlined only held against it with lines (without debug information inlined frames do not show at all);
 * {"module":M} is one or more frames of such a module; {"any":true} one or more of any. from: the stack may begin with frames
 * of the runtime.
 */
bool stack_same(json_t *want, json_t *stack, bool lines, bool from, char *why, size_t size);

#endif
