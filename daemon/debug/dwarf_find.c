/* SPDX-License-Identifier: MIT */
/* dwarf_find.c: the function that begins at an address, or holds it. */
#include "debug/dwarf_priv.h"

#define MAX_UNITS 4 /* that claim one address */

typedef int find_cb(struct dwarf_file *f, struct dwarf_unit *u, bool deep, uint64_t addr,
		    Dwarf_Die *ret);

/* Index of the first function at or behind addr. */
static size_t first_from(const struct dwarf_func *v, size_t n, uint64_t addr)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (v[mid].entry < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int beginning(struct dwarf_file *f, struct dwarf_unit *u, bool deep, uint64_t addr,
		     Dwarf_Die *ret)
{
	const struct dwarf_func *v;
	size_t n, i;
	int err;

	err = dwarf_unit_funcs(u, deep, &v, &n);
	if (err)
		return err;
	i = first_from(v, n, addr);
	if (i == n || v[i].entry != addr)
		return -ENOENT;
	return dwarf_offdie(dwarf_file_dwarf(f), v[i].die, ret) ? 0 : -EBADMSG;
}

/* Mostly the last that begins before; but a cold piece lies anywhere. */
static int holding(struct dwarf_file *f, struct dwarf_unit *u, bool deep, uint64_t addr,
		   Dwarf_Die *ret)
{
	const struct dwarf_func *v;
	size_t n, i, from;
	Dwarf_Die die;
	int err;

	err = dwarf_unit_funcs(u, deep, &v, &n);
	if (err)
		return err;
	from = n ? first_from(v, n, addr + 1) : 0;
	for (i = 0; i < n; i++) {
		size_t k = (from + n - 1 - i) % n;

		if (dwarf_offdie(dwarf_file_dwarf(f), v[k].die, &die) &&
		    dwarf_haspc(&die, addr) > 0) {
			*ret = die;
			return 0;
		}
	}
	return -ENOENT;
}

static int find(struct dwarf_file *f, uint64_t addr, find_cb *cb, bool deep_first, Dwarf_Die *ret)
{
	Dwarf_Die unit[MAX_UNITS];
	struct dwarf_unit *u;
	size_t n, i;
	int err, r;

	err = dwarf_file_candidates(f, addr, unit, MAX_UNITS, &n);
	if (err)
		return err;
	/* What is broken stays so, unless the function is found after all. */
	for (i = 0, err = -ENOENT; i < 2 * n && err && err != -ENOMEM; i++) {
		r = dwarf_unit_get(f, &unit[i / 2], &u);
		if (!r)
			r = cb(f, u, deep_first ^ (i & 1), addr, ret);
		err = r && err == -EBADMSG ? err : r;
	}
	return err;
}

int dwarf_find_function(struct dwarf_file *f, uint64_t addr, Dwarf_Die *ret)
{
	return find(f, addr, beginning, false, ret);
}

int dwarf_file_function(struct dwarf_file *f, uint64_t addr, Dwarf_Die *function)
{
	return find(f, addr, holding, true, function);
}
