/* SPDX-License-Identifier: MIT */
/* stacks.h: --stack: the stack of a call comes before the call; here it waits for it. */
#ifndef TPD_STACKS_H
#define TPD_STACKS_H

#include "base/util.h"
#include "record.h"
#include "resolver.h"

struct stacks;

/* res must outlive it. 0 or -ENOMEM. */
int stacks_new(struct stacks **ret, const struct resolver *res);
void stacks_free(struct stacks *s); /* NULL is fine */
/* Any event; only EV_STACK is kept, the newest of them. 0, -EBADMSG, -ENOMEM. */
int stacks_event(struct stacks *s, const void *bytes, size_t len);
/*
 * Adds "stack" to the record of the call with this id (ev_call.id), if its stack has come; else, if wanted, that it is missing.
 * What the record then points to lives until the next call of any of these.
 */
void stacks_put(struct stacks *s, uint64_t id, bool wanted, struct record *r);

#endif
