/* SPDX-License-Identifier: MIT */
/*
 * dwarf_file.c: one file's debug information: opening it, which unit holds an address, which symbols say that they
 * are copies with an interface of their own.
 */
#include <fcntl.h>
#include <gelf.h>

#include "debug/dwarf_priv.h"

#define MAX_RANGES \
	(16u << 20) /* of all units; many units may name one list, so what is read is counted */

struct unit_range {
	uint64_t start, reach; /* reach: the greatest end up to here */
	uint32_t size, unit;
};

struct object {
	int fd;
	Elf *elf;
};

struct dwarf_file {
	struct object main, debug, alt;
	Dwarf *dbg, *alt_dbg;
	struct nothing *nothing;
	struct dwarf_unit *units;
	Dwarf_Off *unit; /* where units begin that have code */
	size_t nunit, unit_cap;
	struct unit_range *range;
	size_t nrange, range_cap;
	bool ranges_read, ranges_broken;
	uint64_t *copy; /* sorted addresses of symbols named as copies */
	size_t ncopy, copy_cap;
	bool copies_read;
};

static void object_close(struct object *o)
{
	elf_end(o->elf);
	if (o->fd >= 0)
		close(o->fd);
}

/* alt: dwz writes it without segments, so its type tells nothing. */
static int object_open(struct object *o, int fd, bool alt)
{
	const Elf64_Ehdr *h;

	if (fd < 0)
		return 0;
	o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (o->fd < 0)
		return -errno;
	o->elf = elf_begin(o->fd, ELF_C_READ_MMAP, NULL);
	h = o->elf && elf_kind(o->elf) == ELF_K_ELF ? elf64_getehdr(o->elf) : NULL;
	if (!h || h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_X86_64 ||
	    (!alt && h->e_type != ET_EXEC && h->e_type != ET_DYN))
		return -EBADMSG;
	return 0;
}

static bool has_debug_info(Elf *elf)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names))
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;
		const char *name;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		if (name && (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			return true;
	}
	return false;
}

/* An ELF file with nothing in it but a .debug_info too short for a unit. */
struct nothing {
	Elf64_Ehdr head;
	Elf64_Shdr section[3];
	char names[24], info[8];
};

/*
 * Stands in for a shared debug file (dwz) that was not found. Left to itself, the library would open whatever the
 * debug information names, without a look at its build id (libdw/dwarf_getalt.c in elfutils 0.188).
 */
static int open_nothing(struct dwarf_file *f)
{
	struct nothing *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	f->nothing = n;
	n->head = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_REL,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_shoff = offsetof(struct nothing, section),
		.e_ehsize = sizeof(n->head),
		.e_shentsize = sizeof(n->section[0]),
		.e_shnum = ARRAY_SIZE(n->section),
		.e_shstrndx = 2,
	};
	memcpy(n->names, "\0.debug_info\0.shstrtab", 23);
	n->section[1] = (Elf64_Shdr){ .sh_name = 1,
				      .sh_type = SHT_PROGBITS,
				      .sh_size = 4,
				      .sh_addralign = 1,
				      .sh_offset = offsetof(struct nothing, info) };
	n->section[2] = (Elf64_Shdr){ .sh_name = 13,
				      .sh_type = SHT_STRTAB,
				      .sh_size = sizeof(n->names),
				      .sh_addralign = 1,
				      .sh_offset = offsetof(struct nothing, names) };
	f->alt.elf = elf_memory((char *)n, sizeof(*n));
	return f->alt.elf ? 0 : -ENOMEM;
}

static int open_dwarf(struct dwarf_file *f)
{
	struct object *from = has_debug_info(f->debug.elf) ? &f->debug : &f->main;

	if (!has_debug_info(from->elf))
		return -ENOENT;
	f->dbg = dwarf_begin_elf(from->elf, DWARF_C_READ, NULL);
	if (!f->dbg)
		return -EBADMSG;
	if (f->alt.elf)
		f->alt_dbg = dwarf_begin_elf(f->alt.elf, DWARF_C_READ, NULL);
	/* A broken one is as good as none: what it should hold is not found, and everything else is. */
	if (!f->alt_dbg) {
		object_close(&f->alt);
		f->alt = (struct object){ .fd = -1 };
		if (open_nothing(f))
			return -ENOMEM;
		f->alt_dbg = dwarf_begin_elf(f->alt.elf, DWARF_C_READ, NULL);
	}
	if (!f->alt_dbg)
		return -ENOMEM;
	dwarf_setalt(f->dbg, f->alt_dbg);
	return 0;
}

int dwarf_file_open(struct dwarf_file **ret, int fd, int debug_fd, int alt_fd)
{
	struct dwarf_file *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->main.fd = f->debug.fd = f->alt.fd = -1;
	elf_version(EV_CURRENT);
	err = object_open(&f->main, fd, false);
	if (!err)
		err = object_open(&f->debug, debug_fd, false);
	if (!err && object_open(&f->alt, alt_fd, true)) {
		object_close(&f->alt);
		f->alt = (struct object){ .fd = -1 };
	}
	if (!err)
		err = open_dwarf(f);
	if (err)
		dwarf_file_close(f);
	else
		*ret = f;
	return err;
}

void dwarf_file_close(struct dwarf_file *f)
{
	if (!f)
		return;
	dwarf_units_free(f->units);
	if (f->dbg)
		dwarf_end(f->dbg);
	if (f->alt_dbg)
		dwarf_end(f->alt_dbg);
	object_close(&f->alt);
	object_close(&f->debug);
	object_close(&f->main);
	free(f->nothing);
	free(f->unit);
	free(f->range);
	free(f->copy);
	free(f);
}

Dwarf *dwarf_file_dwarf(const struct dwarf_file *f)
{
	return f->dbg;
}

struct dwarf_unit **dwarf_file_units(struct dwarf_file *f)
{
	return &f->units;
}

static int range_cmp(const void *a, const void *b)
{
	const struct unit_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int add_ranges(struct dwarf_file *f, Dwarf_Die *unit, size_t *seen)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	if (util_grow(&f->unit, f->nunit, &f->unit_cap, sizeof(*f->unit)))
		return -ENOMEM;
	f->unit[f->nunit++] = dwarf_dieoffset(unit);
	while ((at = dwarf_ranges(unit, at, &base, &start, &end)) > 0) {
		if (++*seen > MAX_RANGES)
			return -EBADMSG;
		/* Linkers leave 0 where they dropped a function. */
		if (!start || start >= end)
			continue;
		if (util_grow(&f->range, f->nrange, &f->range_cap, sizeof(*f->range)))
			return -ENOMEM;
		f->range[f->nrange++] = (struct unit_range){
			.start = start,
			.size = (uint32_t)MIN(end - start, UINT32_MAX),
			.unit = (uint32_t)f->nunit - 1,
		};
	}
	return at < 0 ? -EBADMSG : 0;
}

/*
 * Only the first DIE of each unit is read. What is broken hides itself, not the others. .debug_aranges would tell the
 * same, but clang and Go leave it out, and with 500 MB of debug information it was no faster and took twice the memory.
 */
static int read_ranges(struct dwarf_file *f)
{
	Dwarf_CU *cu = NULL;
	uint64_t reach = 0;
	size_t seen = 0, i;
	Dwarf_Die unit;
	uint8_t type;
	int r, err;

	if (f->ranges_read)
		return 0;
	while (!(r = dwarf_get_units(f->dbg, cu, &cu, NULL, &type, &unit, NULL))) {
		err = type == DW_UT_compile ? add_ranges(f, &unit, &seen) : 0;
		if (err == -ENOMEM)
			return err;
		f->ranges_broken |= err != 0;
		if (seen > MAX_RANGES)
			break;
	}
	f->ranges_broken |= r < 0;
	if (f->nrange)
		qsort(f->range, f->nrange, sizeof(*f->range), range_cmp);
	for (i = 0; i < f->nrange; i++)
		f->range[i].reach = reach = MAX(reach, f->range[i].start + f->range[i].size);
	f->ranges_read = true;
	return 0;
}

int dwarf_file_candidates(struct dwarf_file *f, uint64_t addr, Dwarf_Die *unit, size_t n,
			  size_t *found)
{
	size_t low = 0, high;
	int err;

	err = read_ranges(f);
	if (err)
		return err;
	for (high = f->nrange; low < high;) {
		size_t mid = low + (high - low) / 2;

		if (f->range[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (*found = 0; low && f->range[low - 1].reach > addr && *found < n; low--) {
		const struct unit_range *r = &f->range[low - 1];

		if (addr - r->start < r->size &&
		    dwarf_offdie(f->dbg, f->unit[r->unit], &unit[*found]))
			++*found;
	}
	return *found ? 0 : f->ranges_broken ? -EBADMSG : -ENOENT;
}

int dwarf_file_unit(struct dwarf_file *f, uint64_t addr, Dwarf_Die *unit)
{
	size_t found;

	return dwarf_file_candidates(f, addr, unit, 1, &found);
}

/* gcc/ipa-sra.cc, ipa-cp.cc, ipa-split.cc; LLVM's FunctionSpecialization and, since 19, its arguments' promotion. */
static const char *const copy_names[] = { ".isra.",	   ".constprop.", ".part.",
					  ".specialized.", ".argprom",	  ".argelim" };

static bool is_copy_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(copy_names); i++)
		if (strstr(name, copy_names[i]))
			return true;
	return false;
}

static int addr_cmp(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int read_copies_of(struct dwarf_file *f, Elf *elf)
{
	Elf_Scn *scn = NULL;

	while (elf && (scn = elf_nextscn(elf, scn))) {
		Elf64_Shdr *sh = elf64_getshdr(scn);
		Elf_Data *d = sh && sh->sh_type == SHT_SYMTAB ? elf_getdata(scn, NULL) : NULL;
		const Elf64_Sym *sym = d ? d->d_buf : NULL;

		for (size_t i = 0; sym && i < d->d_size / sizeof(*sym); i++) {
			const char *name;

			if (ELF64_ST_TYPE(sym[i].st_info) != STT_FUNC || !sym[i].st_value)
				continue;
			name = elf_strptr(elf, sh->sh_link, sym[i].st_name);
			if (!name || !is_copy_name(name))
				continue;
			if (util_grow(&f->copy, f->ncopy, &f->copy_cap, sizeof(*f->copy)))
				return -ENOMEM;
			f->copy[f->ncopy++] = sym[i].st_value;
		}
	}
	return 0;
}

int dwarf_file_is_copy(struct dwarf_file *f, uint64_t addr, bool *ret)
{
	int err = 0;

	if (!f->copies_read) {
		f->ncopy = 0;
		err = read_copies_of(f, f->main.elf);
		if (!err)
			err = read_copies_of(f, f->debug.elf);
		if (err)
			return err;
		if (f->ncopy)
			qsort(f->copy, f->ncopy, sizeof(*f->copy), addr_cmp);
		f->copies_read = true;
	}
	*ret = f->ncopy && bsearch(&addr, f->copy, f->ncopy, sizeof(*f->copy), addr_cmp);
	return 0;
}
