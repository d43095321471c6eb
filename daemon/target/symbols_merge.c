/* SPDX-License-Identifier: MIT */
/*
 * symbols_merge.c: joins .dynsym with the fuller table. Nearly always the linker has put all of it
 * into .symtab as well; then counting addresses proves it, and neither memory for a second string
 * table nor comparing is needed.
 */
#include <elf.h>

#include "target/symbols_priv.h"

#define BLOCK	   8192
#define MAX_PROBES 64

static uint64_t mix(uint64_t x)
{
	x *= 0x9e3779b97f4a7c15ull;
	return x ^ x >> 29;
}

static size_t table_mask(size_t n)
{
	size_t mask = 63;

	while (mask < 2 * n)
		mask = 2 * mask + 1;
	return mask;
}

/* Takes the dynamic functions out of the counters. 1: all were there, 0: not, or negative errno. */
static int count_down(const struct elf *e, const struct elf_symtab *t, uint8_t *count, size_t mask)
{
	AUTO_FREE Elf64_Sym *sym = malloc(BLOCK * sizeof(*sym));
	uint64_t at, i;
	int err = sym ? 0 : -ENOMEM;

	for (at = 0; at < t->count && !err; at += BLOCK) {
		uint64_t n = MIN(t->count - at, (uint64_t)BLOCK);

		err = elf_read_at(e, t->offset + at * sizeof(*sym), sym, n * sizeof(*sym));
		for (i = 0; i < n && !err; i++) {
			int type = ELF64_ST_TYPE(sym[i].st_info);
			uint8_t *c = &count[mix(sym[i].st_value) & mask];

			if ((type != STT_FUNC && type != STT_GNU_IFUNC) ||
			    sym[i].st_shndx == SHN_UNDEF || sym[i].st_shndx == SHN_ABS ||
			    !elf_is_text(e, sym[i].st_value))
				continue;
			if (!*c)
				return 0;
			*c -= *c != UINT8_MAX;
		}
	}
	return err ? err : 1;
}

/*
 * Has the table as many global functions at each address as .dynsym? Counters that run full stay
 * so.
 */
static int covers_dynamic(const struct symbols *s, const struct elf *e, const struct elf_symtab *t)
{
	AUTO_FREE uint8_t *count = NULL;
	size_t mask = table_mask(s->n), i;

	count = calloc(mask + 1, 1);
	if (!count)
		return -ENOMEM;
	for (i = 0; i < s->n; i++) {
		uint8_t *c = &count[mix(s->v[i].addr) & mask];

		*c += s->v[i].global && *c != UINT8_MAX;
	}
	return count_down(e, t, count, mask);
}

/*
 * Drops from v[mid..n) what is in v[0..mid) too, by address and name: a hash over the (few) dynamic
 * ones, no sorting. Probing is bounded: a double that gets by does no harm.
 */
static int drop_doubles(struct symbols *s, size_t mid)
{
	AUTO_FREE uint32_t *slot = NULL;
	size_t mask = table_mask(s->n - mid), i, to, k;
	uint64_t h;

	slot = calloc(mask + 1, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	for (i = mid; i < s->n; i++) {
		h = mix(s->v[i].addr);
		for (k = 0; k < MAX_PROBES && slot[(h + k) & mask]; k++)
			;
		if (k < MAX_PROBES)
			slot[(h + k) & mask] = (uint32_t)i + 1;
	}
	for (i = 0; i < mid; i++) {
		h = mix(s->v[i].addr);
		for (k = 0; k < MAX_PROBES && slot[(h + k) & mask]; k++) {
			struct symbol *d = &s->v[slot[(h + k) & mask] - 1];

			if (d->addr == s->v[i].addr && d->name && !strcmp(d->name, s->v[i].name))
				d->name = NULL;
		}
	}
	for (i = to = mid; i < s->n; i++)
		if (s->v[i].name)
			s->v[to++] = s->v[i];
	s->n = to;
	return 0;
}

int symbols_add_dynamic(struct symbols *s, const struct elf *e)
{
	struct elf_symtab t;
	size_t mid = s->n;
	int err;

	err = elf_symtab(e, true, &t);
	if (err)
		return err;
	if (mid) {
		err = covers_dynamic(s, e, &t);
		if (err)
			return MIN(err, 0);
	}
	err = symbols_add_table(s, e, e, SYM_DYNSYM);
	if (!err && mid && s->n > mid)
		err = drop_doubles(s, mid);
	return err;
}
