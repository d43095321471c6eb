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
#define ELF_TEXT_WINDOW (4u << 20) /* no function larger than this is probed, see sites.h */

struct elf;

struct elf_segment {
	uint64_t vaddr, offset, filesz;
	bool exec, write;
};

/* A section whose bytes lie inside the file; others are left out. */
struct elf_section {
	const char *name;
	uint32_t type, link;
	uint64_t flags, addr, offset, size, entsize;
};

/* Where a symbol table and its names lie in the file, checked against its size. */
struct elf_symtab {
	uint64_t offset, count;
	uint64_t str_offset, str_size;
};

/* Takes fd over, also on failure. 0; -ENOEXEC not an x86-64 ELF executable or library; -EBADMSG malformed. */
int elf_open(struct elf **ret, int fd);
void elf_close(struct elf *e);

int elf_fd(const struct elf *e);
size_t elf_segments(const struct elf *e, const struct elf_segment **ret); /* PT_LOADs */
/* Sections in file order, so that [i] is the one that st_shndx i means; none if the headers are missing or broken. */
size_t elf_sections(const struct elf *e, const struct elf_section **ret);
const struct elf_section *elf_section(const struct elf *e, const char *name);
/* .symtab, or .dynsym (by the dynamic segment too). 0, -ENOENT none, -EFBIG more than ELF_MAX_SYMBOLS. */
int elf_symtab(const struct elf *e, bool dynamic, struct elf_symtab *ret);
/* Value of a symbol that is defined here, whatever it names: .dynsym, then .symtab. 0, -ENOENT. */
int elf_symbol(const struct elf *e, const char *name, uint64_t *ret);
/* Entry point, as the ELF header tells it. */
uint64_t elf_entry(const struct elf *e);
/* Reads part of the file. 0, -ERANGE if the file does not reach that far, or what pread says. */
int elf_read_at(const struct elf *e, uint64_t offset, void *buf, size_t size);
/* A malloc'ed copy of part of the file, one zero byte behind it. 0, -ERANGE, -ENOMEM or what pread says. */
int elf_read(const struct elf *e, uint64_t offset, size_t size, void *ret);
/* Build id as lowercase hex, "" if there is none. */
const char *elf_build_id(const struct elf *e);
bool elf_is_dynamic(const struct elf *e); /* has PT_INTERP or PT_DYNAMIC */
bool elf_is_go(const struct elf *e);      /* has a Go build info or pclntab section */
/* Virtual address <-> file offset through PT_LOAD (T8). 0 or -ERANGE. */
int elf_addr_to_offset(const struct elf *e, uint64_t addr, uint64_t *ret);
int elf_offset_to_addr(const struct elf *e, uint64_t offset, uint64_t *ret);
/* Is addr file-backed and executable? */
bool elf_is_text(const struct elf *e, uint64_t addr);
/*
 * Bytes of file-backed, executable text at addr: *ret points to *len bytes up to the end of its segment or
 * section, whichever ends first, but at most ELF_TEXT_WINDOW or a little more. Valid until elf_close. They are
 * a copy: a file that shrinks cannot hurt. 0, -ERANGE, or another negative errno if it cannot be read.
 */
int elf_text(const struct elf *e, uint64_t addr, const uint8_t **ret, size_t *len);
/* Gives back what is only cached: text pointers die, everything is read again when asked for. */
void elf_trim(struct elf *e);
/* Does a DT_NEEDED name match (substring), or is a symbol of this name imported (undefined in .dynsym)? */
bool elf_needs(const struct elf *e, const char *substring);
bool elf_imports(const struct elf *e, const char *symbol);

#endif
