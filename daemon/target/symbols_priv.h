/* SPDX-License-Identifier: MIT */
/* symbols_priv.h: what the files of the symbol table share. */
#ifndef TPD_SYMBOLS_PRIV_H
#define TPD_SYMBOLS_PRIV_H

#include "target/symbols.h"

struct range {
	uint64_t start, end;
};

struct symbols {
	struct symbol *v;
	size_t n, cap;
	char **blobs; /* the memory that names point into */
	size_t nblobs, blobs_cap;
	struct range *text; /* executable sections, or segments where there are no sections */
	size_t ntext;
	/* Made when first asked for: */
	uint32_t *order; /* by address, the best alias first */
	uint64_t *reach; /* greatest end of order[0..i] */
	uint32_t *cold;	 /* symbols that are named like cold pieces, by name */
	size_t ncold;
	bool cold_read;
};

/*
 * Adds the functions of tab's .symtab or .dynsym; main is the mapped file. -ENOENT: no such table.
 */
int symbols_add_table(struct symbols *s, const struct elf *main, const struct elf *tab,
		      enum symbol_source source);
int symbols_add(struct symbols *s, const struct symbol *sym);
/* Takes blob over, also on failure. */
int symbols_keep(struct symbols *s, char *blob);

/* Adds those functions of .dynsym that are not there yet. -ENOENT: no .dynsym. */
int symbols_add_dynamic(struct symbols *s, const struct elf *e);
/* Looks for a .symtab outside of the file itself. 0 if one was added, -ENOENT, or -ENOMEM. */
int symbols_add_debug(struct symbols *s, const struct elf *e, int rootfd, const char *path);
/* Go's function table. 0, -ENOENT there is none, -EBADMSG it makes no sense, or -ENOMEM. */
int symbols_add_pclntab(struct symbols *s, const struct elf *e);

#endif
