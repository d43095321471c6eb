/* SPDX-License-Identifier: MIT */
/* ifunc.c: finds the relocations that a loader fills with the chosen implementation, and reads what it filled in. */
#include <elf.h>
#include <fcntl.h>

#include "probe/ifunc.h"

struct place {
	const struct process *p;
	const struct module *home; /* where the implementation must lie */
	const struct image *img;
	uint64_t home_bias, addr;
	const char *name;
	int mem;
};

/* The pointer in a slot, as an address in the image; -ENOENT if it leads elsewhere (a stub that binds lazily). */
static int read_slot(const struct place *w, uint64_t slot, uint64_t *ret)
{
	uint64_t v;

	if (pread(w->mem, &v, sizeof(v), (off_t)slot) != sizeof(v))
		return -ENOENT;
	if (v < w->home->start || v >= w->home->end || v - w->home_bias == w->addr)
		return -ENOENT;
	*ret = v - w->home_bias;
	return 0;
}

static bool names(const Elf64_Rela *r, const Elf64_Sym *syms, uint64_t nsyms, const char *strs, uint64_t strsz,
		  const char *name)
{
	uint64_t i = ELF64_R_SYM(r->r_info);

	return i < nsyms && syms[i].st_name < strsz && !strcmp(strs + syms[i].st_name, name);
}

static int scan_section(const struct place *w, const struct elf *e, const struct elf_section *sec, uint64_t bias,
			uint64_t *ret)
{
	AUTO_FREE Elf64_Rela *v = NULL;
	AUTO_FREE Elf64_Sym *syms = NULL;
	AUTO_FREE char *strs = NULL;
	struct elf_symtab t = { 0 };

	if (sec->size > (64u << 20) || elf_read(e, sec->offset, sec->size, &v))
		return -ENOENT;
	if (!elf_symtab(e, true, &t) && (elf_read(e, t.offset, t.count * sizeof(*syms), &syms) ||
					 elf_read(e, t.str_offset, t.str_size, &strs)))
		return -ENOENT;
	for (uint64_t i = 0; i < sec->size / sizeof(*v); i++) {
		uint64_t type = ELF64_R_TYPE(v[i].r_info);
		bool own = type == R_X86_64_IRELATIVE && e == w->img->elf &&
			   (uint64_t)v[i].r_addend == w->addr;
		bool named = (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT) && strs &&
			     names(&v[i], syms, t.count, strs, t.str_size, w->name);

		if ((own || named) && !read_slot(w, bias + v[i].r_offset, ret))
			return 0;
	}
	return -ENOENT;
}

static int scan_module(const struct place *w, struct image **images, const struct module *m, uint64_t *ret)
{
	const struct elf_section *sec;
	struct image *img;
	uint64_t bias;
	size_t n;

	if (image_get(images, w->p, m, &img) || module_bias(m, img->elf, &bias))
		return -ENOENT;
	n = elf_sections(img->elf, &sec);
	for (size_t i = 0; i < n; i++)
		if (sec[i].type == SHT_RELA && !scan_section(w, img->elf, &sec[i], bias, ret))
			return 0;
	return -ENOENT;
}

int ifunc_resolve(const struct process *p, struct image **images, const struct image *img, const char *name,
		  uint64_t addr, uint64_t *ret)
{
	struct place w = { .p = p, .img = img, .addr = addr, .name = name };
	AUTO_CLOSE int mem = process_open_memory(p);

	if (mem < 0)
		return mem;
	w.mem = mem;
	for (size_t i = 0; i < p->nmodules && !w.home; i++) {
		struct image *at;

		if (!image_get(images, p, &p->modules[i], &at) && at == img &&
		    !module_bias(&p->modules[i], img->elf, &w.home_bias))
			w.home = &p->modules[i];
	}
	for (size_t i = 0; i < p->nmodules && w.home; i++)
		if (!scan_module(&w, images, &p->modules[i], ret))
			return 0;
	return -ENOENT;
}
