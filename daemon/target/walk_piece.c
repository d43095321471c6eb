/* SPDX-License-Identifier: MIT */
/* walk_piece.c: the pieces of a function and the instructions in them, by sweep or one by one. */
#include "target/walk.h"

#define SLOT_BODY	UINT32_MAX
#define PIECE_MAX	(4u << 20)
#define FOLLOWED_WINDOW 8192
#define FOLLOWED_MAX	65536

struct piece *walk_piece(struct walk *w, uint64_t addr)
{
	for (size_t i = 0; i < w->npieces; i++)
		if (addr - w->pieces[i].addr < w->pieces[i].size)
			return &w->pieces[i];
	return NULL;
}

struct node *walk_find(struct walk *w, uint64_t addr)
{
	struct piece *p = walk_piece(w, addr);
	uint32_t slot = p ? p->slot[addr - p->addr] : 0;

	return slot && slot != SLOT_BODY ? &w->nodes[slot - 1] : NULL;
}

/* Takes the bytes [off, off + len) for one instruction. False: some of them belong to another. */
static bool piece_claim(struct piece *p, size_t off, size_t len, uint32_t slot)
{
	if (len > p->size - off)
		return false;
	for (size_t i = 1; i < len; i++)
		if (p->slot[off + i])
			return false;
	p->slot[off] = slot;
	for (size_t i = 1; i < len; i++)
		p->slot[off + i] = SLOT_BODY;
	return true;
}

static enum sites_error piece_decode(struct walk *w, struct piece *p, size_t off)
{
	struct node *n;

	if (util_grow(&w->nodes, w->nnodes, &w->cap, sizeof(*w->nodes)))
		return SITES_NO_MEMORY;
	n = &w->nodes[w->nnodes];
	if (!insn_decode(&w->decoder, p->code + off, p->size - off, p->addr + off, &n->in))
		return SITES_UNDECODABLE;
	if (!piece_claim(p, off, n->in.len, (uint32_t)w->nnodes + 1))
		return SITES_MIDDLE;
	n->off = (uint32_t)off;
	n->piece = (uint16_t)(p - w->pieces);
	n->height = n->frame = HEIGHT_UNSEEN;
	n->pass = 0;
	n->queued = n->deferred = n->beyond = false;
	w->nnodes++;
	return SITES_OK;
}

enum sites_error walk_node(struct walk *w, struct piece *p, uint64_t addr, uint32_t *ret)
{
	size_t off = addr - p->addr;
	enum sites_error e;

	if (p->slot[off] == SLOT_BODY)
		return SITES_MIDDLE;
	if (!p->slot[off]) {
		if (p->swept)
			return SITES_UNDECODABLE;
		e = piece_decode(w, p, off);
		if (e)
			return e;
		if (p->root) {
			w->followed += w->nodes[w->nnodes - 1].in.len;
			if (w->followed > FOLLOWED_MAX)
				return SITES_TOO_LARGE;
		}
	}
	*ret = p->slot[off] - 1;
	return SITES_OK;
}

static bool piece_is_padding(const uint8_t *code, size_t len)
{
	while (len && (*code == 0 || *code == 0x90 || *code == 0xcc)) {
		code++;
		len--;
	}
	return !len;
}

/* Where the padding at the end begins: nops, int3, zero bytes. */
static void piece_find_tail(struct walk *w, struct piece *p, size_t first)
{
	for (size_t i = w->nnodes; i-- > first;) {
		const struct node *n = &w->nodes[i];

		if (!(n->in.flags & INSN_PAD) && !piece_is_padding(p->code + n->off, n->in.len)) {
			p->tail = n->off + n->in.len;
			return;
		}
	}
	p->tail = 0;
}

static enum sites_error piece_sweep(struct walk *w, struct piece *p)
{
	size_t first = w->nnodes;
	enum sites_error e;

	for (size_t off = 0; off < p->size; off += w->nodes[w->nnodes - 1].in.len) {
		e = piece_decode(w, p, off);
		if (e == SITES_NO_MEMORY)
			return e;
		if (e && piece_is_padding(p->code + off, p->size - off))
			break;
		if (e)
			return e;
	}
	p->swept = true;
	piece_find_tail(w, p, first);
	return SITES_OK;
}

static enum sites_error piece_add(struct walk *w, uint64_t addr, const uint8_t *code, size_t size)
{
	struct piece *p = &w->pieces[w->npieces];

	*p = (struct piece){ .addr = addr, .code = code, .size = size, .tail = size };
	p->slot = calloc(size, sizeof(*p->slot));
	if (!p->slot)
		return SITES_NO_MEMORY;
	w->npieces++;
	return SITES_OK;
}

enum sites_error walk_follow(struct walk *w, uint64_t addr, struct piece **ret)
{
	const uint8_t *code;
	enum sites_error e;
	size_t size;

	*ret = NULL;
	if (w->npieces == WALK_MAX_PIECES || !w->f->text ||
	    w->f->text(w->f->arg, addr, &code, &size) || !code || !size)
		return SITES_OK;
	size = MIN(size, (size_t)FOLLOWED_WINDOW);
	if (addr + size < addr)
		return SITES_OK;
	for (size_t i = 0; i < w->npieces; i++)
		if (w->pieces[i].addr > addr)
			size = MIN(size, w->pieces[i].addr - addr);
	e = piece_add(w, addr, code, size);
	if (!e)
		*ret = &w->pieces[w->npieces - 1];
	return e;
}

static bool walk_overlaps(const struct sites_func *f)
{
	return f->cold_addr < f->addr + f->size && f->addr < f->cold_addr + f->cold_size;
}

enum sites_error walk_open(struct walk *w, const struct sites_func *f, bool sweep)
{
	enum sites_error e;

	memset(w, 0, sizeof(*w));
	w->f = f;
	insn_init(&w->decoder);
	if (!f->size || !f->code)
		return SITES_EMPTY;
	if (f->size > PIECE_MAX || f->cold_size > PIECE_MAX)
		return SITES_TOO_LARGE;
	if (f->addr + f->size < f->addr || f->cold_addr + f->cold_size < f->cold_addr)
		return SITES_EMPTY;
	e = piece_add(w, f->addr, f->code, f->size);
	if (!e && f->cold_size && f->cold && !walk_overlaps(f))
		e = piece_add(w, f->cold_addr, f->cold, f->cold_size);
	w->ntold = w->npieces;
	for (size_t i = 0; !e && sweep && i < w->ntold; i++)
		e = piece_sweep(w, &w->pieces[i]);
	w->nswept = w->nnodes;
	return e;
}

void walk_reset(struct walk *w)
{
	while (w->npieces > w->ntold)
		free(w->pieces[--w->npieces].slot);
	for (size_t i = 0; i < w->ntold; i++)
		if (!w->pieces[i].swept)
			memset(w->pieces[i].slot, 0, w->pieces[i].size * sizeof(uint32_t));
	w->nnodes = w->nswept;
	for (size_t i = 0; i < w->nnodes; i++) {
		struct node *n = &w->nodes[i];

		n->height = n->frame = HEIGHT_UNSEEN;
		n->pass = 0;
		n->queued = n->deferred = n->beyond = false;
	}
	w->ready.n = w->returns.n = w->followed = 0;
	w->contradiction = false;
}

void walk_close(struct walk *w)
{
	for (size_t i = 0; i < w->npieces; i++)
		free(w->pieces[i].slot);
	free(w->nodes);
	free(w->ready.v);
	free(w->returns.v);
	memset(w, 0, sizeof(*w));
}
