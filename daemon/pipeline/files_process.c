/* SPDX-License-Identifier: MIT */
/* files_process.c: processes, which are born with the descriptors of their parent, and lose some when they execute another program. */
#include "pipeline/files_priv.h"

struct file_process *files_find(struct files *f, uint32_t pid)
{
	struct file_process *p;

	HASH_FIND(hh, f->processes, &pid, sizeof(pid), p);
	return p;
}

static struct file_process *add(struct files *f, uint32_t pid, struct fd_table *table)
{
	struct file_process *p = table ? calloc(1, sizeof(*p)) : NULL;

	if (!p) {
		table_put(f, table);
		return NULL;
	}
	p->pid = pid;
	p->table = table;
	HASH_ADD(hh, f->processes, pid, sizeof(pid), p);
	return p;
}

static struct fd_table *table_new(void)
{
	struct fd_table *t = calloc(1, sizeof(*t));

	if (t)
		t->refs = 1;
	return t;
}

static struct file_process *meet(struct files *f, uint32_t pid, bool first)
{
	struct file_process *p = add(f, pid, table_new());

	if (p)
		fds_ask(f, p, first);
	return p;
}

struct file_process *files_get(struct files *f, uint32_t pid)
{
	struct file_process *p = files_find(f, pid);

	if (!p)
		return meet(f, pid, false);
	if (p->stale) {
		p->stale = false;
		p->lossy = true;
		fds_ask(f, p, false);
	}
	return p;
}

int files_process(struct files *f, uint32_t pid)
{
	struct file_process *p = files_find(f, pid);

	if (!p)
		return meet(f, pid, true) ? 0 : -ENOMEM;
	fds_ask(f, p, false);
	return 0;
}

void files_lost(struct files *f)
{
	struct file_process *p, *tmp;

	HASH_ITER (hh, f->processes, p, tmp)
		p->stale = true;
}

static void move_in(struct files *f, struct file_process *p, const struct file_process *parent)
{
	p->cwd = desc_ref(parent->cwd);
	p->root = desc_ref(parent->root);
	p->space = parent->space;
	p->asked_ns = parent->asked_ns;
	p->cwd_stable = parent->cwd_stable;
	p->lossy = parent->lossy;
	p->stale = parent->stale;
}

/* A working directory is changed in place by rename, and replaced by chdir: parent and child may have the same one. */
int files_fork(struct files *f, const struct ev_process *e)
{
	struct file_process *parent = files_get(f, e->h.pid), *p;
	uint32_t child = e->child;

	if (!parent || child == e->h.pid)
		return parent ? 0 : -ENOMEM;
	files_exit(f, child); /* its number was used before */
	p = add(f, child, table_copy(f, parent->table));
	if (!p)
		return -ENOMEM;
	move_in(f, p, parent);
	p->born_ns = e->h.ts_ns;
	parent->fork_tid = e->h.tid;
	parent->fork_ns = e->h.ts_ns;
	parent->fork_child = child;
	return 0;
}

/* CLONE_FILES without CLONE_THREAD: two processes, one table. */
void files_share(struct files *f, struct file_process *p, uint32_t child)
{
	struct file_process *c = files_find(f, child);

	if (!c || c->table == p->table)
		return;
	table_put(f, c->table);
	c->table = p->table;
	c->table->refs++;
}

int files_unshare(struct files *f, struct file_process *p)
{
	struct fd_table *own;

	if (p->table->refs == 1)
		return 0;
	own = table_copy(f, p->table);
	if (!own)
		return -ENOMEM;
	table_put(f, p->table);
	p->table = own;
	return 0;
}

void files_exec(struct files *f, uint32_t pid, uint64_t now)
{
	struct file_process *p = files_get(f, pid);

	if (p && !files_unshare(f, p))
		fds_exec(p->table, now);
}

void files_exit(struct files *f, uint32_t pid)
{
	struct file_process *p = files_find(f, pid);

	if (!p)
		return;
	HASH_DEL(f->processes, p);
	table_put(f, p->table);
	desc_put(f, p->cwd);
	desc_put(f, p->root);
	free(p);
}
