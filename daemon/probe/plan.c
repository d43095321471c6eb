/* SPDX-License-Identifier: MIT */
/* plan.c: patterns select symbols, symbols become functions, functions get their sites. */
#include "probe/plan.h"
#include "probe/recursion.h"
#include "probe/runtime.h"

/* .part pieces are called, .cold ones are jumped to and never probed alone. */
static bool is_cold(const char *name)
{
	const char *cold = strstr(name, ".cold");

	return cold && cold != name && (!cold[5] || cold[5] == '.');
}

static bool excluded(const struct plan *p, const struct image *img, const char *mangled, const char *pretty)
{
	for (size_t i = 0; i < p->npatterns; i++)
		if (p->patterns[i].exclude && pattern_module(&p->patterns[i], img->path) &&
		    pattern_name(&p->patterns[i], mangled, pretty))
			return true;
	return false;
}


static bool is_function(void *arg, uint64_t addr)
{
	struct image *img = arg;
	const struct symbol *sym = symbols_starting_at(img->symbols, addr);

	return sym && !is_cold(sym->name);
}

static int text_at(void *arg, uint64_t addr, const uint8_t **ret, size_t *len)
{
	struct image *img = arg;

	return elf_text(img->elf, addr, ret, len);
}

static void find_sites(const struct plan *p, struct func *f, const struct symbol *sym)
{
	struct image *img = f->image;
	struct sites_func sf = { .addr = f->addr, .go = elf_is_go(img->elf), .no_nop5 = p->no_nop5, .is_function = is_function,
				 .text = text_at, .arg = img };
	const struct symbol *cold = sym ? symbols_cold(img->symbols, sym) : NULL;
	size_t len = 0;

	f->error = SITES_EMPTY;
	if (elf_text(img->elf, f->addr, &sf.code, &len))
		return;
	sf.size = f->size = MIN(f->size, (uint64_t)len);
	if (cold) {
		sf.cold_addr = cold->addr;
		if (!elf_text(img->elf, cold->addr, &sf.cold, &len))
			sf.cold_size = MIN(symbols_extent(img->symbols, img->elf, cold) - cold->addr,
					   (uint64_t)len);
	}
	f->error = sites_find(&f->sites, &sf);
}

static char *pretty_name(const char *mangled, const char *pretty)
{
	return pretty ? strdup(pretty) : symbol_pretty(mangled);
}

#define RECURSION_FNS   256 /* functions whose calls are followed, the first ones */
#define RECURSION_REACH 32

/* A diverted return tells when the caller goes on, but not by which way the function was left. */
static const char *why_unfit(const struct func *f, const struct symbol *sym, size_t reach)
{
	const struct sites *s = &f->sites;

	if (f->error)
		return NULL;
	if (s->reads_return || (sym && runtime_reads_return(sym->name)))
		return "it uses its own return address";
	if (!s->entry_at_return)
		return "no entry site has its stack pointer at the return address";
	if (f->ifunc)
		return "it chooses an implementation";
	for (size_t i = 0; i < s->nexits; i++) {
		if (s->exits[i].kind != SITE_RET)
			return "it can end in a tail call";
		if (s->exits[i].pop)
			return "it takes its arguments off the stack";
	}
	if (sym && recursion_found(f->image, f->addr, f->size, reach))
		return "it can call itself, and the kernel diverts 64 nested returns at most";
	return NULL;
}

static int add_func(struct plan *p, struct image *img, const struct symbol *sym, uint64_t addr, uint64_t size,
		    char *name, size_t pattern)
{
	struct func_key key = { .image = img, .addr = addr };
	struct func_index *ix;
	struct func *f;

	HASH_FIND(hh, p->index, &key, sizeof(key), ix);
	if (ix) {
		free(name);
		return 0;
	}
	p->wanted++;
	if (p->wanted > p->max || p->n >= COOKIE_MAX_FN) {
		free(name);
		return 0;
	}
	ix = name ? calloc(1, sizeof(*ix)) : NULL;
	if (!ix || util_grow(&p->funcs, p->n, &p->cap, sizeof(*p->funcs))) {
		free(ix);
		free(name);
		return -ENOMEM;
	}
	f = &p->funcs[p->n];
	memset(f, 0, sizeof(*f));
	f->fn = p->n;
	f->image = img;
	f->addr = addr;
	f->size = size;
	f->name = name;
	f->pattern = pattern;
	f->ifunc = sym && sym->ifunc;
	f->symbol = f->ifunc ? strdup(sym->name) : NULL;
	find_sites(p, f, sym);
	f->unfit = why_unfit(f, sym, p->wanted <= RECURSION_FNS ? RECURSION_REACH : 0);
	p->refused += f->error != SITES_OK;
	ix->key = key;
	ix->fn = p->n++;
	HASH_ADD(hh, p->index, key, sizeof(key), ix);
	return 0;
}

struct match_arg {
	struct plan *plan;
	size_t *hits;
	size_t pattern;
	struct image *img;
};

static int on_match(void *arg, const struct symbol *sym, const char *pretty)
{
	struct match_arg *m = arg;
	uint64_t end;

	if (is_cold(sym->name) || excluded(m->plan, m->img, sym->name, pretty))
		return 0;
	++*m->hits;
	/* More than asked for: count only, the caller says how many. */
	if (m->plan->wanted >= m->plan->max) {
		m->plan->wanted++;
		return 0;
	}
	end = symbols_extent(m->img->symbols, m->img->elf, sym);
	if (pretty)
		return add_func(m->plan, m->img, sym, sym->addr, end - sym->addr,
				pretty_name(sym->name, pretty), m->pattern);
	AUTO_FREE char *demangled = symbol_demangle(sym->name);

	return add_func(m->plan, m->img, sym, sym->addr, end - sym->addr, pretty_name(sym->name, demangled),
			m->pattern);
}

/* MODULE:0xOFFSET: the function that begins there, or an unnamed one up to the next that is known. */
static int add_offset(struct plan *p, struct image *img, const struct pattern *pat, size_t *hits, size_t pattern)
{
	const struct symbol *sym = symbols_starting_at(img->symbols, pat->offset), *next;
	const uint8_t *code;
	uint64_t end;
	size_t len;
	char *name;

	if (sym) {
		AUTO_FREE char *pretty = symbol_demangle(sym->name);

		end = symbols_extent(img->symbols, img->elf, sym);
		++*hits;
		return add_func(p, img, sym, sym->addr, end - sym->addr, pretty_name(sym->name, pretty), pattern);
	}
	if (elf_text(img->elf, pat->offset, &code, &len))
		return 0;
	++*hits;
	next = symbols_after(img->symbols, pat->offset);
	end = pat->offset + len;
	if (next && next->addr < end)
		end = next->addr;
	if (asprintf(&name, "0x%llx", (unsigned long long)pat->offset) < 0)
		return -ENOMEM;
	return add_func(p, img, NULL, pat->offset, end - pat->offset, name, pattern);
}

int plan_add_image(struct plan *p, struct image *img, int rootfd)
{
	struct match_arg arg = { .plan = p, .img = img };
	struct symbols *s;
	int err = 0;

	if (img->planned)
		return 0;
	for (size_t i = 0; i < p->npatterns && !err; i++) {
		const struct pattern *pat = &p->patterns[i];

		if (pat->exclude || !pattern_module(pat, img->path))
			continue;
		err = image_symbols(img, rootfd, &s);
		if (err)
			break;
		arg.hits = &p->hits[i];
		arg.pattern = i;
		if (pat->kind == PAT_OFFSET)
			err = add_offset(p, img, pat, arg.hits, i);
		else
			err = symbols_match(s, pat, on_match, &arg);
	}
	if (err)
		return err;
	img->planned = true;
	return p->wanted > p->max ? -E2BIG : 0;
}

void plan_resolve(struct plan *p, struct func *f, uint64_t addr)
{
	const struct symbol *sym = symbols_starting_at(f->image->symbols, addr);
	struct func_key key = { .image = f->image, .addr = f->addr };
	struct func_index *ix, *other;

	if (!sym)
		return;
	p->refused -= f->error != SITES_OK;
	sites_free(&f->sites);
	f->ifunc = false;
	HASH_FIND(hh, p->index, &key, sizeof(key), ix);
	key.addr = addr;
	HASH_FIND(hh, p->index, &key, sizeof(key), other);
	if (other) { /* two names of one thing: the first one counts it */
		f->error = SITES_ALIAS;
		p->refused++;
		return;
	}
	if (ix) {
		HASH_DEL(p->index, ix);
		ix->key = key;
		HASH_ADD(hh, p->index, key, sizeof(key), ix);
	}
	f->addr = addr;
	f->size = symbols_extent(f->image->symbols, f->image->elf, sym) - addr;
	find_sites(p, f, sym);
	f->unfit = why_unfit(f, sym, RECURSION_REACH);
	p->refused += f->error != SITES_OK;
}

static bool on_nop5(const struct func *f)
{
	return !f->error && f->sites.entry_text && !strcmp(f->sites.entry_text, "nop5");
}

bool plan_on_nop5(const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (on_nop5(&p->funcs[i]))
			return true;
	return false;
}

void plan_avoid_nop5(struct plan *p)
{
	p->no_nop5 = true;
	for (size_t i = 0; i < p->n; i++) {
		struct func *f = &p->funcs[i];
		const struct symbol *sym = on_nop5(f) ? symbols_starting_at(f->image->symbols, f->addr) : NULL;

		if (!on_nop5(f))
			continue;
		sites_free(&f->sites);
		find_sites(p, f, sym);
		f->unfit = why_unfit(f, sym, RECURSION_REACH);
		p->refused += f->error != SITES_OK;
	}
}

void plan_free(struct plan *p)
{
	struct func_index *ix, *tmp;

	HASH_ITER(hh, p->index, ix, tmp)
	{
		HASH_DEL(p->index, ix);
		free(ix);
	}
	for (size_t i = 0; i < p->n; i++) {
		sites_free(&p->funcs[i].sites);
		free(p->funcs[i].name);
		free(p->funcs[i].symbol);
	}
	free(p->funcs);
	memset(p, 0, sizeof(*p));
}

const char *how_name(enum how how)
{
	static const char *const names[] = { [HOW_NONE] = "none", [HOW_RET] = "ret", [HOW_EMULATE] = "ret",
					     [HOW_SESSION] = "uretprobe", [HOW_REFUSED] = "none" };

	return names[how];
}

const char *plan_why(const struct func *f, enum how how, const char *hijack)
{
	switch (how) {
	case HOW_REFUSED:
		return sites_strerror(f->error);
	case HOW_SESSION:
		return "nothing in this process walks or switches its stacks; the stack is checked at each call";
	case HOW_EMULATE:
		return "every return instruction, executed by the probe itself";
	case HOW_NONE:
		return "only entries were asked for";
	case HOW_RET:
		break;
	}
	if (hijack)
		return hijack;
	return f->unfit ? f->unfit : "every return instruction is probed";
}
