/* SPDX-License-Identifier: MIT */
/*
 * elf_query.c: questions to an open ELF file: addresses and offsets, symbol tables, text, imports.
 * Text and imports are read when first asked for and kept in struct elf, which elf_open()
 * allocated, so taking the const of the handle away for them is sound.
 */
#include <elf.h>
#include <sys/mman.h>

#include "target/elf_priv.h"

#define TEXT_CHUNK (256u << 10)

/*
 * A copy of one executable segment: address space for all of it, filled by pread chunk by chunk
 * where somebody looked. A mapping of the file itself would deliver SIGBUS when the file is
 * truncated.
 */
struct elf_text_copy {
	uint8_t *bytes;
	uint8_t *present; /* per chunk */
};

int elf_fd(const struct elf *e)
{
	return e->fd;
}

size_t elf_segments(const struct elf *e, const struct elf_segment **ret)
{
	*ret = e->seg;
	return e->nseg;
}

size_t elf_sections(const struct elf *e, const struct elf_section **ret)
{
	*ret = e->sec;
	return e->nsec;
}

const struct elf_section *elf_section(const struct elf *e, const char *name)
{
	size_t i;

	for (i = 0; i < e->nsec; i++)
		if (e->sec[i].type != SHT_NULL && !strcmp(e->sec[i].name, name))
			return &e->sec[i];
	return NULL;
}

const char *elf_build_id(const struct elf *e)
{
	return e->build_id;
}

uint64_t elf_entry(const struct elf *e)
{
	return e->entry;
}

bool elf_is_dynamic(const struct elf *e)
{
	return e->dynamic;
}

bool elf_is_go(const struct elf *e)
{
	/* -buildmode=pie moves both into relro sections. */
	return e->go || elf_section(e, ".go.buildinfo") || elf_section(e, ".gopclntab") ||
	       elf_section(e, ".data.rel.ro.gopclntab");
}

/* The segment that holds the byte at addr in the file, or NULL. */
static const struct elf_segment *segment_at(const struct elf *e, uint64_t addr)
{
	size_t lo = 0, hi = e->nseg;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (e->seg[mid].vaddr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Segments without bytes in the file may begin at the same address. */
	while (lo-- > 0) {
		if (addr - e->seg[lo].vaddr < e->seg[lo].filesz)
			return &e->seg[lo];
		if (e->seg[lo].filesz)
			break;
	}
	return NULL;
}

int elf_addr_to_offset(const struct elf *e, uint64_t addr, uint64_t *ret)
{
	const struct elf_segment *s = segment_at(e, addr);

	if (!s)
		return -ERANGE;
	*ret = addr - s->vaddr + s->offset;
	return 0;
}

int elf_offset_to_addr(const struct elf *e, uint64_t offset, uint64_t *ret)
{
	const struct elf_segment *s, *found = NULL;
	size_t i;

	/* lld and mold let segments share bytes of the file; what is asked about is code. */
	for (i = 0; i < e->nseg && !(found && found->exec); i++) {
		s = &e->seg[i];
		if (offset >= s->offset && offset - s->offset < s->filesz && (!found || s->exec))
			found = s;
	}
	if (!found)
		return -ERANGE;
	*ret = offset - found->offset + found->vaddr;
	return 0;
}

bool elf_is_text(const struct elf *e, uint64_t addr)
{
	const struct elf_segment *s = segment_at(e, addr);

	return s && s->exec;
}

void elf_text_free(struct elf *e)
{
	size_t i;

	for (i = 0; e->text && i < e->nseg; i++) {
		if (e->text[i].bytes)
			munmap(e->text[i].bytes, e->seg[i].filesz);
		free(e->text[i].present);
	}
	free(e->text);
	e->text = NULL;
}

void elf_trim(struct elf *e)
{
	elf_text_free(e);
	free(e->imports);
	free(e->import_names);
	e->imports = NULL;
	e->import_names = NULL;
	e->nimports = 0;
	e->imports_read = false;
}

static int text_chunk(const struct elf *e, const struct elf_segment *s, size_t chunk)
{
	struct elf_text_copy *t = &e->text[s - e->seg];
	size_t at = chunk * TEXT_CHUNK;
	int err = 0;

	if (!t->present[chunk])
		err = elf_read_at(e, s->offset + at, t->bytes + at,
				  MIN(TEXT_CHUNK, s->filesz - at));
	t->present[chunk] |= !err;
	return err;
}

/* Reads the segment from offset at on; *end is where the bytes at hand end. */
static int text_load(const struct elf *e, const struct elf_segment *s, uint64_t at, uint64_t *end)
{
	struct elf *m = (struct elf *)e;
	struct elf_text_copy *t;
	size_t chunk, last = MIN(at + ELF_TEXT_WINDOW, s->filesz - 1) / TEXT_CHUNK;
	int err;

	if (!m->text)
		m->text = calloc(m->nseg, sizeof(*m->text));
	if (!m->text)
		return -ENOMEM;
	t = &m->text[s - e->seg];
	if (!t->bytes) {
		void *p = mmap(NULL, s->filesz, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		t->present = calloc(s->filesz / TEXT_CHUNK + 1, 1);
		if (p == MAP_FAILED || !t->present) {
			free(t->present);
			t->present = NULL;
			if (p != MAP_FAILED)
				munmap(p, s->filesz);
			return -ENOMEM;
		}
		t->bytes = p;
	}
	for (chunk = at / TEXT_CHUNK; chunk <= last; chunk++) {
		err = text_chunk(e, s, chunk);
		if (err)
			return err;
	}
	*end = MIN((last + 1) * (uint64_t)TEXT_CHUNK, s->filesz);
	return 0;
}

int elf_text(const struct elf *e, uint64_t addr, const uint8_t **ret, size_t *len)
{
	const struct elf_segment *s = segment_at(e, addr);
	uint64_t end, at;
	size_t i;
	int err;

	if (!s || !s->exec)
		return -ERANGE;
	at = addr - s->vaddr;
	err = text_load(e, s, at, &end);
	if (err)
		return err;
	for (i = 0; i < e->nsec; i++) {
		const struct elf_section *c = &e->sec[i];

		if (c->type != SHT_NULL && c->type != SHT_NOBITS && (c->flags & SHF_EXECINSTR) &&
		    addr >= c->addr && addr - c->addr < c->size)
			end = MIN(end, at + (c->size - (addr - c->addr)));
	}
	*ret = e->text[s - e->seg].bytes + at;
	*len = end - at;
	return 0;
}

/*
 * Index of the last symbol of the DT_GNU_HASH chain that begins with symbol i, whose link is at
 * offset at.
 */
static int gnu_hash_chain(const struct elf *e, uint64_t at, uint64_t i, uint64_t *ret)
{
	uint32_t link[1024];

	while (i < ELF_MAX_SYMBOLS) {
		ssize_t n = pread(e->fd, link, sizeof(link), (off_t)at), k;

		if (n < (ssize_t)sizeof(*link))
			return -ERANGE;
		for (k = 0; k < n / (ssize_t)sizeof(*link); k++, i++)
			if (link[k] & 1) {
				*ret = i;
				return 0;
			}
		at += (uint64_t)k * sizeof(*link);
	}
	return -EFBIG;
}

/*
 * How many symbols a DT_GNU_HASH table covers: the end of the last chain (there is no count in it).
 */
static int gnu_hash_count(const struct elf *e, uint64_t *ret)
{
	AUTO_FREE uint32_t *h = NULL, *bucket = NULL;
	uint64_t off, at, last = 0, i;
	int err;

	err = elf_addr_to_offset(e, e->dyn.gnu_hash, &off);
	if (!err)
		err = elf_read(e, off, 4 * sizeof(*h), &h);
	if (err)
		return err;
	/* buckets, first symbol, words of the bloom filter, shift */
	at = off + 16 + 8 * (uint64_t)h[2];
	if (h[0] > ELF_MAX_SYMBOLS)
		return -EFBIG;
	err = elf_read(e, at, 4 * (size_t)h[0], &bucket);
	if (err)
		return err;
	for (i = 0; i < h[0]; i++)
		last = MAX(last, bucket[i]);
	if (last < h[1]) {
		*ret = h[1];
		return 0;
	}
	err = gnu_hash_chain(e, at + 4 * (uint64_t)h[0] + 4 * (last - h[1]), last, &last);
	if (!err)
		*ret = last + 1;
	return err;
}

static int dynamic_symtab(const struct elf *e, struct elf_symtab *ret)
{
	AUTO_FREE uint32_t *hash = NULL;
	uint64_t off;
	int err;

	if (!e->dyn.symtab || !e->dyn.strtab)
		return -ENOENT;
	if (elf_addr_to_offset(e, e->dyn.symtab, &ret->offset) ||
	    elf_addr_to_offset(e, e->dyn.strtab, &ret->str_offset))
		return -ENOENT;
	ret->str_size = e->dyn.strsz;
	if (!e->dyn.hash)
		return e->dyn.gnu_hash ? gnu_hash_count(e, &ret->count) : -ENOENT;
	err = elf_addr_to_offset(e, e->dyn.hash, &off);
	if (!err)
		err = elf_read(e, off, 2 * sizeof(*hash), &hash); /* nbucket, nchain */
	if (!err)
		ret->count = hash[1];
	return err;
}

int elf_symtab(const struct elf *e, bool dynamic, struct elf_symtab *ret)
{
	const struct elf_section *s = NULL, *str;
	struct elf_symtab t = { 0 };
	size_t i;
	int err = 0;

	for (i = 0; i < e->nsec && !s; i++)
		if (e->sec[i].type == (dynamic ? SHT_DYNSYM : SHT_SYMTAB) && e->sec[i].size)
			s = &e->sec[i];
	if (s && s->entsize == sizeof(Elf64_Sym) && s->link < e->nsec &&
	    e->sec[s->link].type == SHT_STRTAB) {
		str = &e->sec[s->link];
		t = (struct elf_symtab){ s->offset, s->size / sizeof(Elf64_Sym), str->offset,
					 str->size };
	} else {
		err = dynamic ? dynamic_symtab(e, &t) : -ENOENT;
	}
	if (err)
		return err == -ERANGE ? -ENOENT : err;
	if (t.count > ELF_MAX_SYMBOLS)
		return -EFBIG;
	if (t.offset > e->size || t.count * sizeof(Elf64_Sym) > e->size - t.offset ||
	    t.str_offset > e->size || t.str_size > e->size - t.str_offset)
		return -ENOENT;
	*ret = t;
	return 0;
}

bool elf_needs(const struct elf *e, const char *substring)
{
	size_t i;

	for (i = 0; i < e->nneeded; i++)
		if (strstr(e->needed[i], substring))
			return true;
	return false;
}

static bool is_import(const Elf64_Sym *sym, const struct elf_symtab *t)
{
	return sym->st_shndx == SHN_UNDEF && sym->st_name && sym->st_name < t->str_size;
}

/* Only the stretch of the string table that names imports is read: a big library's own names are megabytes. */
static int imports_read(struct elf *e)
{
	AUTO_FREE Elf64_Sym *sym = NULL;
	uint64_t lo = UINT64_MAX, hi = 0;
	struct elf_symtab t;
	size_t i, n = 0;
	int err;

	err = elf_symtab(e, true, &t);
	if (!err)
		err = elf_read(e, t.offset, t.count * sizeof(*sym), &sym);
	if (err)
		return err;
	for (i = 0; i < t.count; i++)
		if (is_import(&sym[i], &t)) {
			lo = MIN(lo, (uint64_t)sym[i].st_name);
			hi = MAX(hi, (uint64_t)sym[i].st_name);
			n++;
		}
	if (!n)
		return 0;
	/* A name longer than this is cut, and matches nothing. */
	err = elf_read(e, t.str_offset + lo, MIN(hi + 4096, t.str_size) - lo, &e->import_names);
	if (err)
		return err;
	e->imports = calloc(n, sizeof(*e->imports));
	if (!e->imports)
		return -ENOMEM;
	for (i = 0; i < t.count; i++)
		if (is_import(&sym[i], &t))
			e->imports[e->nimports++] = e->import_names + (sym[i].st_name - lo);
	return 0;
}

bool elf_imports(const struct elf *e, const char *symbol)
{
	struct elf *m = (struct elf *)e;
	size_t i;

	/* A table that cannot be read imports nothing; trying again would not help. */
	if (!m->imports_read) {
		m->imports_read = true;
		imports_read(m);
	}
	/* Not sorted: names that differ far behind, by the thousand, would make that slow. */
	for (i = 0; i < m->nimports; i++)
		if (!strcmp(m->imports[i], symbol))
			return true;
	return false;
}

int elf_symbol(const struct elf *e, const char *name, uint64_t *ret)
{
	for (int dynamic = 1; dynamic >= 0; dynamic--) {
		AUTO_FREE Elf64_Sym *v = NULL;
		AUTO_FREE char *names = NULL;
		struct elf_symtab t;

		if (elf_symtab(e, dynamic, &t) || elf_read(e, t.offset, t.count * sizeof(*v), &v) ||
		    elf_read(e, t.str_offset, t.str_size, &names))
			continue;
		for (uint64_t i = 0; i < t.count; i++) {
			if (v[i].st_shndx != SHN_UNDEF && v[i].st_name < t.str_size &&
			    !strcmp(names + v[i].st_name, name)) {
				*ret = v[i].st_value;
				return 0;
			}
		}
	}
	return -ENOENT;
}
