/* SPDX-License-Identifier: MIT */
/* files_names.c: operations on names: opens, renames, removals, modes; see files.h. */
#include "files.h"
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#define MANY 48 /* descriptors, from which on they are rather closed */

/* ---- opens ---- */

static void opened(struct ctx *c, const char *op, const struct ref *r, long fd, unsigned flags, int dent)
{
	if (fd >= 0 && dent >= 0)
		fd_add(c, (int)fd, ofd_new(c, dent, dent_at(dent)->kind, (int)flags), flags & O_CLOEXEC);
	rec(c, op, fd);
	rec_ref("path", r);
	if (fd >= 0)
		rec_int("fd", fd);
	rec_flags("o", flags);
}

static long open_somehow(struct ctx *c, const struct ref *r, unsigned flags, int mode, const char **op)
{
	struct open_how how = { .flags = flags, .mode = flags & O_CREAT ? mode : 0 };
	bool odd = chance(c, 5);

	if (r->at == AT_FDCWD && flags == (O_CREAT | O_WRONLY | O_TRUNC)) {
		*op = "creat";
		return sys(SYS_creat, r->text, mode);
	}
	if (r->at == AT_FDCWD && chance(c, 40)) {
		*op = "open";
		return sys(SYS_open, r->text, flags, mode);
	}
	if (chance(c, 30)) {
		*op = "openat2";
		if (chance(c, 20))
			how.resolve = RESOLVE_NO_MAGICLINKS;
		return sys(SYS_openat2, r->at, r->text, &how, odd ? 4 : sizeof(how)); /* odd: EINVAL */
	}
	*op = "openat";
	return sys(SYS_openat, r->at, r->text, flags, mode);
}

static unsigned open_flags(struct ctx *c)
{
	static const unsigned modes[] = { O_RDONLY, O_RDONLY, O_RDWR, O_RDWR, O_WRONLY };
	static const unsigned more[] = { O_CLOEXEC, O_CLOEXEC, O_APPEND, O_NONBLOCK, O_SYNC,
					 O_DSYNC,   O_NOATIME, O_TRUNC,	 O_NOCTTY };
	unsigned flags = modes[rnd(c, 5)];

	for (int n = (int)rnd(c, 3); n > 0; n--)
		flags |= more[rnd(c, sizeof(more) / sizeof(*more))];
	return flags;
}

static void op_open_new(struct ctx *c)
{
	unsigned flags = chance(c, 30) ? O_CREAT | O_WRONLY | O_TRUNC : O_CREAT | open_flags(c);
	char name[256];
	const char *op;
	struct ref r;
	int dir = c->nfds < MANY ? ref_new(c, &r, 'f', true, name) : -1, dent = -1;
	long fd;

	if (dir < 0)
		return;
	if (flags != (O_CREAT | O_WRONLY | O_TRUNC) && chance(c, 40))
		flags |= O_EXCL;
	fd = open_somehow(c, &r, flags, 0640, &op);
	if (fd >= 0)
		dent = dent_new(c, dir, name, K_FILE, -1);
	opened(c, op, &r, fd, flags, dent);
	rec_int("mode", 0640);
	rec_end(c);
}

static void op_open_old(struct ctx *c)
{
	int kind = chance(c, 20) ? K_DIR : chance(c, 15) ? K_LINK : K_FILE, dent = dent_pick(c, kind, false), via = -1;
	unsigned flags = open_flags(c);
	const char *op;
	struct ref r;
	long fd;

	if (dent < 0 || c->nfds >= MANY || !ref_dent(c, &r, dent, true))
		return;
	if (kind == K_DIR)
		flags = chance(c, 10)	? O_RDWR
			: chance(c, 30) ? O_RDONLY | O_CLOEXEC
					: O_RDONLY | O_DIRECTORY; /* EISDIR */
	if (kind == K_LINK && (arena->straight || chance(c, 20)))
		flags = chance(c, 50) ? O_NOFOLLOW | O_RDONLY : O_PATH | O_NOFOLLOW; /* ELOOP */
	if (kind == K_FILE && chance(c, 8))
		flags = chance(c, 50) ? O_PATH | O_CLOEXEC : O_DIRECTORY | O_RDONLY; /* ENOTDIR */
	if (kind == K_FILE && chance(c, 5))
		flags = O_CREAT | O_EXCL | O_RDWR; /* EEXIST */
	fd = open_somehow(c, &r, flags, 0600, &op);
	if (dent_at(dent)->kind == K_LINK && !(flags & O_NOFOLLOW)) {
		via = dent;
		dent = dent_at(dent)->to;
	} else {
		*r.real = 0;
	}
	if (fd >= 0 && flags & O_TRUNC && dent >= 0)
		*inode_size(dent) = 0;
	opened(c, op, &r, fd, flags, dent);
	if (fd >= 0)
		fd_ofd(c, (int)fd)->via = via;
	if (flags & O_CREAT)
		rec_int("mode", 0600);
	rec_end(c);
}

static void op_open_wrong(struct ctx *c)
{
	unsigned flags = chance(c, 50) ? O_RDONLY : O_WRONLY | O_CLOEXEC;
	const char *op;
	struct ref r;
	long fd;

	ref_wrong(c, &r, true, true);
	fd = open_somehow(c, &r, flags, 0600, &op);
	opened(c, op, &r, fd, flags, -1);
	rec_end(c);
}

static void op_tmpfile(struct ctx *c)
{
	int dir = dent_pick(c, K_DIR, false), dent;
	unsigned flags = O_TMPFILE | O_RDWR | (chance(c, 30) ? O_CLOEXEC : 0);
	struct ref r;
	long fd;

	if (dir < 0 || c->nfds >= MANY || c->a->dents > SLICE - 8 || !ref_dent(c, &r, dir, true))
		return;
	fd = sys(SYS_openat, r.at, r.text, flags, 0600);
	rec(c, "openat", fd);
	rec_ref("path", &r);
	if (fd >= 0) {
		/* its path is that of the directory and a number that nobody knows */
		dent = dent_new(c, dir, "#", K_TMPFILE, -1);
		dent_remove(dent);
		fd_add(c, (int)fd, ofd_new(c, dent, K_TMPFILE, (int)flags), flags & O_CLOEXEC);
		rec_int("fd", fd);
	}
	rec_flags("o", flags);
	rec_int("mode", 0600);
	rec_end(c);
}

/* As fast as it goes: with many threads their numbers are each other's the next moment. */
static void op_burst(struct ctx *c)
{
	for (int i = 0; i < 12; i++) {
		if (c->nfds < MANY + 6)
			op_open_old(c);
		if (i > 2)
			op_close(c);
	}
}

/* ---- names that come, go and move ---- */

static void op_mkdir(struct ctx *c)
{
	bool at = chance(c, 50);
	char name[256];
	struct ref r;
	int dir = ref_new(c, &r, 'd', at, name), old = dent_pick(c, K_DIR, false);
	long ret;

	if (dir < 0)
		return;
	if (old >= 0 && chance(c, 15) && ref_dent(c, &r, old, at)) /* EEXIST */
		dir = -1;
	ret = at ? sys(SYS_mkdirat, r.at, r.text, 0750) : sys(SYS_mkdir, r.text, 0750);
	if (!ret && dir >= 0)
		dent_new(c, dir, name, K_DIR, -1);
	rec(c, at ? "mkdirat" : "mkdir", ret);
	rec_ref("path", &r);
	rec_int("mode", 0750);
	rec_end(c);
}

/* Directories below each other until a path has 4095 bytes, the most that the kernel takes. */
static void op_deep(struct ctx *c)
{
	int dir = c->a->own;
	char name[256], path[TEXT_MAX];
	struct ref r;
	size_t room;
	long ret;

	if (c->a->deep++)
		return;
	while ((room = 4095 - dent_path(dir, path) - 1) > 255 && c->a->dents < SLICE - 8) {
		memset(name, 'd', 180);
		snprintf(name + 180, sizeof(name) - 180, "%d", c->a->names++);
		if (!ref_make(c, &r, dir, name, false))
			return;
		ret = sys(SYS_mkdir, r.text, 0700);
		rec(c, "mkdir", ret);
		rec_ref("path", &r);
		rec_int("mode", 0700);
		rec_end(c);
		if (ret)
			return;
		dir = dent_new(c, dir, name, K_DIR, -1);
		dent_at(dir)->fixed = true;
	}
	memset(name, 'f', room);
	name[room] = 0;
	dent_path(dir, r.buf);
	strcat(strcat(r.buf, "/"), name);
	strcpy(r.path, r.buf);
	r = (struct ref){ .at = AT_FDCWD, .text = strcpy(path, r.buf), .known = true };
	strcpy(r.path, path);
	ret = sys(SYS_open, path, O_CREAT | O_RDWR, 0600);
	opened(c, "open", &r, ret, O_CREAT | O_RDWR, ret < 0 ? -1 : dent_new(c, dir, name, K_FILE, -1));
	rec_int("mode", 0600);
	rec_end(c);
}

static void op_unlink(struct ctx *c)
{
	int how = (int)rnd(c, 3), kind = chance(c, 25) ? K_LINK : K_FILE,
	    dent = dent_pick(c, how == 2 ? K_DIR : kind, true);
	bool at = chance(c, 50), wrong = chance(c, 15);
	const char *op = how == 2 ? "rmdir" : "unlink";
	struct ref r;
	long ret;

	if (wrong)
		ref_wrong(c, &r, at, true);
	else if (dent < 0 || !ref_dent(c, &r, dent, at))
		return;
	*r.real = 0;
	if (at) {
		op = "unlinkat";
		ret = sys(SYS_unlinkat, r.at, r.text, how == 2 ? AT_REMOVEDIR : 0);
	} else {
		ret = sys(how == 2 ? SYS_rmdir : SYS_unlink, r.text);
	}
	if (!ret)
		dent_remove(dent);
	rec(c, op, ret);
	rec_ref("path", &r);
	if (at)
		rec_flags("u", how == 2 ? AT_REMOVEDIR : 0);
	rec_end(c);
}

static void rename_done(struct ctx *c, int from, int over, int dir, const char *name, unsigned flags)
{
	struct dent *d = dent_at(from), keep = *d;

	(void)c;
	if (flags & RENAME_EXCHANGE) {
		d->parent = dent_at(over)->parent;
		strcpy(d->name, dent_at(over)->name);
		dent_at(over)->parent = keep.parent;
		strcpy(dent_at(over)->name, keep.name);
		return;
	}
	if (over >= 0) {
		dir = dent_at(over)->parent;
		name = dent_at(over)->name;
		dent_remove(over);
	}
	d->parent = dir;
	strcpy(d->name, name);
}

static void op_rename(struct ctx *c)
{
	int how = (int)rnd(c, 3), kind = chance(c, 30) ? K_DIR : chance(c, 15) ? K_LINK : K_FILE, over = -1, dir;
	int from = dent_pick(c, kind, true);
	static const char *const ops[] = { "rename", "renameat", "renameat2" };
	unsigned flags = how == 2 ? rnd(c, 3) : 0; /* NOREPLACE, EXCHANGE */
	struct ref r, to;
	char name[256];
	long ret;

	dir = ref_new(c, &to, kind == K_DIR ? 'd' : 'f', how, name);
	if (from < 0 || dir < 0 || dent_below(dir, from) || !ref_dent(c, &r, from, how))
		return;
	if (flags == RENAME_EXCHANGE || chance(c, 30)) {
		over = dent_pick(c, kind, true);
		/* of two names of one file the kernel moves neither */
		if (over < 0 || over == from || dent_at(over)->inode == dent_at(from)->inode ||
		    dent_below(over, from) || dent_below(from, over) || !ref_dent(c, &to, over, how))
			return;
	}
	if (arena->straight && strlen(r.text) > 3600 && strlen(to.text) > 3600)
		return;
	if (chance(c, 10) && flags != RENAME_EXCHANGE)
		ref_wrong(c, chance(c, 50) ? &r : &to, how, false);
	*r.real = *to.real = 0;
	if (how == 0)
		ret = sys(SYS_rename, r.text, to.text);
	else if (how == 1)
		ret = sys(SYS_renameat, r.at, r.text, to.at, to.text);
	else
		ret = sys(SYS_renameat2, r.at, r.text, to.at, to.text, flags);
	if (!ret)
		rename_done(c, from, over, dir, name, flags);
	rec(c, ops[how], ret);
	rec_ref("path", &r);
	rec_ref("path2", &to);
	if (how == 2)
		rec_flags("r", flags);
	rec_end(c);
}

static void op_link(struct ctx *c)
{
	int dir, from = dent_pick(c, K_FILE, false), over = dent_pick(c, K_FILE, false);
	bool at = chance(c, 50), follow = at && chance(c, 30);
	struct ref r, to;
	char name[256];
	long ret;

	dir = ref_new(c, &to, 'h', at, name);
	if (from < 0 || over < 0 || dir < 0 || !ref_dent(c, &r, from, at))
		return;
	if (chance(c, 10) && !ref_dent(c, &to, over, at)) /* EEXIST */
		return;
	if (chance(c, 10))
		ref_wrong(c, chance(c, 50) ? &r : &to, at, false);
	if (at)
		ret = sys(SYS_linkat, r.at, r.text, to.at, to.text, follow ? AT_SYMLINK_FOLLOW : 0);
	else
		ret = sys(SYS_link, r.text, to.text);
	if (!ret)
		dent_new(c, dir, name, K_FILE, dent_at(from)->inode);
	rec(c, at ? "linkat" : "link", ret);
	rec_ref("path", &r);
	rec_ref("path2", &to);
	if (at)
		rec_flags("a", follow ? AT_SYMLINK_FOLLOW : 0);
	rec_end(c);
}

/* path: the text as it is; path2: the link. Only names that stay are led to. */
static void op_symlink(struct ctx *c)
{
	int dir, dent = dent_pick(c, K_FILE, false);
	bool at = chance(c, 50);
	char name[256], text[TEXT_MAX];
	struct ref to;
	long ret;

	for (int i = 0; i < 20 && dent >= 0 && !dent_at(dent)->fixed; i++)
		dent = dent_pick(c, K_FILE, false);
	dir = ref_new(c, &to, 'l', at, name);
	if (dir < 0 || dent < 0 || !dent_at(dent)->fixed || dent_path(dent, text) > 4095)
		return;
	if (chance(c, 10))
		ref_wrong(c, &to, at, false);
	if (at)
		ret = sys(SYS_symlinkat, text, to.at, to.text);
	else
		ret = sys(SYS_symlink, text, to.text);
	if (!ret)
		dent_at(dent_new(c, dir, name, K_LINK, -1))->to = dent;
	rec(c, at ? "symlinkat" : "symlink", ret);
	rec_text("path", text, strlen(text));
	rec_ref("path2", &to);
	rec_end(c);
}

/* ---- modes and states ---- */

static void op_mode(struct ctx *c)
{
	int dent = dent_pick(c, chance(c, 25) ? K_DIR : chance(c, 10) ? K_LINK : K_FILE, false), how = (int)rnd(c, 5);
	static const char *const ops[] = { "chmod", "fchmodat", "chown", "lchown", "fchownat" };
	bool at = how == 1 || how == 4;
	struct ref r;
	long ret;

	if (chance(c, 20))
		ref_wrong(c, &r, at, true);
	else if (dent < 0 || !ref_dent(c, &r, dent, at))
		return;
	switch (how) {
	case 0:
		ret = sys(SYS_chmod, r.text, 0750);
		break;
	case 1:
		ret = sys(SYS_fchmodat, r.at, r.text, 0750);
		break;
	case 2:
		ret = sys(SYS_chown, r.text, 7, -1);
		break;
	case 3:
		ret = sys(SYS_lchown, r.text, -1, 8);
		break;
	default:
		ret = sys(SYS_fchownat, r.at, r.text, 7, 8, AT_SYMLINK_NOFOLLOW);
	}
	rec(c, ops[how], ret);
	rec_ref("path", &r);
	if (how < 2)
		rec_int("mode", 0750);
	if (how == 2 || how == 4)
		rec_int("uid", 7);
	if (how == 3 || how == 4)
		rec_int("gid", 8);
	if (how == 4)
		rec_flags("a", AT_SYMLINK_NOFOLLOW);
	rec_end(c);
}

static void op_stat(struct ctx *c)
{
	static const char *const ops[] = { "stat", "lstat", "newfstatat", "statx", "newfstatat" };
	int dent = dent_pick(c, chance(c, 25) ? K_DIR : K_FILE, false), how = (int)rnd(c, 5);
	bool at = how >= 2;
	char buf[512];
	struct ref r;
	long ret;

	if (how == 4) { /* fstat() as newer libraries make it */
		int fd = fd_pick(c, ~0u);

		ret = sys(SYS_newfstatat, fd, "", buf, AT_EMPTY_PATH);
		rec(c, "newfstatat", ret);
		rec_true("empty");
		rec_fd(c, "fd", "path", fd);
		rec_flags("a", AT_EMPTY_PATH);
		rec_end(c);
		return;
	}
	if (chance(c, 20))
		ref_wrong(c, &r, at, true);
	else if (dent < 0 || !ref_dent(c, &r, dent, at))
		return;
	if (how < 2)
		ret = sys(how ? SYS_lstat : SYS_stat, r.text, buf);
	else if (how == 2)
		ret = sys(SYS_newfstatat, r.at, r.text, buf, AT_SYMLINK_NOFOLLOW);
	else
		ret = sys(SYS_statx, r.at, r.text, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, buf);
	rec(c, ops[how], ret);
	rec_ref("path", &r);
	if (at)
		rec_flags("a", AT_SYMLINK_NOFOLLOW);
	rec_end(c);
}

static void op_chdir(struct ctx *c)
{
	int dent = dent_pick(c, K_DIR, false), fd = fd_pick(c, 1u << K_DIR);
	struct ref r;
	long ret;

	if (!c->single)
		return;
	if (chance(c, 40)) {
		if (fd_ofd(c, fd) && (dent_gone(fd_ofd(c, fd)->dent) || c->passed[fd]))
			return;
		ret = sys(SYS_fchdir, fd);
		if (!ret)
			c->cwd = fd_ofd(c, fd)->dent;
		rec(c, "fchdir", ret);
		rec_fd(c, "fd", "path", fd);
		rec_end(c);
		return;
	}
	if (chance(c, 15))
		ref_wrong(c, &r, false, true);
	else if (dent < 0 || !ref_dent(c, &r, dent, false))
		return;
	ret = sys(SYS_chdir, r.text);
	if (!ret)
		c->cwd = dent;
	rec(c, "chdir", ret);
	rec_ref("path", &r);
	rec_end(c);
}

/* clang-format off */
const struct op name_ops[] = {
	{ op_open_new, 16 }, { op_open_old, 22 }, { op_open_wrong, 4 }, { op_tmpfile, 1 }, { op_burst, 2 }, { op_mkdir, 3 },
	{ op_deep, 1 }, { op_unlink, 7 }, { op_rename, 8 }, { op_link, 2 }, { op_symlink, 2 }, { op_mode, 4 }, { op_stat, 4 },
	{ op_chdir, 3 }, { NULL, 0 },
};
/* clang-format on */
