/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* where.bpf.h: conditions on what was captured, --where and --errors, as far as the kernel can tell. */
#ifndef TPD_WHERE_BPF_H
#define TPD_WHERE_BPF_H

#include "capture.bpf.h"

static __always_inline __s64 test_value(struct stash *s, __u32 base, const struct fetch_test *t)
{
	void *p = slot_at(s, base, t->at);
	bool sign = t->flags & TEST_F_SIGNED;

	switch (t->size) {
	case 1:
		return sign ? *(__s8 *)p : *(__u8 *)p;
	case 2:
		return sign ? *(__s16 *)p : *(__u16 *)p;
	case 4:
		return sign ? (__s64) * (__s32 *)p : *(__u32 *)p;
	}
	return *(__s64 *)p;
}

static __always_inline bool test_holds(__s64 v, const struct fetch_test *t)
{
	bool sign = t->flags & TEST_F_SIGNED;
	__s64 i = t->imm;

	switch (t->op) {
	case TEST_EQ:
		return v == i;
	case TEST_NE:
		return v != i;
	case TEST_LT:
		return sign ? v < i : (__u64)v < (__u64)i;
	case TEST_LE:
		return sign ? v <= i : (__u64)v <= (__u64)i;
	case TEST_GT:
		return sign ? v > i : (__u64)v > (__u64)i;
	case TEST_GE:
		return sign ? v >= i : (__u64)v >= (__u64)i;
	case TEST_AND:
		return (v & i) != 0;
	}
	return false;
}

struct testing {
	__u32 fn;
	__u32 base;  /* of the capture */
	__u32 exit;
	__u32 clause;
	__u32 clause_holds, fails;
};

static long test_step(__u32 i, struct testing *w)
{
	struct capture_spec *spec = bpf_map_lookup_elem(&captures, &w->fn);
	struct stash *s = stash_find();
	struct capture_head *h;
	struct fetch_test *t;

	if (!spec || !s || i >= TEST_MAX)
		return 1;
	t = &spec->test[i];
	if (t->clause != w->clause) {
		if (!w->clause_holds) {
			w->fails = 1;
			return 1;
		}
		w->clause = t->clause;
		w->clause_holds = 0;
	}
	h = (void *)slot_at(s, w->base, 0);
	if (t->flags & TEST_F_EXIT)
		w->clause_holds |= w->exit == EXIT_EXCEPTION || w->exit == EXIT_PANIC;
	else if (h->got >> (t->item & 63) & 1)
		w->clause_holds |= test_holds(test_value(s, w->base, t), t);
	return 0;
}

/* --where, as far as it is told here. 1: the call is wanted. */
CHECKED_ONCE tests_hold(__u32 fn, __u32 slot, __u32 exit)
{
	struct capture_spec *spec = bpf_map_lookup_elem(&captures, &fn);
	struct testing w = { .fn = fn, .exit = exit, .base = slot_base(slot) + sizeof(struct ev_call) };

	if (!spec || !spec->ntests)
		return 1;
	bpf_loop(spec->ntests, test_step, &w, 0);
	return !w.fails && w.clause_holds;
}

#endif
