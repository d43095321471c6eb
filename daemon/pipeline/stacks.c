/* SPDX-License-Identifier: MIT */
/* stacks.c: stacks that wait for their call; see stacks.h. */
#include <uthash.h>

#include "pipeline/frames.h"
#include "pipeline/stacks.h"

#define STACKS_MAX 64 /* a call follows its stack at once, on its CPU; others may come between */

struct stack {
	uint64_t id;
	struct frames *frames;
	UT_hash_handle hh;
};

struct stacks {
	const struct resolver *res;
	struct stack *table; /* in the order of their arrival */
	struct frames *given;
	struct frame_list mem;
};

int stacks_new(struct stacks **ret, const struct resolver *res)
{
	struct stacks *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->res = res;
	*ret = s;
	return 0;
}

static struct frames *take(struct stacks *s, struct stack *k)
{
	struct frames *fr = k->frames;

	HASH_DEL(s->table, k);
	free(k);
	return fr;
}

void stacks_free(struct stacks *s)
{
	if (!s)
		return;
	while (s->table)
		free(take(s, s->table));
	free(s->given);
	free(s);
}

static int keep(struct stacks *s, uint64_t id, struct frames *fr)
{
	struct stack *k;

	HASH_FIND(hh, s->table, &id, sizeof(id), k);
	if (k)
		free(take(s, k));
	if (HASH_COUNT(s->table) >= STACKS_MAX)
		free(take(s, s->table));
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->id = id;
	k->frames = fr;
	HASH_ADD(hh, s->table, id, sizeof(k->id), k);
	return 0;
}

int stacks_event(struct stacks *s, const void *bytes, size_t len)
{
	const struct resolved *v = NULL;
	struct frames *fr;
	struct ev_stack e;
	struct ev_hdr h;
	bool whole = false;
	size_t n;
	int err;

	if (len < sizeof(h))
		return -EBADMSG;
	memcpy(&h, bytes, sizeof(h));
	if (h.kind != EV_STACK)
		return 0;
	if (len < sizeof(e) || h.len != len)
		return -EBADMSG;
	memcpy(&e, bytes, sizeof(e));
	if (e.at.len > len - sizeof(e))
		return -EBADMSG;
	n = s->res->stack(s->res->arg, e.h.pid, &e.at, (const char *)bytes + sizeof(e), &v, &whole);
	if (!n)
		return 0; /* a recorded stream: nobody knows any more what was mapped where */
	fr = frames_copy(v, n, whole);
	if (!fr)
		return -ENOMEM;
	err = keep(s, e.id, fr);
	if (err)
		free(fr);
	return err;
}

void stacks_put(struct stacks *s, uint64_t id, bool wanted, struct record *r)
{
	static const char why[] = "missing";
	struct stack *k;

	HASH_FIND(hh, s->table, &id, sizeof(id), k);
	if (k) {
		free(s->given);
		s->given = take(s, k);
		frames_put(s->given, 0, &s->mem, r);
	} else if (wanted) {
		record_val(r, K_STACK, VAL_UNAVAIL, 0);
		r->f[r->n - 1].str = why;
		r->f[r->n - 1].len = sizeof(why) - 1;
	}
}
