/* SPDX-License-Identifier: MIT */
/* files_record.c: a system call as a "file" record, if it is wanted. */
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "pipeline/files_priv.h"

#define FLAGS_ROOM 512

/* Errors by which the kernel tells itself what to do when a signal has interrupted; the program sees EINTR, or never hears of it. */
static const char *error_name(int err, char buf[24])
{
	static const char *const restart[] = { "ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", NULL, "ERESTART_RESTARTBLOCK" };
	const char *name = strerrorname_np(err);

	if (!name && err >= 512 && err < 512 + (int)ARRAY_SIZE(restart))
		name = restart[err - 512];
	if (!name)
		snprintf(buf, 24, "%d", err);
	return name ? name : buf;
}

static bool of_no_file(const struct desc *d)
{
	return !d || d->kind != DESC_FILE;
}

static bool named(const struct files_conf *c, const char *name)
{
	for (size_t i = 0; i < c->nops; i++)
		if (!strcmp(c->ops[i], name))
			return true;
	return false;
}

const char *files_path_of(const struct files *f, const struct file_event *v, unsigned i)
{
	const struct path_text *t = &f->paths->v[i];
	const struct desc *d = i ? v->fd2 : v->fd;
	bool from_text = i ? v->call->path2 : v->call->path && v->call->effect != EFFECT_NEW;

	if (from_text && !t->desc)
		return t->why ? NULL : t->text;
	return d && !d->lost && !(i && v->call->effect == EFFECT_PAIR) ? d->path : NULL;
}

bool files_path_wanted(const struct files *f, const char *path)
{
	for (size_t i = 0; path && i < f->conf.npaths; i++)
		if (!fnmatch(f->conf.paths[i], path, 0))
			return true;
	return !f->conf.npaths;
}

bool files_wanted(const struct files *f, const struct file_event *v)
{
	const struct file_call *c = v->call;

	if (v->e.flags & FILE_F_QUIET)
		return false;
	if (c->nr == SYS_fcntl && v->flags != F_DUPFD && v->flags != F_DUPFD_CLOEXEC &&
	    !(named(&f->conf, "fcntl") && (v->flags == F_SETFD || v->flags == F_SETFL)))
		return false;
	if (c->nr == SYS_mmap && v->flags & MAP_ANONYMOUS)
		return false;
	/* Pipes, sockets and memory, unless the other end is a file. */
	if (!f->conf.all_fds && c->shown <= SHOWN_STAT && (v->fd || v->fd2) && of_no_file(v->fd) && of_no_file(v->fd2) &&
	    !v->unknown && !v->unknown2)
		return false;
	return files_path_wanted(f, files_path_of(f, v, 0)) || files_path_wanted(f, files_path_of(f, v, 1));
}

static void put_text(struct record *r, enum record_key key, const char *s)
{
	record_str(r, key, s, strlen(s));
}

static void put_why(struct record *r, enum record_key key, const char *why)
{
	const struct field x = { .key = key, .type = VAL_UNAVAIL, .str = why, .len = strlen(why) };

	record_add(r, &x);
}

static void put_path(const struct files *f, const struct file_event *v, unsigned i, struct record *r)
{
	enum record_key key = i ? K_PATH2 : K_PATH;
	const struct path_text *t = &f->paths->v[i];
	const char *path = files_path_of(f, v, i);

	if (path)
		put_text(r, key, path);
	else if ((i ? v->call->path2 : v->call->path) && t->why)
		put_why(r, key, t->why);
	else if (i ? v->unknown2 : v->unknown)
		put_why(r, key, "unknown_fd");
	else if ((i ? v->fd2 : v->fd) && v->call->effect != EFFECT_PAIR) /* renamed to what could not be read */
		put_why(r, key, "too_large");
	if (!i && v->fd && v->fd->deleted && v->fd->kind == DESC_FILE)
		record_val(r, K_DELETED, VAL_BOOL, 1);
}

static void put_fds(const struct file_event *v, struct record *r)
{
	const struct file_call *c = v->call;
	int pair[2];

	switch ((enum effect)c->effect) {
	case EFFECT_OPEN:
	case EFFECT_ARRIVE:
	case EFFECT_NEW:
		if (v->e.ret >= 0)
			record_s64(r, K_FD, v->e.ret);
		return;
	case EFFECT_PAIR:
		if (v->e.ret < 0 || !(v->e.flags & FILE_F_AUX))
			return;
		memcpy(pair, v->e.aux, sizeof(pair));
		record_s64(r, K_FD, pair[0]);
		record_s64(r, K_FD2, pair[1]);
		return;
	case EFFECT_CLOSE_RANGE:
		record_u64(r, K_FD, (uint32_t)v->e.arg[0]);
		record_u64(r, K_FD2, (uint32_t)v->e.arg[1]);
		return;
	case EFFECT_DUP:
	case EFFECT_DUP_TO:
	case EFFECT_FCNTL:
		record_s64(r, K_FD, (int)v->e.arg[0]);
		if (c->effect == EFFECT_DUP_TO)
			record_s64(r, K_FD2, (int)v->e.arg[1]);
		else if (v->e.ret >= 0 && v->flags != F_SETFD && v->flags != F_SETFL)
			record_s64(r, K_FD2, v->e.ret);
		return;
	default:
		break;
	}
	if (c->fd)
		record_s64(r, K_FD, (int)file_arg(v, c->fd));
	else if (c->empty && v->fd)
		record_s64(r, K_FD, (int)file_arg(v, c->dirfd));
	if (c->fd2)
		record_s64(r, K_FD2, (int)file_arg(v, c->fd2));
}

static void put_flags(const struct file_event *v, char text[FLAGS_ROOM], struct record *r)
{
	size_t n = 0;

	if (!v->has_flags)
		return;
	if (v->call->nr == SYS_mmap) {
		files_flags(FLAGS_PROT, (uint32_t)v->e.arg[2], text, FLAGS_ROOM / 2);
		n = strlen(text);
		text[n++] = '|';
	}
	files_flags(v->call->set, v->flags, text + n, FLAGS_ROOM - n);
	if (text[0])
		put_text(r, K_FLAGS, text);
}

static bool has_mode(const struct file_event *v)
{
	if (v->call->effect != EFFECT_OPEN)
		return v->call->mode;
	return v->has_flags && (v->flags & O_CREAT || (v->flags & O_TMPFILE) == O_TMPFILE);
}

static void put_owner(const struct file_event *v, struct record *r)
{
	if (!v->call->uid)
		return;
	/* -1: is left as it is */
	if ((uint32_t)file_arg(v, v->call->uid) != UINT32_MAX)
		record_u64(r, K_UID, (uint32_t)file_arg(v, v->call->uid));
	if ((uint32_t)file_arg(v, v->call->uid + 1) != UINT32_MAX)
		record_u64(r, K_GID, (uint32_t)file_arg(v, v->call->uid + 1));
}

void files_record(struct files *f, const struct file_event *v)
{
	const struct file_call *c = v->call;
	const struct ev_file *e = &v->e;
	struct record r = { .type = "file", .rank = RANK_EVENT };
	char flags[FLAGS_ROOM], mode[16], err[24];

	record_val(&r, K_TS, VAL_TIME, clock_map_wall(&f->d->clock, e->start_ns));
	record_val(&r, K_DURATION, VAL_NS, e->h.ts_ns > e->start_ns ? e->h.ts_ns - e->start_ns : 0);
	record_u64(&r, K_PID, e->h.pid);
	record_u64(&r, K_TID, e->h.tid);
	record_str(&r, K_COMM, e->comm, strnlen(e->comm, sizeof(e->comm)));
	put_text(&r, K_OP, c->op ? c->op : c->name);
	if (c->op)
		put_text(&r, K_SYSCALL, c->name);
	put_path(f, v, 0, &r);
	put_path(f, v, 1, &r);
	put_fds(v, &r);
	if (c->bytes && e->ret >= 0)
		record_u64(&r, K_BYTES, e->ret);
	if (v->has_offset)
		record_s64(&r, K_OFFSET, v->offset);
	if (c->length)
		record_s64(&r, K_LENGTH, file_arg(v, c->length));
	put_flags(v, flags, &r);
	if (has_mode(v)) {
		snprintf(mode, sizeof(mode), "%04o", (unsigned)(c->mode ? file_arg(v, c->mode) : e->aux[1]) & 0177777);
		put_text(&r, K_MODE, mode);
	}
	put_owner(v, &r);
	if (e->ret < 0)
		put_text(&r, K_ERROR, error_name((int)-e->ret, err));
	if (e->call)
		record_val(&r, K_CALL, VAL_HEX64, e->call ^ f->d->salt);
	f->told++;
	f->emit(f->arg, &r);
}
