/* SPDX-License-Identifier: MIT */
/* resolve_elf.c: Go's types, and functions of libraries by the program's PLT; see resolve_elf.h. */
#include <elf.h>

#include "app/resolve_elf.h"

/* Go's runtime._type (internal/abi.Type since 1.21); the same from Go 1.7 on, as far as it is used here. */
#define TYPE_SIZE   48
#define TYPE_TFLAG  20
#define TYPE_KIND   23
#define TYPE_STR    40 /* offset of the name from runtime.types */
#define KIND_MASK   31
#define KIND_MAX    26 /* UnsafePointer */
#define TFLAG_STAR  2  /* the name has a "*" too many in front, which it shares with the pointer's */
#define NAME_MAX_GO 1024

static int read_file(const struct elf *e, uint64_t addr, void *buf, size_t n)
{
	uint64_t offset;
	int err = elf_addr_to_offset(e, addr, &offset);

	return err ? err : elf_read_at(e, offset, buf, n);
}

/* Where names of types are counted from. Stripped, it is where the linker has put types: the relocated data of a program
 * that can be moved, the read-only data of one that cannot (cmd/link, dodata). */
static int types_base(const struct elf *e, uint64_t type, uint64_t *ret)
{
	static const char *const sections[] = { ".data.rel.ro", ".rodata" };
	const struct elf_section *s;

	if (!elf_symbol(e, "runtime.types", ret))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		s = elf_section(e, sections[i]);
		if (!s || type < s->addr || type - s->addr >= s->size)
			continue;
		*ret = s->addr;
		return 0;
	}
	return -ENOENT;
}

/* Flags, the length, the name. The length has 7 bits a byte since Go 1.17, was two bytes before, the upper one first. */
static char *read_name(const struct elf *e, uint64_t addr, bool star)
{
	uint8_t head[3];
	size_t len, skip;
	char *name;

	if (read_file(e, addr, head, sizeof(head)))
		return NULL;
	if (!head[1]) {
		len = head[2];
		skip = 3;
	} else {
		len = head[1] & 127u;
		skip = 2;
		if (head[1] & 128) {
			len |= (head[2] & 127u) << 7;
			skip = 3;
			if (head[2] & 128)
				return NULL;
		}
	}
	if (len <= star || len > NAME_MAX_GO)
		return NULL;
	len -= star;
	name = malloc(len + 1);
	if (!name)
		return NULL;
	name[len] = '\0';
	if (read_file(e, addr + skip + star, name, len) || strlen(name) != len) {
		free(name);
		return NULL;
	}
	return name;
}

char *resolve_go_type(const struct elf *e, uint64_t addr)
{
	uint8_t type[TYPE_SIZE], kind;
	uint64_t base;
	int32_t off;

	if (read_file(e, addr, type, sizeof(type)))
		return NULL;
	kind = type[TYPE_KIND] & KIND_MASK;
	memcpy(&off, type + TYPE_STR, sizeof(off));
	if (!kind || kind > KIND_MAX || off <= 0 || types_base(e, addr, &base))
		return NULL;
	return read_name(e, base + (uint32_t)off, type[TYPE_TFLAG] & TFLAG_STAR);
}

char *resolve_plt_symbol(const struct elf *e, uint64_t addr)
{
	AUTO_FREE Elf64_Sym *v = NULL;
	AUTO_FREE char *names = NULL;
	struct elf_symtab t;

	if (elf_symtab(e, true, &t) || elf_read(e, t.offset, t.count * sizeof(*v), &v) ||
	    elf_read(e, t.str_offset, t.str_size, &names))
		return NULL;
	for (uint64_t i = 0; i < t.count; i++)
		if (addr && v[i].st_value == addr && v[i].st_shndx == SHN_UNDEF && v[i].st_name < t.str_size)
			return strdup(names + v[i].st_name);
	return NULL;
}
