/* SPDX-License-Identifier: MIT */
/* files_effect.c: what a system call was about, and what has changed by it. */
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include "pipeline/files_priv.h"

/* ---- which files are meant ---- */

static void take_flags(struct file_event *v)
{
	const struct file_call *c = v->call;

	v->has_flags = c->set != FLAGS_NONE;
	v->flags = file_arg(v, c->flags);
	if (c->set != FLAGS_MAP)
		v->flags = (uint32_t)v->flags;
	if (c->nr == SYS_creat)
		v->flags = O_CREAT | O_WRONLY | O_TRUNC;
	if (c->nr == SYS_openat2) {
		v->flags = v->e.aux[0];
		v->has_flags = v->e.flags & FILE_F_AUX;
	}
}

static struct desc *look(struct files *f, struct file_event *v, unsigned arg, bool *unknown)
{
	int fd = (int)file_arg(v, arg);
	struct desc *d;

	if (!arg || fd < 0)
		return NULL;
	/* What is closed cannot be asked for any more. */
	if (v->call->effect == EFFECT_CLOSE || v->e.ret == -EBADF)
		d = fd_known(v->p, fd, v->e.start_ns);
	else
		d = fd_look(f, v->p, fd, v->e.start_ns);
	*unknown = !d && v->e.ret != -EBADF;
	return desc_ref(d);
}

static void look_path(struct files *f, struct file_event *v, unsigned i)
{
	const struct file_call *c = v->call;
	struct path_arg a = { .name = v->text, .len = v->e.path_len, .dirfd = AT_FDCWD, .start_ns = v->e.start_ns };
	unsigned dirfd = i ? c->dirfd2 : c->dirfd;

	if (i) {
		a.name += a.len;
		a.len = v->e.path2_len;
	}
	if (dirfd)
		a.dirfd = (int)file_arg(v, dirfd);
	a.fault = v->e.flags & FILE_F_FAULT && !a.len;
	a.empty = !i && c->empty && v->flags & AT_EMPTY_PATH;
	a.cut = i ? v->e.flags & FILE_F_TRUNCATED && a.len == FILE_PATH_SECOND - 1 :
		    a.len == FILE_PATH_MAX - 1 && v->e.ret == -ENAMETOOLONG;
	/* The kernel takes no path for an empty one then. */
	if (a.empty && a.fault && !file_arg(v, c->path))
		a.fault = false;
	path_resolve(f, v->p, &a, &f->paths->v[i]);
}

/*
 * Where a call that uses the description's position began. That is told only while it cannot be otherwise: one thread after
 * another call of its own, with nobody else having the description.
 */
static bool position(struct files *f, const struct file_event *v, struct desc *d, bool writes, uint64_t *ret)
{
	if (!d || !d->regular)
		return false;
	d->shared |= d->user && d->user != v->e.h.tid;
	d->user = v->e.h.tid;
	/* What /proc told was later. */
	if (v->e.h.ts_ns <= d->asked_ns)
		return false;
	if (!f->positions || d->shared || v->e.start_ns < d->pos_ns || (writes && d->flags & O_APPEND))
		d->pos_known = false;
	if (!d->pos_known)
		return false;
	*ret = d->pos;
	d->pos += v->e.ret > 0 ? v->e.ret : 0;
	d->pos_ns = v->e.h.ts_ns;
	return true;
}

static void seek(struct file_event *v)
{
	struct desc *d = v->fd;

	v->offset = v->e.ret < 0 ? file_arg(v, 2) : (uint64_t)v->e.ret;
	v->has_offset = true;
	if (!d || v->e.ret < 0 || v->e.h.ts_ns <= d->asked_ns)
		return;
	d->shared |= d->user && d->user != v->e.h.tid;
	d->user = v->e.h.tid;
	d->pos_known = !d->shared && v->e.start_ns >= d->pos_ns;
	d->pos = v->e.ret;
	d->pos_ns = v->e.h.ts_ns;
}

/* It may be the position of any that we know. */
static void moved_unseen(struct files *f)
{
	for (struct desc *d = f->descs; d; d = d->next)
		d->pos_known = false;
}

static void take_offset(struct files *f, struct file_event *v)
{
	const struct file_call *c = v->call;
	bool here = !c->offset;
	uint64_t out;

	if ((v->unknown || v->unknown2) && (c->effect == EFFECT_MOVE || c->effect == EFFECT_SEEK || c->effect == EFFECT_COPY))
		moved_unseen(f);
	switch (c->effect) {
	case EFFECT_SEEK:
		seek(v);
		return;
	case EFFECT_COPY:
		/* Pointers to offsets: the kernel has moved them on. */
		here = !file_arg(v, c->aux);
		v->offset = v->e.aux[0] - (v->e.ret > 0 ? v->e.ret : 0);
		v->has_offset = !here && v->e.flags & FILE_F_AUX;
		if (here)
			v->has_offset = position(f, v, v->fd, false, &v->offset);
		if (c->nr == SYS_sendfile || !file_arg(v, 4))
			position(f, v, v->fd2, true, &out);
		return;
	case EFFECT_MOVE:
		here = here || file_arg(v, c->offset) == UINT64_MAX;
		if (here) {
			v->has_offset = position(f, v, v->fd, c->writes, &v->offset);
			return;
		}
		break;
	}
	v->offset = file_arg(v, c->offset);
	v->has_offset = c->offset;
}

void files_meant(struct files *f, struct file_event *v)
{
	const struct file_call *c = v->call;

	take_flags(v);
	v->fd = look(f, v, c->fd, &v->unknown);
	v->fd2 = look(f, v, c->fd2, &v->unknown2);
	f->paths->v[0].why = f->paths->v[1].why = NULL;
	if (c->path && c->plain) {
		f->paths->v[0].len = 0;
		f->paths->v[0].desc = NULL;
		if (v->e.flags & FILE_F_FAULT && !v->e.path_len)
			f->paths->v[0].why = "read_fault";
		else
			snprintf(f->paths->v[0].text, PATH_ROOM, "%.*s", v->e.path_len, v->text);
	} else if (c->path && c->effect != EFFECT_NEW) {
		look_path(f, v, 0);
		v->fd = desc_ref(f->paths->v[0].desc);
	}
	if (c->path2)
		look_path(f, v, 1);
	take_offset(f, v);
}

/* ---- what has changed ---- */

static struct desc *ask(struct files *f, struct file_event *v, int fd, const char *kind)
{
	struct desc *d = NULL;
	size_t n = strlen(kind);

	/* The number of a pipe or socket matters only to who sees it; it is another's by now if its path is of another kind. */
	if (!n || f->conf.all_fds)
		d = fd_ask(f, v->p, fd);
	if (d && n && strncmp(d->path, kind, n)) {
		desc_put(f, d);
		d = NULL;
	}
	if (!d && n) {
		d = desc_new(f, v->p->space, kind);
		if (d)
			d->kind = DESC_OTHER;
	}
	return d;
}

static bool cloexec_of(const struct file_event *v)
{
	return v->call->cloexec == ~0u || v->flags & v->call->cloexec;
}

/* kind: what is known of it, "": nothing. */
static int arrive(struct files *f, struct file_event *v, int fd, const char *kind)
{
	struct desc *d = ask(f, v, fd, kind);

	if (d)
		return fd_put(f, v->p, fd, d, cloexec_of(v), v->e.h.ts_ns);
	if (*kind)
		return -ENOMEM;
	/* It is asked for again when it is used. */
	fd_close(v->p, fd, &v->e);
	return 0;
}

static struct desc *tmpfile_at(struct files *f, struct file_event *v, int fd, const char *dir)
{
	struct desc *d = fd_ask(f, v->p, fd);
	AUTO_FREE char *path = NULL;
	size_t n = strlen(dir);

	if (d && d->deleted && !strncmp(d->path, dir, n) && !strncmp(d->path + n, "/#", 2))
		return d;
	desc_put(f, d);
	if (asprintf(&path, "%s/#tmpfile", dir) < 0) {
		path = NULL;
		return NULL;
	}
	d = desc_new(f, v->p->space, path);
	if (d) {
		d->deleted = d->canonical = d->regular = true;
	}
	return d;
}

/* Links of a process to what it has open already: which file that is, only the new descriptor tells. */
static bool leads_away(const char *path)
{
	static const char *const marks[] = { "/fd/", "/cwd", "/root", "/exe", "/map_files/" };

	if (!strncmp(path, "/dev/fd/", 8) || !strncmp(path, "/dev/std", 8))
		return true;
	for (size_t i = 0; !strncmp(path, "/proc/", 6) && i < ARRAY_SIZE(marks); i++)
		if (strstr(path, marks[i]))
			return true;
	return false;
}

/* Where a link leads that is gone, or called otherwise, by now; malloc'ed, or NULL. */
static char *behind_link(struct files *f, const struct file_event *v, const char *path)
{
	const struct desc *link = links_find(f, v->p->space, path);
	const char *slash = strrchr(path, '/');
	char *to = NULL;

	if (!link || !slash || !link->to[0])
		return NULL;
	if (link->to[0] == '/')
		return strdup(link->to);
	return asprintf(&to, "%.*s/%s", (int)(slash - path), path, link->to) < 0 ? NULL : to;
}

/* What was opened, by the name without symbolic links, if it still has one. */
static struct desc *opened(struct files *f, struct file_event *v, const char *path)
{
	bool regular = false, tmp = (v->flags & O_TMPFILE) == O_TMPFILE, last = v->flags & O_NOFOLLOW;
	AUTO_FREE char *behind = last ? NULL : behind_link(f, v, path), *copy = NULL;
	const char *real = f->of.real ? f->of.real(f->of.arg, v->p->space, path, &regular) : NULL;
	struct desc *d;

	/* A link that was seen to be made may be another one by now. */
	copy = real ? strdup(real) : NULL;
	if (behind && copy && !strcmp(behind, copy)) {
		free(behind);
		behind = NULL;
	}
	real = behind ? behind : copy;
	if (!real && leads_away(path))
		return ask(f, v, v->e.ret, "");
	if (tmp)
		d = tmpfile_at(f, v, v->e.ret, real ? real : path);
	else
		d = desc_new(f, v->p->space, real && !last ? real : path);
	if (!d)
		return NULL;
	if (!tmp) {
		d->canonical = real && !behind && (!last || !strcmp(real, path));
		/* Nothing else comes to be by O_CREAT; what was there before may be a fifo. */
		d->regular = real && !behind ? regular && !(last && !d->canonical) : v->flags & O_CREAT;
	}
	d->flags = v->flags;
	d->pos = 0;
	d->pos_ns = v->e.start_ns;
	d->pos_known = !(v->flags & O_PATH);
	d->shared = false;
	return d;
}

static int do_open(struct files *f, struct file_event *v)
{
	const struct path_text *t = &f->paths->v[0];
	struct desc *d;

	if (t->why)
		return arrive(f, v, v->e.ret, "");
	d = opened(f, v, t->text);
	if (!d)
		return leads_away(t->text) ? arrive(f, v, v->e.ret, "") : -ENOMEM;
	return fd_put(f, v->p, v->e.ret, d, cloexec_of(v), v->e.h.ts_ns);
}

static int do_pair(struct files *f, struct file_event *v)
{
	int fd[2], err;

	if (!(v->e.flags & FILE_F_AUX))
		return 0;
	memcpy(fd, v->e.aux, sizeof(fd));
	err = arrive(f, v, fd[0], v->call->kind);
	if (!err)
		err = arrive(f, v, fd[1], v->call->kind);
	v->fd = desc_ref(fd_known(v->p, fd[0], v->e.h.ts_ns));
	v->fd2 = desc_ref(fd_known(v->p, fd[1], v->e.h.ts_ns));
	return err;
}

static int do_memfd(struct files *f, struct file_event *v)
{
	AUTO_FREE char *name = NULL;
	struct desc *d;

	if (asprintf(&name, "memfd:%.*s", v->e.path_len, v->text) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	d = desc_new(f, v->p->space, name);
	if (!d)
		return -ENOMEM;
	d->kind = DESC_MEMFD;
	d->regular = d->pos_known = true;
	d->pos_ns = v->e.start_ns;
	return fd_put(f, v->p, v->e.ret, d, cloexec_of(v), v->e.h.ts_ns);
}

static int do_new(struct files *f, struct file_event *v)
{
	int err;

	if (v->call->nr == SYS_io_uring_setup)
		f->unseen |= FILES_IO_URING;
	err = v->call->nr == SYS_memfd_create ? do_memfd(f, v) : arrive(f, v, v->e.ret, v->call->kind);
	v->fd = desc_ref(fd_known(v->p, v->e.ret, v->e.h.ts_ns));
	return err;
}

/* When the old one is not known, neither is the new one: it is asked for when it is used. */
static int do_dup(struct files *f, struct file_event *v, bool cloexec)
{
	if (v->e.ret == (int)v->e.arg[0])
		return 0;
	if (!v->fd) {
		fd_close(v->p, v->e.ret, &v->e);
		return 0;
	}
	return fd_put(f, v->p, v->e.ret, desc_ref(v->fd), cloexec, v->e.h.ts_ns);
}

static int do_fcntl(struct files *f, struct file_event *v)
{
	const uint32_t settable = O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME | O_NONBLOCK;

	switch (v->flags) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return do_dup(f, v, v->flags == F_DUPFD_CLOEXEC);
	case F_SETFD:
		fd_cloexec(v->p, (int)v->e.arg[0], v->e.start_ns, v->e.arg[2] & FD_CLOEXEC);
		break;
	case F_SETFL:
		if (v->fd)
			v->fd->flags = (v->fd->flags & ~settable) | (v->e.arg[2] & settable);
	}
	return 0;
}

static int do_close_range(struct files *f, struct file_event *v)
{
	uint32_t first = v->e.arg[0], last = v->e.arg[1];
	struct slot *s, *tmp;
	int err = v->flags & CLOSE_RANGE_UNSHARE ? files_unshare(f, v->p) : 0;

	HASH_ITER (hh, v->p->table->slots, s, tmp) {
		if ((uint32_t)s->fd < first || (uint32_t)s->fd > last)
			continue;
		if (v->flags & CLOSE_RANGE_CLOEXEC)
			fd_cloexec(v->p, s->fd, v->e.start_ns, true);
		else
			fd_close(v->p, s->fd, &v->e);
	}
	return err;
}

static int do_chdir(struct files *f, struct file_event *v)
{
	const struct path_text *t = &f->paths->v[0];
	struct desc *d = NULL;
	const char *real;
	bool regular;

	if (v->call->fd) {
		d = desc_ref(v->fd);
	} else if (!t->why) {
		real = f->of.real ? f->of.real(f->of.arg, v->p->space, t->text, &regular) : NULL;
		d = desc_new(f, v->p->space, real ? real : t->text);
		if (!d)
			return -ENOMEM;
		d->canonical = real;
	}
	if (v->call->effect == EFFECT_CHROOT) {
		desc_put(f, v->p->root);
		v->p->root = d;
		return 0;
	}
	desc_put(f, v->p->cwd);
	v->p->cwd = d;
	v->p->cwd_stable = !v->p->lossy;
	return 0;
}

static int do_clone(struct files *f, struct file_event *v)
{
	struct file_process *p = v->p;
	uint64_t flags = v->call->nr == SYS_clone ? v->e.arg[0] : v->e.flags & FILE_F_AUX ? v->e.aux[0] : 0;
	bool seen = p->fork_tid == v->e.h.tid && p->fork_ns >= v->e.start_ns;
	struct slot *s, *tmp;

	if (!v->e.ret || flags & CLONE_THREAD)
		return 0;
	if (seen && flags & CLONE_FILES)
		files_share(f, p, p->fork_child);
	/* A child that is not traced moves positions unseen. */
	if (!seen)
		HASH_ITER (hh, p->table->slots, s, tmp)
			if (s->newest)
				s->newest->desc->shared = true;
	return 0;
}

static int do_rename(struct files *f, struct file_event *v)
{
	const struct path_text *t = f->paths->v;

	if (t[0].why)
		return 0;
	return descs_rename(f, v->p->space, t[0].text, t[1].why ? NULL : t[1].text, v->flags & RENAME_EXCHANGE);
}

int files_apply(struct files *f, struct file_event *v)
{
	/* Except for EBADF the number is free again, also when something went wrong. */
	if (v->call->effect == EFFECT_CLOSE && v->e.ret != -EBADF)
		fd_close(v->p, (int)v->e.arg[0], &v->e);
	if (v->e.ret < 0)
		return 0;
	switch ((enum effect)v->call->effect) {
	case EFFECT_OPEN:
		return do_open(f, v);
	case EFFECT_ARRIVE:
		return arrive(f, v, v->e.ret, "");
	case EFFECT_NEW:
		return do_new(f, v);
	case EFFECT_PAIR:
		return do_pair(f, v);
	case EFFECT_CLOSE_RANGE:
		return do_close_range(f, v);
	case EFFECT_DUP:
		return do_dup(f, v, false);
	case EFFECT_DUP_TO:
		return do_dup(f, v, v->flags & O_CLOEXEC);
	case EFFECT_FCNTL:
		return do_fcntl(f, v);
	case EFFECT_RENAME:
		return do_rename(f, v);
	case EFFECT_UNLINK:
		if (!f->paths->v[0].why)
			descs_unlink(f, v->p->space, f->paths->v[0].text);
		return 0;
	case EFFECT_SYMLINK:
		return f->paths->v[1].why ? 0 : links_add(f, v->p->space, f->paths->v[1].text, v->text, v->e.path_len);
	case EFFECT_CHDIR:
	case EFFECT_CHROOT:
		return do_chdir(f, v);
	case EFFECT_CLONE:
		return do_clone(f, v);
	case EFFECT_UNSHARE:
		return v->e.arg[0] & CLONE_FILES ? files_unshare(f, v->p) : 0;
	case EFFECT_NONE:
	case EFFECT_CLOSE:
	case EFFECT_MOVE:
	case EFFECT_SEEK:
	case EFFECT_COPY:
		break;
	}
	return 0;
}
