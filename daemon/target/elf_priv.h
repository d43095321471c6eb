/* SPDX-License-Identifier: MIT */
/* elf_priv.h: what elf.c (opening) and elf_query.c (asking) share. */
#ifndef TPD_ELF_PRIV_H
#define TPD_ELF_PRIV_H

#include "target/elf.h"

#define ELF_MAX_BUILD_ID 64 /* bytes; GNU ld writes 20, --build-id=0x... any number */

struct elf_text_copy;

struct elf {
	int fd;
	uint64_t size, entry;
	struct elf_segment *seg; /* by address, no overlaps */
	size_t nseg;
	struct elf_section *sec;
	size_t nsec;
	char *names; /* of sections */
	char build_id[2 * ELF_MAX_BUILD_ID + 1];
	bool dynamic, go;
	uint64_t dyn_offset, dyn_size;
	struct {
		uint64_t strtab, strsz, symtab, hash, gnu_hash;
	} dyn;
	char **needed;
	size_t nneeded;
	/* Filled when first asked for, see elf_query.c. */
	struct elf_text_copy *text; /* one a segment */
	bool imports_read;
	char *import_names;
	const char **imports;
	size_t nimports;
};

void elf_text_free(struct elf *e);

#endif
