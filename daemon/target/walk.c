/* SPDX-License-Identifier: MIT */
/*
 * walk.c: follows the flow of control and keeps account of the stack.
 *
 * The height at an instruction is taken to be unique, as it must be for unwind tables to exist;
 * where paths disagree it is unknown. Calls may not return, and what stands behind such a call can
 * belong to another path, so a height that only comes from behind a call is used last.
 */
#include "target/walk.h"

#define WALK_MAX_HEIGHT (1 << 30)

/* Passes: from the entry; then what only tables and unwinders reach, with a guessed height. */
enum { PASS_ENTRY = 1, PASS_REST = 2 };

static bool height_known(int32_t h)
{
	return h != HEIGHT_UNKNOWN && h != HEIGHT_UNSEEN;
}

static int32_t height_join(int32_t a, int32_t b)
{
	if (a == HEIGHT_UNSEEN)
		return b;
	return a == b ? a : HEIGHT_UNKNOWN;
}

static int32_t height_track(int32_t self, int32_t other, uint8_t how, int32_t delta, int32_t min)
{
	int32_t base = how == TRACK_OTHER ? other : self;
	int64_t v;

	if (how == TRACK_KEEP)
		return self;
	if (how == TRACK_LOST || base == HEIGHT_UNKNOWN)
		return HEIGHT_UNKNOWN;
	v = (int64_t)base + delta;
	return v < min || v > WALK_MAX_HEIGHT || v % 8 ? HEIGHT_UNKNOWN : (int32_t)v;
}

static enum sites_error stack_push(struct stack *s, uint32_t i)
{
	if (util_grow(&s->v, s->n, &s->cap, sizeof(*s->v)))
		return SITES_NO_MEMORY;
	s->v[s->n++] = i;
	return SITES_OK;
}

/* The smallest first: main paths come before the cold ends, which often end in a call that never
 * returns. */
static enum sites_error heap_push(struct stack *s, uint32_t v)
{
	enum sites_error e = stack_push(s, v);
	size_t i = s->n - 1;

	if (e)
		return e;
	for (; i && s->v[(i - 1) / 2] > v; i = (i - 1) / 2)
		s->v[i] = s->v[(i - 1) / 2];
	s->v[i] = v;
	return SITES_OK;
}

static uint32_t heap_pop(struct stack *s)
{
	uint32_t top = s->v[0], v = s->v[--s->n];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < s->n) {
		if (child + 1 < s->n && s->v[child + 1] < s->v[child])
			child++;
		if (s->v[child] >= v)
			break;
		s->v[i] = s->v[child];
		i = child;
	}
	s->v[i] = v;
	return top;
}

bool walk_is_function(const struct walk *w, uint64_t addr)
{
	return w->f->is_function && w->f->is_function(w->f->arg, addr);
}

bool walk_is_table(const struct node *n)
{
	return n->in.flow == INSN_JMP_IND && !((n->in.flags & INSN_RIP_SLOT) && n->height == 0);
}

bool walk_leaves(struct walk *w, const struct node *n)
{
	switch (n->in.flow) {
	case INSN_RET:
		return true;
	case INSN_JMP:
	case INSN_JCC:
	case INSN_LOOP:
		return !walk_find(w, n->in.target);
	case INSN_JMP_IND:
		return !walk_moved(n) && !(n->in.flags & INSN_NOTRACK);
	default:
		return false;
	}
}

static bool walk_is_denied(const struct walk *w, uint64_t addr)
{
	for (size_t i = 0; i < w->ndenied; i++)
		if (w->denied[i] == addr)
			return true;
	return false;
}

/*
 * Trouble at n, or on the way from n into p. In a followed piece it says that following was wrong:
 * once more, without it. But a cold piece surely belongs to the function; there it says that the
 * call before never returns, and that what comes behind it is the next function's.
 */
static enum sites_error walk_blame(struct walk *w, const struct node *n, const struct piece *p,
				   enum sites_error e)
{
	const struct piece *from = &w->pieces[n->piece];
	uint64_t root = from->root ? from->root : p->root;

	if (!root || e == SITES_NO_MEMORY)
		return e;
	if (n->beyond && from->frame)
		return SITES_OK;
	if (w->ndenied == WALK_MAX_DENIED)
		return SITES_NO_EXIT_KIND;
	w->denied[w->ndenied++] = root;
	w->restart = true;
	return e;
}

static enum sites_error walk_merge(struct walk *w, uint32_t i, int32_t height, int32_t frame,
				   bool beyond)
{
	struct node *n = &w->nodes[i];
	int32_t h = height_join(n->height, height), f = height_join(n->frame, frame);

	if (n->piece == 0 && n->off == 0 && n->height != HEIGHT_UNSEEN)
		return SITES_OK; /* the entry, by definition */
	if (n->height != HEIGHT_UNSEEN) {
		if (height_known(n->height) && height_known(height) && n->height != height)
			w->contradiction = true;
		if (n->pass < w->pass)
			return SITES_OK;
		if (h == n->height && f == n->frame && (beyond || !n->beyond))
			return SITES_OK;
		n->beyond &= beyond;
	} else {
		n->pass = w->pass;
		n->beyond = beyond;
	}
	n->height = h;
	n->frame = f;
	if (n->queued)
		return SITES_OK;
	n->queued = true;
	return stack_push(&w->ready, i);
}

/* A stub of the linkage table: [endbr64] jmp *x(%rip). Never a piece of a function. */
static bool walk_is_stub(const struct walk *w, uint64_t addr)
{
	static const uint8_t endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	const uint8_t *code;
	struct insn in;
	size_t len;

	if (!w->f->text || w->f->text(w->f->arg, addr, &code, &len) || !code)
		return false;
	if (len > sizeof(endbr) && !memcmp(code, endbr, sizeof(endbr))) {
		code += sizeof(endbr);
		len -= sizeof(endbr);
	}
	return insn_decode(&w->decoder, code, len, addr, &in) && (in.flags & INSN_RIP_SLOT);
}

/*
 * Control goes from n to an address in no piece. It is followed unless a function begins there;
 * without symbols only if the frame still stands, since a tail call has given it up.
 */
static enum sites_error walk_outside(struct walk *w, const struct node *n, uint64_t to,
				     int32_t height, struct piece **ret)
{
	const struct piece *from = &w->pieces[n->piece];
	bool jumps = n->in.flags & INSN_DIRECT, moved = height_known(height) && height;
	enum sites_error e = SITES_OK;

	*ret = NULL;
	if (!walk_is_function(w, to) && (!jumps || moved || w->f->is_function) &&
	    !walk_is_denied(w, to) && !walk_is_stub(w, to)) {
		if (n->beyond)
			return walk_blame(w, n, from, SITES_NO_EXIT_KIND);
		e = walk_follow(w, to, ret);
		if (*ret) {
			(*ret)->root = from->root ? from->root : to;
			(*ret)->frame = from->root ? from->frame : moved;
		}
	}
	/* It runs on into something else: there is no instruction to put an exit probe on. */
	if (!e && !*ret && !jumps)
		return n->pass == PASS_REST ? SITES_OK : walk_blame(w, n, from, SITES_NO_EXIT_KIND);
	return e;
}

static enum sites_error walk_edge(struct walk *w, const struct node *n, uint64_t to, int32_t height,
				  int32_t frame)
{
	struct piece *p = walk_piece(w, to);
	enum sites_error e;
	uint32_t i;

	/* An unnamed function before this one can end in a call that never returns. */
	if (n->beyond && p && !p->root && !(n->in.flags & INSN_DIRECT))
		return SITES_OK;
	if (!p) {
		e = walk_outside(w, n, to, height, &p);
		if (e || !p)
			return e;
	}
	e = walk_node(w, p, to, &i);
	return e ? walk_blame(w, n, p, e) : walk_merge(w, i, height, frame, n->beyond && p->root);
}

/* Is there nothing but padding behind n? */
static bool walk_at_end(const struct walk *w, const struct node *n)
{
	return n->off + n->in.len >= w->pieces[n->piece].tail;
}

/* Behind a call. Where code is not swept, what follows a call that never returns can be anything.
 */
static enum sites_error walk_return(struct walk *w, uint32_t call)
{
	struct node n = w->nodes[call];
	struct piece *p = &w->pieces[n.piece];
	uint64_t next = walk_addr(w, &n) + n.in.len;
	enum sites_error e;
	uint32_t i;

	/* Padding is skipped: if it stands there, what follows it was aligned for jumps to it. */
	if (n.height == HEIGHT_UNSEEN)
		return SITES_OK;
	do {
		if (next - p->addr >= p->tail || (!p->swept && walk_is_function(w, next)))
			return SITES_OK;
		e = walk_node(w, p, next, &i);
		if (e)
			return e == SITES_NO_MEMORY || p->swept ? e : SITES_OK;
		if (w->nodes[i].height != HEIGHT_UNSEEN)
			return SITES_OK;
		next += w->nodes[i].in.len;
	} while ((w->nodes[i].in.flags & INSN_PAD) && w->nodes[i].in.flow == INSN_NEXT);
	return walk_merge(w, i, n.height, n.frame, p->root);
}

static enum sites_error walk_call(struct walk *w, uint32_t call)
{
	struct node *n = &w->nodes[call], copy = *n;
	int32_t height = height_track(n->height, 0, TRACK_ADD, 8, 0);

	if (!n->deferred) {
		n->deferred = true;
		if (heap_push(&w->returns, call))
			return SITES_NO_MEMORY;
	}
	/* A call of a place inside the function is a jump that pushes. */
	if ((copy.in.flags & INSN_DIRECT) && copy.in.target != w->f->addr &&
	    walk_piece(w, copy.in.target))
		return walk_edge(w, &copy, copy.in.target, height, copy.frame);
	return SITES_OK;
}

static enum sites_error walk_step(struct walk *w, uint32_t i)
{
	struct node n = w->nodes[i];
	uint64_t next = walk_addr(w, &n) + n.in.len;
	int32_t height = height_track(n.height, n.frame, n.in.sp, n.in.delta, 0);
	int32_t frame = height_track(n.frame, n.height, n.in.fp, n.in.delta, -WALK_MAX_HEIGHT);
	enum sites_error e = SITES_OK;

	switch (n.in.flow) {
	case INSN_CALL:
		return walk_call(w, i);
	case INSN_RET:
		if (walk_moved(&n))
			w->contradiction = true;
		return SITES_OK;
	case INSN_JMP:
		return walk_edge(w, &n, n.in.target, height, frame);
	case INSN_JCC:
	case INSN_LOOP:
		e = walk_edge(w, &n, n.in.target, height, frame);
		n.in.flags &= ~INSN_DIRECT;
		break;
	case INSN_NEXT:
		if ((n.in.flags & INSN_SYSCALL) && walk_at_end(w, &n))
			return SITES_OK;
		break;
	default:
		return SITES_OK;
	}
	return e ? e : walk_edge(w, &n, next, height, frame);
}

static enum sites_error walk_drain(struct walk *w)
{
	enum sites_error e = SITES_OK;
	uint32_t i;

	while (!e && (w->ready.n || w->returns.n)) {
		if (w->ready.n) {
			i = w->ready.v[--w->ready.n];
			w->nodes[i].queued = false;
			e = walk_step(w, i);
		} else {
			e = walk_return(w, heap_pop(&w->returns));
		}
	}
	return e;
}

/*
 * The height of code that only tables or the unwinder lead to: a table's targets have the height of
 * the jump, a landing pad that of the call. A guess, dropped if anything speaks against it.
 */
static void walk_guess(const struct walk *w, int32_t *height, int32_t *frame)
{
	int32_t th = HEIGHT_UNSEEN, tf = HEIGHT_UNSEEN, ch = HEIGHT_UNSEEN, cf = HEIGHT_UNSEEN;

	for (size_t i = 0; i < w->nswept; i++) {
		const struct node *n = &w->nodes[i];

		if (n->height == HEIGHT_UNSEEN)
			continue;
		if (n->in.flow == INSN_JMP_IND && walk_moved(n)) {
			th = height_join(th, n->height);
			tf = height_join(tf, n->frame);
		} else if (n->in.flow == INSN_CALL) {
			ch = height_join(ch, n->height);
			cf = height_join(cf, n->frame);
		}
	}
	*height = th != HEIGHT_UNSEEN ? th : ch;
	*frame = th != HEIGHT_UNSEEN ? tf : cf;
	if (*height == HEIGHT_UNSEEN)
		*height = *frame = HEIGHT_UNKNOWN;
}

static enum sites_error walk_rest(struct walk *w, int32_t height, int32_t frame)
{
	enum sites_error e = SITES_OK;

	w->pass = PASS_REST;
	w->contradiction = false;
	for (size_t i = 0; !e && i < w->nnodes; i++) {
		struct node *n = &w->nodes[i];

		if (n->pass == PASS_REST) {
			n->height = n->frame = HEIGHT_UNSEEN;
			n->pass = 0;
			n->deferred = false;
		}
	}
	for (size_t i = 0; !e && i < w->nswept; i++) {
		const struct node *n = &w->nodes[i];

		if (n->height != HEIGHT_UNSEEN || (n->in.flags & INSN_PAD) ||
		    n->off >= w->pieces[n->piece].tail)
			continue;
		e = walk_merge(w, (uint32_t)i, height, frame, false);
		if (!e)
			e = walk_drain(w);
	}
	return e;
}

static enum sites_error walk_flow(struct walk *w)
{
	struct piece *p = &w->pieces[0];
	int32_t height, frame;
	enum sites_error e;
	uint32_t i;

	w->pass = PASS_ENTRY;
	e = walk_node(w, p, p->addr, &i);
	if (!e)
		e = walk_merge(w, i, 0, HEIGHT_UNKNOWN, false);
	if (!e)
		e = walk_drain(w);
	if (e)
		return e;
	walk_guess(w, &height, &frame);
	e = walk_rest(w, height, frame);
	if (!e && w->contradiction && height != HEIGHT_UNKNOWN)
		e = walk_rest(w, HEIGHT_UNKNOWN, HEIGHT_UNKNOWN);
	return e;
}

/* Whether each way out can be probed, now that all heights are known. */
static enum sites_error walk_check_node(struct walk *w, const struct node *n)
{
	const struct piece *p = &w->pieces[n->piece];

	if (n->height == HEIGHT_UNSEEN)
		return SITES_OK;
	if (n->in.flow == INSN_BAD)
		return SITES_NO_EXIT_KIND;
	/* A table would lead to code that was not found, except from a cold piece: back to what was
	 * swept. */
	if (n->in.flow == INSN_JMP_IND && !p->swept && !p->frame && walk_is_table(n))
		return SITES_UNDECODABLE;
	if (n->in.flow == INSN_CALL || !walk_leaves(w, n))
		return SITES_OK;
	if ((n->in.flags & INSN_REFUSED) || n->in.flow == INSN_LOOP)
		return SITES_NO_EXIT_KIND;
	/* The frame still stands, so this is no tail call, but the code there could not be
	 * followed. */
	if (n->in.flow != INSN_RET && walk_moved(n) && !walk_is_function(w, n->in.target))
		return SITES_NO_EXIT_KIND;
	return SITES_OK;
}

static enum sites_error walk_check(struct walk *w)
{
	enum sites_error e = SITES_OK;

	for (size_t i = 0; !e && i < w->nnodes; i++) {
		struct node *n = &w->nodes[i];

		e = walk_check_node(w, n);
		if (!e)
			continue;
		e = walk_blame(w, n, &w->pieces[n->piece], e);
		n->height = HEIGHT_UNSEEN; /* not ours */
	}
	return e;
}

enum sites_error walk_run(struct walk *w)
{
	enum sites_error e;

	do {
		w->restart = false;
		walk_reset(w);
		e = walk_flow(w);
		if (!e)
			e = walk_check(w);
	} while (w->restart);
	return e;
}
