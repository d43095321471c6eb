/* SPDX-License-Identifier: MIT */
/* resolve.c: addresses of targets to functions, files and lines; see app/resolve.h. What was found is kept, by file and address. */
#include <uthash.h>

#include "app/resolve.h"
#include "app/resolve_elf.h"
#include "app/session.h"

#define PROCESSES_MAX 512  /* beyond it those that have ended are forgotten, the first one first */
#define PLACES_MAX    8192 /* then all are looked up anew */

/* Where a file lies in a process: [start, end) holds all its segments. */
struct mapped {
	struct image *img;
	uint64_t bias, start, end;
};

struct known {
	uint32_t pid;
	uint64_t serial;
	struct mapped *maps;
	size_t n;
	struct debug_map *exec; /* their executable segments, made when a stack is first asked for */
	struct debug_file *files; /* of each of maps */
	size_t nexec;
	UT_hash_handle hh;
};

enum lookup {
	LOOKUP_RETURN,
	LOOKUP_EXACT,
	LOOKUP_NAME, /* the symbol alone, which is found without the child */
	LOOKUP_GO_TYPE,
};

struct place {
	struct {
		const struct image *img;
		uint64_t addr; /* in the file */
		uint64_t how;  /* enum lookup */
	} key;
	bool found;
	char *function, *symbol, *file;
	uint32_t line;
	bool inlined;
	UT_hash_handle hh;
};

struct resolve {
	struct session *s;
	struct resolver resolver;
	struct known *processes;
	struct place *places;
	uint64_t serial;
	char *type;
	struct resolved frames[RESOLVE_FRAMES];
};

/* ---- how processes are mapped ---- */

static void known_free(struct resolve *r, struct known *k)
{
	HASH_DEL(r->processes, k);
	free(k->maps);
	free(k->exec);
	free(k->files);
	free(k);
}

static struct known *known_find(const struct resolve *r, uint32_t pid)
{
	struct known *k;

	HASH_FIND(hh, r->processes, &pid, sizeof(pid), k);
	return k;
}

static bool map_of(struct resolve *r, const struct process *p, const struct module *m, struct mapped *ret)
{
	const struct elf_segment *seg;
	uint64_t bias, lo = UINT64_MAX, hi = 0;
	struct image *img;
	size_t n;

	if (image_get(&r->s->images, p, m, &img) || module_bias(m, img->elf, &bias))
		return false;
	n = elf_segments(img->elf, &seg);
	for (size_t i = 0; i < n; i++) {
		lo = MIN(lo, seg[i].vaddr);
		hi = MAX(hi, seg[i].vaddr + seg[i].filesz);
	}
	*ret = (struct mapped){ .img = img, .bias = bias, .start = bias + lo,
				.end = bias + hi };
	return ret->start < ret->end;
}

static void forget_ended(struct resolve *r)
{
	struct known *k, *tmp;

	if (HASH_COUNT(r->processes) < PROCESSES_MAX)
		return;
	HASH_ITER (hh, r->processes, k, tmp) {
		if (target_find(r->s, (pid_t)k->pid))
			continue;
		known_free(r, k);
		return;
	}
}

int resolve_process(struct resolve *r, const struct process *p)
{
	struct mapped *maps;
	struct known *k;
	size_t n = 0;

	if (!r)
		return 0;
	k = known_find(r, (uint32_t)p->pid);
	maps = calloc(p->nmodules + 1, sizeof(*maps));
	if (!maps)
		return -ENOMEM;
	for (size_t i = 0; i < p->nmodules; i++)
		n += map_of(r, p, &p->modules[i], &maps[n]);
	if (k && k->n == n && !memcmp(k->maps, maps, n * sizeof(*maps))) {
		free(maps);
		return 0;
	}
	if (k)
		known_free(r, k);
	forget_ended(r);
	k = calloc(1, sizeof(*k));
	if (!k) {
		free(maps);
		return -ENOMEM;
	}
	k->pid = (uint32_t)p->pid;
	k->serial = ++r->serial;
	k->maps = maps;
	k->n = n;
	HASH_ADD(hh, r->processes, pid, sizeof(k->pid), k);
	return 0;
}

/* Separate debug files are looked for as late as here: most processes never throw. */
static int exec_maps(struct resolve *r, struct known *k)
{
	size_t cap = 0;
	int err = 0;

	if (k->files)
		return 0;
	k->files = calloc(k->n + 1, sizeof(*k->files));
	if (!k->files)
		return -ENOMEM;
	for (size_t i = 0; i < k->n && !err; i++) {
		const struct mapped *m = &k->maps[i];
		const struct elf_segment *seg;
		size_t n = elf_segments(m->img->elf, &seg);

		carry_debug_file(r->s, m->img, &k->files[i]);
		for (size_t j = 0; j < n && !err; j++) {
			if (!seg[j].exec || !seg[j].filesz)
				continue;
			err = util_grow(&k->exec, k->nexec, &cap, sizeof(*k->exec));
			if (!err)
				k->exec[k->nexec++] = (struct debug_map){
					.start = m->bias + seg[j].vaddr,
					.end = m->bias + seg[j].vaddr + seg[j].filesz,
					.bias = m->bias,
					.file = &k->files[i],
					.path = m->img->path,
				};
		}
	}
	return err;
}

static const struct mapped *find_map(const struct resolve *r, uint32_t pid, uint64_t addr)
{
	const struct known *k = known_find(r, pid);

	for (size_t i = 0; k && i < k->n; i++)
		if (addr >= k->maps[i].start && addr < k->maps[i].end)
			return &k->maps[i];
	return NULL;
}

/* ---- what lies at an address of a file ---- */

static void places_free(struct resolve *r)
{
	struct place *p, *tmp;

	HASH_ITER (hh, r->places, p, tmp) {
		HASH_DEL(r->places, p);
		free(p->function);
		free(p->symbol);
		free(p->file);
		free(p);
	}
}

/* Where a target's files are looked up; gone with the process. */
static int root_of(const struct resolve *r, uint32_t pid)
{
	const struct target *t = target_find(r->s, (pid_t)pid);

	return t ? t->process.rootfd : -1;
}

static void find_symbol(struct resolve *r, struct image *img, uint32_t pid, struct place *p)
{
	bool exact = p->key.how == LOOKUP_EXACT;
	const struct symbol *sym;
	struct symbols *symbols;

	if (image_symbols(img, root_of(r, pid), &symbols))
		return;
	sym = exact ? symbols_starting_at(symbols, p->key.addr) : NULL;
	if (!sym)
		sym = symbols_at(symbols, p->key.addr);
	if (!sym)
		return;
	/* Asked for exactly, an address in the middle of a function is not that function's. */
	if (!exact || sym->addr == p->key.addr)
		p->symbol = strdup(sym->name);
	p->function = symbol_pretty(sym->name);
}

static void find_line(struct resolve *r, struct image *img, struct place *p)
{
	const struct debug_frame *f;
	struct debug_file file;
	size_t n = 0;

	if (!r->s->carry.debug)
		return;
	carry_debug_file(r->s, img, &file);
	if (debug_line(r->s->carry.debug, &file, p->key.addr, &f, &n) || !n)
		return;
	p->file = f->file ? strdup(f->file) : NULL;
	p->line = f->line;
	if (f->function && (f->inlined || !p->function)) {
		free(p->function);
		p->function = strdup(f->function);
		p->inlined = f->inlined;
	}
}

static void look_up(struct resolve *r, struct image *img, uint32_t pid, struct place *p)
{
	if (p->key.how == LOOKUP_GO_TYPE) {
		p->function = resolve_go_type(img->elf, p->key.addr);
		p->found = p->function;
		return;
	}
	p->found = true;
	find_symbol(r, img, pid, p);
	if (p->key.how != LOOKUP_NAME)
		find_line(r, img, p);
	if (!p->symbol && !p->function && p->key.how == LOOKUP_EXACT)
		p->symbol = resolve_plt_symbol(img->elf, p->key.addr);
}

static const struct place *place_at(struct resolve *r, struct image *img, uint32_t pid, uint64_t addr, enum lookup how)
{
	struct place *p, key = { .key = { img, addr, how } };

	HASH_FIND(hh, r->places, &key.key, sizeof(key.key), p);
	if (p)
		return p;
	if (HASH_COUNT(r->places) >= PLACES_MAX)
		places_free(r);
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->key = key.key;
	look_up(r, img, pid, p);
	HASH_ADD(hh, r->places, key, sizeof(p->key), p);
	return p;
}

/* ---- the questions ---- */

static bool at_address(void *arg, uint32_t pid, uint64_t addr, bool exact, struct resolved *ret)
{
	struct resolve *r = arg;
	const struct mapped *m = find_map(r, pid, exact ? addr : addr - 1);
	const struct place *p;

	if (!m)
		return false;
	*ret = (struct resolved){ .module = m->img->path, .offset = addr - m->bias };
	/* A return address can be that of the next function, if the call never returns. */
	p = place_at(r, m->img, pid, ret->offset - !exact, exact ? LOOKUP_EXACT : LOOKUP_RETURN);
	if (p) {
		ret->function = p->function;
		ret->symbol = p->symbol;
		ret->file = p->file;
		ret->line = p->line;
		ret->inlined = p->inlined;
	}
	return true;
}

/* What the child knows of a frame, and if it has no name, what the symbols say: the child may not get that far any more. */
static struct resolved frame_of(struct resolve *r, uint32_t pid, const struct debug_frame *f)
{
	struct resolved ret = { .function = f->function, .module = f->module, .file = f->file, .offset = f->offset,
				.line = f->line, .inlined = f->inlined };
	const struct mapped *m = !f->function && f->module ? find_map(r, pid, f->pc) : NULL;
	const struct place *p = m ? place_at(r, m->img, pid, f->offset - !f->exact, LOOKUP_NAME) : NULL;

	if (p)
		ret.function = p->function;
	return ret;
}

static size_t at_stack(void *arg, uint32_t pid, const struct ev_place *at, const void *bytes, const struct resolved **ret,
		       bool *whole)
{
	struct resolve *r = arg;
	struct known *k = known_find(r, pid);
	uint64_t regs[DEBUG_REGS];
	const struct debug_frame *f;
	size_t n = 0;

	_Static_assert(sizeof(regs) == sizeof(at->regs), "the same registers");
	memcpy(regs, at->regs, sizeof(regs));
	*whole = false;
	*ret = r->frames;
	if (!k)
		return 0;
	/* None may be forgotten while the frames refer to it. */
	if (HASH_COUNT(r->places) + RESOLVE_FRAMES > PLACES_MAX)
		places_free(r);
	if (r->s->carry.debug && !exec_maps(r, k) &&
	    !debug_stack(r->s->carry.debug, (pid_t)pid, k->serial, k->exec, k->nexec, regs, bytes, at->len, &f, &n, whole)) {
		n = MIN(n, (size_t)RESOLVE_FRAMES);
		for (size_t i = 0; i < n; i++)
			r->frames[i] = frame_of(r, pid, &f[i]);
	}
	/* Where it is can be told without following the stack. */
	if (!n && at_address(r, pid, regs[DEBUG_RIP], true, &r->frames[0]))
		n = 1;
	return n;
}

static const char *type_name(void *arg, const char *mangled)
{
	struct resolve *r = arg;

	free(r->type);
	r->type = symbol_demangle_type(mangled);
	return r->type;
}

static const char *go_type(void *arg, uint32_t pid, uint64_t type)
{
	struct resolve *r = arg;
	const struct mapped *m = find_map(r, pid, type);
	const struct place *p;

	if (!m || !elf_is_go(m->img->elf))
		return NULL;
	p = place_at(r, m->img, pid, type - m->bias, LOOKUP_GO_TYPE);
	return p && p->found ? p->function : NULL;
}

static size_t file_bytes(void *arg, uint32_t pid, uint64_t addr, void *buf, size_t n)
{
	const struct mapped *m = find_map(arg, pid, addr);
	const struct elf_segment *seg;
	size_t nseg = m ? elf_segments(m->img->elf, &seg) : 0;

	for (size_t i = 0; i < nseg; i++) {
		uint64_t at = addr - m->bias - seg[i].vaddr;

		if (at >= seg[i].filesz)
			continue;
		n = MIN(n, seg[i].filesz - at);
		return seg[i].write || elf_read_at(m->img->elf, seg[i].offset + at, buf, n) ? 0 : n;
	}
	return 0;
}

int resolve_new(struct resolve **ret, struct session *s)
{
	struct resolve *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->s = s;
	r->resolver = (struct resolver){ r, at_stack, at_address, type_name, go_type, file_bytes };
	*ret = r;
	return 0;
}

void resolve_free(struct resolve *r)
{
	if (!r)
		return;
	while (r->processes)
		known_free(r, r->processes);
	places_free(r);
	free(r->type);
	free(r);
}

const struct resolver *resolve_resolver(const struct resolve *r)
{
	return &r->resolver;
}
