/* SPDX-License-Identifier: MIT */
/*
 * attachment.c: planned functions become attached sites. Order matters: runtime hooks and exits first, entries last,
 * and none for a function one of whose exits was refused, so that no call begins whose end would go unseen.
 */
#include "app/session.h"
#include "base/log.h"
#include "probe/runtime.h"

struct batch {
	struct site *v;
	uint32_t *fn; /* of each site, for messages */
	size_t n, cap, fn_cap;
};

struct batches {
	struct batch prog[PROG_MAX];
};

static void batches_free(struct batches *b)
{
	for (int i = 0; i < PROG_MAX; i++) {
		free(b->prog[i].v);
		free(b->prog[i].fn);
	}
}

static int batch_push(struct batch *b, uint64_t offset, uint64_t cookie, uint32_t fn)
{
	int err = util_grow(&b->v, b->n, &b->cap, sizeof(*b->v));

	if (!err)
		err = util_grow(&b->fn, b->n, &b->fn_cap, sizeof(*b->fn));
	if (err)
		return err;
	b->v[b->n] = (struct site){ .offset = offset, .cookie = cookie };
	b->fn[b->n++] = fn;
	return 0;
}

static int batch_add(struct batch *b, struct image *img, uint64_t addr, uint64_t cookie, uint32_t fn)
{
	uint64_t offset;
	int err = elf_addr_to_offset(img->elf, addr, &offset);

	return err ? err : batch_push(b, offset, cookie, fn);
}

enum how session_how(const struct session *s, const struct func *f)
{
	if (f->error)
		return HOW_REFUSED;
	if (s->conf.returns == RETURNS_NONE)
		return HOW_NONE;
	if (s->features.emulate && !s->shadow_stack &&
	    (s->conf.returns == RETURNS_AUTO || s->conf.returns == RETURNS_EMULATE))
		return HOW_EMULATE;
	if (s->hijack && !f->unfit && !elf_is_go(f->image->elf))
		return HOW_SESSION;
	return HOW_RET;
}

/* Only these forms of `ret` may be executed by the probe: c3 and f3 c3. */
static bool plain_ret(const struct image *img, uint64_t addr)
{
	const uint8_t *code;
	size_t len;

	if (elf_text(img->elf, addr, &code, &len) || !len)
		return false;
	return code[0] == 0xc3 || (len > 1 && code[0] == 0xf3 && code[1] == 0xc3);
}

/* What an executing program's cookie holds for the height (spec.h). Addresses and file offsets agree within a page. */
static uint32_t page_offset(uint64_t addr)
{
	return (addr & 0xfff) * 8;
}

static int add_exits(struct session *s, struct func *f, enum how how, struct batches *b)
{
	uint32_t go = elf_is_go(f->image->elf) ? SITE_F_GO : 0;
	int err = 0;

	for (size_t i = 0; i < f->sites.nexits && !err; i++) {
		const struct exit_site *x = &f->sites.exits[i];
		enum prog prog = PROG_EXIT;
		uint32_t jump = 0;

		if (x->kind == SITE_JMP_IND) {
			if (s->plan.jumps >= COOKIE_MAX_JUMP)
				return -E2BIG;
			jump = s->plan.jumps++;
			err = kernel_set_jump(s->kernel, jump, &x->ind);
		}
		if (how == HOW_EMULATE && x->kind == SITE_RET && plain_ret(f->image, x->addr))
			prog = PROG_EXIT_EMULATE;
		if (!err)
			err = batch_add(&b->prog[prog], f->image, x->addr,
					COOKIE(f->fn, prog == PROG_EXIT_EMULATE ? page_offset(x->addr) : 0,
					       x->kind, x->cc, go,
					       x->kind == SITE_JMP_IND ? jump : carry_cookie(s, f->fn)), f->fn);
	}
	return err;
}

static int add_entry(struct session *s, struct func *f, enum how how, struct batches *b)
{
	const struct sites *x = &f->sites;
	enum prog prog = PROG_ENTRY;
	uint32_t flags = 0;

	if (elf_is_go(f->image->elf))
		flags |= SITE_F_GO;
	if (x->entry_skip_cc)
		flags |= SITE_F_SKIP_CC;
	if (x->entry_reenter)
		flags |= SITE_F_REENTER;
	if (how == HOW_SESSION) {
		flags |= SITE_F_SESSION;
		prog = PROG_SESSION;
	} else if (how == HOW_EMULATE && x->entry_endbr && !x->entry_height) {
		flags |= SITE_F_ENDBR;
		prog = PROG_ENTRY_EMULATE;
	}
	return batch_add(&b->prog[prog], f->image, x->entry,
			 COOKIE(f->fn, prog == PROG_ENTRY_EMULATE ? page_offset(x->entry) : x->entry_height,
				how == HOW_NONE ? SITE_ENTRY_ONLY : SITE_ENTRY,
				x->entry_cc, flags, carry_cookie(s, f->fn)), f->fn);
}

/*
 * The cheapest correct site of a runtime's function, where sp still points at the return address. In Go it is the jump to where
 * the stack grows: from there the function begins once more.
 */
static uint64_t hook_addr(struct image *img, const struct hook_site *h, uint32_t *cc, uint32_t *flags)
{
	const struct symbol *sym = symbols_starting_at(img->symbols, h->addr);
	struct sites_func sf = { .addr = h->addr };
	struct sites sites;
	uint64_t addr = h->addr;
	size_t len;

	*cc = *flags = 0;
	if (!sym || elf_text(img->elf, h->addr, &sf.code, &len))
		return addr;
	sf.size = MIN(symbols_extent(img->symbols, img->elf, sym) - h->addr, (uint64_t)len);
	sf.go = elf_is_go(img->elf);
	if (sites_find(&sites, &sf))
		return addr;
	if (sites.entry_at_return) {
		addr = sites.entry;
		*cc = sites.entry_cc;
		*flags = sites.entry_skip_cc ? SITE_F_SKIP_CC : 0;
	}
	sites_free(&sites);
	return addr;
}

static int add_hook(struct session *s, struct image *img, const struct hook_site *h, struct batches *b)
{
	struct jump_spec state = { 0 };
	uint32_t jump = 0, cc, flags;
	uint64_t addr = hook_addr(img, h, &cc, &flags);
	int err = 0;

	if (h->state && s->plan.jumps < COOKIE_MAX_JUMP) {
		jump = s->plan.jumps++;
		state.disp = h->state - addr;
		err = kernel_set_jump(s->kernel, jump, &state);
	}
	return err ? err : batch_add(&b->prog[PROG_HOOK], img, addr, COOKIE(h->hook, 0, SITE_HOOK, cc, flags, jump),
				     COOKIE_MAX_FN);
}

static int add_hooks(struct session *s, struct image *img, int rootfd, struct batches *b)
{
	AUTO_FREE struct hook_site *h = NULL;
	size_t n;
	int err = runtime_hooks(img, rootfd, &h, &n);

	for (size_t i = 0; i < n && !err; i++)
		if (h[i].hook == HOOK_LIBRARY || s->conf.returns != RETURNS_NONE)
			err = add_hook(s, img, &h[i], b);
	return err;
}

static void say_refused(struct session *s, const struct batch *b, enum prog prog)
{
	for (size_t i = 0; i < b->n; i++) {
		if (!b->v[i].err)
			continue;
		if (b->fn[i] == COOKIE_MAX_FN) {
			log_warn("a runtime hook was refused by the kernel: %s", strerror(-b->v[i].err));
			continue;
		}
		struct func *f = &s->plan.funcs[b->fn[i]];

		log_warn("%s: the kernel refused its %s at offset 0x%llx: %s", f->name,
			 prog == PROG_EXIT || prog == PROG_EXIT_EMULATE ? "exit" : "entry",
			 (unsigned long long)b->v[i].offset, strerror(-b->v[i].err));
		f->dead = true;
	}
}

/* A function one of whose exits was refused is not entered: its calls would seem to end in other ways. */
static void drop_dead(const struct session *s, struct batch *b, enum prog prog)
{
	size_t kept = 0;

	if (prog == PROG_EXIT || prog == PROG_EXIT_EMULATE)
		return;
	for (size_t i = 0; i < b->n; i++)
		if (b->fn[i] == COOKIE_MAX_FN || !s->plan.funcs[b->fn[i]].dead) {
			b->fn[kept] = b->fn[i];
			b->v[kept++] = b->v[i];
		}
	b->n = kept;
}

static int attach_batches(struct session *s, struct image *img, pid_t pid, struct batches *b)
{
	static const enum prog order[] = { PROG_HOOK, PROG_EXIT, PROG_EXIT_EMULATE, PROG_ENTRY,
					   PROG_ENTRY_EMULATE, PROG_SESSION };
	int refused = 0;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		struct batch *x = &b->prog[order[i]];
		int err;

		drop_dead(s, x, order[i]);
		if (!x->n)
			continue;
		err = kernel_attach(s->kernel, order[i], img->fd, s->everywhere ? 0 : pid, x->v, x->n);
		if (err < 0)
			return err;
		if (err)
			say_refused(s, x, order[i]);
		refused += err;
	}
	return refused;
}

static int attach_hooks(struct session *s, struct image *img, pid_t pid, int rootfd)
{
	struct batches b = { 0 };
	int err = add_hooks(s, img, rootfd, &b);

	if (!err)
		err = attach_batches(s, img, pid, &b);
	batches_free(&b);
	return err;
}

static int by_offset(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* An instruction that ends two functions must not be executed by two programs: there it is single-stepped. */
static int share_exits(struct batches *b)
{
	struct batch *exec = &b->prog[PROG_EXIT_EMULATE], *step = &b->prog[PROG_EXIT];
	AUTO_FREE struct site *v = calloc(exec->n + 1, sizeof(*v));
	size_t kept = 0;
	int err = v ? 0 : -ENOMEM;

	if (err)
		return err;
	if (exec->n)
		memcpy(v, exec->v, exec->n * sizeof(*v));
	qsort(v, exec->n, sizeof(*v), by_offset);
	for (size_t i = 0; i < exec->n && !err; i++) {
		const struct site *at = bsearch(&exec->v[i], v, exec->n, sizeof(*v), by_offset);
		bool shared = (at > v && at[-1].offset == at->offset) ||
			      (at + 1 < v + exec->n && at[1].offset == at->offset);

		if (!shared) {
			exec->fn[kept] = exec->fn[i];
			exec->v[kept++] = exec->v[i];
			continue;
		}
		err = batch_push(step, exec->v[i].offset, exec->v[i].cookie & ~COOKIE_PLACE, exec->fn[i]);
	}
	exec->n = kept;
	return err;
}

static int attach_functions(struct session *s, struct image *img, pid_t pid)
{
	struct batches b = { 0 };
	int err = 0;

	for (size_t i = 0; i < s->plan.n && !err; i++) {
		struct func *f = &s->plan.funcs[i];
		enum how how = session_how(s, f);

		if (f->image != img || how == HOW_REFUSED)
			continue;
		if (how == HOW_RET || how == HOW_EMULATE)
			err = add_exits(s, f, how, &b);
		if (!err)
			err = add_entry(s, f, how, &b);
	}
	if (!err)
		err = share_exits(&b);
	if (!err)
		err = attach_batches(s, img, pid, &b);
	batches_free(&b);
	return err;
}

static bool listed(struct image *const *v, size_t n, const struct image *img)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == img)
			return true;
	return false;
}

static bool already(const struct target *t, const struct image *img)
{
	return listed(t->attached, t->nattached, img);
}

static bool attached(const struct session *s, const struct target *t, const struct image *img)
{
	return (s->everywhere && img->hooked) || (t && already(t, img));
}

static int mark_attached(struct target *t, struct image *img)
{
	int err;

	img->hooked = true;
	if (!t)
		return 0;
	err = util_grow(&t->attached, t->nattached, &t->cap, sizeof(*t->attached));
	if (!err)
		t->attached[t->nattached++] = img;
	return err;
}

/* Images that are new to t. Hooks first, in all of them: a call of one may be thrown over by another. */
static int attach_new(struct session *s, struct target *t, struct image **v, size_t n, int rootfd)
{
	pid_t pid = t ? t->process.pid : 0;
	int refused = 0, err;

	for (size_t i = 0; i < n; i++) {
		err = attach_hooks(s, v[i], pid, rootfd);
		if (err < 0)
			return err;
		refused += err;
	}
	for (size_t i = 0; i < n; i++) {
		err = attach_functions(s, v[i], pid);
		if (err < 0)
			return err;
		refused += err;
		err = mark_attached(t, v[i]);
		if (err)
			return err;
	}
	return refused;
}

int session_attach(struct session *s, struct target *t)
{
	const struct process *p = &t->process;
	AUTO_FREE struct image **fresh = calloc(p->nmodules + 1, sizeof(*fresh));
	size_t n = 0;

	if (!fresh)
		return -ENOMEM;
	/* A command that waits for its exec is a copy of tpd: none of its modules matter. */
	if (s->child_go >= 0 && p->pid == s->child)
		return 0;
	for (size_t i = 0; i < p->nmodules; i++) {
		struct image *img;

		if (image_get(&s->images, p, &p->modules[i], &img) || attached(s, t, img) ||
		    listed(fresh, n, img))
			continue;
		fresh[n++] = img;
	}
	return attach_new(s, t, fresh, n, p->rootfd);
}

int session_attach_exe(struct session *s)
{
	struct target *t = s->child > 0 ? target_find(s, s->child) : NULL;
	struct image *img;
	int err = 0;

	if (s->conf.exe && !image_get_path(&s->images, s->conf.exe, &img) && !attached(s, NULL, img))
		err = attach_new(s, NULL, &img, 1, -1);
	if (err >= 0 && s->nspawned)
		err = attach_new(s, t, s->spawned, s->nspawned, -1);
	return err;
}

/* The session links stay as entries: they leave return addresses alone from now on. Calls whose address is already
 * diverted end where they are seen first, at their `ret` or at the kernel's trampoline. */
int session_stop_hijack(struct session *s, const char *why)
{
	int err = 0;

	if (!s->hijack)
		return 0;
	log_info("returns are now seen at every ret instruction: %s", why);
	for (struct target *t = s->targets; t && !err; t = s->everywhere ? NULL : t->next) {
		for (struct image *img = s->images; img && err >= 0; img = img->next) {
			struct batches b = { 0 };

			if (!s->everywhere && !already(t, img))
				continue;
			for (size_t i = 0; i < s->plan.n && err >= 0; i++) {
				struct func *f = &s->plan.funcs[i];

				if (f->image == img && session_how(s, f) == HOW_SESSION)
					err = add_exits(s, f, HOW_RET, &b);
			}
			if (err >= 0)
				err = attach_batches(s, img, t->process.pid, &b);
			batches_free(&b);
		}
		err = MIN(err, 0);
	}
	/* Without its exits no call may be followed: none begins any more. */
	if (err < 0)
		kernel_live(s->kernel)->shut = 1;
	kernel_live(s->kernel)->no_hijack = HIJACK_OVER;
	s->hijack = false;
	s->no_hijack = why;
	return err;
}

size_t session_probes(const struct session *s, size_t from, struct probe_info **ret)
{
	struct probe_info *v = calloc(s->plan.n - from + 1, sizeof(*v));
	size_t n = 0;

	*ret = v;
	for (size_t i = from; v && i < s->plan.n; i++) {
		const struct func *f = &s->plan.funcs[i];
		enum how how = session_how(s, f);

		if (how == HOW_REFUSED || f->dead)
			continue;
		v[n++] = (struct probe_info){ .fn = f->fn, .offset = f->addr, .returns = how_name(how),
					      .emulated = how == HOW_EMULATE };
	}
	return n;
}
