/* SPDX-License-Identifier: MIT */
/* files_fds.c: which description a number stood for, and when. */
#include <fcntl.h>
#include "pipeline/files_priv.h"

#define LATE_NS 500000000ull /* so late an event may come whose call began before what came meanwhile */

struct slot *fd_slot(struct file_process *p, int fd)
{
	struct slot *s;

	HASH_FIND_INT(p->table->slots, &fd, s);
	return s;
}

static struct slot *slot_get(struct fd_table *t, int fd)
{
	struct slot *s;

	HASH_FIND_INT(t->slots, &fd, s);
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->fd = fd;
	HASH_ADD_INT(t->slots, fd, s);
	return s;
}

static void drop(struct files *f, struct tenure **at)
{
	while (*at) {
		struct tenure *t = *at;

		*at = t->older;
		desc_put(f, t->desc);
		free(t);
	}
}

static void slot_free(struct files *f, struct fd_table *t, struct slot *s)
{
	HASH_DEL(t->slots, s);
	drop(f, &s->newest);
	free(s);
}

/* d's reference is taken. In the order of time, also what comes late. */
static struct tenure *tenure_add(struct files *f, struct slot *s, struct desc *d, uint64_t opened)
{
	struct tenure *t = s && d ? calloc(1, sizeof(*t)) : NULL, **at;

	if (!t) {
		desc_put(f, d);
		return NULL;
	}
	t->desc = d;
	t->opened = opened;
	t->closed = UINT64_MAX;
	for (at = &s->newest; *at && (*at)->opened > opened; at = &(*at)->older)
		;
	t->older = *at;
	*at = t;
	/* Of what was closed or replaced long ago nobody tells any more. */
	for (struct tenure *n = t; n->older; n = n->older)
		if (MIN(n->older->closed, n->opened) + LATE_NS < opened) {
			drop(f, &n->older);
			break;
		}
	return t;
}

static struct tenure *tenure_at(const struct slot *s, uint64_t start_ns)
{
	struct tenure *t = s ? s->newest : NULL;

	while (t && t->opened > start_ns)
		t = t->older;
	return t;
}

void table_put(struct files *f, struct fd_table *t)
{
	struct slot *s, *tmp;

	if (!t || --t->refs)
		return;
	HASH_ITER (hh, t->slots, s, tmp)
		slot_free(f, t, s);
	free(t);
}

/* What has no room is not known in the copy: /proc is asked. */
struct fd_table *table_copy(struct files *f, struct fd_table *from)
{
	struct fd_table *t = calloc(1, sizeof(*t));
	struct slot *s, *tmp;

	if (!t)
		return NULL;
	t->refs = 1;
	HASH_ITER (hh, from->slots, s, tmp) {
		struct tenure *old = s->newest, *new;

		if (!old || old->closed != UINT64_MAX)
			continue;
		new = tenure_add(f, slot_get(t, s->fd), desc_ref(old->desc), old->opened);
		if (new) {
			new->asked = old->asked;
			new->cloexec = old->cloexec;
		}
	}
	return t;
}

/* Two numbers that /proc tells the same of may be one description: what moves one moves the other. */
static struct desc *find_same(struct files *f, struct file_process *p, const struct descriptor *a)
{
	for (struct desc *d = f->of.same ? f->descs : NULL; d; d = d->next)
		if (d->asked_pid && d->regular && d->space == p->space && d->pos == a->pos && !strcmp(d->path, a->path) &&
		    f->of.same(f->of.arg, d->asked_pid, d->asked_fd, p->pid, a->fd))
			return d;
	return NULL;
}

static struct desc *describe(struct files *f, struct file_process *p, const struct descriptor *a, uint64_t from_ns)
{
	struct desc *d = a->regular ? find_same(f, p, a) : NULL;

	if (d)
		return desc_ref(d);
	d = desc_new(f, p->space, a->path);
	if (!d)
		return NULL;
	d->asked_pid = p->pid;
	d->asked_fd = a->fd;
	d->kind = a->path[0] == '/' ? DESC_FILE : !strncmp(a->path, "memfd:", 6) ? DESC_MEMFD : DESC_OTHER;
	d->flags = a->flags;
	d->deleted = a->deleted;
	d->canonical = d->kind == DESC_FILE;
	d->regular = a->regular;
	d->pos = a->pos;
	d->pos_ns = from_ns;
	d->pos_known = a->regular;
	/* The first three are usually inherited from someone who has them too. */
	d->shared = a->fd < 3;
	if (strstr(a->path, "[io_uring]"))
		f->unseen |= FILES_IO_URING;
	return d;
}

struct asking {
	struct files *f;
	struct file_process *p;
	struct fd_table *met; /* what has been answered */
	bool first;
};

static void moved(struct asking *a, struct desc *d, const struct descriptor *now)
{
	d->deleted = now->deleted;
	if (!a->p->lossy && d->pos == now->pos)
		return;
	/* By calls that come yet, or by ones that never come. */
	d->pos = now->pos;
	d->pos_ns = UINT64_MAX; /* set when all have answered */
}

static void answer(void *arg, const struct descriptor *d)
{
	struct asking *a = arg;
	struct slot *s = fd_slot(a->p, d->fd), *met = slot_get(a->met, d->fd);
	struct tenure *old = s ? s->newest : NULL, *t;
	bool same = old && old->closed == UINT64_MAX && old->desc->kind == DESC_FILE && !strcmp(old->desc->path, d->path);

	if (!met)
		return;
	if (same)
		moved(a, old->desc, d);
	t = tenure_add(a->f, met, same ? desc_ref(old->desc) : describe(a->f, a->p, d, UINT64_MAX),
		       same ? old->opened : UINT64_MAX);
	if (t) {
		t->cloexec = d->flags & O_CLOEXEC;
		t->asked = !same || old->asked;
	}
}

static void ask_cwd(struct files *f, struct file_process *p)
{
	const char *cwd = f->of.cwd ? f->of.cwd(f->of.arg, p->pid) : NULL;

	p->cwd_stable = p->cwd && cwd && !strcmp(p->cwd->path, cwd);
	if (p->cwd_stable)
		return;
	desc_put(f, p->cwd);
	p->cwd = cwd ? desc_new(f, p->space, cwd) : NULL;
	if (p->cwd)
		p->cwd->canonical = true;
}

/* The answers become the table. */
static void take(struct asking *a, uint64_t now)
{
	struct fd_table *old = a->p->table, swap = *old;
	struct slot *s, *tmp;

	HASH_ITER (hh, a->met->slots, s, tmp) {
		struct desc *d = s->newest ? s->newest->desc : NULL;

		if (s->newest && s->newest->opened == UINT64_MAX)
			s->newest->opened = a->first ? 0 : now;
		if (d && d->pos_ns == UINT64_MAX) {
			d->pos_ns = d->asked_ns = now;
			d->pos_known = d->regular;
			d->user = 0;
		}
	}
	/* In place: others may share it. */
	old->slots = a->met->slots;
	a->met->slots = swap.slots;
	table_put(a->f, a->met);
}

void fds_ask(struct files *f, struct file_process *p, bool first)
{
	struct asking a = { .f = f, .p = p, .first = first, .met = calloc(1, sizeof(*a.met)) };
	uint64_t now;

	if (f->of.space)
		p->space = f->of.space(f->of.arg, p->pid);
	if (a.met && f->of.all) {
		a.met->refs = 1;
		f->of.all(f->of.arg, p->pid, answer, &a);
	}
	ask_cwd(f, p);
	now = clock_mono();
	if (a.met && f->of.all)
		take(&a, now);
	else
		free(a.met);
	p->cwd_stable |= first;
	/* Where nobody can be asked (a recorded stream), the events are all there is. */
	p->asked_ns = first || !f->of.all ? 0 : now;
}

struct desc *fd_ask(struct files *f, struct file_process *p, int fd)
{
	struct descriptor d;
	struct desc *desc;

	if (!f->of.one || !f->of.one(f->of.arg, p->pid, fd, &d))
		return NULL;
	/* Whoever has sent it, or opened it unseen, may have it as well. */
	for (desc = d.regular ? f->descs : NULL; desc; desc = desc->next)
		if (!strcmp(desc->path, d.path))
			desc->shared = true;
	desc = describe(f, p, &d, 0);
	if (desc)
		desc->shared = true;
	return desc;
}

struct desc *fd_known(struct file_process *p, int fd, uint64_t start_ns)
{
	struct tenure *t = tenure_at(fd_slot(p, fd), start_ns);

	return t && start_ns < t->closed ? t->desc : NULL;
}

struct desc *fd_look(struct files *f, struct file_process *p, int fd, uint64_t start_ns)
{
	struct desc *d = fd_known(p, fd, start_ns);
	struct slot *s = fd_slot(p, fd);
	struct tenure *t;

	/* What /proc tells now is not of then. */
	if (d || start_ns < p->asked_ns || (s && s->newest && s->newest->opened > start_ns))
		return d;
	d = fd_ask(f, p, fd);
	t = d ? tenure_add(f, slot_get(p->table, fd), d, clock_mono()) : NULL;
	if (t)
		t->asked = true;
	/* The number may be another file's by now; whether it is will have been told before the calls that begin from here on. */
	return NULL;
}

int fd_put(struct files *f, struct file_process *p, int fd, struct desc *d, bool cloexec, uint64_t end_ns)
{
	struct slot *s = slot_get(p->table, fd);
	struct tenure *new = s ? s->newest : NULL;

	/* What was lost may have closed it. */
	if (p->lossy && end_ns < p->asked_ns) {
		desc_put(f, d);
		return 0;
	}
	/* /proc has told of it before its event came. */
	if (new && new->asked && new->opened > end_ns && new->desc->kind == d->kind && !strcmp(new->desc->path, d->path)) {
		new->opened = end_ns;
		new->asked = false;
		desc_put(f, d);
		return 0;
	}
	new = tenure_add(f, s, d, end_ns);
	if (!new)
		return -ENOMEM;
	new->cloexec = cloexec;
	return 0;
}

void fd_close(struct file_process *p, int fd, const struct ev_file *e)
{
	struct tenure *t = tenure_at(fd_slot(p, fd), e->start_ns);

	if (t && t->closed == UINT64_MAX)
		t->closed = e->h.ts_ns;
}

void fd_cloexec(struct file_process *p, int fd, uint64_t start_ns, bool cloexec)
{
	struct tenure *t = tenure_at(fd_slot(p, fd), start_ns);

	if (t)
		t->cloexec = cloexec;
}

void fds_exec(struct fd_table *table, uint64_t now)
{
	struct slot *s, *tmp;

	HASH_ITER (hh, table->slots, s, tmp)
		for (struct tenure *t = s->newest; t; t = t->older)
			if (t->cloexec && t->opened <= now && t->closed == UINT64_MAX)
				t->closed = now;
}
