/* SPDX-License-Identifier: MIT */
/*
 * symbols.c: reads symbol tables into one array and walks it with a pattern. Entries are read in
 * blocks and only functions kept; the string table is read whole, once, and names point into it.
 */
#include <elf.h>

#include "target/symbols_priv.h"

#define BLOCK	      8192 /* symbol entries read at a time */
#define MAX_RANGES    256
#define PRETTY_BUDGET (512ull << 20) /* bytes of demangled text that one walk may make */

struct table {
	struct symbols *s;
	const struct elf *main, *tab;
	const struct elf_section *sec;
	size_t nsec;
	char *str;
	uint64_t str_size;
	uint8_t source;
	uint32_t unit; /* counts STT_FILE */
	struct symbol *untyped;
	size_t nuntyped, untyped_cap;
};

int symbols_add(struct symbols *s, const struct symbol *sym)
{
	int err = util_grow(&s->v, s->n, &s->cap, sizeof(*s->v));

	if (!err)
		s->v[s->n++] = *sym;
	return err;
}

int symbols_keep(struct symbols *s, char *blob)
{
	int err = util_grow(&s->blobs, s->nblobs, &s->blobs_cap, sizeof(*s->blobs));

	if (err)
		free(blob);
	else
		s->blobs[s->nblobs++] = blob;
	return err;
}

/*
 * .symtab spells versions out: "name@@VER", "name@VER". Ending the strings at the '@' once is one
 * pass over the table, however many symbols share a tail of it.
 */
static void cut_versions(char *str, uint64_t size)
{
	char *p = str, *end = str + size;

	while ((p = memchr(p, '@', (size_t)(end - p)))) {
		if (p > str && p[-1] && p + 1 < end &&
		    (p[1] == '@' || p[1] == '_' || ((p[1] | 32) >= 'a' && (p[1] | 32) <= 'z')))
			*p = 0;
		p++;
	}
}

/*
 * Hand-written assembler often leaves the type out: a label inside of code, with a name of its own.
 */
static bool is_label(const struct table *t, const Elf64_Sym *sym, const char *name)
{
	const struct elf_section *c;

	if (ELF64_ST_TYPE(sym->st_info) != STT_NOTYPE || sym->st_shndx >= t->nsec ||
	    !strncmp(name, ".L", 2) || name[0] == '$')
		return false;
	c = &t->sec[sym->st_shndx];
	return (c->flags & SHF_EXECINSTR) && sym->st_value >= c->addr &&
	       sym->st_value - c->addr < c->size;
}

static int add_entry(struct table *t, const Elf64_Sym *sym)
{
	int type = ELF64_ST_TYPE(sym->st_info);
	bool local = ELF64_ST_BIND(sym->st_info) == STB_LOCAL, function;
	struct symbol new = {
		.addr = sym->st_value,
		.size = sym->st_size,
		.source = t->source,
		.ifunc = type == STT_GNU_IFUNC,
		.global = !local,
		.unit = local ? t->unit : 0,
	};
	int err;

	t->unit += type == STT_FILE;
	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS || sym->st_name >= t->str_size)
		return 0;
	new.name = t->str + sym->st_name;
	function = type == STT_FUNC || type == STT_GNU_IFUNC;
	if (!new.name[0] || (!function && !is_label(t, sym, new.name)) ||
	    !elf_is_text(t->main, new.addr))
		return 0;
	if (function)
		return symbols_add(t->s, &new);
	err = util_grow(&t->untyped, t->nuntyped, &t->untyped_cap, sizeof(*t->untyped));
	if (!err)
		t->untyped[t->nuntyped++] = new;
	return err;
}

static int by_addr(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* First of n symbols sorted by address that is not below addr. */
static size_t lower_bound(const struct symbol *v, size_t n, uint64_t addr)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (v[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * Adds those labels that no function covers. cover[i] counts functions that begin to cover at i,
 * less those that end.
 */
static int add_labels(struct table *t, size_t first)
{
	AUTO_FREE int32_t *cover = NULL;
	size_t i, n = t->nuntyped;
	int32_t depth = 0;
	int err = 0;

	if (!n)
		return 0;
	cover = calloc(n + 1, sizeof(*cover));
	if (!cover)
		return -ENOMEM;
	qsort(t->untyped, n, sizeof(*t->untyped), by_addr);
	for (i = first; i < t->s->n; i++) {
		const struct symbol *f = &t->s->v[i];
		uint64_t end = f->addr + MAX(f->size, 1);

		cover[lower_bound(t->untyped, n, f->addr)]++;
		cover[end < f->addr ? n : lower_bound(t->untyped, n, end)]--;
	}
	for (i = 0; i < n && !err; i++) {
		depth += cover[i];
		if (depth <= 0)
			err = symbols_add(t->s, &t->untyped[i]);
	}
	return err;
}

static int read_table(struct table *t, const struct elf_symtab *where)
{
	AUTO_FREE Elf64_Sym *sym = malloc(BLOCK * sizeof(*sym));
	size_t first = t->s->n;
	uint64_t at, i;
	int err = sym ? 0 : -ENOMEM;

	for (at = 0; at < where->count && !err; at += BLOCK) {
		uint64_t n = MIN(where->count - at, (uint64_t)BLOCK);

		err = elf_read_at(t->tab, where->offset + at * sizeof(*sym), sym, n * sizeof(*sym));
		for (i = 0; i < n && !err; i++)
			err = add_entry(t, &sym[i]);
	}
	return err ? err : add_labels(t, first);
}

int symbols_add_table(struct symbols *s, const struct elf *main, const struct elf *tab,
		      enum symbol_source source)
{
	struct table t = { .s = s, .main = main, .tab = tab, .source = source, .unit = 1 };
	struct elf_symtab where;
	int err;

	err = elf_symtab(tab, source == SYM_DYNSYM, &where);
	if (!err)
		err = elf_read(tab, where.str_offset, where.str_size, &t.str);
	if (err)
		return err;
	t.str_size = where.str_size;
	t.nsec = elf_sections(tab, &t.sec);
	err = symbols_keep(s, t.str);
	if (err)
		return err;
	if (source != SYM_DYNSYM)
		cut_versions(t.str, t.str_size);
	err = read_table(&t, &where);
	free(t.untyped);
	return err;
}

static int read_text_ranges(struct symbols *s, const struct elf *e)
{
	const struct elf_section *sec;
	const struct elf_segment *seg;
	size_t nsec = elf_sections(e, &sec), nseg = elf_segments(e, &seg), i;
	bool from_sections;

	s->text = calloc(nsec + nseg + 1, sizeof(*s->text));
	if (!s->text)
		return -ENOMEM;
	for (i = 0; i < nsec; i++)
		if (sec[i].type == SHT_PROGBITS && (sec[i].flags & SHF_EXECINSTR) && sec[i].size)
			s->text[s->ntext++] =
				(struct range){ sec[i].addr, sec[i].addr + sec[i].size };
	/* No sections, or a silly number of them: each look-up walks this list. */
	if (s->ntext > MAX_RANGES)
		s->ntext = 0;
	from_sections = s->ntext > 0;
	for (i = 0; !from_sections && i < nseg; i++)
		if (seg[i].exec)
			s->text[s->ntext++] =
				(struct range){ seg[i].vaddr, seg[i].vaddr + seg[i].filesz };
	return 0;
}

/* A linker puts into .symtab all that is in .dynsym; a table that strip has thinned out is smaller. */
static bool covers_dynamic(const struct elf *e)
{
	struct elf_symtab all, dynamic;

	return !elf_symtab(e, false, &all) && (elf_symtab(e, true, &dynamic) || all.count >= dynamic.count);
}

static int load(struct symbols *s, const struct elf *e, const struct elf *debug, int rootfd, const char *path)
{
	int err = read_text_ranges(s, e);

	if (!err)
		err = symbols_add_table(s, e, e, SYM_SYMTAB);
	if (err == -ENOENT && elf_is_go(e))
		err = symbols_add_pclntab(s, e);
	if ((err == -ENOENT || err == -EBADMSG) && debug)
		err = symbols_add_table(s, e, debug, SYM_DEBUGFILE);
	if (err == -ENOENT || err == -EBADMSG)
		err = symbols_add_debug(s, e, rootfd, path);
	if (err || !covers_dynamic(e))
		err = err && err != -ENOENT ? err : symbols_add_dynamic(s, e);
	return err == -ENOENT ? 0 : err;
}

static int load_new(struct symbols **ret, const struct elf *e, const struct elf *debug, int rootfd, const char *path)
{
	struct symbols *s = calloc(1, sizeof(*s));
	int err = s ? load(s, e, debug, rootfd, path) : -ENOMEM;

	if (err)
		symbols_free(s);
	else
		*ret = s;
	return err;
}

int symbols_load(struct symbols **ret, const struct elf *e, int rootfd, const char *path)
{
	return load_new(ret, e, NULL, rootfd, path);
}

int symbols_load_with(struct symbols **ret, const struct elf *e, const struct elf *debug)
{
	return load_new(ret, e, debug, -1, NULL);
}

void symbols_free(struct symbols *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->nblobs; i++)
		free(s->blobs[i]);
	free(s->blobs);
	free(s->v);
	free(s->text);
	free(s->order);
	free(s->reach);
	free(s->cold);
	free(s);
}

size_t symbols_all(const struct symbols *s, const struct symbol **ret)
{
	*ret = s->v;
	return s->n;
}

int symbols_match(struct symbols *s, const struct pattern *p,
		  int (*cb)(void *arg, const struct symbol *sym, const char *pretty), void *arg)
{
	uint64_t made = 0;
	int err = 0;
	size_t i;

	if (p->kind == PAT_OFFSET) {
		const struct symbol *at = symbols_starting_at(s, p->offset);
		AUTO_FREE char *pretty = at ? symbol_demangle(at->name) : NULL;

		return at ? MIN(cb(arg, at, pretty), 0) : 0;
	}
	for (i = 0; i < s->n && err >= 0; i++) {
		const char *name = s->v[i].name;
		bool plain = pattern_name(p, name, NULL);
		AUTO_FREE char *pretty = NULL;

		if (!plain && !pattern_worth_demangling(p, name))
			continue;
		pretty = symbol_demangle(name);
		made += pretty ? strlen(pretty) : 0;
		if (made > PRETTY_BUDGET)
			return -E2BIG;
		if (plain || (pretty && pattern_name(p, name, pretty)))
			err = cb(arg, &s->v[i], pretty);
	}
	return MIN(err, 0);
}
