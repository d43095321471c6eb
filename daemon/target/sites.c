/* SPDX-License-Identifier: MIT */
/* sites.c: the exits of a function, from the walk through its instructions. */
#include "target/sites.h"

#include "target/walk.h"

#define SITES_MAX_EXITS 16384

_Static_assert(SITES_MAX_EXITS <= COOKIE_MAX_JUMP, "an index of a jump fits the cookie");

static bool sites_reads_return(const struct node *n)
{
	int32_t base = n->in.slot_frame ? n->frame : n->height;
	int64_t lo = n->in.slot;

	if (!n->in.slot_size || base == HEIGHT_UNKNOWN || base == HEIGHT_UNSEEN)
		return false;
	if (n->in.flags & INSN_ADDRESS)
		return lo == base;
	return lo < (int64_t)base + 8 && lo + n->in.slot_size > base;
}

static enum sites_error sites_indirect(struct walk *w, const struct node *n, struct exit_site *x)
{
	const struct piece *p = &w->pieces[n->piece];
	const struct sites_func *f = w->f;
	struct insn_full in;

	if (!insn_decode_full(&w->decoder, p->code + n->off, n->in.len, &in) ||
	    !insn_jump(&in, &x->ind))
		return SITES_NO_EXIT_KIND;
	x->ind.lo = (int64_t)(f->addr - x->addr);
	x->ind.hi = x->ind.lo + (int64_t)f->size;
	if (w->ntold > 1) {
		x->ind.cold_lo = (int64_t)(f->cold_addr - x->addr);
		x->ind.cold_hi = x->ind.cold_lo + (int64_t)f->cold_size;
	}
	return SITES_OK;
}

static enum sites_error sites_exit(struct walk *w, const struct node *n, struct exit_site *x)
{
	*x = (struct exit_site){ .addr = walk_addr(w, n) };
	switch (n->in.flow) {
	case INSN_RET:
		x->kind = SITE_RET;
		x->pop = n->in.pop;
		return SITES_OK;
	case INSN_JMP:
		x->kind = SITE_JMP;
		return SITES_OK;
	case INSN_JCC:
		x->kind = SITE_JCC;
		x->cc = n->in.cc;
		return SITES_OK;
	case INSN_JMP_IND:
		x->kind = SITE_JMP_IND;
		return sites_indirect(w, n, x);
	default:
		return SITES_NO_EXIT_KIND;
	}
}

static int sites_compare(const void *a, const void *b)
{
	const struct exit_site *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static enum sites_error sites_collect(struct walk *w, struct sites *s)
{
	size_t cap = 0;
	enum sites_error e;

	for (size_t i = 0; i < w->nnodes; i++) {
		const struct node *n = &w->nodes[i];

		if (n->height == HEIGHT_UNSEEN)
			continue;
		s->reads_return |= sites_reads_return(n);
		if (!walk_leaves(w, n))
			continue;
		if (s->nexits == SITES_MAX_EXITS)
			return SITES_TOO_LARGE;
		if (util_grow(&s->exits, s->nexits, &cap, sizeof(*s->exits)))
			return SITES_NO_MEMORY;
		e = sites_exit(w, n, &s->exits[s->nexits]);
		if (e)
			return e;
		s->nexits++;
	}
	if (s->nexits)
		qsort(s->exits, s->nexits, sizeof(*s->exits), sites_compare);
	return SITES_OK;
}

static enum sites_error sites_try(struct sites *s, const struct sites_func *f, bool sweep)
{
	struct walk w;
	enum sites_error e = walk_open(&w, f, sweep);

	memset(s, 0, sizeof(*s));
	if (!e)
		e = walk_run(&w);
	if (!e)
		e = entry_choose(&w, s);
	if (!e)
		e = sites_collect(&w, s);
	walk_close(&w);
	if (e)
		sites_free(s);
	return e;
}

enum sites_error sites_find(struct sites *s, const struct sites_func *f)
{
	enum sites_error e = sites_try(s, f, true);

	/* Data between the instructions: without it if the flow alone leads everywhere. */
	if ((e == SITES_UNDECODABLE || e == SITES_MIDDLE) && !sites_try(s, f, false))
		return SITES_OK;
	return e;
}

void sites_free(struct sites *s)
{
	if (!s)
		return;
	free(s->exits);
	memset(s, 0, sizeof(*s));
}

const char *sites_strerror(enum sites_error e)
{
	static const char *const text[] = {
		[SITES_OK] = "no error",
		[SITES_EMPTY] = "it has no code in this file",
		[SITES_UNDECODABLE] =
			"its bytes cannot all be decoded (data among the instructions?)",
		[SITES_MIDDLE] = "a jump goes into the middle of an instruction",
		[SITES_PROLOGUE] = "its first instructions offer no safe place for a probe",
		[SITES_NO_EXIT_KIND] = "it can be left in a way that cannot be probed",
		[SITES_TOO_LARGE] = "it is too large, or has too many exits",
		[SITES_NO_MEMORY] = "out of memory",
		[SITES_ALIAS] = "another name of the same function is traced",
	};

	return e < ARRAY_SIZE(text) && text[e] ? text[e] : "unknown error";
}
