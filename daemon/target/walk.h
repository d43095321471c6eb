/* SPDX-License-Identifier: MIT */
/*
 * walk.h: the instructions of a function, in all its pieces, and the stack height at each. Internal
 * to target/.
 *
 * Told pieces (the function, its .cold) are swept from end to end where they decode; pieces that no
 * symbol tells of are found by following jumps, and decoded only where the flow leads. Every byte
 * belongs to one instruction at most: code that overlaps itself is refused, so an instruction's
 * first byte is safe to put a breakpoint on.
 */
#ifndef TPD_WALK_H
#define TPD_WALK_H

#include "target/insn.h"
#include "target/sites.h"

#define HEIGHT_UNSEEN	INT32_MIN
#define HEIGHT_UNKNOWN	(INT32_MIN + 1)

#define WALK_MAX_PIECES 66
#define WALK_MAX_DENIED 4
#define WALK_NONE	UINT32_MAX

struct node {
	struct insn in;
	uint32_t off;	/* in its piece */
	int32_t height; /* before it: bytes from sp up to the return address slot, or HEIGHT_* */
	int32_t frame;	/* the same for rbp */
	uint16_t piece;
	uint8_t pass; /* which pass saw it first, see walk_flow() */
	bool queued;
	bool deferred; /* a call whose return is (or was) on the heap */
	bool beyond;   /* in a followed piece, behind a call: if that never returns, not ours */
};

struct piece {
	uint64_t addr, root; /* root: where a followed piece's chain was entered, 0: a told piece */
	bool frame;	     /* it was entered with the frame still standing: no tail call */
	const uint8_t *code;
	size_t size;
	size_t tail;	/* behind the last instruction that is not padding */
	uint32_t *slot; /* per byte: 0 nothing known, SLOT_BODY, else node + 1 */
	bool swept;
};

struct stack {
	uint32_t *v;
	size_t n, cap;
};

struct walk {
	const struct sites_func *f;
	ZydisDecoder decoder;
	struct piece pieces[WALK_MAX_PIECES];
	size_t npieces, ntold;
	struct node *nodes;
	size_t nnodes, cap, nswept;
	size_t followed; /* bytes decoded in followed pieces */
	struct stack ready,
		returns; /* work list; heap of calls whose return is still to be followed */
	uint64_t
		denied[WALK_MAX_DENIED]; /* roots that turned out not to be code of this function */
	size_t ndenied;
	bool restart; /* a root was denied: once more, without it */
	uint8_t pass;
	bool contradiction; /* two ways of reckoning a height disagree */
};

enum sites_error walk_run(struct walk *w);
void walk_close(struct walk *w);

static inline uint64_t walk_addr(const struct walk *w, const struct node *n)
{
	return w->pieces[n->piece].addr + n->off;
}

static inline bool walk_moved(const struct node *n)
{
	return n->height != HEIGHT_UNKNOWN && n->height != 0;
}

/* The instruction that begins at addr, NULL if none is known there. */
struct node *walk_find(struct walk *w, uint64_t addr);
/* Does a jump leave the function: is it an exit? */
bool walk_leaves(struct walk *w, const struct node *n);
/* May it be an indirect jump to a place inside the function? */
bool walk_is_table(const struct node *n);
/* Does another function begin at addr, as far as is known? */
bool walk_is_function(const struct walk *w, uint64_t addr);

/* walk_piece.c */
enum sites_error walk_open(struct walk *w, const struct sites_func *f, bool sweep);
void walk_reset(struct walk *w);
struct piece *walk_piece(struct walk *w, uint64_t addr);
/* The node at addr, which lies in p; decoded now if need be. */
enum sites_error walk_node(struct walk *w, struct piece *p, uint64_t addr, uint32_t *ret);
/* Makes addr the start of a followed piece. *ret is NULL if there is no text, or too many pieces
 * already. */
enum sites_error walk_follow(struct walk *w, uint64_t addr, struct piece **ret);

/* entry.c: fills in all of s that tells of the entry. */
enum sites_error entry_choose(struct walk *w, struct sites *s);

#endif
