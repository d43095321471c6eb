/* SPDX-License-Identifier: MIT */
/*
 * elf.h: one ELF file, read with suspicion: every offset, size and count is checked against the file
 * before use. Input is hostile. x86-64 only; anything else is -ENOEXEC. libelf does the parsing,
 * the file is read by pread/mmap and never trusted to keep its size (a SIGBUS would be ours: files are
 * read with elf_begin(ELF_C_READ_MMAP) only up to the size seen at open, from a private fd).
 */
#ifndef TPD_ELF_H
#define TPD_ELF_H

#include "base/util.h"

#define ELF_MAX_FILE    (4ull << 30) /* larger files are refused: -EFBIG */
#define ELF_MAX_SYMBOLS (16u << 20)

struct elf;

struct elf_segment {
	uint64_t vaddr, offset, filesz;
	bool exec;
};

/* Takes fd over, also on failure. 0; -ENOEXEC not an x86-64 ELF executable or library; -EBADMSG malformed. */
int elf_open(struct elf **ret, int fd);
void elf_close(struct elf *e);

int elf_fd(const struct elf *e);
size_t elf_segments(const struct elf *e, const struct elf_segment **ret); /* PT_LOADs */
/* Build id as lowercase hex, "" if there is none. */
const char *elf_build_id(const struct elf *e);
bool elf_is_dynamic(const struct elf *e); /* has PT_INTERP or PT_DYNAMIC */
bool elf_is_go(const struct elf *e);      /* has a Go build info or pclntab section */
/* Virtual address <-> file offset through PT_LOAD (T8). 0 or -ERANGE. */
int elf_addr_to_offset(const struct elf *e, uint64_t addr, uint64_t *ret);
int elf_offset_to_addr(const struct elf *e, uint64_t offset, uint64_t *ret);
/* Bytes of file-backed, executable text at addr: *ret points to *len bytes up to the end of its segment (or
 * section, whichever ends first). Valid until elf_close. 0 or -ERANGE. */
int elf_text(const struct elf *e, uint64_t addr, const uint8_t **ret, size_t *len);
/* Does a DT_NEEDED name match (substring), or is a symbol of this name imported (undefined in .dynsym)? */
bool elf_needs(const struct elf *e, const char *substring);
bool elf_imports(const struct elf *e, const char *symbol);

#endif
