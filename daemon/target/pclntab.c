/* SPDX-License-Identifier: MIT */
/*
 * pclntab.c: the function table that every Go binary carries, stripped or not, because its runtime
 * needs it. Layouts as in Go's src/debug/gosym/pclntab.go and src/internal/abi/symtab.go: magic (by
 * version), two zero bytes, instruction quantum, pointer size, then words.
 */
#include <elf.h>

#include "target/symbols_priv.h"

#define MAGIC_12  0xfffffffbu
#define MAGIC_116 0xfffffffau
#define MAGIC_118 0xfffffff0u
#define MAGIC_120 0xfffffff1u

#define MAX_TABLE (1ull << 30)
#define RELOCS	  4096 /* relocations read at a time */
#define ALIGN	  8    /* of the table: it has words inside */
#define SCAN	  (1ull << 20)

struct pclntab {
	const uint8_t *d;
	uint64_t size;
	bool offsets; /* 1.18 on: entries are 32-bit offsets from text */
	uint64_t n, text, names, functab, funcs;
};

static uint64_t word(const struct pclntab *t, uint64_t off, size_t bytes, bool *bad)
{
	uint64_t v = 0;

	if (off > t->size || bytes > t->size - off)
		*bad = true;
	else
		memcpy(&v, t->d + off, bytes);
	return v;
}

static bool is_header(const uint8_t *d, size_t size, uint32_t *magic)
{
	if (size < 16)
		return false;
	memcpy(magic, d, sizeof(*magic));
	return (*magic == MAGIC_12 || *magic == MAGIC_116 || *magic == MAGIC_118 ||
		*magic == MAGIC_120) &&
	       !d[4] && !d[5] && d[6] == 1 && d[7] == 8;
}

static int parse_header(struct pclntab *t)
{
	bool bad = false;
	uint32_t magic;

	if (!is_header(t->d, t->size, &magic))
		return -EBADMSG;
	t->n = word(t, 8, 8, &bad);
	if (magic == MAGIC_12) {
		t->functab = 16;
		bad |= t->n > t->size / 16;
	} else if (magic == MAGIC_116) {
		t->names = word(t, 24, 8, &bad);
		t->functab = t->funcs = word(t, 56, 8, &bad);
		bad |= t->n > t->size / 16;
	} else {
		t->offsets = true;
		t->text = word(t, 24, 8, &bad);
		t->names = word(t, 32, 8, &bad);
		t->functab = t->funcs = word(t, 64, 8, &bad);
		bad |= t->n > t->size / 8;
	}
	bad |= t->names > t->size || t->functab > t->size;
	return bad ? -EBADMSG : 0;
}

/*
 * In a position independent binary the addresses in the table are filled in by relocations, and the
 * file holds zeros (ld) or the addends (lld). Writes the addends into our copy.
 */
static int relocate(const struct elf *e, uint8_t *d, uint64_t vaddr, uint64_t size)
{
	const struct elf_section *sec;
	size_t n = elf_sections(e, &sec), i, k;

	for (i = 0; i < n; i++) {
		uint64_t count = sec[i].size / sizeof(Elf64_Rela), at, block;

		if (sec[i].type != SHT_RELA || !(sec[i].flags & SHF_ALLOC))
			continue;
		for (at = 0; at < count; at += block) {
			AUTO_FREE Elf64_Rela *r = NULL;
			int err;

			block = MIN(count - at, (uint64_t)RELOCS);
			err = elf_read(e, sec[i].offset + at * sizeof(*r), block * sizeof(*r), &r);
			if (err)
				return err;
			for (k = 0; k < block; k++)
				if (ELF64_R_TYPE(r[k].r_info) == R_X86_64_RELATIVE &&
				    r[k].r_offset >= vaddr && r[k].r_offset - vaddr <= size - 8)
					memcpy(d + (r[k].r_offset - vaddr), &r[k].r_addend, 8);
		}
	}
	return 0;
}

/* Entry address and name of function i. */
static bool get_function(const struct pclntab *t, uint64_t i, uint64_t *addr, const char **name)
{
	size_t width = t->offsets ? 4 : 8;
	uint64_t at = t->functab + i * 2 * width, func, off;
	bool bad = false;

	*addr = t->text + word(t, at, width, &bad);
	func = t->funcs + word(t, at + width, width, &bad);
	off = t->names + word(t, func + width, 4, &bad);
	if (bad || func < t->funcs || off >= t->size)
		return false;
	*name = (const char *)t->d + off; /* elf_read() ends the copy with a zero */
	return true;
}

static int add_functions(struct symbols *s, const struct elf *e, const struct pclntab *t,
			 bool *entry)
{
	size_t width = t->offsets ? 4 : 8;
	bool bad = false;
	uint64_t i;
	int err = 0;

	for (i = 0; i < t->n && !err; i++) {
		struct symbol sym = { .source = SYM_PCLNTAB, .global = true };
		uint64_t end;

		end = t->text + word(t, t->functab + (i + 1) * 2 * width, width, &bad);
		if (bad || !get_function(t, i, &sym.addr, &sym.name) || end < sym.addr)
			return -EBADMSG;
		sym.size = end - sym.addr;
		*entry |= sym.addr == elf_entry(e);
		if (sym.name[0] && sym.size && elf_is_text(e, sym.addr))
			err = symbols_add(s, &sym);
	}
	return err;
}

/*
 * Where text is not told (position independent without a relocation for it), it begins where .text
 * does, unless the system linker put other code first: then the entry point of the file is no Go
 * function.
 */
static int add_table(struct symbols *s, const struct elf *e, struct pclntab *t)
{
	const struct elf_section *text = elf_section(e, ".text");
	size_t before = s->n;
	bool entry = false, guessed = false;
	int err;

	err = parse_header(t);
	if (err)
		return err;
	if (t->offsets && !elf_is_text(e, t->text)) {
		if (!text)
			return -EBADMSG;
		t->text = text->addr;
		guessed = true;
	}
	err = add_functions(s, e, t, &entry);
	if (!err && guessed && !entry)
		err = -EBADMSG;
	if (err)
		s->n = before;
	return err;
}

static int try_table(struct symbols *s, const struct elf *e, uint64_t vaddr, uint64_t size)
{
	struct pclntab t = { .size = size };
	uint8_t *d = NULL;
	uint64_t off;
	int err;

	if (size < 80 || size > MAX_TABLE)
		return -EBADMSG;
	err = elf_addr_to_offset(e, vaddr, &off);
	if (!err)
		err = elf_read(e, off, size, &d);
	if (err)
		return err == -ENOMEM ? err : -EBADMSG;
	err = relocate(e, d, vaddr, size);
	t.d = d;
	if (!err)
		err = add_table(s, e, &t);
	if (err) {
		free(d);
		return err;
	}
	return symbols_keep(s, (char *)d);
}

/*
 * No section of that name: no section headers, or the system linker has put it into .data.rel.ro.
 * The header is recognised by its look. Each try reads the rest of the segment, so they are few.
 */
static int scan_segment(struct symbols *s, const struct elf *e, const struct elf_segment *seg,
			unsigned int *tries)
{
	uint64_t at = -seg->vaddr & (ALIGN - 1), k;
	uint32_t magic;
	int err;

	for (; at < seg->filesz; at += SCAN) {
		AUTO_FREE uint8_t *d = NULL;
		uint64_t have = MIN(seg->filesz - at, SCAN);

		err = elf_read(e, seg->offset + at, have, &d);
		if (err)
			return err;
		for (k = 0; k + 16 <= have; k += ALIGN) {
			if (!is_header(d + k, have - k, &magic))
				continue;
			err = try_table(s, e, seg->vaddr + at + k,
					MIN(seg->filesz - at - k, MAX_TABLE));
			if (err != -EBADMSG || !--*tries)
				return err;
		}
	}
	return -ENOENT;
}

static int scan_segments(struct symbols *s, const struct elf *e)
{
	const struct elf_segment *seg;
	size_t n = elf_segments(e, &seg), i;
	unsigned int tries = 8;
	int err = -ENOENT;

	for (i = 0; i < n && err == -ENOENT; i++)
		if (!seg[i].exec)
			err = scan_segment(s, e, &seg[i], &tries);
	return err;
}

int symbols_add_pclntab(struct symbols *s, const struct elf *e)
{
	const struct elf_section *c = elf_section(e, ".gopclntab");

	if (!c)
		c = elf_section(e, ".data.rel.ro.gopclntab");
	return c ? try_table(s, e, c->addr, c->size) : scan_segments(s, e);
}
