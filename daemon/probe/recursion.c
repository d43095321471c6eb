/* SPDX-License-Identifier: MIT */
/*
 * recursion.c: a walk along direct calls. Bytes that look like a call or jump are taken for one without decoding: what is
 * wrongly found only makes a return probe safer and slower.
 */
#include "probe/recursion.h"

#define REACH_MAX 64

struct walk {
	struct image *img;
	uint64_t root, size;
	uint64_t seen[REACH_MAX + 1];
	size_t n, max;
};

static bool add(struct walk *w, uint64_t addr)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->seen[i] == addr)
			return true;
	if (w->n >= w->max || !symbols_starting_at(w->img->symbols, addr))
		return false;
	w->seen[w->n++] = addr;
	return true;
}

static uint64_t size_of(const struct walk *w, uint64_t addr)
{
	const struct symbol *sym;

	if (addr == w->root)
		return w->size;
	sym = symbols_starting_at(w->img->symbols, addr);
	return sym ? symbols_extent(w->img->symbols, w->img->elf, sym) - addr : 0;
}

/* Follows the calls of one function; true if one of them goes back to the root. */
static bool scan(struct walk *w, uint64_t addr)
{
	const uint8_t *code;
	uint64_t size;
	size_t len;

	if (elf_text(w->img->elf, addr, &code, &len))
		return false;
	size = MIN(size_of(w, addr), (uint64_t)len);
	for (uint64_t i = 0; i + 5 <= size; i++) {
		int32_t rel;
		uint64_t to;

		if (code[i] != 0xe8 && code[i] != 0xe9) /* call rel32, jmp rel32 */
			continue;
		memcpy(&rel, code + i + 1, sizeof(rel));
		to = addr + i + 5 + (int64_t)rel;
		if (to == w->root)
			return true;
		if (to < addr || to >= addr + size)
			add(w, to);
	}
	return false;
}

bool recursion_found(struct image *img, uint64_t addr, uint64_t size, size_t reach)
{
	struct walk w = { .img = img, .root = addr, .size = size, .seen = { addr }, .n = 1,
			  .max = MIN(reach, (size_t)REACH_MAX) + 1 };

	for (size_t i = 0; i < w.n; i++)
		if (scan(&w, w.seen[i]))
			return true;
	return false;
}
